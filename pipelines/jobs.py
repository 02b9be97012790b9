"""The jobs by name, and what became of one, in words that need no Dagster: it takes seconds to import, and most commands run nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.registry import connectors_by_name


class AlreadyRunning(Exception):
    """Another process runs jobs in the same place; nothing was done."""


class InstanceError(Exception):
    """Dagster's own storage cannot be opened; the message says which file to look into."""


@dataclass(frozen=True)
class JobOutcome:
    """What one job did.

    Shape: `assets` maps each asset that landed (written `group/name`) to its numbers; `failures` maps each that did not to the
    reason; `failed_checks` lists checks that said no. `skipped` is why the job was not run at all; `up_to_date` whether that was
    because everything it could do is done.
    """

    job: str
    run_id: str | None = None
    skipped: str | None = None
    assets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    failed_checks: tuple[str, ...] = ()
    up_to_date: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything that was due has landed."""
        return not self.failures


def job_names() -> list[str]:
    """Every job in flow order: one per vendor, then stitch, understand and one per CRM."""
    vendors = connectors_by_name()
    crms = [name for name, connector in vendors.items() if connector.open_crm]
    return [
        *(f"pull_{name}" for name in vendors),
        "stitch",
        "understand",
        *(f"write_back_{name}" for name in crms),
    ]
