"""What has begun to fail or works again, kept before anybody is told; what a receiver did not take is sent again.

Nothing is ever told twice to a receiver that took it, but for one case: whoever is killed between a receiver's yes and the note of it
sends that one message again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from models.alerts import Alert
from models.base import new_id
from models.store import transaction
from pipelines.alerts.channels import Channel, Message, NotDelivered

STALE = timedelta(days=1)
"""What nobody could be told for a day is no news any more."""
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """How something that is watched stands right now. `about` has counts and ids, never customer text."""

    failing: bool
    about: str = ""


def note(store: Engine, looks: Mapping[str, Look], now: datetime) -> list[Alert]:
    """Keep what has changed since the last look, by subject. Something that is new and works is no change."""
    with transaction(store) as session:
        was = _failing(session)
        fresh = [
            Alert(id=new_id(now), subject=subject, failing=look.failing, about=look.about, changed_at=now, told=[])
            for subject, look in sorted(looks.items())
            if look.failing != was.get(subject, False)
        ]
        session.add_all(fresh)
    return fresh


def tell(store: Engine, ways: Sequence[Channel], now: datetime) -> int:
    """Send each receiver what it has not been told yet, in one message. Returns how many messages were taken."""
    taken = 0
    with transaction(store) as session:
        recent = session.exec(select(Alert).where(col(Alert.changed_at) > now - STALE).order_by(col(Alert.id))).all()
    for way in ways:
        due = [alert for alert in recent if way.name not in alert.told]
        if not due:
            continue
        try:
            way.send(message(due))
        except NotDelivered as error:
            LOG.warning("%d alerts wait: %s", len(due), error)
            continue
        taken += 1
        with transaction(store) as session:
            for alert in due:
                alert.told = [*alert.told, way.name]
                session.add(alert)
    return taken


def message(alerts: Sequence[Alert]) -> Message:
    """Such as "crm-sidecar: 1 failing, 2 working again", with a line for each."""
    failing = sum(alert.failing for alert in alerts)
    counts = [(failing, "failing"), (len(alerts) - failing, "working again")]
    title = ", ".join(f"{count} {what}" for count, what in counts if count)
    return Message(f"crm-sidecar: {title}", tuple(_line(alert) for alert in alerts))


def _line(alert: Alert) -> str:
    about = f": {alert.about}" if alert.about else ""
    return f"{'FAILING' if alert.failing else 'WORKING AGAIN'} since {alert.changed_at:%Y-%m-%d %H:%M} UTC, {alert.subject}{about}"


def _failing(session: Session) -> dict[str, bool]:
    newest = select(func.max(Alert.id)).group_by(col(Alert.subject))
    rows = session.exec(select(Alert.subject, Alert.failing).where(col(Alert.id).in_(newest)))
    return dict(rows.all())
