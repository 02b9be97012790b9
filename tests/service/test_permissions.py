"""`sidecar doctor` with one permission taken away: it names that permission, and what will be missing.

What a vendor grants, and what it answers without it, is for the sandboxes to know; their own tests say from which page.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from connectors.hubspot import CONNECTOR as HUBSPOT
from connectors.meta_ads import CONNECTOR as META_ADS
from connectors.product_events import CONNECTOR as PRODUCT_EVENTS
from connectors.registry import connectors_by_name
from connectors.salesforce import CONNECTOR as SALESFORCE
from connectors.salesforce.diagnose import NEEDED
from connectors.stripe import CONNECTOR as STRIPE
from connectors.stripe.refusals import GRANTS
from sandbox.faults import Fault
from sandbox.hubspot.objects import OBJECTS
from sandbox.meta_ads import APP_ID, APP_SECRET
from sandbox.meta_ads.state import PERMISSIONS
from sandbox.stripe.resources import ACCOUNT_PERMISSION, RESOURCES
from service.commands import app
from tests import stores
from tests.conftest import Sandbox
from tests.connectors.meta_ads.conftest import BERLIN, Ground

LACK = ("missing", "hidden", "unknown", "unseen", "is not open", "nothing of")
"""Words by which a finding says what will not be there."""
DISABLED = [{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]

Finding = dict[str, Any]
Ask = Callable[[str, dict[str, str]], list[Finding]]


@dataclass(frozen=True)
class Removed:
    """One permission that is not there: the word for it that must be said, and subjects of findings that must not be well."""

    permission: str
    subjects: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def ask(tmp_path, monkeypatch) -> Ask:
    """Doctor in an empty folder, with the credentials of one vendor; gives what is not well with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            monkeypatch.delenv(connector.settings.variable(name), raising=False)
    for name, value in stores.variables(tmp_path / ".sidecar").items():
        monkeypatch.setenv(name, value)

    def asked(label: str, variables: dict[str, str]) -> list[Finding]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        answer = CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False)
        return [finding for finding in orjson.loads(answer.stdout)[label] if not finding["ok"]]

    return asked


def salesforce(box: Sandbox) -> Iterator[Removed]:
    """Objects and fields of a profile, one by one, and the right to use the API at all."""
    known = {
        "BASE_URL": box.url,
        "CLIENT_ID": "sidecar-sandbox",
        "CLIENT_SECRET": "sandbox-secret",
        "DOMAIN": "acme.my",
    }
    variables = {f"SALESFORCE_{name}": value for name, value in known.items()}
    yield Removed("", variables=variables)
    streams = {stream.object: stream.name for stream in SALESFORCE.streams}
    for name, stream in streams.items():
        for hidden in (name, *(f"{name}.{column}" for column in NEEDED.get(name, ()))):
            box.state.security.hide(hidden)
            yield Removed(hidden if "." in hidden else f"Read on {hidden}", {stream})
            box.state.security.show_all()
    box.faults.add(Fault(path=r"/services/data/", status=403, body=DISABLED))
    yield Removed("API Enabled")


def hubspot(box: Sandbox) -> Iterator[Removed]:
    """Scopes of a private app that reading needs."""
    yield Removed("", variables={"HUBSPOT_BASE_URL": box.url, "HUBSPOT_ACCESS_TOKEN": "pat-all"})
    kinds = {one.path: one for one in OBJECTS}
    read = [kinds[stream.name] for stream in HUBSPOT.streams if stream.name in kinds]
    scopes = {scope for one in read for scope in (*one.read, *one.property_scopes("read"))}
    scopes |= {"crm.objects.owners.read", "forms"}
    box.state.add_token("pat-all", scopes=scopes)
    for number, scope in enumerate(sorted(scopes)):
        box.state.add_token(f"pat-{number}", scopes=scopes - {scope})
        yield Removed(scope, variables={"HUBSPOT_ACCESS_TOKEN": f"pat-{number}"})


