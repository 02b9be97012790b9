"""One open portal: asks through the SDK's own methods, which send through our session, so that every answer passes the same gate.

The SDK builds path, query and authorisation and then hands the request to its `ApiClient`; through its `api_factory` hook it is
given a subclass that sends with `requests` instead of the SDK's urllib3 pool. So there is one place for time limits, waiting,
Retry-After and the quota (left alone, the SDK waits for ever and repeats no POST, hubspot-api-python#117). Answers stay JSON: the SDK's
models drop fields they do not know and turn instants into the machine's zone. Every request of ours may be repeated: reads, updates by
id, and creations of properties, which answer 409 the second time. What may be long, as the list of properties is, goes in a body and
never into an address, which HubSpot refuses above some length (414; airweave-ai/airweave#1064 moved 1,000 of them for that reason).
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import requests
from hubspot import HubSpot
from hubspot.utils.signature import Signature

from connectors.errors import Fatal, RecordRejected, Retryable, Unsupported
from connectors.hubspot.rates import lanes, told
from connectors.hubspot.refusals import BUSY, SOON, VENDOR, Gone, Invalid, asked, refusal, until_midnight
from connectors.hubspot.settings import HubSpotSettings
from connectors.pace import Buckets, Pace, shared
from connectors.transport import Transport, by_status, decoded, session

Json = dict[str, Any]

HOST = "https://api.hubapi.com"
LIST_PAGE = 100  # the most that a list gives on one page
SEARCH_PAGE = (
    200  # the most that a search gives on one page (https://developers.hubspot.com/docs/api-reference/search/guide)
)
SEARCH_END = 10_000  # rows that a search can be paged through (search guide, "Limitations")
SUBMISSIONS_PAGE = 50  # the most that a form's submissions come in
BATCH = 100  # records of one batch call
HISTORY_BATCH = 50  # records of one batch call that asks for earlier values (guide of each object, "Read in batches")
ABSENT = "OBJECT_NOT_FOUND"  # category of a batch's error for an id that is not there
ASSOCIATION_BATCH = 1_000  # records whose associations one call reads (associations v4 guide)
JSON = {"Content-Type": "application/json"}
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105  # an address


def repeatable(request: requests.PreparedRequest) -> bool:  # noqa: ARG001  # of all requests it is true
    """Whether asking twice is the same as asking once: reads and updates by id are; what is created has a name, and is there (409)."""
    return True


@dataclass(frozen=True)
class Rows:
    """One page of an answer; `after` is where the next one starts, None on the last."""

    rows: list[Json]
    after: str | None


class Portal:
    """An open HubSpot portal.

    Errors: Fatal with `credentials` if the token is missing or refused, Retryable if HubSpot is not reached.
    """

    def __init__(
        self, settings: HubSpotSettings, pause: Callable[[float], None] = time.sleep, pace: Pace | None = None
    ) -> None:
        if settings.access_token is None:
            raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor=VENDOR, credentials=True)
        self.settings = settings
        self.calls: Counter[str] = Counter()
        self.used: tuple[int, int] | None = None
        """Calls of the day used, and allowed; unknown under OAuth."""
        self._resets_in = 0.0
        self._zone: ZoneInfo | None = None
        token = settings.access_token.get_secret_value()
        if pace is None and settings.base_url is None:
            pace = shared(VENDOR, token, Buckets(lanes, told))
        transport = Transport(
            VENDOR,
            repeatable=repeatable,
            calls=self.calls,
            reaction=by_status(BUSY, asked),
            heard=self._note,
            pace=pace,
            base_url=settings.base_url,
            pause=pause,
        )
        self._session = session(transport)
        self._clients: dict[str, Any] = {}
        self._sdk = HubSpot(access_token=token, host=HOST, api_factory=self._api)
        # what a pull needs; found at its first use, the SDK would import each in the middle of a page, and look for it at every call
        crm = self._sdk.crm
        self._searches, self._ties, self._defined = (
            crm.objects.search_api,
            crm.associations.v4.batch_api,
            crm.properties.core_api,
        )
        about = self._bare("definition", "/account-info/v3/details", about="account")
        self.id = str(about["portalId"])
        self.currency = str(about.get("companyCurrency") or "").lower() or None
        """ISO 4217 in lower case: what amounts are in that name none, and every currency property."""
        self._zone = _zone(about.get("timeZone"))

    # objects ----------------------------------------------------------------------------------------------------------

    def search(self, reason: str, kind: str, query: Json, stream: str | None = None) -> Rows:
        """Up to 200 objects that meet the query, in its order."""
        body = {"limit": SEARCH_PAGE, **query}
        return self._page(reason, self._searches.do_search, kind, body, about=kind, stream=stream)

    def page(self, reason: str, kind: str, properties: Sequence[str], after: str | None) -> Rows:
        """Up to 100 living objects by id, with these properties: a walk of all that no index limits."""
        asked = {"limit": LIST_PAGE, "archived": False, "properties": list(properties), **_from(after)}
        return self._page(reason, self._sdk.crm.objects.basic_api.get_page, kind, about=kind, stream=None, **asked)

    def count(self, kind: str, stream: str) -> int:
        """How many live objects the index counts, which may be an hour late. Unsupported where it stops counting.

        HubSpot says that rows end at the ten-thousandth, and nothing of their total: one of exactly so many is not believed.
        """
        ask = self._searches.do_search
        answer = self._ask("count", ask, kind, {"limit": 1}, about=kind, stream=stream)
        total = answer.get("total") if isinstance(answer, dict) else None
        if not isinstance(total, int):
            raise self._half(kind, stream)
        if total == SEARCH_END:
            message = f"{kind}: HubSpot may have stopped counting at {SEARCH_END}"
            raise Unsupported(message, vendor=VENDOR, stream=stream)
        return total

    def archived(self, kind: str, after: str | None, stream: str | None = None) -> Rows:
        """Up to 100 archived objects, each with little more than its id and `archivedAt`."""
        few = {"limit": LIST_PAGE, "archived": True, "properties": ["hs_object_id"], **_from(after)}
        return self._page("sweep", self._sdk.crm.objects.basic_api.get_page, kind, about=kind, stream=stream, **few)

    def read(
        self, reason: str, kind: str, ids: Sequence[str], properties: Sequence[str], *, archived: bool = False
    ) -> list[Json]:
        """Those of up to 100 objects that are there. Retryable where another error than absence stands for one."""
        body = {"properties": list(properties), "inputs": [{"id": one} for one in ids]}
        return self._read(reason, kind, body, archived=archived)

    def histories(self, kind: str, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Json]:
        """All values that these properties of up to 50 objects had, newest first, by id of those that are there."""
        body = {"propertiesWithHistory": list(properties), "properties": [], "inputs": [{"id": one} for one in ids]}
        rows = self._read("history", kind, body)
        return {str(row["id"]): row.get("propertiesWithHistory") or {} for row in rows}

    def _read(self, reason: str, kind: str, body: Json, *, archived: bool = False) -> list[Json]:
        where: Json = {"archived": True} if archived else {}
        answer = self._ask(reason, self._sdk.crm.objects.batch_api.read, kind, body, about=kind, **where)
        rows = self._results(answer, kind)
        if any(error.get("category") != ABSENT for error in answer.get("errors") or []):
            raise self._half(kind, None)
        return rows

    def update(self, kind: str, inputs: Sequence[Json]) -> Json:
        """The answer to up to 100 updates by id: `results`, and `errors` where some were refused. Invalid if all were."""
        answer = self._ask("write", self._sdk.crm.objects.batch_api.update, kind, {"inputs": list(inputs)}, about=kind)
        return answer if isinstance(answer, dict) else {}

    def associations(self, kind: str, other: str, inputs: Sequence[Json], stream: str) -> Json:
        """The objects of another kind that up to 1,000 objects are associated with: `results`, and `errors` of some."""
        door, body = self._ties.get_page, {"inputs": list(inputs)}
        answer = self._ask("association", door, kind, other, body, about=f"{kind} to {other}", stream=stream)
        self._results(answer, f"{kind} to {other}", stream)
        found: Json = answer
        return found

    # definitions ------------------------------------------------------------------------------------------------------

    def properties(self, kind: str, stream: str | None = None) -> list[Json]:
        """The definition of every property of a kind of object."""
        answer = self._ask("definition", self._defined.get_all, kind, about=kind, stream=stream)
        return self._results(answer, kind, stream)

    def create_property(self, kind: str, definition: Json) -> None:
        """Make a property. Exists if there is one of that name."""
        door = self._defined.create
        self._ask("write", door, kind, definition, about=f"{kind}.{definition['name']}")

    def change_property(self, kind: str, name: str, changes: Json) -> None:
        """Change what is named of a property."""
        self._ask("write", self._defined.update, kind, name, changes, about=f"{kind}.{name}")

    def groups(self, kind: str) -> list[Json]:
        """The groups that properties of a kind of object are shown in."""
        return self._results(
            self._ask("definition", self._sdk.crm.properties.groups_api.get_all, kind, about=kind), kind
        )

    def create_group(self, kind: str, name: str, label: str) -> None:
        """Make a group. Exists if there is one of that name."""
        body = {"name": name, "label": label, "displayOrder": -1}
        self._ask("write", self._sdk.crm.properties.groups_api.create, kind, body, about=f"{kind}.{name}")

    def archive_property(self, kind: str, name: str) -> None:
        """Archive a property with its values. Gone if there is none, Invalid while something of the portal uses it."""
        self._ask("write", self._defined.archive, kind, name, about=f"{kind}.{name}")

    def archive_group(self, kind: str, name: str) -> None:
        """Archive a group. Gone if there is none, Invalid while properties are in it."""
        self._ask("write", self._sdk.crm.properties.groups_api.archive, kind, name, about=f"{kind}.{name}")

    def list_id(self, type_id: str, name: str) -> str | None:
        """The id of the list of that name, of one kind of object; None if there is none."""
        try:
            answer = self._ask("definition", self._sdk.crm.lists.lists_api.get_by_name, name, type_id, about="list")
        except Gone:
            return None
        found = answer.get("list") if isinstance(answer, dict) else None
        if not isinstance(found, dict) or "listId" not in found:
            raise self._half("list", None)
        return str(found["listId"])

    def create_list(self, definition: Json) -> None:
        """Make a list that HubSpot keeps up to date."""
        self._ask("write", self._sdk.crm.lists.lists_api.create, definition, about="list")

    def delete_list(self, list_id: str) -> None:
        """Take a list away; HubSpot can restore it for 90 days."""
        self._ask("write", self._sdk.crm.lists.lists_api.remove, list_id, about="list")

    def pipelines(self, kind: str, stream: str | None = None) -> list[Json]:
        """The pipelines of deals or tickets, with their stages."""
        door = self._sdk.crm.pipelines.pipelines_api.get_all
        return self._results(
            self._ask("definition", door, kind, about=f"{kind} pipelines", stream=stream), kind, stream
        )

    # everything else --------------------------------------------------------------------------------------------------

    def owners(self, reason: str, after: str | None, *, archived: bool, stream: str | None = None) -> Rows:
        """Up to 100 of the seller's own people."""
        door = self._sdk.crm.owners.owners_api.get_page
        return self._page(
            reason, door, about="owners", stream=stream, limit=LIST_PAGE, archived=archived, **_from(after)
        )

    def forms(self, after: str | None, *, archived: bool, stream: str | None = None) -> Rows:
        """Up to 100 forms with their fields: pop-ups, blog comments and captured HTML forms too, which must be asked for."""
        door, few = self._sdk.marketing.forms.forms_api.get_page, {"limit": LIST_PAGE, **_from(after)}
        return self._page(
            "definition", door, about="forms", stream=stream, form_types=["all"], archived=archived, **few
        )

    def submissions(self, form: str, after: str | None, stream: str | None = None) -> Rows:
        """Up to 50 submissions of a form, newest first. The SDK has no method for them."""
        path = f"/form-integrations/v1/submissions/forms/{form}"
        params = {"limit": SUBMISSIONS_PAGE, **_from(after)}
        answer = self._bare("window", path, about="form submissions", stream=stream, params=params)
        return Rows(self._results(answer, "form submissions", stream), next_of(answer))

    def granted(self) -> frozenset[str] | None:
        """The scopes of the token; None where HubSpot does not tell, as of a token that is no private app's.

        Source: https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview (token in body and header; no scope needed).
        """
        token = self.settings.access_token
        body = {"tokenKey": token.get_secret_value() if token else ""}
        try:
            answer = self._bare("definition", TOKEN_INFO, about="token", method="POST", body=body)
        except (RecordRejected, Invalid):
            return None
        scopes = answer.get("scopes")
        return frozenset(map(str, scopes)) if isinstance(scopes, list) else None

    # sending ----------------------------------------------------------------------------------------------------------

    def _api(self, package: Any, name: str, config: Json) -> Any:
        """The SDK's hook for building the API of a package: one client each, which sends through our session."""
        if package.__name__ not in self._clients:
            configuration = package.Configuration(host=config["host"])
            configuration.access_token = config["access_token"]
            self._clients[package.__name__] = _sending(package.ApiClient, self._session)(configuration)
        return getattr(package, name)(api_client=self._clients[package.__name__])

    def _bare(
        self,
        reason: str,
        path: str,
        *,
        about: str,
        stream: str | None = None,
        method: str = "GET",
        params: Json | None = None,
        body: Json | None = None,
    ) -> Json:
        """A request for which the SDK has no method, through its client all the same."""
        call = self._sdk.crm.objects.basic_api.api_client.call_api
        more = {
            "query_params": list((params or {}).items()),
            "body": body,
            "auth_settings": ["oauth2"],
            "header_params": JSON,
        }
        answer = self._ask(reason, call, path, method, about=about, stream=stream, **more)
        if not isinstance(answer, dict):
            raise self._half(about, stream)
        return answer

    def _ask(
        self, reason: str, call: Callable[..., Any], *given: Any, about: str, stream: str | None = None, **params: Any
    ) -> Any:
        """The decoded answer. Retryable where the day's calls, or this run's, are used up, before the call; else what the refusal asks for."""
        self._mind_the_quota(stream)
        self.calls[reason] += 1
        try:
            response: requests.Response = call(*given, _preload_content=False, **params)
        except requests.RequestException as error:
            message = f"{about}: no answer from HubSpot ({type(error).__name__}); the next run tries again"
            raise Retryable(message, after=60, vendor=VENDOR, stream=stream) from None
        if response.status_code >= 300:
            raise refusal(response, about=about, stream=stream, zone=self._zone)
        if response.status_code == 204:
            return None
        try:
            return decoded(response)
        except ValueError:
            raise self._half(about, stream) from None

    def _page(
        self, reason: str, call: Callable[..., Any], *given: Any, about: str, stream: str | None, **params: Any
    ) -> Rows:
        answer = self._ask(reason, call, *given, about=about, stream=stream, **params)
        return Rows(self._results(answer, about, stream), next_of(answer))

    def _results(self, answer: Any, about: str, stream: str | None = None) -> list[Json]:
        """The rows of an answer. Refuses what is no list of objects: half a result looks like a whole one."""
        rows = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(rows, list) or not {*map(type, rows)} <= {dict}:
            raise self._half(about, stream)
        return rows

    def _half(self, about: str, stream: str | None) -> Retryable:
        message = f"{about}: the answer is not what was asked for; the next run tries again"
        return Retryable(message, after=SOON, vendor=VENDOR, stream=stream)

    def _note(self, response: requests.Response) -> None:
        """Remember the quota, which only the raw answer tells; searches and OAuth tokens do not tell it."""
        daily = response.headers.get("X-HubSpot-RateLimit-Daily", "")
        left = response.headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if daily.isdigit() and left.isdigit():
            self.used = int(daily) - int(left), int(daily)
            self._resets_in = until_midnight(response, self._zone)

    def _mind_the_quota(self, stream: str | None) -> None:
        if self.used is None:
            return
        if message := self.settings.reached(*self.used, self.calls.total(), "portal"):
            raise Retryable(message, after=self._resets_in, vendor=VENDOR, stream=stream)


def _sending(client: Any, through: requests.Session) -> Any:
    """The SDK's client of one package, with another way out."""

    class Sending(client):  # type: ignore[misc]  # the SDK has no types
        def sanitize_for_serialization(self, obj: Any) -> Any:
            return obj  # ours is JSON already; the SDK would look for its models in every value of it

        def request(
            self,
            method: str,
            url: str,
            query_params: Any = None,
            headers: Any = None,
            body: Any = None,
            **_: Any,
        ) -> requests.Response:
            data = None if body is None else orjson.dumps(body)
            return through.request(method, url, params=query_params, headers=headers, data=data)

    return Sending


def next_of(answer: Json) -> str | None:
    """Where the next page starts; None behind the last."""
    paging = answer.get("paging")
    if not paging:
        return None
    after = (paging.get("next") or {}).get("after")
    return None if after is None else str(after)


def _from(after: str | None) -> Json:
    return {"after": after} if after else {}


def _zone(name: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        return None


def signature(secret: str, method: str, url: str, body: str, timestamp: str) -> str:
    """What HubSpot writes into X-HubSpot-Signature-v3 of such a request."""
    return str(Signature.get_signature(secret, body, "v3", url, method, timestamp))
