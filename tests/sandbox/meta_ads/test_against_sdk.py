"""All that a whole pull asks and is answered, held against what Meta's own SDK says of it: fields, enums and types.

Source: the generated classes of facebook_business (Field, _field_types and the enums), which Meta makes from the API's own schema. The
SDK itself only warns at a name it does not know, and sends it all the same.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.lead import Lead
from facebook_business.adobjects.leadgenform import LeadgenForm
from facebook_business.adobjects.page import Page

from connectors.errors import Unsupported
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.pull import MetaAdsSource
from models.clock import FrozenClock
from sandbox.core import Context
from sandbox.meta_ads.app import create_app
from sandbox.meta_ads.params import names
from tests.conftest import Sandbox
from tests.connectors.meta_ads.conftest import BERLIN, NOW, Ground, Puller

EDGES = {
    "adaccounts": AdAccount, "accounts": Page, "campaigns": Campaign, "adsets": AdSet, "ads": Ad, "adcreatives": AdCreative,
    "insights": AdsInsights, "leads": Lead, "leadgen_forms": LeadgenForm,
}  # fmt: skip
NODES = {
    "act_": AdAccount,
    "c": Campaign,
    "s": AdSet,
    "60000": AdReportRun,
    "9": Lead,
    "f": LeadgenForm,
    "5": AdCreative,
    "": Ad,
}
"""What an id is of, by how it begins in this test."""
IDS = {"campaigns": ["c1"], "adsets": ["s1"], "ads": ["1", "2"], "creatives": ["5"], "leads": ["91", "92", "93"]}
INSIGHTS = {
    "level": AdsInsights.Level,
    "breakdowns": AdsInsights.Breakdowns,
    "action_attribution_windows": AdsInsights.ActionAttributionWindows,
}
PYTHON = {
    "string": str,
    "bool": bool,
    "datetime": str,
    "int": (int, str),
    "unsigned int": (int, str),
    "float": (int, float, str),
}


@dataclass
class Call:
    """One call, or one part of a batch, and its answer."""

    method: str
    path: str
    params: dict[str, str]
    answer: Any

    @property
    def kind(self) -> Any:
        """The SDK's class of what is asked for."""
        *_, edge = ["", *(part for part in self.path.split("/") if part and not part.startswith("v26"))]
        return EDGES.get(edge) or next(found for begin, found in NODES.items() if edge.startswith(begin))


@dataclass
class Recorder:
    """Stands before the sandbox and writes everything down."""

    app: Any
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked, told = bytearray(), bytearray()

        async def listen() -> Any:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def tell(message: Any) -> None:
            told.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, listen, tell)
        params = dict(parse_qsl(scope["query_string"].decode())) | dict(parse_qsl(asked.decode()))
        self.calls += self._calls(scope["method"], scope["path"], params, orjson.loads(bytes(told)))

    def _calls(self, method: str, path: str, params: dict[str, str], answer: Any) -> Iterator[Call]:
        if "batch" not in params:
            yield Call(method, path, params, answer)
            return
        for part, said in zip(orjson.loads(params["batch"]), answer, strict=True):
            url = urlsplit(part["relative_url"])
            yield Call(part["method"], url.path, dict(parse_qsl(url.query)), orjson.loads(said["body"]))


@pytest.fixture
def calls(tmp_path: Any, clock: FrozenClock, serve: Any) -> list[Call]:
    """Every call of a pull of all streams, and of the port's other doors, over accounts with something of everything."""
    context = Context(tmp_path, clock)
    app = create_app(context)
    recorder = Recorder(app)
    puller = Puller(Sandbox(serve(recorder), app.state.store, context), clock)
    ground = Ground(puller.sandbox)
    ground.account(BERLIN, "Europe/Berlin", "EUR")
    ground.ad("1")
    ground.ad("2", status="DELETED")
    actions = [{"action_type": "link_click", "value": "12"}]
    for number in range(1, 30):
        ground.day("1", f"2026-10-{number:02d}", "14.35", actions=actions, action_values=actions)
    ground.page("777", "f1")
    ground.lead("91", "1", "2026-10-25T10:00:00+0000", email="dana@kolbe.example")
    ground.lead("92", None, "2026-10-25T10:00:00+0000", email="rosa@kolbe.example")
    ground.sandbox.state.insert_many(
        "adcreative", [{"id": "5", "account_id": BERLIN, "name": "Blue", "url_tags": "a=b"}]
    )
    for stream in CONNECTOR.streams:
        puller.pull(stream.name)
        puller.pull(stream.name)
        for ask in (
            partial(MetaAdsSource.count, puller.open(), stream),
            partial(MetaAdsSource.read, puller.open(), stream, IDS.get(stream.name, [])),
            lambda stream=stream: list(puller.open().between(stream, NOW - timedelta(days=30), NOW, None)),
        ):
            with suppress(Unsupported):
                ask()
    assert all(finding.ok for finding in puller.open().diagnose(CONNECTOR.streams))
    app.state.store.close()
    return [call for call in recorder.calls if "debug_token" not in call.path]


def test_a_whole_pull_speaks_the_sdks_words(calls: list[Call]) -> None:
    """Every field, level, window and state that is sent is one of the SDK's, and none of those that died on the server."""
    kinds = {call.kind for call in calls}
    assert kinds >= set(EDGES.values()) | {AdReportRun}
    for call in calls:
        fields = call.params.get("fields", "").strip('[]"').replace('","', ",").split(",")
        assert set(fields) - {""} <= names(call.kind.Field), call.path
        for name, enum in INSIGHTS.items() if call.kind is AdsInsights else ():
            given = call.params.get(name, "[]")
            assert set(orjson.loads(given) if given.startswith("[") else [given]) <= names(enum) - {
                "dma",
                "28d_view",
                "7d_view",
            }
        if "effective_status" in call.params:
            assert set(orjson.loads(call.params["effective_status"])) <= names(call.kind.EffectiveStatus)
        for one in orjson.loads(call.params.get("filtering", "[]")):
            *_, of = one["field"].split(".")
            assert of in names(call.kind.Field) | {"time_created", "id", "effective_status"}


def test_the_sandbox_answers_in_the_sdks_words_and_types(calls: list[Call]) -> None:
    """Every key is a field of the SDK's class, and every value of the type that the SDK gives it."""
    seen = 0
    for call in calls:
        answer = call.answer
        if "error" in answer:
            assert answer["error"].keys() >= {"message", "type", "code", "fbtrace_id"}
            continue
        if call.method == "POST":
            assert answer.keys() == {"report_run_id"}
            continue
        for row in answer.get("data", [answer]):
            seen += 1
            assert row.keys() <= names(call.kind.Field) | names(AdsInsights.Breakdowns), call.path
            for name, value in row.items():
                assert isinstance(value, _type(call.kind, name)), (call.path, name, value)
    assert seen > 100


def _type(kind: Any, name: str) -> Any:
    told = kind._field_types.get(name, "string")
    return list if told.startswith("list") else PYTHON.get(told, (str, int, dict))
