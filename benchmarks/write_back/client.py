"""Plans and delivers a first write of every contact: `python -m benchmarks.write_back.client WAY URL COUNT`; prints figures as JSON."""

import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator

from connectors.base import Crm
from connectors.hubspot.client import Portal
from connectors.hubspot.enrich import HubSpotCrm
from connectors.hubspot.rates import lanes, told
from connectors.hubspot.settings import HubSpotSettings
from connectors.pace import Buckets
from connectors.salesforce.client import Org
from connectors.salesforce.enrich import SalesforceCrm
from connectors.salesforce.settings import SalesforceSettings
from models.clock import SystemClock
from models.keys import RecordKey
from models.store import open_store
from pipelines.ingest.heap import SELDOM
from pipelines.write_back.compare import Wanted
from pipelines.write_back.crm import provision
from pipelines.write_back.deliver import apply
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import draw_up
from sandbox.hubspot import ACCESS_TOKEN
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET

SUMMARY = "1  -  The price is too high for what we use of it.\n" * 8
EVIDENCE = 'The price is too high: "Honestly, we will not renew at that price." (e-mail, 17 Feb 2026)\n' * 12


def opened(way: str, url: str) -> Crm:
    """The CRM through its real connector; with batches only, jobs are never worth it."""
    if way == "hubspot":
        settings = HubSpotSettings(access_token=ACCESS_TOKEN, base_url=url)
        return HubSpotCrm(Portal(settings, pace=Buckets(lanes, told)))
    known = SalesforceSettings(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, domain="acme.my", base_url=url)
    crm = SalesforceCrm(Org(known))
    if way.endswith("batches"):
        crm.jobs = None
    return crm


def wanted(crm: Crm, vendor: str, count: int) -> Iterator[Wanted]:
    """Fields of every kind for every contact, the long ones some 1,500 characters together."""
    name = "Contact" if vendor == "salesforce" else "contact"
    for number in range(1, count + 1):
        record = RecordKey(vendor, crm.account, name, make_id("003", number) if vendor == "salesforce" else str(number))
        values = {
            "key": f"p{number}", "top_belief": "The price is too high.", "summary": SUMMARY, "evidence": EVIDENCE, "trend": "Steady",
            "alignment_score": number % 100, "alignment_band": "Medium", "confidence": 87, "belief_count": 3,
        }  # fmt: skip
        yield Wanted(record, "person", f"p{number}", values)


def main(way: str, url: str, count: int) -> None:
    """Measure one run; making the fields is not part of it."""
    gc.set_threshold(*SELDOM)  # as in every run of the product
    vendor, clock, limits = way.split("_", maxsplit=1)[0], SystemClock(), Limits()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/store.db")
        provision(opened(way, url))
        crm = opened(way, url)
        wall, cpu = time.perf_counter(), time.process_time()
        plan = draw_up(crm, vendor, wanted(crm, vendor, count), store=store, clock=clock, limits=limits)
        planned = time.perf_counter() - wall
        done = apply(crm, vendor, plan.id, store=store, clock=clock, limits=limits)
        assert done.records == count
        figures = {
            "wall_s": time.perf_counter() - wall, "planning_s": planned, "cpu_s": time.process_time() - cpu,
            "calls": crm.calls.total(), "writes": crm.calls["write"] + crm.calls["job"],
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }  # fmt: skip
        store.dispose()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
