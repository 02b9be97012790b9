"""The vendor contract, read as sentences: every connector that the registry finds must keep it."""

import re
import string
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors
from connectors.base import Connector, Stream
from connectors.errors import ConnectorError, Fatal
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from models.facts import FACTS
from models.keys import RecordKey
from models.records import Record

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CONNECTORS = list(connectors_by_name().values())
STREAMS = [(connector, stream) for connector in CONNECTORS for stream in connector.streams]

vendors = pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
streams = pytest.mark.parametrize(
    ("connector", "stream"), STREAMS, ids=[f"{connector.name}/{stream.name}" for connector, stream in STREAMS]
)

NAMES = re.compile(r'"([A-Za-z_.]+)"')
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
    ["2026-05-09T10:00:00.000+0000", "2026-05-09", "0001-01-01T00:00:00+14:00", "dana@kolbe.example", "00QA", "003A", "\ud800"]
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def words_of(vendor: str) -> list[str]:
    """Names that the vendor's code mentions, so that arbitrary payloads hit the fields it reads."""
    sources = [path.read_text("utf-8") for root in connectors.__path__ for path in (Path(root) / vendor).glob("*.py")]
    return sorted({part for source in sources for text in NAMES.findall(source) for part in text.split(".")})


def test_there_are_connectors_and_every_folder_is_one():
    """The registry is not empty, and names what the folders are called."""
    folders = {path.parent.name for root in connectors.__path__ for path in Path(root).glob("*/__init__.py")}
    assert folders == set(connectors_by_name()) != set()


@vendors
def test_a_connector_says_what_it_is(connector: Connector):
    """It has a label, a schedule of five parts, streams of distinct names, and a reading; 0 is that of lakes that kept none."""
    assert connector.label
    assert connector.reading > 0
    assert len(connector.schedule.split()) == 5
    assert connector.streams
    assert len(connector.streams_by_name) == len(connector.streams)


@vendors
def test_settings_name_the_variables_that_are_missing(connector: Connector, monkeypatch: pytest.MonkeyPatch):
    """An empty environment misses every required variable, each with the vendor's prefix."""
    for name in connector.settings.model_fields:
        monkeypatch.delenv(connector.settings.variable(name), raising=False)
    required = [connector.settings.variable(name) for name in connector.settings.required()]
    assert connector.settings().missing() == required != []


@vendors
def test_secrets_never_show(connector: Connector, monkeypatch: pytest.MonkeyPatch):
    """What sounds secret is a SecretStr and is not printed with the settings; a vendor of plain files has nothing secret."""
    fields = connector.settings.model_fields
    secret = {name for name in fields if "secret" in name or name.endswith("key") or "token" in name}
    assert secret == {name for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    for name in {*secret, *connector.settings.required()}:
        monkeypatch.setenv(connector.settings.variable(name), f"hush-{name}")
    shown = repr(connector.settings())
    assert not any(f"hush-{name}" in shown for name in secret)


@vendors
def test_opening_without_credentials_says_which_variable_to_set(connector: Connector, monkeypatch: pytest.MonkeyPatch):
    """The vendor is refused as a whole, in words that mend it."""
    for name in connector.settings.model_fields:
        monkeypatch.delenv(connector.settings.variable(name), raising=False)
    with pytest.raises(Fatal) as refused:
        connector.open(connector.settings(), FrozenClock(NOW))
    assert refused.value.credentials
    assert isinstance(refused.value, ConnectorError)
    assert all(variable in str(refused.value) for variable in connector.settings().missing())


@streams
def test_a_stream_is_described_in_a_plain_sentence(connector: Connector, stream: Stream):
    """Its name is a lower-case word, its facts are of the glossary."""
    assert set(stream.name) <= set(string.ascii_lowercase + string.digits + "_")
    assert stream.description[0].isupper()
    assert stream.description.endswith(".")
    assert set(stream.facts) <= set(FACTS)


@streams
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_payload_can_break_the_reading(connector: Connector, stream: Stream, data: st.DataObject):
    """Whatever arrives is read as declared facts or refused with a ValueError, never a crash."""
    payload = data.draw(st.dictionaries(st.sampled_from(words_of(connector.name)), values, max_size=30))
    record = Record(RecordKey(connector.name, "account", stream.object, "id-1"), NOW, payload)
    try:
        found = list(stream.translate(record))
    except ValueError:
        return
    assert {type(fact) for fact in found} <= set(stream.facts)
