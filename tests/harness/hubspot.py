"""A portal whose search lags: archived, restored and erased records, merges, ties that bear no stamp, stages, forms and owners."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from connectors.hubspot.client import Portal
from connectors.hubspot.feeds import FEEDS
from connectors.hubspot.pull import HubSpotSource
from connectors.hubspot.settings import HubSpotSettings
from models.clock import FrozenClock
from sandbox.hubspot import ACCESS_TOKEN, CURRENCY, PORTAL_ID, TIME_ZONE
from sandbox.hubspot.catalogue import form, owner, submission
from sandbox.hubspot.objects import BY_NAME
from sandbox.hubspot.state import Record
from tests.harness import Key, Living, Payload, Served, backdated

ACCOUNT = str(PORTAL_ID)
TEXTS = {
    "companies": "name", "contacts": "lastname", "deals": "dealname", "tickets": "content", "calls": "hs_call_body",
    "emails": "hs_email_text", "meetings": "hs_meeting_body", "notes": "hs_note_body", "communications": "hs_communication_body",
}  # fmt: skip
"""A property of each kind that people type into."""
PARTIES = ("contacts", "companies", "deals", "tickets")
LINKED = {
    "contacts": ("companies",), "companies": (), "deals": ("contacts", "companies"), "tickets": ("contacts", "companies", "deals"),
    "calls": PARTIES, "emails": PARTIES, "meetings": PARTIES, "notes": PARTIES, "communications": PARTIES,
}  # fmt: skip
"""Kinds whose ties a payload shows."""
FORMS = ("0aaa0000-0000-0000-0000-000000000001", "0bbb0000-0000-0000-0000-000000000002")
MEANINGS = {"0.0": "lost", "1.0": "won"}
"""What a deal's chance says of a stage; any other is open."""
LATEST = timedelta(minutes=4)
"""A submission may be listed so long after it is dated."""


