"""Runs dlt's `rest_api` source (of files: its `filesystem` source) inside its own environment: `python rest.py VENDOR URL FOLDER`.

Extracts into dlt's own files, with its default settings and one worker, and loads nothing. Prints what `client.py` prints.
"""

import json
import os
import sys
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

_, vendor, base, home = sys.argv
os.environ.update(
    {
        "EXTRACT__WORKERS": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "EXTRACT__MAX_PARALLEL_ITEMS": "1",
    }
)

import dlt  # noqa: E402
from dlt.sources.filesystem import filesystem, read_jsonl  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

ENDPOINTS = {
    "salesforce": {
        "path": "services/data/v63.0/queryAll/", "params": {"q": "SELECT Id FROM Contact"}, "data_selector": "records",
        "paginator": {"type": "json_link", "next_url_path": "nextRecordsUrl"},
    },
    "hubspot": {
        "path": "crm/v3/objects/contacts", "data_selector": "results",
        "params": {"limit": 100, "associations": "companies"},  # as dlt's own verified source of HubSpot asks
        "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
    },
    "stripe": {
        "path": "v1/charges", "params": {"limit": 100}, "data_selector": "data",
        "paginator": {"type": "cursor", "cursor_path": "data[-1].id", "cursor_param": "starting_after"},
    },
    "meta_ads": {
        "path": "v26.0/1970010121000101/insights", "params": {"limit": 500}, "data_selector": "data",
        "paginator": {"type": "cursor", "cursor_path": "paging.cursors.after", "cursor_param": "after"},
    },
}  # fmt: skip


def used():
    found = getrusage(RUSAGE_SELF)
    return found.ru_utime + found.ru_stime, found.ru_maxrss / 1024


if vendor == "product_events":
    source = filesystem(bucket_url=Path(base).as_uri(), file_glob="*.jsonl") | read_jsonl()
    source = source.with_name("rows")
else:
    resource = {"name": "rows", "endpoint": ENDPOINTS[vendor]}
    source = rest_api_source({"client": {"base_url": base}, "resources": [resource]})
pipeline = dlt.pipeline("bench", destination="filesystem", pipelines_dir=home, dataset_name="bench")
ready_cpu, ready_mib = used()
start = time.perf_counter()
info = pipeline.extract(source)
cpu, peak = used()
rows = sum(
    sum(metric.items_count for name, metric in each["table_metrics"].items() if not name.startswith("_"))
    for some in info.metrics.values()
    for each in some
)
print(
    json.dumps(
        {
            "rows": rows,
            "calls": 0,
            "ready_cpu_s": ready_cpu,
            "pull_cpu_s": cpu - ready_cpu,
            "pull_wall_s": time.perf_counter() - start,
            "ready_mib": ready_mib,
            "peak_mib": peak,
        }
    )
)
