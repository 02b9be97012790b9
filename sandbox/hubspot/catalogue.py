"""Answers of the endpoints beside the records: account, owners, pipelines, forms and their submissions."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.hubspot import CURRENCY, PORTAL_ID, TIME_ZONE
from sandbox.hubspot.errors import Answer, HubSpotRefusal, not_found
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.query import ARCHIVED, PAGE, Query
from sandbox.hubspot.render import paging
from sandbox.hubspot.state import HubSpotState

OWNERS, MOST_OWNERS = 100, 500
FORMS, MOST_FORMS = 20, 1_000
SUBMISSIONS, MOST_SUBMISSIONS = 20, 50
FORM_TYPES = {"hubspot", "captured", "flow", "blog_comment", "all"}


class Catalogue:
    """Reads what is not a record."""

    def __init__(self, state: HubSpotState) -> None:
        self._state = state

    def account(self, text: str) -> Answer:
        """The portal. Source: https://developers.hubspot.com/docs/api-reference/account-account-info-v3/details/get-account-info-v3-details."""
        Query.read(text, set())
        offset = self._state.clock.now().astimezone(ZoneInfo(TIME_ZONE)).utcoffset()
        seconds = int(offset.total_seconds()) if offset else 0
        sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
        return {
            "portalId": PORTAL_ID, "accountType": "STANDARD", "timeZone": TIME_ZONE, "companyCurrency": CURRENCY,
            "additionalCurrencies": ["GBP", "JPY", "USD"], "utcOffset": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
            "utcOffsetMilliseconds": seconds * 1000, "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1",
        }  # fmt: skip

    def owners(self, text: str) -> Answer:
        """The people of the portal (SDK: PublicOwner); deactivated ones only when asked for."""
        query = Query.read(text, {"email"} | ARCHIVED | PAGE)
        where = "seq > ? and json_extract(json, '$.archived')=?"
        values: list[Any] = [query.after(), query.yes("archived")]
        if email := query.one("email"):
            where, values = f"{where} and json_extract(json, '$.email')=?", [*values, email]
        return self._page("owners", where, values, "seq", query.number("limit", OWNERS, MOST_OWNERS))

    def owner(self, owner_id: str, text: str) -> Answer:
        """One of them."""
        query = Query.read(text, {"idProperty"} | ARCHIVED)
        if query.one("idProperty") not in {None, "id"}:
            raise HubSpotRefusal(400, "the sandbox knows owners by id only")
        values = [owner_id, query.yes("archived")]
        found = self._state.things("owners", "id=? and json_extract(json, '$.archived')=?", values, "seq", 1)
        if not found:
            raise not_found()
        return _dict(found[0][1])

    def pipelines(self, name: str, text: str) -> Answer:
        """All pipelines of deals or tickets."""
        Query.read(text, set())
        return {"results": [pipeline.answer() for pipeline in self._state.pipelines.all(object_type(name).path)]}

    def pipeline(self, name: str, pipeline_id: str, text: str) -> Answer:
        """One of them."""
        found = [one for one in self.pipelines(name, text)["results"] if one["id"] == pipeline_id]
        if not found:
            raise not_found()
        return _dict(found[0])

    def forms(self, text: str) -> Answer:
        """The forms (SDK: HubSpotFormDefinition), of the types asked for; by default those made in HubSpot."""
        query = Query.read(text, {"formTypes"} | ARCHIVED | PAGE)
        types = set(query.many("formTypes")) or {"hubspot"}
        if unknown := types - FORM_TYPES:
            raise HubSpotRefusal(400, f"Unknown form type {', '.join(sorted(unknown))}")
        wanted = sorted(FORM_TYPES if "all" in types else types)
        where = "seq > ? and json_extract(json, '$.archived')=?"
        where += f" and json_extract(json, '$.formType') in ({','.join('?' * len(wanted))})"
        values = [query.after(), query.yes("archived"), *wanted]
        return self._page("forms", where, values, "seq", query.number("limit", FORMS, MOST_FORMS))

    def submissions(self, form_id: str, text: str) -> Answer:
        """What was filled into one form, newest first.

        Source: https://legacydocs.hubspot.com/docs/methods/forms/get-submissions-for-a-form.
        """
        query = Query.read(text, PAGE)
        if not self._state.things("forms", "id=?", [form_id], "seq", 1):
            raise not_found(f"No form found with guid '{form_id}'")
        kind, after = f"submissions/{form_id}", query.after()
        where = "(at, seq) < (select at, seq from things where seq=?)" if after else "? = 0"
        return self._page(
            kind, where, [after], "at desc, seq desc", query.number("limit", SUBMISSIONS, MOST_SUBMISSIONS)
        )

    def _page(self, kind: str, where: str, values: list[Any], order: str, limit: int) -> Answer:
        found = self._state.things(kind, where, values, order, limit + 1)
        answer: Answer = {"results": [whole for _, whole in found[:limit]]}
        if len(found) > limit:
            answer["paging"] = paging(str(found[limit - 1][0]))
        return answer


