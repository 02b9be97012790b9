"""The rows that every client pulls: recorded once per size in the vendor's own wire format, and handed out as bytes.

A recording is a file of rows parted by commas, and where each begins, so that any run of rows is the inside of a JSON list. Row `n`
has everything that our readers ask for; its filler is text that compresses like text.
"""

import mmap
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

NOW = datetime.now(UTC).replace(microsecond=0)
DAYS = 30
"""Over which the rows are spread: within the memory of every vendor and every peer's default window."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """Rows as bytes. `name` is the vendor's."""

    name: str
    content: mmap.mmap
    starts: Sequence[int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def between(self, first: int, end: int) -> bytes:
        """The rows from `first` up to but not at `end`, parted by commas."""
        end = min(end, len(self))
        return self.content[self.starts[first] : self.starts[end] - 1] if first < end else b""


def record(name: str, count: int, size: int, folder: Path) -> Path:
    """Write so many rows of about so many bytes, newest last, and where each begins; the file that holds them."""
    path = folder / f"{name}-{count}-{size}.rows"
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = [0]
    with path.open("wb") as file:
        for row in rows(name, count, size):
            starts.append(starts[-1] + file.write(row + (b"\n" if name == "product_events" else b",")))
    np.save(path.with_suffix(".npy"), np.asarray(starts, np.int64))
    return path


def replay(path: Path) -> Recording:
    """A recording that was made."""
    with path.open("rb") as file:
        found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Recording(path.name.split("-")[0], found, np.load(path.with_suffix(".npy")).tolist())


def rows(name: str, count: int, size: int) -> Iterator[bytes]:
    """Rows as they travel."""
    make, words = MAKERS[name], Path(__file__).read_text().split()
    pool = " ".join(random.Random(4).choices(words, k=200_000))  # noqa: S311  # the same text in every run
    bare = len(orjson.dumps(make(0, NOW, "")))
    start, step = NOW - timedelta(days=DAYS), timedelta(days=DAYS) / (count + 1)
    for number in range(count):
        at = number * 997 % (len(pool) - size)
        yield orjson.dumps(make(number, start + number * step, pool[at : at + max(0, size - bare)]))


def salesforce(number: int, at: datetime, filler: str) -> Row:
    """A contact as REST gives it."""
    one, stamp = f"003A{number:011d}AAA", f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"
    return {
        "attributes": {"type": "Contact", "url": f"/services/data/v63.0/sobjects/Contact/{one}"},
        "Id": one, "IsDeleted": False, "AccountId": f"001A{number // 4:011d}AAA", "FirstName": "Zoë",
        "LastName": f"Müller {number}", "Name": f"Zoë Müller {number}", "Email": f"zoe.{number}@example.com", "Title": "CFO",
        "Phone": f"+49 30 {number:08d}", "MailingCountry": "Germany", "HasOptedOutOfEmail": False, "DoNotCall": False,
        "LeadSource": None, "CreatedDate": stamp, "SystemModstamp": stamp, "Description": filler,
    }  # fmt: skip


def hubspot(number: int, at: datetime, filler: str) -> Row:
    """A contact as a search gives it."""
    one, stamp = str(1_000_000 + number), f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    properties = {
        "hs_object_id": one, "firstname": "Zoë", "lastname": f"Müller {number}", "email": f"zoe.{number}@example.com",
        "jobtitle": "CFO", "phone": f"+49 30 {number:08d}", "country": "Germany", "createdate": stamp, "lastmodifieddate": stamp,
        "industry": None, "message": filler,
    }  # fmt: skip
    return {"id": one, "properties": properties, "createdAt": stamp, "updatedAt": stamp, "archived": False}


def stripe(number: int, at: datetime, filler: str) -> Row:
    """A charge as a list gives it."""
    details = {"email": f"zoe.{number}@example.com", "name": f"Zoë Müller {number}", "phone": None}
    return {
        "id": f"ch_{number:024d}", "object": "charge", "amount": 4900, "amount_captured": 4900, "amount_refunded": 0,
        "balance_transaction": f"txn_{number:024d}", "billing_details": details, "captured": True,
        "created": int(at.timestamp()), "currency": "eur", "customer": f"cus_{number // 3:014d}", "livemode": False,
        "metadata": {}, "paid": True, "refunded": False, "status": "succeeded", "description": filler,
    }  # fmt: skip


def meta_ads(number: int, at: datetime, filler: str) -> Row:
    """What one ad did on one day; the filler is its name."""
    ad, day = f"2385{number:012d}", f"{at:%Y-%m-%d}"
    return {
        "account_id": "17", "ad_id": ad, "ad_name": f"Ad {number} {filler}", "adset_id": "2384000000000001", "adset_name": "Set",
        "campaign_id": "2383000000000001", "campaign_name": "Spring", "spend": "12.34", "impressions": "1234", "clicks": "56",
        "reach": "1100", "actions": [{"action_type": "link_click", "value": "44", "7d_click": "44"}],
        "action_values": [{"action_type": "purchase", "value": "99.00"}], "date_start": day, "date_stop": day,
    }  # fmt: skip


def product_events(number: int, at: datetime, filler: str) -> Row:
    """A line of an event file."""
    return {
        "type": "track", "event": "Report opened", "messageId": f"m-{number}", "userId": f"u{number // 9}",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000Z", "properties": {"report": "churn", "comment": filler},
        "context": {"ip": "203.0.113.7", "userAgent": "Mozilla/5.0 (X11; Linux x86_64)"},
    }  # fmt: skip


MAKERS: dict[str, Callable[[int, datetime, str], Row]] = {
    one.__name__: one for one in (salesforce, hubspot, stripe, meta_ads, product_events)
}
