"""What left even the recycle bin, as getDeleted tells it for 30 days. Source: REST API developer guide 63.0, "Get Deleted"."""

from datetime import datetime, timedelta

from connectors.base import Stream
from connectors.salesforce.client import Org
from connectors.salesforce.refusals import VENDOR
from connectors.salesforce.soql import one_of, select
from connectors.salesforce.spans import instant
from models.keys import RecordKey
from models.records import Record

# getDeleted refuses a start 30 days ago (SOAP API guide), by its clock
KEPT = timedelta(days=30) - timedelta(minutes=5)
BY_ID = 400  # ids of one query: 27 bytes each, once encoded, keep its URI under 16,384


def deletions(org: Org, stream: Stream, since: datetime, until: datetime) -> tuple[list[Record], datetime]:
    """Tombstones, without content, of records that no query shows any more, and up to when the vendor told of them.

    One call, and more where anything was deleted: what is still in the bin comes with its content by its stamp.
    """
    span = {"start": since.isoformat(), "end": until.isoformat()}
    path = f"sobjects/{stream.object}/deleted/"
    answer = org.request("sweep", "GET", path, about=stream.object, stream=stream.name, params=span)
    gone = {entry["id"]: instant(entry["deletedDate"]) for entry in answer["deletedRecords"]}
    binned = _still_shown(org, stream, list(gone))
    tombstones = [_tombstone(org, stream, record, at) for record, at in gone.items() if record not in binned]
    # a long transaction at the vendor holds this back; deletions after it come later (SOAP API guide, getDeleted)
    return tombstones, min(until, instant(answer["latestDateCovered"]))


def _still_shown(org: Org, stream: Stream, ids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), BY_ID):
        soql = select(["Id"], stream.object, one_of("Id", ids[start : start + BY_ID]))
        answer = org.query("sweep", soql, about=stream.object, stream=stream.name, deleted=True)
        found |= {row["Id"] for row in answer["records"]}
    return found


def _tombstone(org: Org, stream: Stream, record: str, at: datetime) -> Record:
    return Record(RecordKey(VENDOR, org.id, stream.object, record), at, {"Id": record, "IsDeleted": True}, deleted=True)
