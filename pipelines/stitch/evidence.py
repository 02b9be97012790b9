"""Which edge an identity event hangs on: the one that brought two entities together, or the one that no longer holds them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stitch.entities import Change


class Edge(NamedTuple):
    """Two records and what ties them, the value masked; named as the columns of an identity event."""

    left: str | None
    right: str | None
    via_kind: str | None
    via_value: str | None


NO_EDGE = Edge(None, None, None, None)
COLUMNS = ("record", "entity_id", "via_record", "via_kind", "via_value")


def evidence(changes: Iterable[Change], before: pa.Table, after: pa.Table) -> Mapping[Change, Edge]:
    """The edge of every merge and split for which one is known.

    A merge names an edge between the two entities, or else one from the entity that was taken over to whoever stands between. A split
    names an edge that tied records of both before; a part that lost its tie to a record that is gone names none.
    """
    merges = [change for change in changes if change.kind == "merge"]
    splits = [change for change in changes if change.kind == "split"]
    found: dict[Change, Edge] = {}
    if merges:
        were = _entities(before, [name for change in merges for name in (change.before, change.after)])
        rows = _edges(after, {change.after for change in merges})
        for change in merges:
            found |= _first(change, rows, were, loose=True)
    if splits:
        are = _entities(after, [name for change in splits for name in (change.before, change.after)])
        rows = _edges(before, {change.before for change in splits})
        for change in splits:
            found |= _first(change, rows, are, loose=False)
    return found


def _entities(side: pa.Table, wanted: Iterable[str | None]) -> dict[str, str]:
    """The entity on this side of every record of the wanted ones."""
    chosen = side.filter(pc.is_in(side["entity_id"], value_set=pa.array(set(wanted), pa.string())))
    return {row["record"]: row["entity_id"] for row in chosen.select(["record", "entity_id"]).to_pylist()}


def _edges(side: pa.Table, entities: Iterable[str | None]) -> list[dict[str, str]]:
    """The ties within these entities on one side, in the order of their records."""
    inside = pc.is_in(side["entity_id"], value_set=pa.array(set(entities), pa.string()))
    rows = side.select(COLUMNS).filter(pc.and_(inside, pc.is_valid(side["via_record"])))
    return rows.sort_by("record").to_pylist()


def _first(
    change: Change, rows: Iterable[Mapping[str, str]], entity: Mapping[str, str], *, loose: bool
) -> dict[Change, Edge]:
    """The first tie between the two entities of the change; `loose` also takes one that leaves the entity that was, if there is no other."""
    both = {change.before, change.after}
    leaving = None
    for row in rows:
        ends = {entity.get(row["record"]), entity.get(row["via_record"])}
        if ends == both:
            return {change: Edge(row["via_record"], row["record"], row["via_kind"], row["via_value"])}
        if loose and leaving is None and len(ends) == 2 and change.before in ends:
            leaving = Edge(row["via_record"], row["record"], row["via_kind"], row["via_value"])
    return {change: leaving} if leaving else {}
