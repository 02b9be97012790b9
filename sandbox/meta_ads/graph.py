"""Nodes and edges: what a path of the Graph API means, for single calls and for the parts of a batch alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.meta_ads import APP_ID, APP_SECRET, USER_ID
from sandbox.meta_ads.errors import MetaRefusal, bad, not_there, too_much
from sandbox.meta_ads.insights import Question, cells, question, rows
from sandbox.meta_ads.listing import page
from sandbox.meta_ads.params import STATUSES, Params, fields, judge, limit
from sandbox.meta_ads.state import MetaState, Row

KEPT = timedelta(days=90)
"""Leads are served for 90 days: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving."""
EDGES = {"campaigns": "campaign", "adsets": "adset", "ads": "ad", "adcreatives": "adcreative"}
HOLDERS = {
    "adaccount": ("campaigns", "adsets", "ads", "adcreatives"), "campaign": ("adsets", "ads"), "adset": ("ads",), "ad": (),
}  # fmt: skip
WITHIN = {"adaccount": "account_id", "campaign": "campaign_id", "adset": "adset_id", "ad": "ad_id"}
BOUNDS = {"GREATER_THAN": ">", "GREATER_THAN_OR_EQUAL": ">=", "LESS_THAN": "<", "LESS_THAN_OR_EQUAL": "<="}
PAGE_OF_INSIGHTS = 25
PERMISSION = {"lead": "leads_retrieval", "form": "pages_manage_ads", "page": "pages_show_list"}
"""What a node asks for, where it is not ads_read."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the token and what it may do."""

    token: str
    permissions: frozenset[str]
    page: str | None = None
    """The Page whose own token it is."""

    def must(self, permission: str, message: str) -> None:
        """MetaRefusal unless the token has the permission."""
        if permission not in self.permissions:
            raise MetaRefusal(403, 200, f"(#200) {message}")


