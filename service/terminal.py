"""What a person at a terminal sees: bars while work runs, tables and stories afterwards. Machines read `--json` instead."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors.base import FieldValue, Finding, ProvisionStep, Quota
from pipelines.ingest.state import StreamState, read_until
from pipelines.jobs import JobOutcome
from pipelines.write_back.compare import Left
from pipelines.write_back.history import Run, Write
from pipelines.write_back.outcome import Delivery
from service.errors import UsageError
from service.writing import PlanReport, Shown

console = Console()
errors = Console(stderr=True)


class Bars(logging.Handler):
    """A bar over all jobs and, below it, one for each task that the running job reports through `pipelines.progress`."""

    def __init__(self, progress: Progress, jobs: int) -> None:
        super().__init__()
        self.progress = progress
        self.jobs = progress.add_task("jobs", total=jobs)
        self.tasks: dict[str, TaskID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Move the bar of the record's task."""
        task, done, total = (getattr(record, name, None) for name in ("task", "done", "total"))
        if task is None:
            return
        if task not in self.tasks:
            self.tasks[task] = self.progress.add_task(f"  {escape(task)}", total=total)
        self.progress.update(self.tasks[task], completed=done, total=total)

    def start(self, job: str) -> None:
        """A job begins."""
        self.progress.update(self.jobs, description=job)

    def finish(self) -> None:
        """The job is over; its tasks make room for the next one's."""
        for task in self.tasks.values():
            self.progress.remove_task(task)
        self.tasks.clear()
        self.progress.update(self.jobs, advance=1, description="jobs")


@contextmanager
def bars(jobs: int) -> Iterator[Bars]:
    """Bars on standard error for as long as the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(SpinnerColumn(), *columns, console=errors) as progress:
        handler = Bars(progress, jobs)
        logger = logging.getLogger("sidecar.progress")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield handler
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


def print_json(value: Any) -> None:
    """One JSON document on standard output; instants in ISO 8601, UTC."""
    console.out(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode(), highlight=False)


def plain(value: Any) -> Any:
    """Dataclasses as dictionaries, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def show_outcomes(outcomes: list[JobOutcome]) -> None:
    """One line per job, with what it landed or why it did not."""
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "what happened", "numbers"):
        table.add_column(heading)
    for outcome in outcomes:
        table.add_row(outcome.job, _happened(outcome), _numbers(outcome))
    console.print(table)
    for outcome in outcomes:
        for reason, assets in _by_reason(outcome).items():
            errors.print(f"[red]{escape(', '.join(assets))}[/red]: {escape(reason)}", soft_wrap=True)
        for check in outcome.failed_checks:
            errors.print(f"[yellow]check said no[/yellow]: {escape(check)}", soft_wrap=True)


def _by_reason(outcome: JobOutcome) -> dict[str, list[str]]:
    """Assets by why they failed: a refused login fails all of a vendor's, and is said once."""
    found: dict[str, list[str]] = {}
    for asset, reason in outcome.failures.items():
        found.setdefault(reason, []).append(asset)
    return found


def _happened(outcome: JobOutcome) -> str:
    if outcome.up_to_date:
        return f"[green]done[/green]: {escape(outcome.skipped or '')}"
    if outcome.skipped:
        return f"[yellow]skipped[/yellow]: {escape(outcome.skipped)}"
    landed = f"{len(outcome.assets)} assets landed"
    return f"[red]{len(outcome.failures)} failed[/red], {landed}" if outcome.failures else f"[green]{landed}[/green]"


def _numbers(outcome: JobOutcome) -> str:
    sums: dict[str, float] = {}
    for numbers in outcome.assets.values():
        for label, number in numbers.items():
            if word := next((word for word, labels in TOLD.items() if label.startswith(labels)), None):
                sums[word] = sums.get(word, 0) + number
    return " · ".join(f"{sums[word]:,.0f} {word}" for word in TOLD if word in sums)


TOLD = {  # words of the summary line, and the beginnings of the metadata labels that they add up
    "calls": "calls_",
    "rows landed": "rows_landed",
    "facts": "facts_",
    "rejected": "rejected",
    "extractions": "extracted",
    "planned": "planned",
    "written": "written",
}


