"""Of whom nothing is shown in a CRM: who refused, and where consent is the basis, who never gave it; and whose words stay elsewhere."""

from collections.abc import Iterable

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlmodel import Session, col, select

from models import Consent, Membership
from pipelines.ingest.lake import Lake
from pipelines.understand.people import chunks, refused
from pipelines.understand.policy import Policy

CONSENT = "consent"
"""The lawful basis (GDPR article 6(1)(a)) that needs a yes: https://gdpr-info.eu/art-6-gdpr/."""


class Showing(BaseSettings):
    """Variables that start with SIDECAR_WRITE_BACK_."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_WRITE_BACK_", extra="ignore", env_ignore_empty=True)

    regions: list[str] = []
    """Regions, as stamped on observations, whose words the CRM may show; none named: all. Written as JSON, such as ["eu"]."""


def silenced(lake: Lake, session: Session, records: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Persons of whom nothing may be shown. Shape: `records` as pairs of record key and person."""
    pairs = list(records)
    refusing = refused(lake, session)
    found = {person for record, person in pairs if record in refusing}
    if Policy().lawful_basis == CONSENT:
        found |= {person for _, person in pairs} - _agreed(lake, session)
    return frozenset(found)


def _agreed(lake: Lake, session: Session) -> set[str]:
    """Persons of whom one record grants all: nobody's silence is a yes."""
    consents = lake.facts(Consent)
    granting = consents.filter((consents.channel == "all") & consents.granted).select("subject").distinct()
    subjects: list[str] = granting.to_pyarrow().column("subject").to_pylist()
    persons: set[str] = set()
    for some in chunks(subjects):
        persons |= set(session.exec(select(Membership.entity_id).where(col(Membership.record).in_(some))).all())
    return persons
