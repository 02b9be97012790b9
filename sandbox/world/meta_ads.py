"""The planted ad accounts: the market's campaigns, ads and days as Meta would answer them, and the forms that people filled in.

Draws from a chance of its own, so that the rest of the world does not depend on it. Nobody writes free words into a form here: every
text of the world is planted elsewhere.
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models.money import major
from sandbox.world.market import ACCOUNTS, Ad, AdAccount, AdDay, Arrival, Market
from sandbox.world.moments import BEGIN
from sandbox.world.names import address_as_typed, dialled
from sandbox.world.person import Face, Someone
from sandbox.world.truth import PlantedSpend, PlantedTouch, meta_ads_key

Row = dict[str, Any]

ENDED = {"PAUSED": 60, "ARCHIVED": 25, "DELETED": 15}
"""What becomes of an ad that has run, and how often; it has cost all the same."""
LANDING = "https://acme.example/start"
PAGE = {"id": "606000000000000001", "name": "Acme", "access_token": "EAAsandboxpage"}
"""The Facebook Page whose form is filled in, with its own token."""
FORM = "605000000000000001"


class Ads:
    """Meta's side of the market while it is being planted."""

    def __init__(self, market: Market) -> None:
        self.rng = random.Random(f"meta_ads/{market.seed}")  # noqa: S311  # repeatable chance, not secrets
        self.market = market
        self.rows: dict[str, list[Row]] = {
            kind: [] for kind in ("adaccount", "campaign", "adset", "ad", "adcreative", "insight", "lead")
        }
        self.rows |= {"page": [PAGE], "form": [{"id": FORM, "page_id": PAGE["id"], "status": "ACTIVE"}]}
        self.leads: dict[str, Arrival] = {}
        """By lead id."""
        for account in ACCOUNTS:
            self._account(account)
        for ad in market.ads:
            self._ad(ad)
        self.rows["insight"] = [_day(ad, str(day), done) for (ad, day), done in market.days.items()]

    def advertise(self, ad: Ad, days: dict[date, AdDay]) -> None:
        """One ad more, with what it did on each of its days."""
        self.market.ads.append(ad)
        self.market.days |= {(ad, day): done for day, done in days.items()}
        self._ad(ad)
        self.rows["insight"] += [_day(ad, str(day), done) for day, done in days.items()]

    def fill_in(self, person: Someone) -> list[PlantedTouch]:
        """The form that this person filled in, if an ad brought them so; a face more, and the touch that it tells."""
        arrival = self.market.arrivals.get(person.id)
        if arrival is None or arrival.way != "lead_form":
            return []
        face = Face("meta_lead", f"604{len(self.leads) + 1:014d}", arrival.at)
        face.email = address_as_typed(self.rng, person.email, spaces=False)
        face.phone = dialled(self.rng, person.country, person.national)
        person.faces.append(face)
        self.leads[face.id] = arrival
        self.rows["lead"].append(_lead(face, person, arrival.ad))
        return [
            PlantedTouch(
                record=self.key(face), channel="lead_ad", source=arrival.ad.name, source_id=arrival.ad.campaign_id,
                ad_id=arrival.ad.id, responded=True, occurred_at=arrival.at,
            )
        ]  # fmt: skip

    def key(self, face: Face) -> str:
        """Written record key of a lead."""
        return meta_ads_key(self.leads[face.id].ad.account.id, "lead", face.id)

    def spend(self) -> list[PlantedSpend]:
        """What every ad cost on every day that it was shown."""
        return [
            PlantedSpend(
                account=ad.account.id, day=str(day), ad_id=ad.id, amount_minor=done.spend, currency=ad.account.currency
            )
            for (ad, day), done in self.market.days.items()
        ]

    def _account(self, account: AdAccount) -> None:
        self.rows["adaccount"].append(
            {
                "id": f"act_{account.id}", "account_id": account.id, "name": account.name, "account_status": 1,
                "currency": account.currency.upper(), "timezone_name": account.zone, "created_time": _stamp(BEGIN),
            }
        )  # fmt: skip

    def _ad(self, ad: Ad) -> None:
        """An ad and, where they are new, its campaign and ad set; each with a creative of its own that names it in its links."""
        start, end = (_midnight(ad, days) for days in (0, 1))
        today = self.market.now.astimezone(ZoneInfo(ad.account.zone)).date()
        status = "ACTIVE" if ad.last_day >= today else self.rng.choices(list(ENDED), list(ENDED.values()))[0]
        common = {
            "account_id": ad.account.id,
            "created_time": _stamp(start),
            "updated_time": _stamp(min(end, self.market.now)),
        }
        running = {**common, "status": "ACTIVE", "effective_status": "ACTIVE", "start_time": _stamp(start)}
        self._once(
            "campaign", {"id": ad.campaign_id, "name": ad.campaign_name, "objective": "OUTCOME_LEADS", **running}
        )
        self._once(
            "adset",
            {
                "id": ad.adset_id, "name": ad.adset_name, "campaign_id": ad.campaign_id, "optimization_goal": "LEAD_GENERATION",
                "billing_event": "IMPRESSIONS", "daily_budget": "5000", **running,
            },
        )  # fmt: skip
        creative = f"606{ad.id[3:]}"
        self.rows["ad"].append(
            {
                "id": ad.id, "name": ad.name, "campaign_id": ad.campaign_id, "adset_id": ad.adset_id, "creative": {"id": creative},
                **common, "status": status, "effective_status": status,
            }
        )  # fmt: skip
        self.rows["adcreative"].append(
            {
                "id": creative, "account_id": ad.account.id, "name": ad.name, "title": ad.campaign_name, "status": "ACTIVE",
                "object_type": "SHARE", "call_to_action_type": "LEARN_MORE", "link_url": LANDING,
                "url_tags": "utm_source=meta&utm_medium=paid&utm_campaign={{campaign.id}}&utm_content={{ad.id}}",
            }
        )  # fmt: skip

    def _once(self, kind: str, row: Row) -> None:
        if row["id"] not in {known["id"] for known in self.rows[kind]}:
            self.rows[kind].append(row)


