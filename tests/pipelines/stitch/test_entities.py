"""Ids over whole lives of merging and splitting."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.entities import Change, assign_ids

# one clustering: for each of 12 records the number of its cluster, or None while the record does not exist
CLUSTERINGS = st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=12, max_size=12)


class Life:
    """Records and the ids they were given, over many stitches."""

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.member: dict[int, str] = {}
        self.alias: dict[str, str] = {}
        self.issued: set[str] = set()

    def stitch(self, clusters: list[set[int]]) -> list[Change]:
        held = [(n, self.member[r]) for n, cluster in enumerate(clusters) for r in cluster if r in self.member]
        overlaps = [(cluster, entity, len(list(same))) for (cluster, entity), same in itertools.groupby(sorted(held))]
        found = assign_ids(overlaps, len(clusters), lambda: f"{next(self.ids):06d}")
        self.member = {record: found.ids[n] for n, cluster in enumerate(clusters) for record in cluster}
        self.issued |= set(found.ids)
        self.alias |= {
            change.before: change.after for change in found.changes if change.kind == "merge" and change.before
        }
        return found.changes

    def resolve(self, entity: str) -> str:
        while entity in self.alias:
            entity = self.alias[entity]
        return entity


def clusters_of(clustering: list[int | None]) -> list[set[int]]:
    found: dict[int, set[int]] = {}
    for record, cluster in enumerate(clustering):
        if cluster is not None:
            found.setdefault(cluster, set()).add(record)
    return sorted(found.values(), key=min)


@given(st.lists(CLUSTERINGS, min_size=1, max_size=12))
def test_every_id_ever_issued_resolves_to_one_in_use_or_to_itself(history):
    """However people merge, split, leave and return, an id that was once handed out leads somewhere, and never in circles."""
    life = Life()
    for clustering in history:
        life.stitch(clusters_of(clustering))
        for entity in life.issued:
            stands = life.resolve(entity)
            assert stands in life.issued
            assert stands not in life.alias
        assert not set(life.member.values()) & set(life.alias)


@given(st.lists(CLUSTERINGS, min_size=1, max_size=6))
def test_an_unchanged_clustering_changes_nothing(history):
    """Stitching the same records into the same clusters again is no event."""
    life = Life()
    for clustering in history:
        life.stitch(clusters_of(clustering))
    before = dict(life.member)
    assert life.stitch(clusters_of(history[-1])) == []
    assert life.member == before


@given(CLUSTERINGS, CLUSTERINGS)
def test_clusters_never_share_an_id(first, second):
    """Two people are two ids, whoever they were before."""
    life = Life()
    life.stitch(clusters_of(first))
    clusters = clusters_of(second)
    life.stitch(clusters)
    assert len(set(life.member.values())) == len(clusters)


def test_a_merge_keeps_the_id_with_most_records_and_the_older_one_in_a_tie():
    """The bigger part names the person; between equals the id that was there first does."""
    assert assign_ids([(0, "1", 1), (0, "2", 3)], 1, str).ids == ["2"]
    assert assign_ids([(0, "2", 2), (0, "1", 2)], 1, str).ids == ["1"]


def test_a_split_leaves_the_id_with_the_largest_part():
    """Whoever keeps most records keeps the name; the others begin anew and remember where they came from."""
    found = assign_ids([(0, "1", 1), (1, "1", 2)], 2, lambda: "9")
    assert found.ids == ["9", "1"]
    assert found.changes == [Change("create", None, "9"), Change("split", "1", "9")]
