"""Bad input gets one plain sentence that says what, where and how to mend it, the documented exit code, and no secret."""

import fcntl
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from sqlmodel import select

from connectors.salesforce import CONNECTOR as SALESFORCE
from models.operations import Rejection
from models.store import open_store, transaction
from pipelines.workspace import Workspace
from pipelines.write_back.ledger import Ledger
from sandbox.hubspot import ACCESS_TOKEN
from sandbox.salesforce.ids import make_id
from tests import stores

ROOT = Path(__file__).parents[2]

NOW = "2026-11-01T09:00:00.000+0000"
COMMANDS = [("run", "stitch"), ("show", "x@y.example"), ("plan",), ("apply", "x"), ("provision", "plan")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SIDECAR_ENGINE", "abacus", "unknown engine 'abacus'"),
        ("SIDECAR_LAKE", "ftp://host/lake", "unknown store 'ftp'"),
        ("SIDECAR_LAKE", "a-file", "cannot be made: File exists"),
        ("SIDECAR_LAKE", "/proc/nowhere", "cannot be made"),
        ("SIDECAR_HOME", "a-file/below", "SIDECAR_HOME"),
        ("SIDECAR_DATABASE_URL", "garbage wr0ng", "SIDECAR_DATABASE_URL is not a database URL"),
        ("SIDECAR_DATABASE_URL", "oracle9://u:wr0ng@h/d", "SIDECAR_DATABASE_URL is not a database URL"),
        ("SIDECAR_DATABASE_URL", "sqlite:////", "cannot be opened"),
        ("SIDECAR_DATABASE_URL", "sqlite:///a-file", "file is not a database"),
        ("SIDECAR_CLOCK", "a-file", "SIDECAR_CLOCK"),
        ("SIDECAR_WRITE_BACK_MAX_CHANGED_SHARE", "7", "SIDECAR_WRITE_BACK_MAX_CHANGED_SHARE cannot be used"),
        ("SIDECAR_ATTRIBUTION_LOOKBACK_DAYS", "0", "SIDECAR_ATTRIBUTION_LOOKBACK_DAYS cannot be used"),
        ("SIDECAR_CURRENCY", "euros", "SIDECAR_CURRENCY is 'euros'; write an ISO 4217 code"),
        ("SIDECAR_TEXT_RETENTION_DAYS", "soon", "SIDECAR_TEXT_RETENTION_DAYS cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_every_command_before_any_work(door, command, variable, value, said):
    """One sentence that names the variable; exit code 2; nothing on standard output."""
    (door.folder / "a-file").write_text("no database, no clock " * 100)
    door.set(**{variable: value})
    answer = door.ask(*command)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.said
    assert len(answer.err.strip().splitlines()) == 1


@pytest.mark.parametrize("answers", [False, True], ids=["unreachable", "without driver"])
def test_a_database_elsewhere_is_named_without_its_password(door, answers):
    """A server that is away, or whose driver is missing: what to do, never the password."""
    door.set(
        SIDECAR_DATABASE_URL="postgresql+psycopg://me:wr0ng@127.0.0.1:1/x" if answers else "postgresql://me:wr0ng@h/x"
    )
    answer = door.ask("show", "x@y.example")
    assert answer.code == 2
    assert "SIDECAR_DATABASE_URL" in answer.said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"STRIPE_API_KEY=x\nthis is no line\n", "Line 2 of the file .env"),
        (b'A="never closed\n', "Line 1 of the file .env"),
    ],
)
def test_an_unreadable_dotenv_is_said_and_not_passed_over(door, content, said):
    """Half a file of credentials would look like missing ones."""
    (door.folder / ".env").write_bytes(content)
    answer = door.ask("doctor")
    assert answer.code == 2
    assert said in answer.said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "pull_nothing"), "There is no job called pull_nothing; choose from pull_"),
        (("show", "nobody@nowhere.example"), "No person is known as 'nobody@nowhere.example'"),
        (("show", "x", "--purpose", "spying"), "--purpose"),
        (("apply", "no-such-plan"), "There is no plan no-such-plan"),
        (("demo", "--persons", "0"), "--persons"),
        (("dance",), "dance"),
        (("writes", "retry", "--since", "2026-03-02", "--until", "2026-03-01"), "--since is not before --until"),
        (("extract", "--dump-requests", "nowhere/requests.jsonl"), "There is no folder"),
        (("rules", "set", "internal", "email", "--why", "x", "--disable"), "choose the scope person or account"),
        (("rules", "reset", "internal", "--why", "x"), "choose the scope person or account"),
        (("sandbox", "--", "no-such-command-anywhere"), "no-such-command-anywhere"),
    ],
    ids=[
        "job",
        "person",
        "purpose",
        "plan",
        "persons",
        "command",
        "span",
        "folder",
        "scope",
        "scope to reset",
        "companion",
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_what_would(door, command, said):
    """Unknown job, person, purpose, plan, number, command: exit code 2."""
    if command[0] == "sandbox":
        (door.folder / ".env").write_text("STRIPE_API_KEY=x\n")
        said = "has a .env with real accounts"
    answer = door.ask(*command)
    assert answer.code == 2
    assert said in answer.said


def test_without_credentials_vendors_are_skipped_and_the_crm_is_asked_for(door):
    """`run` says which variable; what needs a CRM cannot be done without one."""
    outcomes = door.ask("run", "pull_salesforce", "pull_stripe", "--json")
    assert outcomes.code == 0
    assert [
        "SALESFORCE_CLIENT_ID" in one["skipped"] or "STRIPE_API_KEY" in one["skipped"] for one in outcomes.json
    ] == [
        True,
        True,
    ]
    for command in (("plan",), ("provision", "plan")):
        answer = door.ask(*command, "--json")
        assert (answer.code, answer.out) == (2, "")
        assert "SALESFORCE_CLIENT_SECRET" in answer.err


@pytest.mark.parametrize(
    "missing", ["SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "SALESFORCE_DOMAIN", "STRIPE_API_KEY"]
)
def test_doctor_names_the_variable_that_is_missing(door, missing):
    """One variable short, its vendor is skipped and the other one examined."""
    door.connect()
    door.environment.delenv(missing)
    answer = door.ask("doctor", "--json")
    vendor, other = ("Stripe", "Salesforce") if missing.startswith("STRIPE") else ("Salesforce", "Stripe")
    assert answer.code == 1
    (finding,) = answer.json[vendor]
    assert missing in finding["remedy"]
    assert answer.json[other][0]["ok"]


@pytest.mark.parametrize(
    ("variable", "value", "landed"),
    [
        ("SALESFORCE_CLIENT_SECRET", "wr0ng", "9 assets landed"),
        pytest.param("STRIPE_API_KEY", "sk_test_wr0ng", "13 assets landed", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_credential_stops_its_vendor_only_and_is_said_once(door, variable, value, landed):
    """The assets fail with the variable to check, in one line for all of them; the other vendor's land."""
    door.connect(**{variable: value})
    answer = door.ask("run", "pull_salesforce", "pull_stripe")
    assert answer.code == 1
    assert variable in answer.err
    assert answer.err.count("refused") == 1, answer.err
    assert landed in answer.said


def test_doctor_says_which_credential_was_refused(door):
    """A wrong app, secret or key is a finding that names its variable."""
    door.connect(SALESFORCE_CLIENT_ID="somebody-else", STRIPE_API_KEY="sk_test_wr0ng")
    findings = door.ask("doctor", "--json")
    assert findings.code == 1
    assert [one["ok"] for one in findings.json["Salesforce"]] == [False]
    assert "SALESFORCE_CLIENT_ID" in findings.json["Salesforce"][0]["message"]
    assert "STRIPE_API_KEY" in findings.json["Stripe"][0]["message"]


@pytest.mark.parametrize(
    ("runs", "ok", "said"),
    [(1, True, "one at a time"), (8, False, "allows 8 runs at once"), (-1, False, "allows any number of runs at once")],
)
def test_doctor_says_when_more_runs_are_allowed_than_sqlite_serves(door, runs, ok, said):
    """Whether it is the store or Dagster's own storage, in the folder that DAGSTER_HOME names."""
    (door.folder / "dagster").mkdir()
    (door.folder / "dagster" / "dagster.yaml").write_text(
        f"storage: {{sqlite: {{base_dir: dagster}}}}\nconcurrency: {{runs: {{max_concurrent_runs: {runs}}}}}\n"
    )
    door.set(DAGSTER_HOME=str(door.folder / "dagster"))
    (finding,) = [one for one in door.ask("doctor", "--json").json["Workspace"] if one["subject"] == "runs"]
    assert finding["ok"] is ok
    assert said in finding["message"]
    assert ok or "SQLite" in finding["message"]


@pytest.mark.skipif(not stores.SERVER, reason="needs SIDECAR_TEST_DATABASE_URL: Dagster's storage on PostgreSQL")
def test_on_postgresql_doctor_and_run_use_the_production_file(door, tmp_path):
    """Eight runs at once are fine there, and `sidecar run` is recorded where Dagster's own runs are."""
    door.set(DAGSTER_HOME=str(ROOT / "deploy"), DAGSTER_PG_URL=stores.dagster_url(tmp_path))
    (finding,) = [one for one in door.ask("doctor", "--json").json["Workspace"] if one["subject"] == "runs"]
    assert (finding["ok"], finding["message"]) == (True, "8 at once")
    (outcome,) = door.ask("run", "stitch", "--json").json
    with dg.DagsterInstance.from_config(str(ROOT / "deploy")) as instance:
        assert instance.get_run_by_id(outcome["run_id"]).is_success


def test_storage_of_dagster_that_does_not_open_is_said(door):
    """`run` says it in one sentence that names the file; doctor has it as a finding."""
    door.set(DAGSTER_HOME=str(ROOT / "deploy"))
    door.environment.delenv("DAGSTER_PG_URL", raising=False)
    answer = door.ask("run", "stitch")
    assert (answer.code, answer.out) == (2, "")
    assert "deploy/dagster.yaml cannot be used" in answer.said
    assert [one["ok"] for one in door.ask("doctor", "--json").json["Workspace"] if one["subject"] == "runs"] == [False]


def test_a_setting_of_one_vendor_that_cannot_be_used_skips_that_vendor(door):
    """A prefix that Salesforce would refuse is a finding of its own; nothing else stops."""
    door.connect(SALESFORCE_FIELD_PREFIX="9 lives")
    findings = door.ask("doctor", "--json")
    assert findings.code == 1
    assert "SALESFORCE_FIELD_PREFIX cannot be used" in findings.json["Salesforce"][0]["message"]
    outcomes = door.ask("run", "pull_salesforce", "--json")
    assert "SALESFORCE_FIELD_PREFIX" in outcomes.json[0]["skipped"]


@pytest.mark.slow
def test_a_hidden_object_stops_its_stream_only(door):
    """The asset says which permission is missing, the other streams land, and doctor says how to grant it."""
    door.connect()
    door.salesforce.state.security.hide("Case")
    (outcome,) = door.ask("run", "pull_salesforce", "--json").json
    assert "Read on Case" in outcome["failures"]["salesforce/cases"]
    assert "salesforce/contacts" in outcome["assets"]
    refused = [one for one in door.ask("doctor", "--json").json["Salesforce"] if one["subject"] == "cases"]
    assert [(one["ok"], "Permission Sets" in one["remedy"]) for one in refused] == [(False, True)]


@pytest.mark.slow
def test_a_restricted_key_without_a_permission_stops_its_streams_only(door):
    """Doctor and the asset name what to set in the Dashboard; so does doctor where a figure is less exact without it."""
    door.connect(STRIPE_API_KEY="rk_test_wr0ng")
    every = {"rak_accounts_kyc_basic_read", "rak_customer_read", "rak_subscription_read", "rak_invoice_read", "rak_charge_read",
             "rak_product_read", "rak_plan_read", "rak_balance_transaction_source_read", "rak_event_read", "rak_billing_clock_read"}  # fmt: skip
    door.stripe.state.add_key("rk_test_wr0ng", permissions=every)
    (outcome,) = door.ask("run", "pull_stripe", "--json").json
    assert set(outcome["failures"]) == {"stripe/disputes"}
    assert "Disputes to Read" in outcome["failures"]["stripe/disputes"]
    findings = {one["subject"]: one for one in door.ask("doctor", "--json").json["Stripe"]}
    assert [name for name, one in findings.items() if not one["ok"]] == ["disputes", "coupons", "credit_notes"]
    assert "Disputes to Read" in findings["disputes"]["remedy"]


def stamps() -> dict[str, str]:
    return dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), NOW)


def test_surprising_records_are_kept_and_the_rest_flows(door):
    """Absurd dates, huge texts, odd characters, negative amounts, unknown words: landed, rejected with a reason or read, never fatal."""
    door.connect()
    org, account = door.salesforce.state, door.stripe.state
    ids = iter(range(1, 1_000))
    org.insert_many(
        "Contact",
        [
            {"Id": make_id("003", next(ids)), "LastName": name, "Email": f"odd{number}@kolbe.example", **stamps()}
            for number, name in enumerate(
                ("Plain", "😀" * 20, "\u202eRTL", 'O\'Neil "x"', "a\x01b", "''; drop table", "[red]bold[/red]")
            )
        ],
    )
    who = make_id("003", 1)
    org.insert_many(
        "Task", [{"Id": make_id("00T", 1), "WhoId": who, "Subject": "Call", "Description": "x" * 32_000, **stamps()}]
    )
    org.insert_many(
        "Opportunity",
        [
            {"Id": make_id("006", 1), "Name": "Past", "StageName": "Unheard of", "CloseDate": "1700-01-01", "Amount": -5.5, **stamps()},
            {"Id": make_id("006", 2), "Name": "Far", "StageName": "Prospecting", "CloseDate": "4000-12-31", "Amount": 9e15, **stamps()},
        ],
    )  # fmt: skip
    created = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())
    account.insert_many(
        [
            {"id": "cus_1", "object": "customer", "created": created, "name": "nul\x00byte", "email": "odd0@kolbe.example"},
            {"id": "cus_2", "object": "customer", "created": created, "name": "\uffff not a character"},
            {"id": "cus_3", "object": "customer", "created": 1, "email": "no address"},
            {"id": "ch_1", "object": "charge", "created": created, "amount": -5, "currency": "eur", "status": "succeeded", "customer": "cus_1"},
            {"id": "ch_2", "object": "charge", "created": created, "amount": 5, "currency": "doubloons", "status": "succeeded", "customer": "cus_1"},
            {"id": "ch_3", "object": "charge", "created": created, "amount": 700, "currency": "eur", "status": "succeeded", "paid": True,
             "captured": True, "amount_captured": 700, "customer": "cus_1"},
        ]
    )  # fmt: skip
    done = door.ask("run", "pull_salesforce", "pull_stripe", "stitch", "--json")
    assert done.code == 0, done.said
    assert [one["failures"] for one in done.json] == [{}, {}, {}]
    with Workspace.from_environment() as workspace, transaction(workspace.store) as session:
        reasons = [row.reason for row in session.exec(select(Rejection))]
    assert workspace.lake.latest("salesforce", "contacts").count().to_pyarrow().as_py() == 7
    assert workspace.lake.latest("stripe", "customers").count().to_pyarrow().as_py() == 3
    assert workspace.lake.latest("stripe", "charges").count().to_pyarrow().as_py() == 3
    assert reasons
    assert not [reason for reason in reasons if "kolbe" in reason or "doubloons" in reason]
    shown = door.ask("show", "odd0@kolbe.example", "--json")
    assert shown.code == 0
    assert len(shown.json["records"]) == 2
    assert door.ask("show", make_id("003", 7)).code == 0


@pytest.mark.slow
def test_somebody_with_no_beliefs_is_shown(door):
    """Nothing to say is said; the e-mail address in any case finds the person, and an unknown one does not."""
    door.connect()
    door.salesforce.state.insert_many(
        "Contact", [{"Id": make_id("003", 1), "LastName": "Quiet", "Email": "quiet@kolbe.example", **stamps()}]
    )
    assert door.ask("run", "pull_salesforce", "stitch").code == 0
    shown = door.ask("show", "QUIET@Kolbe.example")
    assert shown.code == 0
    assert "nothing we have words for" in shown.out
    assert door.ask("show", "quiet@kolbe.example", "--json").json["beliefs"] == []


def test_two_runs_at_once_the_second_says_so(door):
    """One of them works, the other one leaves at once with 1."""
    home = door.folder / ".sidecar" / "dagster"
    home.mkdir(parents=True)
    with (home / "sidecar.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = door.ask("run", "pull_stripe")
    assert answer.code == 1
    assert "Another `sidecar run` is at work" in answer.said
    assert door.ask("run", "pull_stripe").code == 0


def test_two_write_backs_at_once_the_second_says_so(door):
    """Planning and applying wait for nobody: 1 and a sentence."""
    door.connect()
    with Workspace.from_environment() as workspace:
        crm = SALESFORCE.open_crm(SALESFORCE.settings(), workspace.clock)
        with Ledger.of(workspace.store, "salesforce", crm).alone():
            answer = door.ask("plan", "--json")
    assert (answer.code, answer.json) == (1, [])
    assert "another run is writing back to salesforce" in answer.err


def test_a_crm_that_refuses_stops_no_other(door, hubspot_sandbox):
    """The other one is planned and provisioned; why one was not is said, with exit code 1."""
    hubspot = {"HUBSPOT_BASE_URL": hubspot_sandbox.url, "HUBSPOT_ACCESS_TOKEN": ACCESS_TOKEN}
    door.connect(SALESFORCE_CLIENT_SECRET="wr0ng", **hubspot)
    for command in (("provision", "apply"), ("plan",)):
        answer = door.ask(*command, "--json")
        assert answer.code == 1
        assert "SALESFORCE_CLIENT_SECRET" in answer.err
        assert "hubspot" in str(answer.json)


def test_a_plan_is_applied_once(door):
    """A second apply of the same plan is refused in words, with 1; so is one that a newer plan took over."""
    door.connect()
    old, new = (door.ask("plan", "--json").json[0]["id"] for _ in range(2))
    assert door.ask("apply", new, "--json").json["failed"] == 0
    for plan in (old, new):
        answer = door.ask("apply", plan)
        assert answer.code == 1
        assert plan in answer.said
        assert len(answer.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_every_json_is_one_document_on_standard_output(door):
    """Whatever is asked with --json, a machine can read the answer; bars and warnings go elsewhere."""
    door.connect()
    for command in (("provision", "plan"), ("doctor",), ("plan",), ("run", "stitch")):
        answer = door.ask(*command, "--json")
        assert answer.json is not None, command


def test_a_sqlite_store_in_use_by_another_program_is_waited_for_and_not_broken(door):
    """A lock on the file that goes away in time is no failure."""
    door.environment.delenv("SIDECAR_DATABASE_URL", raising=False)
    open_store(f"sqlite:///{door.folder / '.sidecar' / 'store.db'}").dispose()
    held = sqlite3.connect(door.folder / ".sidecar" / "store.db")
    held.execute("begin")
    held.execute("select count(*) from belief")
    assert door.ask("show", "nobody@nowhere.example").code == 2
    held.close()
