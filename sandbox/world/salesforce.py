"""The planted Salesforce org, first half: users, accounts, contacts, leads, opportunities and campaigns.

Rows are what the REST interface would answer: API names, instants with `+0000`, days as dates, amounts as decimals. Traps: some
companies have two accounts (same web site, written otherwise), some a parent; a converted lead stays, read-only, beside its contact.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.salesforce.objects import STAGES
from sandbox.world.ids import Ids
from sandbox.world.moments import BEGIN, MARGIN, between, day, wire
from sandbox.world.names import HOME_DOMAIN, REPS, Company, dialled, rep_email
from sandbox.world.person import CRM, Face, Someone
from sandbox.world.truth import PlantedTouch, salesforce_key

Row = dict[str, Any]

LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
OPEN_STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review")
ROLES = ("Decision Maker", "Economic Buyer", "Evaluator", "Business User", "Influencer")
CAMPAIGNS = (
    ("Spring webinar", "Webinar"), ("Newsletter", "Email"), ("Logistics fair", "Trade Show"), ("Search ads", "Advertisement"),
    ("Customer day", "Conference"), ("Referral drive", "Referral Program"),
)  # fmt: skip
REP_TITLE, SUPPORT_TITLE = "Account Executive", "Customer Success Manager"


class Org:
    """A Salesforce org while it is being planted; `rows` holds what the sandbox will serve, by object."""

    def __init__(self, rng: random.Random, ids: Ids, now: datetime) -> None:
        self.rng = rng
        self.ids = ids
        self.now = now
        self.rows: dict[str, list[Row]] = {}
        self.integration = ids.next("User")
        self.portal = ids.next("User")
        self.reps: dict[str, str] = {first: ids.next("User") for first, _ in REPS}
        self.accounts: dict[str, list[str]] = {}
        """Account ids by company; the second one, if any, is a duplicate."""
        self.owners: dict[str, str] = {}
        self.contacts: dict[str, list[Face]] = {}
        self.campaigns: list[Row] = []
        self.lead_sources: dict[str, str] = {}

    def latest(self) -> datetime:
        """The youngest instant that anything may have."""
        return self.now - MARGIN

    def add(self, object_name: str, object_id: str, created: datetime, by: str, **fields: Any) -> Row:
        """One row with its stamps; it was touched again a little later, never after the present."""
        touched = min(self.latest(), created + timedelta(minutes=round(self.rng.expovariate(1 / 600))))
        stamp = wire(max(created, touched))
        row = {
            "Id": object_id, "CreatedDate": wire(created), "CreatedById": by, "LastModifiedDate": stamp,
            "LastModifiedById": by, "SystemModstamp": stamp, **fields,
        }  # fmt: skip
        if object_name != "User":  # users are deactivated, never deleted
            row["IsDeleted"] = False
        self.rows.setdefault(object_name, []).append(row)
        return row

    def users(self) -> None:
        """Reps, the integration's own user and the guest as whom customers comment in the portal."""
        robots = (
            (self.integration, "Integration", "User", "Standard"),
            (self.portal, "Support Portal", "Guest", "Guest"),
        )
        people = [(self.reps[first], first, last, "Standard") for first, last in REPS]
        for number, (user, first, last, kind) in enumerate([*robots, *people]):
            email = rep_email(first.replace(" ", ""), last)
            self.add(
                "User", user, BEGIN, self.integration, Username=email, Email=email, FirstName=first, LastName=last,
                Name=f"{first} {last}", UserType=kind, IsActive=True, Alias=f"{first[:4]}{number}".lower(),
                Title=(REP_TITLE, SUPPORT_TITLE)[number % 2] if number >= len(robots) else None, CompanyName=HOME_DOMAIN,
            )  # fmt: skip

    def company(self, company: Company) -> None:
        """The accounts of one company."""
        owner = self.rng.choice(list(self.reps.values()))
        self.owners[company.id] = owner
        created = between(self.rng, BEGIN, BEGIN + timedelta(days=60))
        parent = self._parent(company, created, owner) if self.rng.random() < 0.05 else None
        sites = (f"https://www.{company.domain}", company.domain, f"http://{company.domain}/")
        own = [self._account(company.name, self.rng.choice(sites), company, created, owner, ParentId=parent)]
        if self.rng.random() < 0.06:
            site = f"HTTPS://{company.domain.upper()}/en"
            own.append(self._account(f"{company.name} Ltd", site, company, created + timedelta(days=30), owner))
        self.accounts[company.id] = [row["Id"] for row in own]

    def _parent(self, company: Company, created: datetime, owner: str) -> str:
        site = f"https://{company.id}-group.example"
        row = self._account(f"{company.name} Group", site, company, created, owner, Type="Other")
        return str(row["Id"])

    def _account(
        self, name: str, site: str, company: Company, created: datetime, owner: str, **more: str | None
    ) -> Row:
        employees = int(self.rng.paretovariate(0.9) * 12)
        fields = {
            "Type": "Customer - Direct", "ParentId": None, "Industry": company.industry, "Website": site,
            "Phone": dialled(self.rng, company.country, company.office), "BillingCountry": company.country.name,
            "BillingCity": company.country.city, "NumberOfEmployees": employees, "AnnualRevenue": employees * 90_000.0,
            "OwnerId": owner, **more,
        }  # fmt: skip
        return self.add("Account", self.ids.next("Account"), created, owner, Name=name, **fields)

    def person(self, person: Someone) -> None:
        """The contacts and leads of one person."""
        for face in person.of_kind("Contact"):
            self._contact(person, face)
        for face in person.of_kind("Lead"):
            self._lead(person, face)

    def _named(self, person: Someone) -> Row:
        return {
            "FirstName": person.first, "LastName": person.last, "Name": person.name, "Title": person.title,
            "HasOptedOutOfEmail": self.rng.random() < 0.05, "DoNotCall": self.rng.random() < 0.03,
        }  # fmt: skip

    def _contact(self, person: Someone, face: Face) -> None:
        company, owner = person.company, self.owners[person.company.id]
        self.contacts.setdefault(company.id, []).append(face)
        self.add(
            "Contact", face.id, face.created, owner, **self._named(person), AccountId=self.rng.choice(self.accounts[company.id]),
            Email=face.email, Phone=face.phone, MobilePhone=face.mobile, MailingCountry=company.country.name,
            MailingCity=company.country.city, LeadSource=self.rng.choice(LEAD_SOURCES), OwnerId=owner,
        )  # fmt: skip

    def _lead(self, person: Someone, face: Face) -> None:
        company, owner, form, to = person.company, self.owners[person.company.id], face.document, face.converted_to
        self.lead_sources[face.id] = "Web" if form else self.rng.choice(LEAD_SOURCES)
        self.add(
            "Lead", face.id, face.created, self.integration if form else owner, **self._named(person), Company=company.name,
            Email=face.email, Phone=face.mobile, MobilePhone=None, Website=company.domain, Country=company.country.name,
            City=company.country.city, Industry=company.industry, OwnerId=owner, Description=form.text if form else None,
            LeadSource=self.lead_sources[face.id], IsConverted=to is not None,
            Status="Closed - Converted" if to else self.rng.choice(("Open - Not Contacted", "Working - Contacted")),
            ConvertedContactId=to.id if to else None, ConvertedAccountId=self.accounts[company.id][0] if to else None,
            ConvertedOpportunityId=None, ConvertedDate=day(face.converted_at) if face.converted_at else None,
        )  # fmt: skip

    def opportunities(self, company: Company, *, promising: bool) -> None:
        """The deals with one company, with the parts its people play in them; a promising one has at least an open deal."""
        contacts = self.contacts.get(company.id, [])
        count = self.rng.choices((0, 1, 2, 3), (40, 35, 17, 8))[0] if contacts else 0
        for number in range(max(count, 1 if promising else 0)):
            created = between(self.rng, BEGIN + timedelta(days=90), self.latest() - timedelta(days=7))
            state = "open" if promising and number == 0 else self.rng.choices(("open", "won", "lost"), (35, 40, 25))[0]
            deal = self._opportunity(company, number, created, state)
            size = min(len(contacts), self.rng.randint(1, 3))
            # people with texts come first in their company, and have a say in its open deal
            players = contacts[:size] if promising and number == 0 else self.rng.sample(contacts, size)
            for nth, face in enumerate(players):
                self.add(
                    "OpportunityContactRole", self.ids.next("OpportunityContactRole"), max(created, face.created),
                    deal["OwnerId"], OpportunityId=deal["Id"], ContactId=face.id, Role=self.rng.choice(ROLES),
                    IsPrimary=nth == 0,
                )  # fmt: skip

    def _opportunity(self, company: Company, number: int, created: datetime, state: str) -> Row:
        owner = self.owners[company.id]
        stage = {"won": "Closed Won", "lost": "Closed Lost"}.get(state) or self.rng.choice(OPEN_STAGES)
        odds, forecast = STAGES[stage]
        closes = self.now + timedelta(days=self.rng.randint(-10, 120))  # some open deals are overdue
        if state != "open":
            closes = between(self.rng, created, self.latest())
        name = f"{company.name} - {'new business' if number == 0 else f'upgrade {number}'}"
        kind = "New Customer" if number == 0 else "Existing Customer - Upgrade"
        return self.add(
            "Opportunity", self.ids.next("Opportunity"), created, owner, Name=name,
            AccountId=self.accounts[company.id][0], StageName=stage, IsClosed=state != "open", IsWon=state == "won",
            Amount=round(self.rng.lognormvariate(9.6, 1.0), 2) if self.rng.random() < 0.95 else None,
            Probability=float(odds), ForecastCategory=forecast, CloseDate=day(max(closes, created)), Type=kind, LeadSource=self.rng.choice(LEAD_SOURCES), OwnerId=owner,
            CampaignId=self.rng.choice(self.campaigns)["Id"] if self.rng.random() < 0.2 else None,
        )  # fmt: skip

    def plant_campaigns(self) -> None:
        """Campaigns, one of each kind a quarter."""
        start = BEGIN
        while start < self.latest() - timedelta(days=30):
            for name, kind in CAMPAIGNS:
                self.campaigns.append(self._campaign(name, kind, start))
            start += timedelta(days=91)

    def _campaign(self, name: str, kind: str, start: datetime) -> Row:
        owner, ends = self.reps["Jo"], start + timedelta(days=45)
        return self.add(
            "Campaign", self.ids.next("Campaign"), start, owner, Name=f"{name} {start.year} Q{(start.month + 2) // 3}",
            Type=kind, Status="Completed" if ends < self.now else "In Progress", IsActive=ends >= self.now,
            StartDate=day(start), EndDate=day(ends), ActualCost=float(self.rng.randint(5, 90) * 100), OwnerId=owner,
            ParentId=None,
        )  # fmt: skip

    def touches(self, person: Someone) -> list[PlantedTouch]:
        """Reach the person with campaigns and say what touched them, lead sources included."""
        crm = [face for face in person.faces if face.kind in CRM]
        touches = [self._came_from(face) for face in person.of_kind("Lead")]
        if crm:
            face = self.rng.choice(crm)
            running = [campaign for campaign in self.campaigns if campaign["EndDate"] >= day(face.created)]
            wanted = self.rng.choices((0, 1, 2, 4), (45, 30, 17, 8))[0] or len(person.documents[:1])
            count = min(len(running), wanted)
            touches += [self._reach(face, campaign) for campaign in self.rng.sample(running, count)]
        return touches

    def _came_from(self, face: Face) -> PlantedTouch:
        return PlantedTouch(
            record=salesforce_key("Lead", face.id), channel="lead_source", source=self.lead_sources[face.id], responded=True,
            occurred_at=face.created,
        )  # fmt: skip

    def _reach(self, face: Face, campaign: Row) -> PlantedTouch:
        start = max(face.created, datetime.fromisoformat(campaign["StartDate"]).replace(tzinfo=UTC))
        created = between(self.rng, start, min(self.latest(), start + timedelta(days=30)))
        answered = between(self.rng, created, min(self.latest(), created + timedelta(days=10)))
        responded = self.rng.random() < 0.35
        lead = face.id if face.kind == "Lead" else None
        contact = face.converted_to.id if face.converted_to else None  # after a conversion the member names both
        self.add(
            "CampaignMember", self.ids.next("CampaignMember"), created, campaign["OwnerId"], CampaignId=campaign["Id"],
            LeadId=lead, ContactId=contact if lead else face.id, Status="Responded" if responded else "Sent",
            LeadOrContactId=contact or face.id, Type="Contact" if contact or not lead else "Lead",
            HasResponded=responded, FirstRespondedDate=day(answered) if responded else None,
        )  # fmt: skip
        midnight = answered.replace(hour=0, minute=0, second=0)
        return PlantedTouch(
            record=salesforce_key(face.kind, face.id), channel="campaign", source=campaign["Name"], source_id=campaign["Id"],
            responded=responded, occurred_at=midnight if responded else created,
        )  # fmt: skip
