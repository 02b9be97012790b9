"""Plays a vendor from a recording: `python -m benchmarks.pull.server FILE LATENCY_MS`; prints its port, serves until its input ends.

A process of its own, so that none of its work is the client's. It answers each request after a fixed latency with bytes that were
recorded before, in an envelope of a few dozen bytes. It knows no more of a vendor than pulling one stream once asks for; anything
else is a 404 that names the request.
"""

import asyncio
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from benchmarks.pull.rows import DAYS, MAKERS, NOW, Recording, replay

HEAD = "HTTP/1.1 {} \r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n"
JSON = "application/json;charset=UTF-8"
NO_ROWS = b'{"results":[],"data":[],"object":"list","has_more":false}'


class Request:
    """What is asked for."""

    def __init__(self, method: str, target: str, body: bytes) -> None:
        url = urlsplit(target)
        self.method = method
        self.path = unquote(url.path)
        self.asked = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self.body = body


@dataclass(frozen=True)
class Csv:
    """A page of a Bulk result: its rows, how many they are, and where the next begins."""

    body: bytes
    count: int
    following: str


Answer = Callable[[Recording, Request], "bytes | Csv | None"]


def salesforce(rows: Recording, request: Request) -> bytes | Csv | None:
    """Login, describe, and queries: from keyset to keyset where the query has a LIMIT, else by locator; and Bulk query jobs."""
    path = request.path
    if path.endswith("/oauth2/token"):
        return _json(
            access_token="token",  # noqa: S106  # any will do
            instance_url="https://bench.my.salesforce.com",
            id="https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA",
        )
    if path.endswith("/composite/batch"):
        asked = [part["url"].split("/")[-2] for part in orjson.loads(request.body)["batchRequests"]]
        return _json(results=[_described(name) for name in asked])
    if path.endswith("/describe"):
        return orjson.dumps(_described("Contact")["result"])
    if "/jobs/query" in path:
        return _bulk(rows, request)
    if path.endswith(("/query/", "/queryAll/", "/query", "/queryAll")):
        first, end = _meant(rows, request.asked["q"])
        if "LIMIT" in request.asked["q"]:
            return b'{"totalSize":%d,"done":true,"records":[%b]}' % (end - first, rows.between(first, end))
        return _located(rows, first)
    if "/query/01g" in path:
        return _located(rows, int(path.rpartition("-")[2]))
    return None


def _located(rows: Recording, first: int) -> bytes:
    end = first + 2_000
    more = b'"done":false,"nextRecordsUrl":"/services/data/v63.0/query/01gBENCH-%d"' % end
    done = more if end < len(rows) else b'"done":true'
    return b'{"totalSize":%d,%b,"records":[%b]}' % (len(rows), done, rows.between(first, end))


def _meant(rows: Recording, soql: str) -> tuple[int, int]:
    """The first row that a query means, and the one behind its last."""
    after, limited = re.search(r"Id > '003A(\d{11})", soql), re.search(r"LIMIT (\d+)", soql)
    first = int(after[1]) + 1 if after else 0
    return first, min(first + int(limited[1]), len(rows)) if limited else len(rows)


