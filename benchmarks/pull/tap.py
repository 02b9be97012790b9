"""Runs a Singer tap inside its own environment: `python tap.py VENDOR URL FOLDER`. Needs nothing but the tap; prints what `client.py` prints."""

import contextlib
import importlib
import json
import logging
import sys
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter

TAPS = {"salesforce": "tap_salesforce", "hubspot": "tap_hubspot", "stripe": "tap_stripe", "meta_ads": "tap_facebook"}
STREAMS = {"salesforce": "Contact", "hubspot": "contacts", "stripe": "charges", "meta_ads": "ads_insights"}
KEYS = {
    "salesforce": ("Id", "SystemModstamp"),
    "hubspot": ("id", "updatedAt"),
    "stripe": ("id", "created"),
    "meta_ads": ("ad_id", "date_start"),
}
CATALOG = {"salesforce": "--properties", "hubspot": "--properties", "stripe": "--catalog", "meta_ads": "--properties"}

_, vendor, base, home = sys.argv
calls = 0
_send = HTTPAdapter.send


def send(adapter, request, **options):
    """Every request goes to the server, whatever host it was made for."""
    global calls  # noqa: PLW0603
    calls += 1
    url, to = urlsplit(request.url), urlsplit(base)
    request.url = url._replace(scheme=to.scheme, netloc=to.netloc).geturl()
    return _send(adapter, request, **options)


def used():
    found = getrusage(RUSAGE_SELF)
    return found.ru_utime + found.ru_stime, found.ru_maxrss / 1024


def schema(tap):
    """The tap's own schema of the stream; for Salesforce, which describes it, what a describe of our row amounts to."""
    if vendor == "salesforce":
        row = json.loads((Path(home) / "row.json").read_text())
        row.pop("attributes")
        kinds = {
            name: {"type": ["null", "boolean" if isinstance(value, bool) else "string"]} for name, value in row.items()
        }
        for name in ("SystemModstamp", "CreatedDate"):
            kinds[name] = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}
        return {"type": "object", "additionalProperties": False, "properties": kinds}
    if vendor == "hubspot":
        tap.CONFIG.update(json.loads((Path(home) / "config.json").read_text()))
        return tap.load_schema("contacts")
    if vendor == "stripe":
        return next(one["schema"] for one in tap.discover()["streams"] if one["tap_stream_id"] == "charges")
    from singer import resolve_schema_references

    class Stream:
        name = "ads_insights"

    return resolve_schema_references(tap.load_schema(Stream), tap.load_shared_schema_refs())


HTTPAdapter.send = send
logging.disable(logging.CRITICAL)
tap = importlib.import_module(TAPS[vendor])
found, (key, stamp) = schema(tap), KEYS[vendor]
metadata = [
    {
        "breadcrumb": [],
        "metadata": {
            "selected": True,
            "table-key-properties": [key],
            "replication-key": stamp,
            "forced-replication-method": "INCREMENTAL",
        },
    },
    *(
        {"breadcrumb": ["properties", name], "metadata": {"selected": True, "inclusion": "available"}}
        for name in found["properties"]
    ),
]
entry = {
    "stream": STREAMS[vendor],
    "tap_stream_id": STREAMS[vendor],
    "schema": found,
    "metadata": metadata,
    "key_properties": [key],
}
(Path(home) / "catalog.json").write_text(json.dumps({"streams": [entry]}))
sys.argv = [TAPS[vendor], "--config", f"{home}/config.json", CATALOG[vendor], f"{home}/catalog.json"]
ready_cpu, ready_mib = used()
calls, start = 0, time.perf_counter()
with (Path(home) / "messages").open("w") as file, contextlib.redirect_stdout(file):
    tap.main()
cpu, peak = used()
wall = time.perf_counter() - start
rows = sum(1 for line in (Path(home) / "messages").open() if '"type": "RECORD"' in line or '"type":"RECORD"' in line)
if not rows:
    sys.exit("the tap read no rows")
print(
    json.dumps(
        {
            "rows": rows,
            "calls": calls,
            "ready_cpu_s": ready_cpu,
            "pull_cpu_s": cpu - ready_cpu,
            "pull_wall_s": wall,
            "ready_mib": ready_mib,
            "peak_mib": peak,
        }
    )
)