class HubSpotHarness(Served):
    """One portal with somebody of every kind to be tied to."""

    vendor = "hubspot"
    streams = (*TEXTS, "form_submissions", "owners")
    lag = timedelta(minutes=65)
    secrets = (ACCESS_TOKEN,)
    grant = "crm.objects.contacts.read"
    nonsense = (
        ("deals", r'"amount":"12.5"', '"amount":"-1e99999"'),
        ("deals", r'"dealstage":"[^"]*"', '"dealstage":"nobody knows"'),
        ("contacts", r'"createdate":"[^"]*"', '"createdate":"0000-13-99"'),
        ("contacts", r'"email":"[^"]*"', '"email":["a","list"]'),
        ("calls", r'"hs_timestamp":"[^"]*"', '"hs_timestamp":"99999999999999999999"'),
        ("form_submissions", r'"submittedAt":\d+', '"submittedAt":-5'),
    )

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.parties = {kind: self._born(kind, f"party {kind}") for kind in PARTIES}
        at = clock.now()
        fields = [("email", "email"), ("multi_line_text", "message")]
        self.state.insert_many("forms", [form(guid, f"Form {guid[:4]}", at, fields) for guid in FORMS])

    def open(self) -> HubSpotSource:
        settings = HubSpotSettings(access_token=ACCESS_TOKEN, base_url=self.url)
        return HubSpotSource(Portal(settings, pause=self.pause), self.clock)

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        match stream:
            case "owners":
                return self._hire()
            case "form_submissions":
                with backdated(self.clock, min(ago, LATEST)):
                    return self._fill_in(random)
        made = self._born(stream, self.words(random))
        if LINKED[stream] and random.random() < 0.5:
            self._tie(stream, made, random)
        return made

    def update(self, stream: str, record_id: str, random: Random) -> None:
        if stream in TEXTS and self._is_own(stream, record_id):
            self.state.update(stream, record_id, {TEXTS[stream]: self.words(random)})

    def delete(self, stream: str, record_id: str, random: Random) -> bool:
        if stream not in TEXTS or not self._is_own(stream, record_id) or record_id == self.parties.get(stream):
            return False
        others = [
            one for _, one in self.living(stream)
            if self._is_own(stream, one) and one not in {record_id, self.parties.get(stream)}
        ]  # fmt: skip
        way = random.choice(("archive", "archive and back", "merge", "erase"))
        if way == "merge" and stream in {*PARTIES} and others:
            self.state.merge(stream, random.choice(others), record_id)
            return True
        if self._has_merged(stream, record_id):
            return False  # whose other names would be nobody's
        if way == "erase":  # https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/basic/gdpr-delete
            self.state.purge(stream, record_id)
            return True
        self.state.archive(stream, record_id)
        if way == "archive and back":
            self.clock.advance(timedelta(milliseconds=5))
            self.state.restore(stream, record_id)
        return True

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        kind = random.choice([kind for kind in LINKED if LINKED[kind]])
        living = [one for _, one in self.living(kind) if self._is_own(kind, one)]
        return {
            "tie": lambda: self._tie(kind, random.choice(living), random) if living else None,
            "stage": lambda: self._restage(random),
            "index lag": lambda: setattr(self.state, "index_lag", timedelta(minutes=random.choice((0, 3, 50)))),
        }

    def living(self, stream: str) -> Living:
        match stream:
            case "owners":
                return {(ACCOUNT, one["id"]): one for _, one in self.state.things("owners", "1=1", [], "seq", -1)}
            case "form_submissions":
                return dict(entry for guid in FORMS for entry in self._submissions(guid))
        kind = BY_NAME[stream]
        records = self.state.select(kind, "archived=0", [], "id", -1)
        return {(ACCOUNT, str(record.id)): self._payload(stream, record) for record in records}

    def owed(self, stream: str, key: Key, payload: Payload) -> Payload | None:  # of all records alike
        """A tie moves no stamp: a full reading brings it."""
        return {name: value for name, value in payload.items() if name != "associations"}

    def comparable(self, stream: str, payload: Payload) -> Payload:
        shown = super().comparable(stream, payload)
        ties = shown.get("associations")
        if isinstance(ties, dict):
            shown["associations"] = {kind: [end["toObjectId"] for end in ends] for kind, ends in ties.items() if ends}
        return shown

    def drift(self) -> tuple[str, str, str]:
        mood = {
            "name": "mood",
            "label": "Mood",
            "type": "string",
            "fieldType": "text",
            "groupName": "contactinformation",
        }
        self.state.insert_many("properties/contacts", [mood])
        self.state.update("contacts", self.parties["contacts"], {"mood": "brand new"})
        return "contacts", self.parties["contacts"], "brand new"

    def spend(self) -> bool:
        self.state.limits.daily, self.state.limits.used = 1_000, 900
        self.state.limits.today = self.clock.now().astimezone(ZoneInfo(TIME_ZONE)).date()
        return True

    def _payload(self, stream: str, record: Record) -> Payload:
        values: Payload = dict(record.all_values())
        if LINKED[stream]:
            ends = {
                other: self.state.associations.page(record.type, record.id, BY_NAME[other], after=0, limit=1000)[0]
                for other in LINKED[stream]
            }
            values["associations"] = {
                other: [{"toObjectId": one} for one, _ in found] for other, found in ends.items() if found
            }
        if stream == "deals":
            stage = self.state.pipelines.stage("deals", None, values["dealstage"])
            values |= {"stageLabel": stage.label, "stageMeaning": MEANINGS.get(stage.metadata["probability"], "open")}
            values |= {"companyCurrency": CURRENCY.lower(), "propertiesWithHistory": self._history(record)}
        return values

    def _history(self, record: Record) -> Payload:
        return self.state.history.of(record.type, record.id, record.created, record.values, FEEDS["deals"].history)

    def _restage(self, random: Random) -> None:
        """A stage means something else from now on."""
        pipeline = self.state.pipelines.all("deals")[0]
        meaning = {"metadata": {"probability": random.choice(("0.0", "0.4", "1.0"))}}
        self.state.change_stage("deals", pipeline.id, pipeline.stages[0].id, meaning)

    def _submissions(self, guid: str) -> list[tuple[Key, Payload]]:
        (_, about), *_ = self.state.things("forms", "id=?", [guid], "seq", 1)
        kinds = {field["name"]: field["fieldType"] for group in about["fieldGroups"] for field in group["fields"]}
        rest = {"formId": guid, "formName": about["name"], "formFields": kinds}
        return [
            (
                (ACCOUNT, one["conversionId"]),
                {each["name"]: each["value"] for each in one["values"]}
                | rest
                | {"pageUrl": one["pageUrl"], "submittedAt": one["submittedAt"]},
            )
            for _, one in self.state.things(f"submissions/{guid}", "1=1", [], "seq", -1)
        ]

    def _is_own(self, stream: str, record_id: str) -> bool:
        """Whether the record goes by this id, which is not one that was merged away."""
        found = self.state.find(stream, record_id)
        return found is not None and found.archived_at is None and str(found.id) == record_id

    def _has_merged(self, stream: str, record_id: str) -> bool:
        return "hs_merged_object_ids" in self.state.find(stream, record_id).values

    def _tie(self, kind: str, record_id: str, random: Random) -> None:
        other = random.choice(LINKED[kind])
        self.state.associations.link(BY_NAME[kind], int(record_id), BY_NAME[other], int(self.parties[other]))

    def _born(self, kind: str, words: str) -> str:
        given = {TEXTS[kind]: words}
        match kind:
            case "contacts":
                given["email"] = f"p{self.next()}@kolbe.example"
            case "deals":
                pipeline = self.state.pipelines.all("deals")[0]
                given |= {"pipeline": pipeline.id, "dealstage": pipeline.stages[0].id, "amount": "12.5"}
            case "tickets":
                pipeline = self.state.pipelines.all("tickets")[0]
                given |= {"hs_pipeline": pipeline.id, "hs_pipeline_stage": pipeline.stages[0].id}
            case "calls" | "emails" | "meetings" | "notes" | "communications":
                given["hs_timestamp"] = "2026-10-30T10:00:00Z"
        return str(self.state.create(kind, given).id)

    def _hire(self) -> str:
        number = str(self.next())
        one = owner(number, f"o{number}@acme.example", "Jo", f"Ö{number}", self.clock.now())
        self.state.insert_many("owners", [one])
        return number

    def _fill_in(self, random: Random) -> str:
        guid, named = random.choice(FORMS), f"conv-{self.next()}"
        at = int(self.clock.now().timestamp() * 1000)
        values = {"email": f"{named}@kolbe.example", "message": self.words(random)}
        self.state.insert_many(f"submissions/{guid}", [submission(named, at, "https://acme.example/", values)])
        return named


HARNESS = HubSpotHarness