def _bulk(rows: Recording, request: Request) -> bytes | Csv:
    """A job is complete when it is first looked at; its id says which rows it means, and its columns are all that describe tells."""
    if request.method == "POST":
        return _json(id="750-{}-{}".format(*_meant(rows, orjson.loads(request.body)["query"])), state="UploadComplete")
    if not request.path.endswith("/results"):
        return _json(id=request.path.rpartition("/")[2], state="JobComplete")
    first, last = (int(part) for part in request.path.split("/")[-2].split("-")[1:])
    first = int(request.asked.get("locator", first))
    end = min(first + int(request.asked["maxRecords"]), last)
    names = [name for name in MAKERS["salesforce"](0, NOW, "") if name != "attributes"]
    page = io.StringIO()
    table = csv.writer(page, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow(names)
    for row in orjson.loads(b"[%b]" % rows.between(first, end)):
        table.writerow([_cell(row[name]) for name in names])
    return Csv(page.getvalue().encode(), end - first, str(end) if end < last else "null")


def _cell(value: object) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _described(name: str) -> dict[str, object]:
    if name != "Contact":
        return {"statusCode": 404, "result": [{"errorCode": "NOT_FOUND", "message": "hidden"}]}
    names = [key for key in MAKERS["salesforce"](0, NOW, "") if key != "attributes"]
    fields = [{"name": key, "type": "boolean" if key.startswith(("Is", "Has", "Do")) else "string"} for key in names]
    return {"statusCode": 200, "result": {"name": name, "replicateable": True, "fields": fields}}


def hubspot(rows: Recording, request: Request) -> bytes | None:
    """Contacts by search from id to id, or by list with the cursor of its paging; a company for each."""
    match request.path.strip("/").split("/"):
        case ["account-info", *_]:
            return _json(portalId=1, companyCurrency="EUR", timeZone="Europe/Berlin")
        case ["crm", "v3", "schemas"]:
            return NO_ROWS
        case ["oauth", *_]:
            return _json(access_token="token", refresh_token="token", expires_in=1_800)  # noqa: S106
        case [*_, "properties", "contacts" | "contact"]:
            named = MAKERS["hubspot"](0, NOW, "")["properties"]
            return _json(results=[{"name": name, "type": "string"} for name in named])
        case [*_, "contacts" | "contact", "search"]:
            query = orjson.loads(request.body)
            filters = query["filterGroups"][0]["filters"] if "filterGroups" in query else []  # none: to count
            after = [one["value"] for one in filters if one["operator"] == "GT"]
            first = max(0, int(after[0]) - 999_999) if after else 0
            return _paged(rows, first, query["limit"])
        case [*_, "contacts" | "contact"]:
            first, limit = int(request.asked.get("after", 0)), int(request.asked.get("limit", 100))
            return _paged(rows, first, limit, tied="associations" in request.asked)
        case [*_, "associations", _, _, "batch", "read"]:
            ids = [one["id"] for one in orjson.loads(request.body)["inputs"]]
            types = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}]
            ends = [{"toObjectId": _company(int(one)), "associationTypes": types} for one in ids]
            return _json(results=[{"from": {"id": one}, "to": [end]} for one, end in zip(ids, ends, strict=True)])
    return None


def _paged(rows: Recording, first: int, limit: int, *, tied: bool = False) -> bytes:
    end = first + limit
    paging = b',"paging":{"next":{"after":"%d"}}' % end if end < len(rows) else b""
    found = (
        b",".join(_tied(row, rows.between(row, row + 1)) for row in range(first, min(end, len(rows))))
        if tied
        else rows.between(first, end)
    )
    return b'{"total":%d,"results":[%b]%b}' % (len(rows) - first, found, paging)


def _tied(number: int, row: bytes) -> bytes:
    """A contact with its company in it, as a list gives it that was asked to (SDK: `SimplePublicObjectWithAssociations`)."""
    ends = [{"id": str(_company(1_000_000 + number)), "type": "contact_to_company"}]
    return row[:-1] + b',"associations":%b}' % orjson.dumps({"companies": {"results": ends}})


def _company(contact: int) -> int:
    return 7_000 + contact // 4


def stripe(rows: Recording, request: Request) -> bytes | None:
    """The account, and charges a hundred a page; nothing has happened to them since."""
    match request.path.strip("/").split("/"):
        case ["v1", "account"] | ["v1", "accounts", _]:
            return _json(id="acct_bench", object="account", settings={"dashboard": {"display_name": "Bench"}})
        case ["v1", "charges"]:
            after = request.asked.get("starting_after")
            first = int(after.removeprefix("ch_")) + 1 if after else 0
            end = first + int(request.asked.get("limit", 10))
            more = b"true" if end < len(rows) else b"false"
            return b'{"object":"list","url":"/v1/charges","has_more":%b,"data":[%b]}' % (more, rows.between(first, end))
        case ["v1", "events"]:
            return NO_ROWS
    return None


