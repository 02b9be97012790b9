"""Risk and next action: chances that were tried, sharpened by alignment only where that helped, told with their reasons."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models import Audit, Consent, Engagement, Entity, Purpose
from models.store import transaction
from pipelines.stitch.derived import put
from pipelines.understand.behaviour.collect import notice
from pipelines.understand.behaviour.deeds import ANSWERED, USED, Deed
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import collect_observations
from pipelines.understand.outlook.next_action import chances, likeliest, tried
from pipelines.understand.outlook.predict import NEXT, RISKS, predict
from pipelines.understand.outlook.risk import Foretold, error, out_of_sample, shift
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.scoring import score_alignment
from pipelines.workspace import Workspace, WorkspaceSettings
from service.errors import UsageError
from service.risks import at_risk, get_risk
from service.self_models import SelfModels
from tests.pipelines.understand.conftest import key

START = datetime(2026, 1, 5, 19, tzinfo=UTC)


def daily(kind, days, which=""):
    return [Deed(START + timedelta(days=day), kind, "v/a/o/1", which) for day in days]


def test_the_likeliest_is_what_they_do_most():
    """Weekly use beats an answer a quarter; silence lowers it; what comes later is not looked at."""
    done = [*daily(USED, range(0, 90, 7)), *daily(ANSWERED, [50], "email")]
    now = START + timedelta(days=90)
    found = chances(done, now)
    assert likeliest(found) == ("uses the product", found["uses the product"])
    assert found["uses the product"] > 0.8 > found["answers by email"] > 0.1
    assert chances(done, now + timedelta(days=60))["uses the product"] < found["uses the product"]
    assert chances([*done, *daily(USED, range(91, 99))], now) == found
    assert likeliest({}) is None


def test_chances_of_the_past_are_tried():
    """Who used daily went on, who had stopped did not: foretold about right, and counted."""
    loyal, gone = daily(USED, range(120)), daily(USED, range(20))
    found = tried([loyal, gone] * 30, START + timedelta(days=120))
    assert (found.number, found.events) == (60, 30)
    assert found.brier < found.base
    assert found.standing.startswith("calibrated")


def population(pull, number=600):
    random = np.random.default_rng(1)
    base, aligned = np.full(number, 0.3), random.random(number)
    odds = np.log(0.3 / 0.7) + pull * (0.5 - aligned)
    return Foretold(np.arange(number), base, aligned, random.random(number) < 1 / (1 + np.exp(-odds)))


def test_alignment_sharpens_where_it_tells():
    """Low alignment that goes with leaving makes the error smaller on customers that were not fitted; noise does not."""
    told, fold = population(4.0), np.arange(600) % 5
    found = out_of_sample(told, fold)
    assert error(found, told.came) < error(told.base, told.came) - 0.02
    noise = population(0.0)
    assert error(out_of_sample(noise, fold), noise.came) > error(noise.base, noise.came) - 0.002


def test_high_alignment_never_raises_the_risk():
    """Even where it went so by chance."""
    odd = population(-4.0)
    assert shift(odd.base, odd.aligned, odd.came).pull == 0


def test_a_handful_of_outcomes_shifts_nothing():
    """Below twenty of a kind alignment is not even tried."""
    few = population(4.0, 40)
    assert out_of_sample(few, np.arange(40) % 5) is None


@pytest.fixture
def models(world, tmp_path):
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=world.lake, store=world.store, clock=world.clock)
    used = [Engagement(subject=key("Contact", "dana"), kind="product", action="Report", occurred_at=world.day(day)) for day in [*range(0, 100, 2), 150, 170]]  # fmt: skip
    world.land(*((f"Event/{number}", {}, [one]) for number, one in enumerate(used)))
    world.say("1", "The price is too high for us.", 150)
    with transaction(world.store) as session:
        session.add(Entity(id="person-dana", scope="person", created_at=world.day(0)))
    collect_observations(world.lake, world.store, world.clock)
    notice(world.lake, world.store, world.clock)
    extract(world.lake, world.store, Embedded(), world.clock)
    replay_beliefs(world.store, world.clock)
    score_alignment(world.lake, world.store, world.clock)
    made = predict(workspace)
    put(world.lake, RISKS, made.risks)
    put(world.lake, NEXT, made.next_actions)
    return SelfModels(workspace, actor="test")


def test_the_why_is_told_in_words_and_numbers(models, world):
    """Words said and deeds done stand side by side as reasons; nobody pays, so there is no chance; the reading is audited."""
    found = get_risk(models, key("Contact", "dana"), purpose=Purpose.sales)
    assert found.risk is None
    assert found.next_action == "uses the product"
    words = [quote.words for belief in found.because for quote in belief.quotes]
    assert "The price is too high for us." in words
    assert any(one.startswith("Usage fell by") for one in words)
    assert "What speaks against us" in found.sentence
    assert [(row.action, row.purpose) for row in world.rows(Audit)] == [("get_self_model", "sales")]
    assert at_risk(models.workspace, 5) == ["person-dana"]


def test_what_may_not_be_used_is_no_reason(models, world):
    """Where a person refuses, neither words nor deeds nor the trend are told; for somebody unknown there is an error."""
    world.land(("Contact/dana", {}, [Consent(subject=key("Contact", "dana"), channel="all", granted=False)]))
    collect_observations(world.lake, world.store, world.clock)
    found = get_risk(models, key("Contact", "dana"), purpose=Purpose.sales)
    assert (found.because, found.fell, found.trend) == ([], [], "insufficient")
    assert predict(models.workspace).next_actions.num_rows == 0
    with pytest.raises(UsageError):
        get_risk(models, "nobody@example.com", purpose=Purpose.sales)
