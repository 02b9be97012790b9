"""How likely two are the same: Fellegi and Sunter's model by Splink, on a DuckDB of its own. The only module that knows Splink.

The same rows give the same scores in whatever order they come: samples are seeded, scores rounded far above the last bits of sums.
What an estimate may not be trusted with is assumed instead, and said.
"""

import logging
from collections.abc import Iterable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from pipelines.ingest.tables import SILENT
from pipelines.stitch.suggest.comparing import Comparing, Learned, Scored, Signal

SEED = 1
FEW = 500
"""Rows below which nothing is estimated: how rare a name is cannot be read from a handful."""
FEW_CERTAIN = 50
"""Certain pairs below which the shares among the same are assumed: EM would learn from colleagues instead."""
SAMPLED = 1_000_000
"""Pairs at most that a share is estimated from."""
LARGEST_BLOCK = 100
"""Rows at most that are compared all with all because they share a value; a larger block says too little, and grows with its square."""
RECALL = 0.7
"""Part of all true pairs that the certain ones are taken for."""
LEAST_EXPECTED = 0.01
"""Rows per row that are expected to be somebody else's double, at least; 1 in 100 is little for a CRM."""
LEAST_OTHERS = 0.1
"""Part of a share among random pairs that is left to others, at least, once the same are taken out of it."""
MEMORY = "1GB"
"""What Splink's tables may take before DuckDB spills them: a scored pair has all columns of both sides, a kilobyte and more, and is one of millions."""
PLACES = 4
"""Decimals of weights."""
NO_BLOCK = {"blocking_rule": "1=0", "sql_dialect": "duckdb"}

Shares = dict[tuple[str, int], tuple[float, float]]
"""Share among the same and share among others, by signal and level."""


def scored(rows: pa.Table, comparing: Comparing, *, at_least: float) -> Scored:
    """Score every two rows that share a block. `rows` has `id` and the columns that are compared; null says nothing.

    Units: `at_least` is a probability.
    """
    signals = tuple(signal for signal in comparing.signals if _told(rows, signal))
    if rows.num_rows < 2 or not signals:
        return Scored(_shape(signals).empty_table(), signals, Learned(rows.num_rows))
    with (
        TemporaryDirectory(prefix="sidecar-") as spilled,  # of this run and user alone: it holds what customers wrote
        duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": spilled}) as connection,
    ):
        connection.execute(SILENT)
        bounded = _prepare(connection, rows, comparing)
        scorer = _Scorer(connection, signals, comparing)
        certain = scorer.certain()
        expected = _expected(rows.num_rows, certain)
        shares, learned = scorer.learn(rows.num_rows, certain, expected)
        found = scorer.predict(shares, expected, at_least, few=rows.num_rows < FEW)
    told = Learned(rows.num_rows, learned.others, learned.signals, certain, expected, bounded)
    return Scored(found, signals, told)


