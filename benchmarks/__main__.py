"""Runs every benchmark of this folder, one after the other: `python -m benchmarks [NAME ...] [--option ...]`."""

import importlib
import pkgutil
import sys
from pathlib import Path

NAMES = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__"
)


def main() -> None:
    """Run the named benchmarks, all of them if none."""
    wanted = [word for word in sys.argv[1:] if not word.startswith("--")] or NAMES
    if unknown := set(wanted) - set(NAMES):
        sys.exit(f"There is no benchmark called {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}.")
    for name in wanted:
        print(f"\n== {name}", file=sys.stderr, flush=True)  # standard output may be one that a machine reads
        importlib.import_module(f"benchmarks.{name}").main()


main()
