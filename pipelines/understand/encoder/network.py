"""The network itself: its file, held against its hash, and what it says of the sentences of a window.

Windows are asked one by one, never padded side by side: int8 steps are set by all that is in one question, so only a question of its
own makes the answer to a window depend on that window alone. Two windows are asked at the same time, each on one core.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models import Polarity, Strength
from pipelines.understand.encoder.windows import Window
from pipelines.understand.extractor import ExtractorUnusable

HERE = Path(__file__).parent
WEIGHTS, CARD = "encoder.onnx", "encoder.json"
POLARITIES = (Polarity.positive, Polarity.negative, Polarity.neutral)
STRENGTHS = (Strength.explicit, Strength.implied, Strength.speculative)
AT_ONCE = 2
"""Windows asked at the same time; each takes one core."""


class EncoderBroken(ExtractorUnusable):
    """The encoder's file is not the one that belongs to this version; the message says how to get it back."""


@dataclass(frozen=True)
class Card:
    """What belongs to a file of weights: its hash, its slots in order, and from which score on each slot is said."""

    version: str
    sha256: str
    slots: tuple[str, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """What the network says of one sentence. Shapes: one row per slot; three columns for sides and strengths; `looks` by token."""

    scores: NDArray[np.float32]
    """How probable it is that the stance is there, on its likeliest side: 0 to 1."""
    polarities: NDArray[np.float32]
    strengths: NDArray[np.float32]
    looks: NDArray[np.float32]
    """Which tokens of the sentence speak of the slot; sums to 1."""


@dataclass(frozen=True)
class Network:
    """One session, shared by all threads."""

    card: Card
    session: onnxruntime.InferenceSession

    @classmethod
    def open(cls, folder: Path = HERE) -> "Network":
        """The network of a folder. Errors: EncoderBroken."""
        known = card(folder)
        weights = (folder / WEIGHTS).read_bytes() if (folder / WEIGHTS).exists() else b""
        if hashlib.sha256(weights).hexdigest() != known.sha256:
            raise EncoderBroken(
                f"{folder / WEIGHTS} is not the file that {CARD} beside it names (sha256 {known.sha256[:12]}...): "
                "it is missing, cut off or another version. Install the package anew, or run `make train-extractor`."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return cls(known, onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"]))

    def judge(self, windows: Sequence[Window]) -> list[list[Verdict]]:
        """What it says of every sentence of every window, in their order; on one kind of processor the same window always gets the same answer."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="encoder") as pool:
            return list(pool.map(self._judge, windows))

    def _judge(self, window: Window) -> list[Verdict]:
        asked = {"ids": window.ids[None], "types": window.types[None], "mask": window.mask}
        presence, polarities, strengths, looks = self.session.run(None, asked)
        return [
            Verdict(
                scores(presence[row], polarities[row]),
                polarities[row],
                strengths[row],
                looks[row][:, slice(*target.tokens)],
            )
            for row, target in enumerate(window.targets)
        ]


def scores(presence: NDArray[np.float32], polarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Per slot, how probable it is that a stance is there, on the side that is likeliest.

    The last of `presence` says whether there is any stance. Two views of the slots are averaged geometrically: each slot asked by
    itself, and all slots compared with each other.
    """
    alone, anything = presence[:-1], presence[-1]
    odds = alone / (1 - alone + 1e-6)
    compared = anything * odds / (odds.sum() + 1e-6)
    found: NDArray[np.float32] = np.sqrt(alone * compared) * polarities[:-1].max(axis=-1)
    return found


@cache
def card(folder: Path = HERE) -> Card:
    """What belongs to the weights in a folder."""
    kept: dict[str, Any] = json.loads((folder / CARD).read_text())
    return Card(
        kept["version"], kept["sha256"], tuple(kept["slots"]), tuple(kept["thresholds"][slot] for slot in kept["slots"])
    )


@cache
def shipped() -> Network:
    """The network that ships, opened once per process."""
    return Network.open()