def show_findings(findings: dict[str, list[Finding]]) -> None:
    """What doctor found, one block per vendor, with the remedy under whatever does not work."""
    for vendor, lines in findings.items():
        console.print(f"[bold]{escape(vendor)}[/bold]")
        for finding in lines:
            console.print(
                f"  {'[green]ok[/green]  ' if finding.ok else '[red]no[/red]  '}{escape(finding.subject)}: {escape(finding.message)}"
            )
            if finding.remedy and not finding.ok:
                console.print(f"      → {escape(finding.remedy)}")


def show_states(states: list[StreamState]) -> None:
    """A line per stream, below its vendor and account."""
    if not states:
        console.print("No stream has been pulled yet.")
    for (vendor, account), streams in groupby(states, key=lambda one: (one.vendor, one.account)):
        console.print(f"[bold]{escape(vendor)}[/bold] {escape(account or '')}")
        for one in streams:
            console.print(f"  {escape(one.stream)}: {' · '.join(_stands(one))}", soft_wrap=True, highlight=False)


def _stands(one: StreamState) -> Iterator[str]:
    yield read_until(one.cursor)
    if one.landed_at:
        yield f"landed {one.landed_at:%Y-%m-%d %H:%M} UTC"
    yield f"{one.records:,} records"
    if one.rejected:
        yield f"[yellow]{one.rejected:,} rejected[/yellow]"
    if one.dirty:
        yield f"{one.dirty:,} named by webhooks and not read yet"
    if behind := one.landed - one.translated:
        yield f"[yellow]{behind} batches not read as facts yet[/yellow]"
    if one.anew:
        yield "[yellow]facts read by another release; the next pull reads them anew[/yellow]"
    if one.staged_pages:
        yield f"{one.staged_pages} pages with {one.staged_rows:,} rows of an unfinished window wait"


