"""In bad weather, with data changing and processes dying, nothing is lost; and the soak sees it where something is."""

from pathlib import Path

import pytest

from connectors.registry import connectors_by_name
from tests.soak import __main__ as command
from tests.soak.hunt import SEEDS, caught
from tests.soak.mutants import MUTANTS, Mutant
from tests.soak.run import SHARE, soak

SMOKE = 5
"""A seed by which Salesforce answers by Bulk jobs, and Stripe has another account connected."""
VENDORS = sorted(connectors_by_name())


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_lake_says_what_is_true_at_the_vendor(vendor: str, tmp_path: Path):
    """After storms, changes in mid-pull, missing permissions and deaths, rows, values and deletions are those of the vendor."""
    tally = soak(vendor, SMOKE, tmp_path, streams=1)
    assert tally.rows > 0


@pytest.mark.slow
def test_a_soak_goes_on_in_new_processes(monkeypatch: pytest.MonkeyPatch):
    """Every run is told, once, when all processes have had their time more than once."""
    monkeypatch.setattr(command, "LIFETIME", 1)
    work = [("product_events", seed, 1) for seed in (1, 2, 3)]
    assert sorted((seed, lost) for _, seed, _, lost in command.outcomes(work, jobs=1)) == [(1, ""), (2, ""), (3, "")]


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_more_than_one_request_in_twenty_is_struck(vendor: str, tmp_path: Path):
    """Over some runs the storms of every vendor strike as often as was promised, and processes do die."""
    tallies = [soak(vendor, seed, tmp_path / str(seed), streams=3) for seed in SEEDS]
    assert sum(tally.struck for tally in tallies) >= 0.05 * sum(tally.requests for tally in tallies)
    assert sum(tally.kills for tally in tallies) >= len(SEEDS)
    assert SHARE > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_connector_with_one_thing_missing_is_caught(mutant: Mutant):
    """Without look-back, blind to ties, stopping at an empty page, deaf to deletions or to a refusal: something is lost, and seen."""
    assert caught(mutant), f"{mutant} survived {len(SEEDS)} seeds"


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "streams"), sorted({(mutant.vendor, mutant.streams) for mutant in MUTANTS}))
def test_the_connector_itself_is_not(vendor: str, streams: tuple[str, ...], tmp_path: Path):
    """The same streams and seeds lose nothing where nothing is missing."""
    for seed in SEEDS:
        soak(vendor, seed, tmp_path / str(seed), streams=streams)
