"""100,000 contacts through Bulk 2.0, killed once: exact in rows, values and deletions, by one job."""

import json
import subprocess
import sys
from datetime import timedelta

import orjson
import pytest

from pipelines.ingest.lake import Lake
from sandbox.salesforce.ids import make_id
from tests.connectors.salesforce.conftest import stamp
from tests.stores import new_store

MANY = 100_000
COMPARED = ("LastName", "FirstName", "Email", "Description", "DoNotCall", "Birthdate", "CreatedDate", "SystemModstamp")


def run(practice, folder, death=0):
    """One pull in a process of its own; None if it died."""
    now = practice.clock.now().isoformat()
    command = [
        sys.executable,
        "-m",
        "tests.connectors.salesforce.pulling",
        practice.sandbox.url,
        str(folder),
        now,
        str(death),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # our own module
    assert (done.returncode == 0) == (death == 0), done.stderr
    return None if death else json.loads(done.stdout)


def jobs(practice):
    return sum(entry.method == "POST" and entry.path.endswith("/jobs/query") for entry in practice.sandbox.log.entries)


def truth(practice):
    """What the org holds, by id: values as JSON shows them, and whether it is in the bin."""
    columns = ", ".join(f'"{name}"' for name in (*COMPARED, "IsDeleted"))
    rows = practice.sandbox.state.tables.run(f'SELECT "Id", {columns} FROM "Contact"')  # noqa: S608  # names of the schema
    flag = COMPARED.index("DoNotCall") + 1
    return {row[0]: ((*row[1:flag], bool(row[flag]), *row[flag + 1 : -1]), bool(row[-1])) for row in rows}


def landed(folder):
    """What the lake holds, in the same shape."""
    rows = (
        Lake.open(str(folder / "lake")).latest("salesforce", "contacts").select("id", "payload", "deleted").to_pyarrow()
    )
    found = {}
    for row in rows.to_pylist():
        payload = orjson.loads(row["payload"])
        found[row["id"]] = (tuple(payload[name] for name in COMPARED), row["deleted"])
    return found


@pytest.mark.slow
def test_a_hundred_thousand_contacts_come_exactly_though_the_pull_is_killed(practice, tmp_path):
    """Then a sweep weeks later brings what no stamp tells, and lands that alone."""
    folder, at = tmp_path / "pull", practice.clock.now() - timedelta(days=3)
    folder.mkdir()
    new_store(folder)
    state, when = practice.sandbox.state, stamp(at)
    state.insert_many(
        "Contact",
        (
            {"Id": make_id("003", number), "LastName": f"Ünï \"{number}\"", "FirstName": "NA", "Email": f"p{number}@kolbe.example",
             "Description": f"line one,\nline two of {number}\n" + "words " * 20, "DoNotCall": number % 3 == 0, "IsDeleted": number % 5000 == 0,
             "Birthdate": f"19{number % 90 + 10}-05-06", "CreatedDate": when, "LastModifiedDate": when, "SystemModstamp": when}
            for number in range(1, MANY + 1)
        ),
    )  # fmt: skip
    run(practice, folder, death=11)
    load = run(practice, folder)
    assert jobs(practice) == 1
    assert landed(folder) == truth(practice)
    gone = [make_id("003", number) for number in (7, 50_000 - 1, MANY - 1)]
    for record in gone:
        state.hard_delete("Contact", record)
    state.recalculate("Contact", make_id("003", 8), {"Description": "what a formula shows now"})
    practice.clock.advance(timedelta(days=40))
    before = truth(practice)
    second = run(practice, folder)
    assert second["rows"] == len(gone) + 1
    after = landed(folder)
    assert {record for record, (_, deleted) in after.items() if deleted} == {
        *gone, *(record for record, (_, deleted) in before.items() if deleted),
    }  # fmt: skip
    assert {record: row for record, row in after.items() if record in before} == before
    sys.stdout.write(f"\nthe load, from where it died: {load}\nthe sweep, weeks later: {second}\n")
