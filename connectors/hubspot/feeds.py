"""How each kind of CRM object is read: its name in paths, the stamp that moves with every change, whom it may be tied to.

Source: https://developers.hubspot.com/docs/api-reference/search/guide (contacts are stamped by another property than all others).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feed:
    """Reading instructions of one stream."""

    kind: str
    """Plural, as paths name it."""
    linked: tuple[str, ...]
    """Kinds of objects whose associations are kept in the record."""
    stamp: str = "hs_lastmodifieddate"
    pipelines: bool = False
    """Whether the record is told what its stage means."""
    history: tuple[str, ...] = ()
    """Properties of which every earlier value is kept too. Each fifty records cost a call, so it is asked of deals alone: a stage
    that went back, an amount that shrank and a date that was moved say what a buyer thinks; what sellers call a contact does not."""


PARTIES = ("contacts", "companies", "deals", "tickets")
"""What an activity may be about."""

FEEDS = {
    "contacts": Feed("contacts", ("companies",), stamp="lastmodifieddate"),
    "companies": Feed("companies", ()),
    "deals": Feed("deals", ("contacts", "companies"), pipelines=True, history=("dealstage", "amount", "closedate")),
    "tickets": Feed("tickets", ("contacts", "companies", "deals")),
    "calls": Feed("calls", PARTIES),
    "emails": Feed("emails", PARTIES),
    "meetings": Feed("meetings", PARTIES),
    "notes": Feed("notes", PARTIES),
    "communications": Feed("communications", PARTIES),
}

OBJECT_BY_KIND = {"contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket"}
"""Singular, as record keys name the objects that others are tied to."""
