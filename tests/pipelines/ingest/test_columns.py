"""How the columns of a stream change, and how long it is remembered."""

from datetime import timedelta

from connectors.errors import Retryable
from pipelines.ingest.columns import WARNED_FOR, ColumnChange, lately_lost, note_columns
from tests.pipelines.ingest.scripted import NOW, ScriptedSource, version

DAY = timedelta(days=1)
AT_FIRST = {"Name": "string", "Amount": "currency", "Größe__c": "double"}


def note(place, told, at=NOW, account="acct"):
    return note_columns(place.store, "paper", account, "people", told, at)


def lost(place, at=NOW):
    return lately_lost(place.store, "paper", "people", at)


def test_the_first_time_nothing_has_changed(place):
    """Whatever a vendor tells first is how it is; told again, it still is."""
    assert note(place, AT_FIRST) == note(place, AT_FIRST) == lost(place) == []


def test_added_vanished_and_retyped_are_told_apart(place):
    """Each with its types before and after; told once, then known."""
    note(place, AT_FIRST)
    now = {"Name": "textarea", "Amount": "currency", "Owner": "reference"}
    changes = note(place, now, NOW + DAY)
    assert changes == [
        ColumnChange("Größe__c", "double", None),
        ColumnChange("Name", "string", "textarea"),
        ColumnChange("Owner", None, "reference"),
    ]
    assert [change.kind for change in changes] == ["vanished", "retyped", "added"]
    assert note(place, now, NOW + 2 * DAY) == []


def test_what_was_lost_is_warned_of_for_a_week(place):
    """A new column takes nothing away; the others are named until the week is over."""
    note(place, AT_FIRST)
    note(place, {"Name": "textarea", "Amount": "currency", "Owner": "reference"})
    warned = [ColumnChange("Größe__c", "double", None), ColumnChange("Name", "string", "textarea")]
    assert lost(place, NOW + WARNED_FOR - DAY) == warned
    assert lost(place, NOW + WARNED_FOR) == []


def test_a_column_that_came_back_is_not_lost(place):
    """Whether it vanished or had another type meanwhile."""
    note(place, AT_FIRST)
    note(place, {"Name": "textarea", "Amount": "currency"})
    assert {change.kind for change in note(place, AT_FIRST, NOW + DAY)} == {"added", "retyped"}
    assert lost(place, NOW + DAY) == [ColumnChange("Name", "textarea", "string")]


def test_another_account_has_columns_of_its_own(place):
    """What one org has never had, it has not lost."""
    note(place, AT_FIRST)
    assert note(place, {"Name": "string"}, account="other") == []
    assert lost(place) == []


def test_a_pull_tells_what_changed_since_the_last_one(place):
    """The number of columns and the changes stand in its report."""
    ada = version("1", 1, name="Ada")
    place.pull(ScriptedSource([ada], told=AT_FIRST))
    report = place.pull(ScriptedSource([ada], told={"Name": "string", "Amount": "currency"}))
    assert report.columns == 2
    assert report.changes == [ColumnChange("Größe__c", "double", None)]


def test_a_vendor_that_does_not_tell_stops_nothing(place):
    """What was read has landed; the report holds the refusal, and no column counts as lost."""
    away = Retryable("no answer", after=1, vendor="paper", stream="people")
    place.pull(ScriptedSource([version("1", 1, name="Ada")], told=AT_FIRST, counted=1))
    report = place.pull(ScriptedSource([version("2", 2, name="Bo")], look_back=1, told=away, counted=away))
    assert report.rows == 1
    assert report.untold == ["paper/people: no answer"] * 2
    assert lost(place) == []