def owner(owner_id: str, email: str, first: str, last: str, made: datetime) -> Answer:
    """One owner as the API shows them."""
    stamp = made.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "id": owner_id, "email": email, "type": "PERSON", "firstName": first, "lastName": last, "userId": int(owner_id) + 10_000,
        "userIdIncludingInactive": int(owner_id) + 10_000, "createdAt": stamp, "updatedAt": stamp, "archived": False, "teams": [],
    }  # fmt: skip


def form(guid: str, name: str, made: datetime, fields: list[tuple[str, str]]) -> Answer:
    """One form as the API shows it, with (field type, property) of each field."""
    stamp = made.isoformat(timespec="seconds").replace("+00:00", "Z")
    groups = [
        {"groupType": "default_group", "richTextType": "text", "fields": [_field(kind, of)]} for kind, of in fields
    ]
    return {
        "id": guid, "name": name, "formType": "hubspot", "createdAt": stamp, "updatedAt": stamp, "archived": False,
        "fieldGroups": groups, "configuration": CONFIGURATION, "displayOptions": DISPLAY, "legalConsentOptions": {"type": "none"},
    }  # fmt: skip


def submission(conversion: str, at: int, page: str, values: dict[str, str]) -> Answer:
    """What one visitor filled in. Units: milliseconds since 1970."""
    told = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in values.items()]
    return {"conversionId": conversion, "submittedAt": at, "values": told, "pageUrl": page}


def _field(kind: str, name: str) -> Answer:
    field: Answer = {
        "objectTypeId": "0-1", "name": name, "label": name.capitalize(), "required": name == "email", "hidden": False, "fieldType": kind,
        "dependentFields": [],
    }  # fmt: skip
    if kind == "email":
        field["validation"] = {"blockedEmailDomains": [], "useDefaultBlockList": False}
    return field


def _dict(found: Any) -> Answer:
    answer: Answer = found
    return answer


CONFIGURATION: Answer = {
    "language": "en", "cloneable": True, "postSubmitAction": {"type": "thank_you", "value": "Thank you."}, "editable": True,
    "archivable": True, "recaptchaEnabled": False, "notifyContactOwner": False, "notifyRecipients": [],
    "createNewContactForNewEmail": False, "prePopulateKnownValues": True, "allowLinkToResetKnownValues": False, "lifecycleStages": [],
}  # fmt: skip
DISPLAY: Answer = {
    "renderRawHtml": False, "theme": "default_style", "submitButtonText": "Submit", "style": {
        "fontFamily": "arial", "backgroundWidth": "100%", "labelTextColor": "#33475b", "labelTextSize": "13px",
        "helpTextColor": "#7C98B6", "helpTextSize": "11px", "legalConsentTextColor": "#33475b", "legalConsentTextSize": "14px",
        "submitColor": "#ff7a59", "submitAlignment": "left", "submitFontColor": "#ffffff", "submitSize": "12px",
    },
}  # fmt: skip
