"""Instants of the planted world: drawn at random, never in the future, and written as each vendor writes them."""

import random
from datetime import UTC, date, datetime, timedelta

BEGIN = datetime(2025, 1, 6, 9, tzinfo=UTC)
"""Nothing in the world is older."""
MARGIN = timedelta(hours=1)
"""Nothing is younger than the present less this, so that a first pull with a few minutes' lag sees everything."""


def between(rng: random.Random, start: datetime, end: datetime) -> datetime:
    """A whole second from `start` on and not after `end`; `start` itself where nothing lies between."""
    span = int((end - start).total_seconds())
    return start + timedelta(seconds=rng.randint(0, span)) if span > 0 else start


def wire(instant: datetime) -> str:
    """As Salesforce's REST interface writes an instant, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def iso(instant: datetime) -> str:
    """As HubSpot writes a whole second, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(instant: datetime | date) -> str:
    """As Salesforce writes a date."""
    return instant.strftime("%Y-%m-%d")


def unix(instant: datetime) -> int:
    """As Stripe writes an instant: whole seconds since 1970."""
    return int(instant.timestamp())