class Graph:
    """Answers over the state."""

    def __init__(self, state: MetaState) -> None:
        self._state = state

    def account_of(self, parts: list[str]) -> str | None:
        """The ad account that a call counts for."""
        found = self._state.node(self._state.holder(parts[0]) or parts[0]) if parts else None
        return str(found[1].get("account_id", "")) or None if found else None

    def get(self, caller: Caller, url: str, parts: list[str], params: Params) -> Any:
        """The answer of a GET. MetaRefusal as Meta refuses."""
        match parts:
            case ["debug_token"]:
                return self._debug_token(params)
            case ["me"]:
                return _shown({"id": USER_ID, "name": "Sidecar"}, fields(judge(params, set()), "user"))
            case ["me", "adaccounts"]:
                caller.must("ads_read", "Requires ads_read permission to manage the object")
                return self._list(url, "adaccount", self._state.select("adaccount", "1", ()), judge(params, set()))
            case ["me", "accounts"]:
                found = self._state.select("page", "1", ()) if "pages_show_list" in caller.permissions else []
                return self._list(url, "page", found, judge(params, set()))
            case [node]:
                return self._node(caller, node, params)
            case [node, edge]:
                return self._edge(caller, url, node, edge, params)
        raise unknown_path(url)

    def begin_report(self, caller: Caller, parts: list[str], params: Params) -> Row:
        """The answer of a POST to an insights edge."""
        if len(parts) != 2 or parts[1] != "insights":
            raise MetaRefusal(400, 100, "Unsupported post request.", subcode=33, kind="GraphMethodException")
        asked = self._question(caller, parts[0], params)
        conduct = self._state.conduct
        large = conduct.most_cells is not None and cells(rows(self._state, asked), asked) > conduct.most_cells
        if large and conduct.refuses_large:
            raise too_much(known_before=True)
        outcome = "too large" if large else conduct.outcomes.popleft() if conduct.outcomes else "Job Completed"
        kept = {name: value for name, value in params.items() if name not in {"access_token", "appsecret_proof"}}
        return {"report_run_id": self._state.add_report(parts[0], kept, outcome)}

    # nodes ------------------------------------------------------------------------------------------------------------

    def _node(self, caller: Caller, node: str, params: Params) -> Row:
        report = self._state.look_at(node, "asked")
        if report:
            return self._report(node, report, judge(params, set()))
        kind, row = self._find(caller, node)
        return _shown(row, self._fields(judge(params, set()), kind))

    def _find(self, caller: Caller, node: str) -> tuple[str, Row]:
        found = self._state.node(node)
        if found is None:
            raise not_there(node)
        permission = PERMISSION.get(found[0], "ads_read")
        caller.must(permission, f"Ad account owner or Page has NOT granted {permission} permission")
        return found

    def _report(self, node: str, report: tuple[str, Row, str, int, int], params: Params) -> Row:
        """Where a report stands; every look brings it one step on."""
        fields(params, "report")
        _, _, outcome, looks, _ = report
        conduct = self._state.conduct
        if looks <= conduct.unborn:
            raise not_there(node)
        step = min(looks - conduct.unborn, len(conduct.life))
        status, percent = conduct.life[step - 1]
        told: Row = {"id": node, "async_status": status, "async_percent_completion": percent}
        if outcome == "stuck" and step == len(conduct.life):
            return told | {"async_status": "Job Running"}
        if outcome != "Job Completed" and step == len(conduct.life):
            failed = outcome if outcome.startswith("Job") else "Job Failed"
            why = {"error_code": 100, "error_subcode": 1487534} if outcome == "too large" else {"error_code": 2}
            return told | {"async_status": failed, "error_message": "The job could not be done", **why}
        return told

    def _debug_token(self, params: Params) -> Row:
        """https://developers.facebook.com/docs/graph-api/reference/debug_token."""
        asked = judge(params, {"input_token"})
        if asked.get("access_token") != f"{APP_ID}|{APP_SECRET}" and asked.get("access_token") != asked.get(
            "input_token"
        ):
            raise bad("You must provide an app access token, or a user access token of the app")
        issued = self._state.token(str(asked.get("input_token")))
        if issued is None:
            return {"data": {"is_valid": False, "scopes": [], "error": {"code": 190, "message": "Invalid token"}}}
        permissions, end = issued
        alive = not end or end > self._state.now()
        return {
            "data": {
                "app_id": APP_ID,
                "is_valid": alive,
                "expires_at": end,
                "scopes": sorted(permissions),
                "user_id": USER_ID,
            }
        }

    # edges ------------------------------------------------------------------------------------------------------------

    def _edge(self, caller: Caller, url: str, node: str, edge: str, params: Params) -> Row:
        if edge == "insights":
            return self._insights(caller, url, node, params)
        if edge == "leads":
            return self._leads(caller, url, node, params)
        if edge == "leadgen_forms":
            return self._forms(caller, url, node, params)
        holder, row = self._find(caller, node)
        if edge not in HOLDERS.get(holder, ()):
            raise bad(f"Tried accessing nonexisting field ({edge}) on node type ({holder})")
        kind = EDGES[edge]
        asked = judge(params, {"effective_status", "filtering"} if kind in STATUSES else set())
        column = WITHIN[holder]
        where, values = [f"json_extract(json, '$.{column}')=?"], [row["account_id"] if holder == "adaccount" else node]
        if kind in STATUSES:
            _narrow(kind, asked, where, values)
        return self._list(url, kind, self._state.select(kind, " and ".join(where), values), asked)

    def _forms(self, caller: Caller, url: str, node: str, params: Params) -> Row:
        """https://developers.facebook.com/docs/graph-api/reference/page/leadgen_forms: of a Page, by its own token."""
        if caller.page != node:
            raise MetaRefusal(400, 190, "(#190) This method must be called with a Page Access Token")
        caller.must("pages_manage_ads", "Requires pages_manage_ads permission to manage the object")
        return self._list(url, "form", self._state.select("form", "parent=?", (node,)), judge(params, set()))

    def _leads(self, caller: Caller, url: str, node: str, params: Params) -> Row:
        """Leads of an ad or of a form, newest first, as long as they are kept."""
        caller.must("leads_retrieval", "Requires leads_retrieval permission to manage the object")
        asked = judge(params, {"filtering"})
        found = self._state.node(node)
        column = "parent" if found and found[0] == "ad" else "form"
        if not found and not self._state.select("lead", "form=?", (node,)):
            raise not_there(node)
        where, values = [f"{column}=?", "created>=?"], [node, self._state.now() - int(KEPT.total_seconds())]
        for one in asked.get("filtering", []):
            if one.get("field") != "time_created" or one.get("operator") not in BOUNDS:
                raise bad("leads can be filtered by time_created alone")
            where.append(f"created{BOUNDS[one['operator']]}?")
            values.append(one["value"])
        return self._list(url, "lead", self._state.select("lead", " and ".join(where), values), asked)

    def _insights(self, caller: Caller, url: str, node: str, params: Params) -> Row:
        report = self._state.look_at(node, "fetched")
        if report:
            holder, kept, outcome, looks, fetched = report
            conduct = self._state.conduct
            if outcome != "Job Completed" or looks < len(conduct.life) + conduct.unborn or fetched <= conduct.unloaded:
                raise MetaRefusal(
                    400, 2601, "(#2601) Error loading async report results", subcode=1815107, transient=True
                )
            asked = self._question(caller, holder, kept)
            return self._rows(url, asked, judge(params, set()))
        return self._rows(url, self._question(caller, node, params), params)

    def _rows(self, url: str, asked: Question, params: Params) -> Row:
        found, conduct = rows(self._state, asked), self._state.conduct
        paged = judge({name: value for name, value in params.items() if name in {"limit", "after"}}, set())
        size = min(limit(paged, PAGE_OF_INSIGHTS), len(found))
        if conduct.most_page_cells is not None and size * len(asked.fields) > conduct.most_page_cells:
            raise too_much(known_before=False)
        return page(found, paged, url, gaps=conduct.empty_pages)

    def _question(self, caller: Caller, node: str, params: Mapping[str, Any]) -> Question:
        holder, row = self._find(caller, node)
        if holder not in WITHIN:
            raise bad(f"Tried accessing nonexisting field (insights) on node type ({holder})")
        account = self._state.node(f"act_{row['account_id']}")
        if account is None:
            raise not_there(node)
        within = row["account_id"] if holder == "adaccount" else node
        return question(self._state, account[1], (WITHIN[holder], within), dict(params))

    def _fields(self, params: Params, kind: str) -> list[str]:
        """The fields asked for. MetaRefusal for one that this version has dropped, though the SDK still lists it."""
        asked = fields(params, kind)
        for name in asked:
            if name in self._state.conduct.dead:
                raise bad(f"Tried accessing nonexisting field ({name}) on node type ({kind})")
        return asked

    def _list(self, url: str, kind: str, found: list[Row], params: Params) -> Row:
        names = self._fields(params, kind)
        return page([_shown(row, names) for row in found], params, url, gaps=self._state.conduct.empty_pages)