def confirm(question: str) -> None:
    """Ask before something that cannot be taken back. UsageError where nobody is there to answer; typer.Abort for a no."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say so with --yes.")
    typer.confirm(question, abort=True, err=True)  # what is printed may be read by a machine


def say(sentence: str) -> None:
    """One sentence."""
    console.print(escape(sentence))


def show_steps(steps: list[ProvisionStep]) -> None:
    """What provisioning did or would do; what is right already is only counted."""
    right, refused = (sum(step.action == action for step in steps) for action in ("ok", "refuse"))
    for step in steps:
        if step.action != "ok":
            colour = "red" if step.action == "refuse" else "green"
            console.print(f"[{colour}]{step.action}[/{colour}] {escape(step.target)} {escape(step.detail)}")
    console.print(
        f"{len(steps) - right - refused} to change, or changed; {right} right already; {refused} refused."
        if steps
        else "There is nothing to do."
    )


def day(instant: datetime | None) -> str:
    """17 Feb 2026; a dash where there is none."""
    return f"{instant.day} {instant:%b %Y}" if instant else "-"


RECORDS_SHOWN = 20
VALUE_WIDTH = 70
STANDING: dict[Left, str] = {
    "kept": "they hold what a human put there",
    "undone": "an undo put back what they hold, and nothing else is known since",
    "parked": "the CRM refused the same values; sidecar writes tells why, and sidecar writes retry tries them again",
}
"""What decisions of earlier plans hold back, by the word under which a plan counts the records."""


def show_plans(plans: list[PlanReport]) -> None:
    """What each CRM would be told, record by record; long plans are cut, `--json` has everything."""
    for plan in plans:
        records = sorted({write.record for write in plan.writes})
        for record in records[:RECORDS_SHOWN]:
            console.print(f"[bold]{escape(record)}[/bold]")
            for write in plan.writes:
                if write.record == record:
                    console.print(
                        f"  {escape(write.field)}: {_short(write.old)} → {_short(write.new)}  [dim]{escape(write.reason)}[/dim]"
                    )
        if len(records) > RECORDS_SHOWN:
            console.print(f"… and {len(records) - RECORDS_SHOWN} records more; --json lists them all.")
        console.print(f"{plan.crm}: {len(plan.writes)} fields of {len(records)} records would change; nothing else.")
        for why, count in sorted(plan.left_alone.items()):
            console.print(f"  {count} fields are left alone: {escape(why)}")
        for name, why in STANDING.items():
            if records_left := plan.counts.get(name):
                console.print(f"  {records_left} records are left alone: {why}")
        if plan.writes:
            console.print(f"  {plan.counts.get('write calls', 0)} write calls{_budget(plan.quota)}", highlight=False)
        if plan.stopped:
            errors.print(f"[red]Not to be applied:[/red] {escape(plan.stopped)}", soft_wrap=True)
        elif plan.id and plan.writes and plan.needs_approval:
            console.print(f"It waits for somebody's yes: sidecar plan approve {plan.id}")
        elif plan.id and plan.writes:
            console.print(f"Deliver it with: sidecar apply {plan.id}")


def _budget(quota: Quota | None) -> str:
    if quota is None:
        return ""
    return f"; {quota.used:,} of the day's {quota.allowed:,} calls are used, and {quota.left or 0:,} left to us"


def show_runs(runs: list[Run]) -> None:
    """A line per plan, the newest first."""
    if not runs:
        console.print("Nothing was ever planned; begin with: sidecar plan")
        return
    for run in runs:
        fields = " · ".join(f"{count} {state}" for state, count in sorted(run.fields.items())) or "nothing to write"
        console.print(
            f"[bold]{run.id}[/bold] {run.crm} {run.created_at:%Y-%m-%d %H:%M}: {escape(_came_to(run))}; {run.records} records, fields: {fields}",
            soft_wrap=True, highlight=False,
        )  # fmt: skip


def _came_to(run: Run) -> str:
    what = f"takes back {run.undoes}; " if run.undoes else ""
    if run.stopped:
        return f"{what}not delivered: {run.stopped}"
    if run.waits:
        return f"{what}waits for approval"
    by = f", approved by {run.approved_by}" if run.approved_by else ""
    return f"{what}delivered {run.applied_at:%Y-%m-%d %H:%M}{by}" if run.applied_at else f"{what}not delivered yet{by}"


def show_writes(writes: list[Write]) -> None:
    """What was written, from what to what, why, and how it ended; long histories are cut, `--json` has everything."""
    for record, some in groupby(sorted(writes, key=lambda one: one.record), key=lambda one: one.record):
        console.print(f"[bold]{escape(record)}[/bold]")
        for one in some:
            colour = {"ok": "green", "failed": "red"}.get(one.state, "yellow")
            console.print(
                f"  {one.at:%Y-%m-%d %H:%M} [{colour}]{one.state}[/{colour}] {escape(one.field)}: {_short(one.old)} → {_short(one.new)}  "
                f"[dim]{escape(one.error or one.reason)} · plan {one.plan}[/dim]",
                soft_wrap=True, highlight=False,
            )  # fmt: skip


def show_delivery(delivery: Delivery) -> None:
    """What became of a plan."""
    later = f" · {delivery.later} written again by a later plan and left" if delivery.later else ""
    console.print(
        f"{delivery.written} fields of {delivery.records} records written · {delivery.there} were there already · "
        f"{delivery.kept} kept for humans · {delivery.locked} locked · {delivery.gone} gone · {delivery.failed} failed{later}"
    )
    if delivery.stopped:
        errors.print(f"[red]Stopped:[/red] {escape(delivery.stopped)}", soft_wrap=True)


def show_fields(before: Shown, after: Shown) -> None:
    """The fields of each record before and after; records that show the same share a table, empty fields are left out."""
    for records in _showing_the_same(before, after):
        was, now = before.get(records[0], {}), after[records[0]]
        table = Table(title="\n".join(records), title_justify="left", show_lines=True)
        for heading in ("field", "before", "after"):
            table.add_column(heading, overflow="fold")
        for name, value in now.items():
            if (was.get(name), value) not in {(None, None), (False, False)}:
                table.add_row(escape(name), _cell(was.get(name)), _cell(value))
        console.print(table)


def _showing_the_same(before: Shown, after: Shown) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for record, values in sorted(after.items()):
        groups.setdefault(repr((before.get(record), values)), []).append(record)
    return list(groups.values())


def _cell(value: FieldValue) -> str:
    if value is None:
        return "[dim]empty[/dim]"
    return f"{value:g}" if isinstance(value, float) else escape(str(value))


def _short(value: FieldValue) -> str:
    text = " ".join(str(value).split()) if value is not None else "empty"
    return escape(text if len(text) <= VALUE_WIDTH else f"{text[:VALUE_WIDTH]}…")
