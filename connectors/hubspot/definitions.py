"""What the portal defines, so far as its records depend on it: properties, what the stages of deals mean, the company's currency.

The cursor keeps it. What has changed in it names the records that read differently now, though none of them was touched: those that
have a value of a new property, those in a stage that means something else. How a stage is called is not part of it, so renaming one
is no news of any deal. Source: https://developers.hubspot.com/docs/api-reference/crm-pipelines-v3/guide (stage metadata).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from connectors.hubspot.client import Portal
from connectors.hubspot.feeds import Feed
from connectors.hubspot.projection import readable
from connectors.hubspot.wire import types
from models.keys import content_id

Json = dict[str, Any]

MOST_GROUPS = 5
"""Filter groups of one search, which hold where any of them does, and values of one IN: limits of the search guide."""
MOST_VALUES = 100


@dataclass(frozen=True)
class Stage:
    """How a stage is called, and whether a deal there is `open`, `won` or `lost`; None where its metadata does not tell."""

    label: str
    meaning: str | None


@dataclass(frozen=True)
class Definitions:
    """The definitions that the records of one kind are read by."""

    columns: Mapping[str, str]
    """Types of the properties that are read, by name."""
    stages: Mapping[str, Stage] = field(default_factory=dict)
    currency: str | None = None
    """What amounts are in that name no currency; None for kinds that have no amounts."""

    def position(self) -> Json:
        """As JSON for the cursor."""
        meanings = {one: stage.meaning for one, stage in self.stages.items()}
        return {"columns": sorted(self.columns), "stages": meanings, "currency": self.currency}

    @cached_property
    def digest(self) -> str:
        """The same in a few characters; differs where anything does that records are read by."""
        return content_id(json.dumps(self.position(), sort_keys=True))

    def vanished(self, before: Json) -> list[str]:
        """Properties that were read before and are no more."""
        return sorted(set(before["columns"]) - self.columns.keys())

    def news(self, before: Json) -> list[Json] | None:
        """Filters of which every record meets one that reads differently since; None where that may be any record."""
        new = sorted(self.columns.keys() - set(before["columns"]))
        filters: list[Json] = [{"propertyName": name, "operator": "HAS_PROPERTY"} for name in new]
        # a stage that is new may have been entered before its meaning was known
        moved = [one for one, stage in self.stages.items() if before["stages"].get(one, "") != stage.meaning]
        if moved:
            filters.append({"propertyName": "dealstage", "operator": "IN", "values": sorted(moved)})
        too_much = len(filters) > MOST_GROUPS or len(moved) > MOST_VALUES
        return None if too_much or self.currency != before["currency"] else filters

    def beside(self, payload: Mapping[str, Any]) -> Json:
        """What a deal is told of its stage and currency, in names that no property can have."""
        told: Json = {}
        if stage := self.stages.get(payload.get("dealstage", "")):
            told = {"stageLabel": stage.label, "stageMeaning": stage.meaning}
        if self.currency and not payload.get("deal_currency_code"):
            told["companyCurrency"] = self.currency
        return told


def definitions(portal: Portal, feed: Feed, stream: str) -> Definitions:
    """The definitions of one kind as they are now."""
    defined = portal.properties(feed.kind, stream)
    kinds = types(defined)
    named = {name: kinds[name] for name in readable(defined, portal.settings)}
    if not feed.pipelines:
        return Definitions(named)
    pipelines = portal.pipelines(feed.kind, stream)
    stages = {
        str(stage["id"]): Stage(str(stage.get("label") or stage["id"]), meaning(stage.get("metadata") or {}))
        for pipeline in pipelines
        for stage in pipeline.get("stages") or []
    }
    return Definitions(named, stages, portal.currency)


def meaning(metadata: Mapping[str, Any]) -> str | None:
    """Whether a deal in such a stage is open, won or lost: a closed one is won where its probability is 1."""
    closed = str(metadata.get("isClosed", "")).casefold()
    if closed != "true":
        return "open" if closed else None
    try:
        return "won" if Decimal(str(metadata.get("probability"))) == 1 else "lost"
    except InvalidOperation:
        return None
