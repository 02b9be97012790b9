"""Plays a CRM that is as slow and as strict as a real one: `python -m benchmarks.write_back.server VENDOR FOLDER COUNT`."""

import importlib
import sys
from pathlib import Path

from models.clock import SystemClock
from sandbox.core import Context, listen, serving
from sandbox.faults import Fault
from sandbox.salesforce.ids import make_id

LATENCY_S = 0.2
AT = "2026-11-01T09:00:00.000"


def main(vendor: str, folder: str, count: int) -> None:
    """Serve until the input ends."""
    context = Context(Path(folder), SystemClock())
    app = importlib.import_module(f"sandbox.{vendor}.app").create_app(context)
    state = app.state.store
    if vendor == "salesforce":
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), f"{AT}+0000")
        rows = ({"Id": make_id("003", one), "LastName": f"N{one}", **stamps} for one in range(1, count + 1))
        state.insert_many("Contact", rows)
    else:
        rows = (
            {"id": str(one), "createdAt": f"{AT}Z", "updatedAt": f"{AT}Z", "properties": {}, "associations": {}}
            for one in range(1, count + 1)
        )
        state.insert_many("contacts", rows)
        state.limits.enforced = True
    context.faults.add(Fault(kind="delay", seconds=LATENCY_S))
    with serving(app, listen()) as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