def meta_ads(rows: Recording, request: Request) -> bytes | None:
    """One ad account; insights at once or by a report that is ready when it is first looked at."""
    _, node, *edge = [part for part in request.path.split("/") if part] + ["", ""]
    if edge[:1] == ["adaccounts"]:
        created = f"{NOW - timedelta(days=DAYS):%Y-%m-%dT00:00:00+0000}"
        account = {"id": "act_17", "account_id": "17", "name": "Bench", "currency": "EUR", "timezone_name": "UTC", "created_time": created}  # fmt: skip
        return _json(data=[account])
    if request.method == "POST" and edge[:1] == ["insights"]:
        given = {key: values[-1] for key, values in parse_qs(request.body.decode()).items()} | request.asked
        return _json(report_run_id="{}{}".format(*_days(given)))
    if request.method == "POST":
        given = parse_qs(request.body.decode())
        jobs = [part["relative_url"].split("/")[0] for part in orjson.loads(given["batch"][0])]
        return orjson.dumps([{"code": 200, "headers": [], "body": _ended(job).decode()} for job in jobs])
    if edge[:1] == ["insights"] and request.asked.get("level") == "account":
        return _json(data=list(_totals(*_days(request.asked))))
    if edge[:1] == ["insights"]:
        since, until = (node[:8], node[8:]) if node.isdigit() else _days(request.asked)
        return _days_page(rows, since, until, request)
    return _ended(node) if node.isdigit() else None


def _ended(job: str) -> bytes:
    return _json(id=job, async_status="Job Completed", async_percent_completion=100)


def _days(given: dict[str, str]) -> tuple[str, str]:
    ranges = [given["time_range"]] if "time_range" in given else orjson.loads(given["time_ranges"])
    found = ranges[0] if isinstance(ranges[0], dict) else orjson.loads(ranges[0])
    return found["since"].replace("-", ""), found["until"].replace("-", "")


def _totals(since: str, until: str) -> Iterator[dict[str, str]]:
    """A row per day, as an account tells them; no client adds them up here."""
    for number in range((_day(until) - _day(since)).days + 1):
        day = str(_day(since) + timedelta(days=number))
        yield {"date_start": day, "date_stop": day, "spend": "0.00"}


def _days_page(rows: Recording, since: str, until: str, request: Request) -> bytes:
    """Rows of some days, which lie beside each other."""
    low, high = _first(rows, since), _first(rows, f"{_day(until) + timedelta(days=1):%Y%m%d}")
    first = int(request.asked.get("after", low))
    end = min(first + int(request.asked.get("limit", 25)), high)
    more = b',"paging":{"cursors":{"after":"%d"},"next":"https://graph.facebook.com%b?limit=%b&after=%d"}' % (
        end, request.path.encode(), request.asked.get("limit", "25").encode(), end,
    )  # fmt: skip
    return b'{"data":[%b]%b}' % (rows.between(first, end), more if end < high else b"")


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


DAY_STARTS: dict[str, int] = {}
"""The first row of each day."""


def _first(rows: Recording, day: str) -> int:
    if not DAY_STARTS:
        for number in range(len(rows)):
            on = orjson.loads(rows.between(number, number + 1))["date_start"].replace("-", "")
            DAY_STARTS.setdefault(on, number)
    return min((start for on, start in DAY_STARTS.items() if on >= day), default=len(rows))


def _json(**parts: object) -> bytes:
    return orjson.dumps(parts)


ANSWERS: dict[str, Answer] = {one.__name__: one for one in (salesforce, hubspot, stripe, meta_ads)}


class Vendor(asyncio.Protocol):
    """One connection, kept open; requests come one after the other."""

    def __init__(self, rows: Recording, latency: float) -> None:
        self._rows = rows
        self._latency = latency
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, rest = self._came.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._came = rest[size:]
            body = ANSWERS[self._rows.name](self._rows, Request(method, target, rest[:size]))
            if body is None:
                print(f"the recording has no answer for {method} {urlsplit(target).path}", file=sys.stderr, flush=True)
            asyncio.get_running_loop().call_later(self._latency, self._answer, body)

    def _answer(self, answer: bytes | Csv | None) -> None:
        kind, more, status = JSON, "", "404 Not Found" if answer is None else "200 OK"
        body = answer.body if isinstance(answer, Csv) else answer or b"{}"
        if isinstance(answer, Csv):
            kind, more = "text/csv", f"Sforce-NumberOfRecords: {answer.count}\r\nSforce-Locator: {answer.following}\r\n"
        self._transport.writelines([HEAD.format(status, kind, len(body), more).encode(), body])  # type: ignore[attr-defined]


async def serve(file: Path, latency: float) -> None:
    """Serve until standard input ends, which it does with whoever started us."""
    rows, loop = replay(file), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(rows, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]) / 1_000))