def _shown(row: Row, names: list[str]) -> Row:
    """The fields asked for and the id; a field without a value is absent, as Meta leaves it out."""
    return {name: row[name] for name in dict.fromkeys([*names, "id"]) if row.get(name) is not None}


def _narrow(kind: str, asked: Params, where: list[str], values: list[Any]) -> None:
    """By effective_status (unless asked for, what is archived or deleted is left out) and by updated_time."""
    statuses = asked.get("effective_status")
    for one in asked.get("filtering", []):
        if (
            one.get("field") == f"{kind}.updated_time"
            and one.get("operator") in BOUNDS
            and isinstance(one.get("value"), int)
        ):
            where.append(f"updated{BOUNDS[one['operator']]}?")
            values.append(one["value"])
        elif one.get("field") == f"{kind}.effective_status" and one.get("operator") == "IN":
            statuses = one.get("value", "")
        else:
            raise bad(f"Filtering field {one.get('field')} with operation {one.get('operator')} is not supported")
    wanted = sorted(STATUSES[kind] - {"ARCHIVED", "DELETED"}) if statuses is None else statuses
    if not isinstance(wanted, list) or not set(wanted) <= STATUSES[kind]:
        raise bad("Param effective_status has a value that is not valid")
    where.append(f"status in ({','.join('?' * len(wanted))})")
    values += wanted


def unknown_path(url: str) -> MetaRefusal:
    """A path that means nothing. Source: the Graph API answers code 2500 for it."""
    return MetaRefusal(400, 2500, f"Unknown path components: {re.sub(r'^/v[0-9.]+', '', url)}")