class _Scorer:
    """One table of rows, and Splink's linkers on it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, signals: tuple[Signal, ...], comparing: Comparing
    ) -> None:
        self._connection = connection
        self._rows = DuckDBAPI(connection).register("told")
        self._signals = signals
        self._comparing = comparing

    def certain(self) -> int:
        """Pairs that are the same but for rare exceptions."""
        rules = [" and ".join(f"l.{column} = r.{column}" for column in rule) for rule in self._comparing.certain]
        joined = " union ".join(
            f"select l.id, r.id as other from told l join told r on {rule} and l.id < r.id" for rule in rules
        )
        counted: int = self._connection.execute(f"select count(*) from ({joined})").fetchall()[0][0]
        return counted

    def learn(self, rows: int, certain: int, expected: float) -> tuple[Shares, Learned]:
        """Estimate what can be estimated from these rows."""
        assumed = _assumed(self._signals)
        if rows < FEW:
            return assumed, Learned(rows, signals=dict.fromkeys((signal.name for signal in self._signals), "assumed"))
        linker = self._linker(assumed, expected, ())
        linker.training.estimate_u_using_random_sampling(
            max_pairs=SAMPLED, seed=SEED, min_count_per_level=None, num_chunks=1
        )
        if certain >= FEW_CERTAIN:
            for column in filter(self._teaches, self._comparing.learn):
                linker = self._taught(linker, column)
        return _sensible(
            self._signals, assumed, _estimated(linker, self._signals), by_em=certain >= FEW_CERTAIN, expected=expected
        )

    def _taught(self, linker: Linker, column: str) -> Linker:
        """The linker with what pairs that share a value of the column tell; as it was where they tell of no pair that is the same."""
        before = linker.misc.save_model_to_json()
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                f"l.{column} = r.{column}", estimate_without_term_frequencies=True, max_pairs=SAMPLED
            )
        except ValueError:  # a share came to nothing: Splink takes none so small, and leaves its linker half changed
            return self._opened(before)
        return linker

    def _teaches(self, column: str) -> bool:
        """Whether enough pairs share a value of the column; Splink refuses to learn from none."""
        sizes = f"select count(*) as many from told where {column} is not null group by {column}"
        counted = self._connection.execute(f"select coalesce(sum(many * (many - 1) / 2), 0) from ({sizes})")
        return bool(counted.fetchall()[0][0] >= FEW_CERTAIN)

    def predict(self, shares: Shares, expected: float, at_least: float, *, few: bool) -> pa.Table:
        """The pairs of all blocks that reach the threshold."""
        blocks = [f"l.block_{number} = r.block_{number}" for number in range(len(self._comparing.blocks))]
        linker = self._linker(shares, expected, blocks, rare=not few)
        found = linker.inference.predict(threshold_match_probability=at_least, warning_mode="never")
        return _table(found.as_duckdbpyrelation(), self._signals)

    def _linker(self, shares: Shares, expected: float, blocks: Sequence[str], *, rare: bool = True) -> Linker:
        settings = {
            "link_type": "dedupe_only",
            "unique_id_column_name": "id",
            "probability_two_random_records_match": expected,
            "retain_intermediate_calculation_columns": True,
            "retain_matching_columns": True,
            "comparisons": [_comparison(signal, shares, rare=rare) for signal in self._signals],
            "blocking_rules_to_generate_predictions": [
                {"blocking_rule": block, "sql_dialect": "duckdb"} for block in blocks
            ],
        }
        return self._opened(settings)

    def _opened(self, settings: dict[str, Any]) -> Linker:
        return Linker(self._rows, settings, log_level=logging.ERROR, validate_settings=False)


def _told(rows: pa.Table, signal: Signal) -> bool:
    """Whether any column of the signal says anything twice."""
    return all(column in rows.column_names for column in signal.columns) and any(
        rows.num_rows - rows[column].null_count > 1 for column in signal.columns
    )


def _prepare(connection: duckdb.DuckDBPyConnection, rows: pa.Table, comparing: Comparing) -> int:
    """The table `told`: the rows in the order of their ids, with the value of each block, empty where the block is too large."""
    connection.register("rows", rows)
    keys = [f"chr(0) || {' || chr(0) || '.join(block)} as key_{n}" for n, block in enumerate(comparing.blocks)]
    connection.execute(f"create table keyed as select *, {', '.join(keys)} from rows")
    kept = [
        f"case when count(*) over (partition by key_{n}) <= {LARGEST_BLOCK} then key_{n} end as block_{n}"
        for n in range(len(keys))
    ]
    dropped = ", ".join(f"key_{n}" for n in range(len(keys)))
    connection.execute(f"create table told as select * exclude ({dropped}), {', '.join(kept)} from keyed order by id")
    sizes = " union all ".join(
        f"select count(*) as many from keyed where key_{n} is not null group by key_{n}" for n in range(len(keys))
    )
    counted = connection.execute(f"select count(*) from ({sizes}) where many > {LARGEST_BLOCK}")
    bounded: int = counted.fetchall()[0][0]
    connection.execute("drop table keyed")
    return bounded


def _expected(rows: int, certain: int) -> float:
    """The probability that two rows taken at random are the same; of a few rows the certain pairs are what is asked, no estimate."""
    seen = certain / RECALL if rows >= FEW else 0
    return min(max(seen, rows * LEAST_EXPECTED) / (rows * (rows - 1) / 2), 0.5)


def _comparison(signal: Signal, shares: Shares, *, rare: bool) -> dict[str, Any]:
    levels = [{"sql_condition": signal.silent.format(*signal.columns), "is_null_level": True}]
    for place, level in enumerate(signal.levels):
        same, other = shares[signal.name, place]
        levels.append(
            {
                "sql_condition": "ELSE" if level.test == "else" else level.test.format(*signal.columns),
                "label_for_charts": level.words,
                "m_probability": same,
                "u_probability": other,
            }
        )
        if rare and level.rare is not None:
            levels[-1]["tf_adjustment_column"] = signal.columns[level.rare]
            levels[-1]["disable_tf_exact_match_detection"] = True
    return {"output_column_name": _column(signal), "comparison_levels": levels}


def _column(signal: Signal) -> str:
    return signal.name.replace(" ", "_")


def _assumed(signals: Iterable[Signal]) -> Shares:
    return {
        (signal.name, place): (level.same, level.other)
        for signal in signals
        for place, level in enumerate(signal.levels)
    }


def _estimated(linker: Linker, signals: Iterable[Signal]) -> Shares:
    told = linker.misc.save_model_to_json()["comparisons"]
    by_name = {comparison["output_column_name"]: comparison["comparison_levels"] for comparison in told}
    found: Shares = {}
    for signal in signals:
        levels = [level for level in by_name[_column(signal)] if not level.get("is_null_level")]
        for place, level in enumerate(levels):
            found[signal.name, place] = (level.get("m_probability") or 0.0, level.get("u_probability") or 0.0)
    return found


def _sensible(
    signals: Sequence[Signal], assumed: Shares, found: Shares, *, by_em: bool, expected: float
) -> tuple[Shares, Learned]:
    """The estimates, and what is assumed where one is missing or says that agreement speaks against it."""
    shares, said = Shares(), {}
    for signal in signals:
        known = [(signal.name, place) for place in range(len(signal.levels))]
        same, other = ([found[key][side] for key in known] for side in (0, 1))
        speaks = by_em and all(same) and same[0] > other[0] and same[-1] < other[-1]
        said[signal.name] = "estimated" if speaks else "assumed"
        for key in known:
            likely = found[key][0] if speaks else assumed[key][0]
            random = found[key][1] or assumed[key][1]
            shares[key] = likely, max((random - expected * likely) / (1 - expected), random * LEAST_OTHERS)
    return shares, Learned(0, "estimated", said)


def _table(found: duckdb.DuckDBPyRelation, signals: Sequence[Signal]) -> pa.Table:
    """The pairs in their lasting shape and order."""
    columns = [
        "least(id_l, id_r)",
        "greatest(id_l, id_r)",
        f"round(match_weight, {PLACES})",
        f"round(match_probability, {2 * PLACES})",
        *(f"if(gamma_{_column(one)} < 0, -1, {len(one.levels) - 1} - gamma_{_column(one)})" for one in signals),
        *(f"round({_weight(one, found.columns)}, {PLACES})" for one in signals),
    ]
    shape = _shape(signals)
    told = (f'{column} as "{name}"' for column, name in zip(columns, shape.names, strict=True))
    pairs: pa.Table = found.project(", ".join(told)).order('weight desc, "left", "right"').to_arrow_table()
    return pairs.cast(shape)


def _shape(signals: Sequence[Signal]) -> pa.Schema:
    columns: dict[str, pa.DataType] = {
        "left": pa.string(),
        "right": pa.string(),
        "weight": pa.float64(),
        "probability": pa.float64(),
        **{f"level_{signal.name}": pa.int64() for signal in signals},
        **{f"weight_{signal.name}": pa.float64() for signal in signals},
    }
    return pa.schema(columns)


def _weight(signal: Signal, columns: Sequence[str]) -> str:
    """What a signal says, and how much more or less for how rare it is, where that counts."""
    name, rare = f"mw_{_column(signal)}", f"mw_tf_adj_{_column(signal)}"
    return f"{name} + coalesce({rare}, 0)" if rare in columns else name