def stripe(box: Sandbox) -> Iterator[Removed]:
    """Permissions of a restricted key; what each covers is what the sandbox serves with it."""
    yield Removed("", variables={"STRIPE_BASE_URL": box.url, "STRIPE_API_KEY": "sk_test_sandbox"})
    everything = {one.permission for one in RESOURCES.values()} | {ACCOUNT_PERMISSION}
    needed = {stream.name for stream in STRIPE.streams} | {"events"}
    for number, permission in enumerate(sorted(everything)):
        box.state.add_key(f"rk_test_{number}", permissions=everything - {permission})
        covered = {name for name, one in RESOURCES.items() if one.permission == permission} & needed
        said = GRANTS["account"] if permission == ACCOUNT_PERMISSION else GRANTS[min(covered)] if covered else None
        if said:
            yield Removed(said, covered, {"STRIPE_API_KEY": f"rk_test_{number}"})


def meta_ads(box: Sandbox) -> Iterator[Removed]:
    """Scopes of a system user's token."""
    ground = Ground(box)
    ground.account(BERLIN, "Europe/Berlin", "EUR")
    ground.ad("1")
    yield Removed(
        "",
        variables={
            "META_ADS_BASE_URL": box.url,
            "META_ADS_APP_ID": APP_ID,
            "META_ADS_APP_SECRET": APP_SECRET,
            "META_ADS_ACCESS_TOKEN": "EAAsandbox",
        },
    )
    for number, permission in enumerate(sorted(PERMISSIONS)):
        box.state.add_token(f"EAA{number}", permissions=PERMISSIONS - {permission})
        yield Removed(permission, variables={"META_ADS_ACCESS_TOKEN": f"EAA{number}"})


WARDS = [(SALESFORCE, salesforce), (HUBSPOT, hubspot), (STRIPE, stripe), (META_ADS, meta_ads)]


@pytest.mark.parametrize(("connector", "removals"), WARDS, ids=lambda value: getattr(value, "name", ""))
def test_each_permission_that_is_missing_is_named_with_what_it_costs(ask, request, connector, removals):
    """Taken away one at a time, all others being there."""
    box = request.getfixturevalue(f"{connector.name}_sandbox")
    taken = iter(removals(box))
    well = ask(connector.label, next(taken).variables)
    short = {}
    for removed in taken:
        findings = [one for one in ask(connector.label, removed.variables) if one not in well]
        if not named(removed, findings):
            short[removed.permission] = findings
    assert short == {}


def named(removed: Removed, findings: list[Finding]) -> bool:
    """Whether the findings tell the permission and what will not be there, of every subject that hangs on it."""
    told = [one for one in findings if removed.permission in f"{one['message']} {one['remedy']}"]
    lacking = {one["subject"] for one in told if any(word in one["message"] for word in LACK)}
    return bool(lacking) and removed.subjects <= lacking


def test_a_folder_that_is_not_there_is_named(ask, tmp_path):
    """With the variable that names it."""
    (finding,) = ask(PRODUCT_EVENTS.label, {"PRODUCT_EVENTS_URL": str(tmp_path / "nowhere")})
    assert "PRODUCT_EVENTS_URL" in finding["message"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
@pytest.mark.parametrize("closed", ["", "talks", "a.jsonl"])
def test_what_may_not_be_read_of_a_folder_is_named(ask, tmp_path, closed):
    """The folder itself, one below it, or a file: who must be let in, and where."""
    folder = tmp_path / "events"
    (folder / "talks").mkdir(parents=True)
    (folder / "a.jsonl").write_text("{}\n")
    (folder / closed).chmod(0)
    findings = ask(PRODUCT_EVENTS.label, {"PRODUCT_EVENTS_URL": str(folder)})
    (folder / closed).chmod(0o700)
    assert any("read access" in f"{one['message']} {one['remedy']}" for one in findings)
