"""The routes of the data API, relative to /services/data/v63.0/, each with what it answers to which method.

Source: REST API developer guide 63.0, chapter "Reference"; Bulk API 2.0 developer guide 63.0, "Query Jobs" and "Ingest Jobs"; Tooling API developer guide 63.0, "REST Resources".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from sandbox.salesforce import tooling
from sandbox.salesforce.bulk import BulkJobs
from sandbox.salesforce.deployments import Deployments
from sandbox.salesforce.describe import describe, overview, summary
from sandbox.salesforce.errors import Refusal, RowRefusal, malformed, not_found, unreadable
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.ingest import IngestJobs
from sandbox.salesforce.queries import Queries
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.sql import View
from sandbox.salesforce.state import INTEGRATION_USER, SalesforceState
from sandbox.salesforce.writes import Writes

VERSION = "v63.0"
BASE = f"/services/data/{VERSION}/"
MOST_PARTS = 25  # of one batch
MOST_READ = 2000  # ids of one retrieval


@dataclass(frozen=True)
class Call:
    """One request of a logged-in user."""

    state: SalesforceState
    queries: Queries
    bulk: BulkJobs
    ingest: IngestJobs
    deployments: Deployments
    user: str
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def view(self) -> View:
        """What the user sees."""
        return self.state.security.view(self.user)

    @property
    def writes(self) -> Writes:
        """What the user may do."""
        return Writes(self.state, self.view, self.user)

    def json(self) -> Any:
        """The decoded body. Refusal if it is not JSON or does not say so."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The content type of the request is not supported")
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise unreadable(str(error)) from None

    def fields(self) -> dict[str, Any]:
        """The decoded body, which is an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise unreadable("the body is not a JSON object")
        return body

    def object(self, name: str) -> SObject:
        """An object that the user sees, whatever the case of its name."""
        found = next((each for each in self.view.values() if each.name.lower() == name.lower()), None)
        if found is None:
            raise not_found()
        return found


Answer = tuple[int, Any]
"""Status and body; None stands for no body, `Csv` for one that is not JSON."""
Handler = Callable[..., Answer]


def answer(call: Call) -> Answer:
    """What the vendor says to a call; never raises for a refusal of ours."""
    try:
        handler, groups = _handler(call)
        if call.path.lower().startswith("tooling"):
            _administrator(call)
        return handler(call, *groups)
    except Refusal as refusal:
        return refusal.status, refusal.body()
    except RowRefusal as refusal:
        return refusal.whole().status, refusal.whole().body()


def _handler(call: Call) -> tuple[Handler, tuple[str, ...]]:
    for pattern, handlers in ROUTES:
        found = pattern.fullmatch(call.path)
        if found and call.method in handlers:
            return handlers[call.method], found.groups()
        if found:
            allowed = ",".join(sorted(handlers))
            message = f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
            raise Refusal(405, "METHOD_NOT_ALLOWED", message)
    raise not_found()


def _query(call: Call, door: str) -> Answer:
    options = call.headers.get("sforce-query-options", "")
    return 200, call.queries.ask(_soql(call), call.view, BASE, binned=door.lower() == "queryall", options=options)


def _more(call: Call, locator: str) -> Answer:
    return 200, call.queries.more(locator, BASE)


def _tooling_query(call: Call) -> Answer:
    return 200, call.queries.ask(_soql(call), call.state.security.tooling(), f"{BASE}tooling/", binned=False)


def _tooling_more(call: Call, locator: str) -> Answer:
    return 200, call.queries.more(locator, f"{BASE}tooling/")


def _soql(call: Call) -> str:
    text = call.params.get("q", "")
    if not text.strip():
        raise malformed("SOQL statement not specified in the parameter q")
    return text


def _sobjects(call: Call) -> Answer:
    return 200, overview(call.view, BASE)


def _about(call: Call, name: str) -> Answer:
    return 200, {"objectDescribe": summary(call.object(name), BASE), "recentItems": []}


def _describe(call: Call, name: str) -> Answer:
    return 200, describe(call.object(name), BASE)


def _create(call: Call, name: str) -> Answer:
    return 201, {"id": call.writes.create(call.object(name), call.fields()), "success": True, "errors": []}


def _get(call: Call, name: str, record_id: str) -> Answer:
    sobject, found = call.object(name), full_id(record_id)
    if found is None:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {record_id}")
    asked = call.params.get("fields")
    fields = tuple(asked.split(",")) if asked else tuple(field.name for field in sobject.fields)
    (record,) = call.queries.retrieve(sobject, [found], fields, call.view, f"{BASE}sobjects/")
    if record is None:
        gone = call.state.tables.row(sobject.name, found) is not None
        raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted", []) if gone else not_found()
    return 200, record


def _update(call: Call, name: str, record_id: str) -> Answer:
    return _single(lambda: call.writes.update(call.object(name), record_id, call.fields()))


def _delete(call: Call, name: str, record_id: str) -> Answer:
    return _single(lambda: call.writes.delete(call.object(name), record_id))


def _single(write: Callable[[], str]) -> Answer:
    """A write of one record named by its URL: what cannot be found there is 404, not 400."""
    try:
        write()
    except RowRefusal as refusal:
        if refusal.code in {"INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"}:
            raise not_found() from None
        raise
    return 204, None


def _deleted(call: Call, name: str) -> Answer:
    return 200, call.queries.deleted(call.object(name), call.params)


def _updated(call: Call, name: str) -> Answer:
    return 200, call.queries.updated(call.object(name), call.params)


def _collection_create(call: Call) -> Answer:
    return 200, call.writes.many(call.json(), new=True)


def _collection_update(call: Call) -> Answer:
    return 200, call.writes.many(call.json(), new=False)


def _collection_delete(call: Call) -> Answer:
    ids = [one for one in call.params.get("ids", "").split(",") if one]
    return 200, call.writes.delete_many(ids, all_or_none=call.params.get("allOrNone", "").lower() == "true")


def _retrieve(call: Call, name: str) -> Answer:
    """GET with ids and fields in the URL, POST with both in the body."""
    given: Mapping[str, Any] = call.fields() if call.method == "POST" else _split(call.params)
    ids, fields = given.get("ids"), given.get("fields")
    if not isinstance(ids, list) or not isinstance(fields, list) or not ids or not fields:
        raise Refusal(400, "MISSING_ARGUMENT", "ids and fields must be given")
    if len(ids) > MOST_READ:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST_READ} records")
    found = [full_id(str(each)) for each in ids]
    if None in found:
        raise Refusal(400, "MALFORMED_ID", f"{name} ID: id value of incorrect type: {ids[found.index(None)]}")
    url = f"{BASE}sobjects/"
    return 200, call.queries.retrieve(
        call.object(name), [each for each in found if each], tuple(fields), call.view, url
    )


def _split(params: Mapping[str, str]) -> dict[str, list[str]]:
    return {key: value.split(",") for key, value in params.items()}


def _batch(call: Call) -> Answer:
    """Up to 25 calls in one; each answers for itself and counts as a call of the day."""
    parts = call.fields().get("batchRequests")
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_PARTS:
        raise Refusal(400, "INVALID_BATCH_SIZE", f"a batch holds 1 to {MOST_PARTS} requests")
    results: list[dict[str, Any]] = []
    for part in parts:
        url = urlsplit(str(part.get("url", "")))
        version, _, path = url.path.removeprefix("/services/data/").strip("/").partition("/")
        params = dict(parse_qsl(url.query))
        body = orjson.dumps(part.get("richInput"))
        inner = replace(call, method=str(part.get("method", "")), path=path, params=params, body=body)
        status, result = answer(inner) if version == VERSION else (404, not_found().body())
        results.append({"statusCode": status, "result": result})
    call.state.usage.used += len(parts) - 1
    return 200, {"hasErrors": any(result["statusCode"] >= 400 for result in results), "results": results}


def _limits(call: Call) -> Answer:
    usage, jobs, batches = call.state.usage, call.state.switches.jobs_a_day, call.state.switches.batches_a_day
    return 200, {
        "DailyApiRequests": {"Max": usage.limit, "Remaining": max(0, usage.limit - usage.used)},
        "DailyBulkApiBatches": {"Max": batches, "Remaining": max(0, batches - call.ingest.today())},
        "DailyBulkV2QueryJobs": {"Max": jobs, "Remaining": max(0, jobs - call.bulk.today())},
    }


def _job_create(call: Call) -> Answer:
    return 200, call.bulk.create(call.fields(), call.view)


def _job_list(call: Call) -> Answer:
    return 200, call.bulk.listed()


def _job_look(call: Call, job: str) -> Answer:
    return 200, call.bulk.look(job)


def _job_abort(call: Call, job: str) -> Answer:
    return 200, call.bulk.abort(job, call.fields())


def _job_delete(call: Call, job: str) -> Answer:
    call.bulk.delete(job)
    return 204, None


def _job_results(call: Call, job: str) -> Answer:
    return 200, call.bulk.results(job, call.params)


def _load_create(call: Call) -> Answer:
    return 200, call.ingest.create(call.fields(), call.writes)


def _load_list(call: Call) -> Answer:
    return 200, call.ingest.listed()


def _load_look(call: Call, job: str) -> Answer:
    return 200, call.ingest.look(job, call.writes)


def _load_change(call: Call, job: str) -> Answer:
    return 200, call.ingest.change(job, call.fields())


def _load_delete(call: Call, job: str) -> Answer:
    call.ingest.delete(job)
    return 204, None


def _load_upload(call: Call, job: str) -> Answer:
    call.ingest.upload(job, call.headers.get("content-type", ""), call.body)
    return 201, None


def _load_results(call: Call, job: str, kind: str) -> Answer:
    return 200, call.ingest.results(job, kind)


def _field_create(call: Call) -> Answer:
    made = tooling.create(call.state, call.json(), call.user)
    return 201, {"id": made, "success": True, "errors": [], "warnings": [], "infos": []}


def _field_get(call: Call, field_id: str) -> Answer:
    return 200, tooling.read(call.state, field_id, f"{BASE}tooling/")


def _field_change(call: Call, field_id: str) -> Answer:
    tooling.change(call.state, field_id, call.json(), call.user)
    return 204, None


def _view_create(call: Call, name: str) -> Answer:
    given = call.fields()
    if given.get("visibility", "Private") != "Private":
        _administrator(call)  # the permission is "Manage Public List Views"
    return 201, call.state.list_views.create(call.object(name), given)


def _view_get(call: Call, name: str, view: str) -> Answer:
    return 200, call.state.list_views.get(call.object(name), view)


def _view_delete(call: Call, name: str, view: str) -> Answer:
    _administrator(call)
    call.state.list_views.delete(call.object(name), view)
    return 204, None


def _administrator(call: Call) -> None:
    """Refusal for a user who may not customise the org."""
    if call.user != INTEGRATION_USER:
        raise Refusal(403, "INSUFFICIENT_ACCESS", "insufficient access rights on entity")


def _field_delete(call: Call, field_id: str) -> Answer:
    tooling.delete(call.state, field_id)
    return 204, None


def _deploy(call: Call) -> Answer:
    _administrator(call)  # the permission is "Modify Metadata Through Metadata API Functions"
    return 201, call.deployments.begin(call.headers.get("content-type", ""), call.body)


def _deployment(call: Call, deployment: str) -> Answer:
    return 200, call.deployments.look(deployment, details=call.params.get("includeDetails") == "true")


DOORS: dict[str, dict[str, Handler]] = {
    r"(query|queryAll)": {"GET": _query},
    r"(?:query|queryAll)/([^/]+)": {"GET": _more},
    r"sobjects": {"GET": _sobjects},
    r"sobjects/(\w+)": {"GET": _about, "POST": _create},
    r"sobjects/(\w+)/describe": {"GET": _describe},
    r"sobjects/(\w+)/deleted": {"GET": _deleted},
    r"sobjects/(\w+)/updated": {"GET": _updated},
    r"sobjects/(\w+)/(\w+)": {"GET": _get, "PATCH": _update, "DELETE": _delete},
    r"composite/sobjects": {"POST": _collection_create, "PATCH": _collection_update, "DELETE": _collection_delete},
    r"composite/sobjects/(\w+)": {"GET": _retrieve, "POST": _retrieve},
    r"composite/batch": {"POST": _batch},
    r"limits": {"GET": _limits},
    r"jobs/query": {"GET": _job_list, "POST": _job_create},
    r"jobs/query/(\w+)": {"GET": _job_look, "PATCH": _job_abort, "DELETE": _job_delete},
    r"jobs/query/(\w+)/results": {"GET": _job_results},
    r"jobs/ingest": {"GET": _load_list, "POST": _load_create},
    r"jobs/ingest/(\w+)": {"GET": _load_look, "PATCH": _load_change, "DELETE": _load_delete},
    r"jobs/ingest/(\w+)/batches": {"PUT": _load_upload},
    r"jobs/ingest/(\w+)/(successfulResults|failedResults|unprocessedrecords)": {"GET": _load_results},
    r"ui-api/list-info/(\w+)": {"POST": _view_create},
    r"ui-api/list-info/(\w+)/(\w+)": {"GET": _view_get, "DELETE": _view_delete},
    r"metadata/deployRequest": {"POST": _deploy},
    r"metadata/deployRequest/(\w+)": {"GET": _deployment},
    r"tooling/query": {"GET": _tooling_query},
    r"tooling/query/([^/]+)": {"GET": _tooling_more},
    r"tooling/sobjects/CustomField": {"POST": _field_create},
    r"tooling/sobjects/CustomField/(\w+)": {"GET": _field_get, "PATCH": _field_change, "DELETE": _field_delete},
}
ROUTES = tuple((re.compile(pattern, re.IGNORECASE), handlers) for pattern, handlers in DOORS.items())