def _day(ad: Ad, day: str, done: AdDay) -> Row:
    clicked = [{"action_type": "link_click", "value": str(done.clicks)}] if done.clicks else []
    return {
        "account_id": ad.account.id, "account_name": ad.account.name, "account_currency": ad.account.currency.upper(),
        "date_start": day, "ad_id": ad.id, "ad_name": ad.name, "adset_id": ad.adset_id, "adset_name": ad.adset_name,
        "campaign_id": ad.campaign_id, "campaign_name": ad.campaign_name, "spend": str(major(done.spend, ad.account.currency)),
        "impressions": str(done.impressions), "clicks": str(done.clicks), "reach": str(done.impressions), "actions": clicked,
    }  # fmt: skip


def _lead(face: Face, person: Someone, ad: Ad) -> Row:
    answers = {
        "full_name": person.name, "email": face.email, "phone_number": face.phone, "company_name": person.company.name,
        "country": person.country.code,
    }  # fmt: skip
    return {
        "id": face.id, "account_id": ad.account.id, "created_time": _stamp(face.created), "ad_id": ad.id, "ad_name": ad.name,
        "adset_id": ad.adset_id, "adset_name": ad.adset_name, "campaign_id": ad.campaign_id, "campaign_name": ad.campaign_name,
        "form_id": FORM, "is_organic": False, "platform": "fb",
        "field_data": [{"name": name, "values": [answer]} for name, answer in answers.items()],
    }  # fmt: skip


def _midnight(ad: Ad, after: int) -> datetime:
    """First instant of the ad's first day, or of the day after its last."""
    day = ad.last_day + timedelta(days=1) if after else ad.first_day
    return datetime.combine(day, time(), ZoneInfo(ad.account.zone))


def _stamp(instant: datetime) -> str:
    """As Meta writes an instant."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
