"""The network: MiniLM, and one look per slot at each sentence.

Every slot has a query of its own that picks the words of a sentence which speak of it; what it picked says whether the stance is
there, on which side, and how plainly it is said. One query more asks whether there is any stance at all.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WIDTH, LAYERS, HEADS, VOCABULARY, POSITIONS = 384, 6, 12, 30_522, 512


class Layer(nn.Module):
    """One layer of BERT."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm_attention, self.norm = nn.LayerNorm(WIDTH, eps=1e-12), nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Hidden states to hidden states; `bias` keeps attention off the padding."""
        batch, length, _ = hidden.shape
        query, key, value = (
            one(hidden).view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)
            for one in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) / (WIDTH // HEADS) ** 0.5 + bias, dim=-1)
        seen = (weights @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        hidden = self.norm_attention(hidden + self.dropout(self.out(seen)))
        return self.norm(hidden + self.dropout(self.down(functional.gelu(self.up(hidden)))))


class Encoder(nn.Module):
    """BERT with MiniLM's six layers of 384."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.word, self.position, self.kind = (nn.Embedding(size, WIDTH) for size in (VOCABULARY, POSITIONS, 2))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, types: Tensor, present: Tensor) -> Tensor:
        """Hidden states of the tokens. Shape: batch, length, 384."""
        places = torch.arange(ids.shape[1])
        hidden = self.dropout(self.norm(self.word(ids) + self.position(places) + self.kind(types)))
        bias = (1 - present)[:, None, None, :] * -1e4
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return hidden


class Heads(nn.Module):
    """A look per slot, and one for any of them."""

    def __init__(self, slots: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(slots + 1, WIDTH) * 0.02)
        self.there = nn.Parameter(torch.randn(slots + 1, WIDTH) * 0.02)
        self.prior = nn.Parameter(torch.full((slots + 1,), -3.0))
        self.marks = nn.Parameter(torch.randn(slots + 1, WIDTH) * 0.02)
        self.shared = nn.Linear(WIDTH, WIDTH)
        self.polarity, self.strength = nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 3)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of presence (sentence, look), polarity and strength (sentence, look, 3), and where each looked (sentence, look, token).

        `hidden` is (sentence or 1, token, 384), `mask` (sentence, token).
        """
        scores = (self.queries @ hidden.transpose(1, 2)) / WIDTH**0.5 * 4 + (1 - mask)[:, None, :] * -1e4
        looks = torch.softmax(scores, dim=-1)
        picked = self.dropout(looks @ hidden)
        presence = (picked * self.there).sum(-1) + self.prior
        side = self.dropout(torch.tanh(self.shared(picked) + self.marks))
        return presence, self.polarity(side), self.strength(side), looks


class Net(nn.Module):
    """Encoder and heads."""

    def __init__(self, slots: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder, self.heads = Encoder(dropout), Heads(slots, 2 * dropout)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One window without padding, as the product asks: (1, token), (1, token), (sentence, token)."""
        return self.heads(self.encoder(ids, types, torch.ones_like(ids, dtype=torch.float32)), mask)


def pretrained(net: Net, weights: Path) -> None:
    """Put MiniLM's published weights into the encoder."""
    kept = load_file(weights)
    names = {
        "attention.self.query": "query",
        "attention.self.key": "key",
        "attention.self.value": "value",
        "attention.output.dense": "out",
        "attention.output.LayerNorm": "norm_attention",
        "intermediate.dense": "up",
        "output.dense": "down",
        "output.LayerNorm": "norm",
    }
    state = {
        "word.weight": kept["embeddings.word_embeddings.weight"],
        "position.weight": kept["embeddings.position_embeddings.weight"],
        "kind.weight": kept["embeddings.token_type_embeddings.weight"],
        "norm.weight": kept["embeddings.LayerNorm.weight"],
        "norm.bias": kept["embeddings.LayerNorm.bias"],
    } | {
        f"layers.{layer}.{ours}.{part}": kept[f"encoder.layer.{layer}.{theirs}.{part}"]
        for layer in range(LAYERS)
        for theirs, ours in names.items()
        for part in ("weight", "bias")
    }
    net.encoder.load_state_dict(state)
