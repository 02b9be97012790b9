"""Two ad accounts in two zones and a Page: days that are restated, reports that fail, deleted ads, leads of ads and of forms, listed late."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.pull import MetaAdsSource
from connectors.meta_ads.settings import MetaAdsSettings
from models.clock import FrozenClock
from sandbox.meta_ads import ACCESS_TOKEN, APP_ID, APP_SECRET
from tests.harness import Key, Living, Payload, Served, backdated

ZONES = {"111": "Europe/Berlin", "222": "America/Los_Angeles"}
PAGE, FORMS = "900", ("f1", "f2")
HIDDEN_AD = "6999999"
"""One that the token does not see."""
CREATED = "2026-09-01T12:00:00+0000"
KINDS = {"campaigns": "campaign", "adsets": "adset", "ads": "ad", "creatives": "adcreative"}
COMMON = {"id", "account_id", "name", "status", "effective_status", "created_time", "updated_time"}
SHOWN = {
    "campaigns": COMMON | {"objective"},
    "adsets": COMMON | {"campaign_id"},
    "ads": COMMON | {"adset_id", "campaign_id", "creative"},
    "creatives": {"id", "account_id", "name", "status", "title", "body"},
}  # fmt: skip
"""Fields that are planted and read."""
MOVES = 20
"""Days that are still corrected; the connector reads 28 again."""
LATEST = timedelta(minutes=9)
"""A change may show up so long after its stamp: ten minutes of look-back, less one."""


class MetaAdsHarness(Served):
    """Accounts in Berlin and Los Angeles, in each an old ad and one that is never shown any more."""

    vendor = "meta_ads"
    streams = (*KINDS, "insights", "leads")
    lag = timedelta(minutes=11)
    secrets = (ACCESS_TOKEN, APP_SECRET)
    grant = "ads_read"
    nonsense = (
        ("insights", r'"spend":"[^"]*"', '"spend":"-3.5"'),
        ("insights", r'"actions":\[', '"actions":["what",'),
        ("campaigns", r'"updated_time":"[^"]*"', '"updated_time":"9999-12-31T00:00:00+0000"'),
        ("campaigns", r'"effective_status":"[^"]*"', '"effective_status":"NOBODY_KNOWS"'),
        ("campaigns", r'"objective":"[^"]*"', '"objective":{"an":"object"}'),
    )

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.state.conduct.empty_pages = True
        for number, zone in ZONES.items():
            row = {
                "id": f"act_{number}", "account_id": number, "name": f"Account {number}", "account_status": 1, "currency": "EUR",
                "timezone_name": zone, "created_time": CREATED,
            }  # fmt: skip
            self.state.insert_many("adaccount", [row])
        self.state.insert_many("page", [{"id": PAGE, "name": "Acme", "access_token": "EAApage"}])
        self.state.insert_many("form", [{"id": form, "page_id": PAGE, "status": "ACTIVE"} for form in FORMS])
        self.ads = {number: self._ad(number, "first") for number in ZONES}
        self.quiet = {number: self._ad(number, "quiet") for number in ZONES}

    def open(self) -> MetaAdsSource:
        settings = MetaAdsSettings(
            access_token=SecretStr(ACCESS_TOKEN), app_id=APP_ID, app_secret=SecretStr(APP_SECRET), base_url=self.url
        )
        return MetaAdsSource(MetaApi(settings, self.pause), self.clock)

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        account = random.choice(sorted(ZONES))
        with backdated(self.clock, min(ago, LATEST)):
            match stream:
                case "insights":
                    return self._spend(account, random)
                case "leads":
                    return self._lead(account, random)
                case "creatives":
                    return self._creative(account, self.words(random))
                case "campaigns":
                    return self._campaign(account, self.words(random))
                case "adsets":
                    return self._adset(account, self._campaign(account, "c"), self.words(random))
            return self._ad(account, self.words(random))

    def update(self, stream: str, record_id: str, random: Random) -> None:
        if stream in KINDS:
            self.state.update(record_id, name=self.words(random))
        elif stream == "insights":
            self._spend(random.choice(sorted(ZONES)), random)

    def delete(self, stream: str, record_id: str, random: Random) -> bool:
        if stream == "insights":
            return self._remove(random)
        if stream not in KINDS or stream == "creatives" or record_id in self.ads.values():
            return False
        status = random.choice(("DELETED", "ARCHIVED", "PAUSED", "ACTIVE"))
        self.state.update(record_id, status=status, effective_status=status)
        return True

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        conduct = self.state.conduct
        return {
            "report fails": lambda: conduct.outcomes.append(random.choice(("Job Failed", "Job Skipped"))),
            "report unborn": lambda: setattr(conduct, "unborn", random.choice((0, 1))),
            "report unloaded": lambda: setattr(conduct, "unloaded", random.choice((0, 1))),
            "rows too many": lambda: setattr(conduct, "most_cells", random.choice((None, 60))),
        }

    def living(self, stream: str) -> Living:
        if stream == "insights":
            return {(number, day): row for number in ZONES for day, row in self._days(number).items()}
        if stream == "leads":
            rows = self.state.select("lead", "1=1", [])
            return {(self._account_of(row), row["id"]): row for row in rows}
        rows = [row for row in self.state.select(KINDS[stream], "1=1", []) if row.get("effective_status") != "DELETED"]
        return {
            (row["account_id"], row["id"]): {name: row[name] for name in SHOWN[stream] if row.get(name) is not None}
            for row in rows
        }

    def owed(self, stream: str, key: Key, payload: Payload) -> Payload | None:
        """Creatives have no stamp and are read daily; of days, yesterday and today are read by every pull."""
        if stream == "creatives":
            return None
        if stream == "insights":
            return payload if key[1] >= str(self._today(key[0]) - timedelta(days=1)) else None
        return payload

    def comparable(self, stream: str, payload: Payload) -> Payload:
        shown = super().comparable(stream, payload)
        untold = {
            "windows",
            "account_spend",
        }  # in bad weather the account's own sum may be refused, and with it the check alone
        return {name: value for name, value in shown.items() if not name.startswith("answer:") and name not in untold}

    def drift(self) -> None:
        """Fields are asked for by name, and none but those that are come."""

    def spend(self) -> bool:
        self.state.conduct.limits.account = 1  # the app's limit tells no end, and is waited for
        return True

    # planting ---------------------------------------------------------------------------------------------------------

    def _campaign(self, account: str, name: str) -> str:
        return self._node("campaign", account, name, objective="OUTCOME_LEADS")

    def _adset(self, account: str, campaign: str, name: str) -> str:
        return self._node("adset", account, name, campaign_id=campaign)

    def _ad(self, account: str, name: str) -> str:
        campaign = self._campaign(account, f"c {name}")
        adset = self._adset(account, campaign, f"s {name}")
        creative = self._creative(account, f"k {name}")
        return self._node("ad", account, name, adset_id=adset, campaign_id=campaign, creative={"id": creative})

    def _creative(self, account: str, name: str) -> str:
        made = f"7{self.next():06}"
        row = {"id": made, "account_id": account, "name": name, "status": "ACTIVE", "title": name, "body": name}
        self.state.insert_many("adcreative", [row])
        return made

    def _node(self, kind: str, account: str, name: str, **more: object) -> str:
        made, at = f"6{self.next():06}", self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%z")
        row = {"id": made, "account_id": account, "name": name, "status": "ACTIVE", "effective_status": "ACTIVE"}
        self.state.insert_many(kind, [{**row, "created_time": at, "updated_time": at, **more}])
        return made

    def _spend(self, account: str, random: Random) -> str:
        """An ad's row of one of the last days, new or restated."""
        day = str(self._today(account) - timedelta(days=random.randint(0, MOVES)))
        self._row(account, day, Decimal(random.randint(1, 99_999)) / 100)
        return day

    def _row(self, account: str, day: str, spend: Decimal) -> None:
        ad = self.ads[account]
        (_, row) = self.state.node(ad)
        told = {
            "account_id": account, "account_name": f"Account {account}", "account_currency": "EUR", "date_start": day, "ad_id": ad,
            "ad_name": f"Ad {ad}", "adset_id": row["adset_id"], "adset_name": "Set", "campaign_id": row["campaign_id"],
            "campaign_name": "Campaign", "spend": str(spend), "impressions": "900", "clicks": "12", "reach": "700",
            "actions": [{"action_type": "lead", "value": "3"}],
        }  # fmt: skip
        self.state.insert_many("insight", [told])

    def _lead(self, account: str, random: Random) -> str:
        """A form that was sent, on a day that its ad was shown or long after; or without an ad, or from one that cannot be seen."""
        made, at = f"8{self.next():06}", self.clock.now()
        form = {"form_id": random.choice(FORMS), "created_time": at.strftime("%Y-%m-%dT%H:%M:%S%z")}
        answers = [
            {"name": "email", "values": [f"p{made}@kolbe.example"]},
            {"name": "why", "values": [self.words(random)]},
        ]
        way = random.choice(("ad", "ad", "no ad", "hidden ad", "quiet ad"))
        if way != "ad":
            told = {"id": made, "is_organic": way == "no ad", "field_data": answers, **form}
            by = {"hidden ad": {"ad_id": HIDDEN_AD}, "quiet ad": {"ad_id": self.quiet[account]}}.get(way, {})
            self.state.insert_many("lead", [told | by])
            return made
        day = str(at.astimezone(ZoneInfo(ZONES[account])).date())
        if not any(row["date_start"] == day for row in self.state.days(account, day, day)):
            self._row(account, day, Decimal("1.5"))
        ad = self.ads[account]
        told = {
            "id": made, "account_id": account, "ad_id": ad, "ad_name": f"Ad {ad}", "campaign_id": "c1", "campaign_name": "Campaign",
            "is_organic": False, "field_data": answers, **form,
        }  # fmt: skip
        self.state.insert_many("lead", [told])
        return made

    def _remove(self, random: Random) -> bool:
        account = random.choice(sorted(ZONES))
        today = self._today(account)
        rows = self.state.days(account, str(today - timedelta(days=MOVES)), str(today))
        if rows:
            self.state.remove_day(account, random.choice(rows)["date_start"], self.ads[account])
        return bool(rows)

    # truth ------------------------------------------------------------------------------------------------------------

    def _days(self, account: str) -> dict[str, Payload]:
        """Every day since the account was made, also those without any row."""
        first, last = self._day(account, datetime.fromisoformat(CREATED)), self._today(account)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        rows: dict[str, list[Payload]] = {str(day): [] for day in days}
        for row in self.state.days(account, str(first), str(last)):
            told = {
                name: value
                for name, value in row.items()
                if name not in {"account_id", "account_name", "account_currency"}
            }
            rows[row["date_start"]].append({**told, "date_stop": row["date_start"]})
        about = {"zone": ZONES[account], "currency": "eur"}
        return {day: {"day": day, **about, "rows": found} for day, found in rows.items()}

    def _account_of(self, row: Payload) -> str:
        """Whose a lead is: the account's whose ad brought it, else the Page's."""
        ads = [*self.ads.items(), *self.quiet.items()]
        return next((number for number, ad in ads if ad == row.get("ad_id")), PAGE)

    def _today(self, account: str) -> date:
        return self._day(account, self.clock.now())

    def _day(self, account: str, at: datetime) -> date:
        return at.astimezone(ZoneInfo(ZONES[account])).date()


HARNESS = MetaAdsHarness
