"""Batches: the real SDKs against both providers' endpoints on loopback, killed where it hurts, never paid for twice."""

from contextlib import contextmanager

import pytest

from models import Batch, BatchRequest, Evidence, Extraction
from pipelines.understand.batches import office, visit
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.observations import collect_observations
from pipelines.understand.redaction import Known
from pipelines.understand.settings import LanguageModelSettings
from tests.pipelines.understand.batch_stub import BatchStub
from tests.pipelines.understand.llm_stub import TOKENS_IN, TOKENS_OUT, Stub
from tests.pipelines.understand.test_extraction import claim

PROVIDERS = [("openai/m", "/v1"), ("anthropic/claude-haiku-4-5", "")]
TEXTS = [f"Reason {number} is that the price is too high for Tom Weber." for number in range(3)]
GOOD = [claim("the price is too high")]


@pytest.fixture
def counter(world, serve):
    """Opens the post office of a provider; texts are in the world."""
    for number, text in enumerate(TEXTS):
        world.say(str(number), text, day=number)
    collect_observations(world.lake, world.store, world.clock)

    @contextmanager
    def opened(stub, provider=PROVIDERS[0], **more):
        name, path = provider
        url = more.pop("url", None) or f"{serve(stub.app)}{path}"
        settings = LanguageModelSettings(name=name, base_url=url, api_key="k", resends=0, **more)
        with office(world.lake, world.store, world.clock, settings, known=Known(frozenset({"tom weber"}))) as at:
            yield at

    return opened


@pytest.mark.parametrize("provider", PROVIDERS)
def test_texts_are_handed_over_and_read_when_they_are_answered(world, counter, provider):
    """Nothing is read before; then every quote stands in its text, tokens are kept, and no row names a text any more."""
    stub = BatchStub(always=lambda _: GOOD)
    with counter(stub, provider) as at:
        sent = visit(at)
        assert (sent.texts_sent, sent.batches_sent, sent.batches_open) == (3, 1, 1)
        assert visit(at).reading.read == 0
        stub.pass_a_day()
        done = visit(at)
    assert (done.batches_read, done.batches_open, done.reading.read, done.reading.failed) == (1, 0, 3, 0)
    assert sorted(row.quote for row in world.rows(Evidence)) == ["the price is too high"] * 3
    assert {row.tokens_in + row.tokens_out for row in world.rows(Extraction)} == {TOKENS_IN + TOKENS_OUT}
    assert len(set(stub.handed_over)) == 3
    assert not any("Weber" in sent or "{{" in sent for sent in stub.sent)
    assert world.rows(BatchRequest) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_run_that_is_killed_before_it_knows_finds_its_batch_again(world, counter, provider):
    """The provider took the batch, its answer was lost: the next run adopts it and hands nothing over a second time."""
    stub = BatchStub(always=lambda _: GOOD)
    stub.lose_reply = True
    with counter(stub, provider) as at:
        with pytest.raises(ExtractorUnusable, match="HTTP 502"):
            visit(at)
        stub.pass_a_day()
        assert visit(at).reading.read == 3
    assert len(stub.batches) == 1
    assert [row.status for row in world.rows(Batch)] == ["read"]


def test_a_batch_that_was_never_taken_is_gathered_anew(world, counter):
    """A refused hand-over leaves a row, and the next visit sends the texts."""
    stub = BatchStub(always=lambda _: GOOD)
    with counter(stub, url="http://127.0.0.1:9/v1") as at, pytest.raises(ExtractorUnusable, match="not lost"):
        visit(at)
    with counter(stub) as at:
        assert visit(at).texts_sent == 3
    assert sorted(row.status for row in world.rows(Batch)) == ["failed", "open"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_failed_or_is_not_borne_out_is_asked_live(world, counter, provider):
    """One request errs, one answer is invented: both are asked once more, one by one; their tokens are those of both."""
    stub = BatchStub(GOOD, [claim("We cannot afford it")], GOOD, always=lambda _: GOOD)
    with counter(stub, provider) as at:
        visit(at)
        stub.pass_a_day()
        stub.failed = {0}
        done = visit(at)
    assert (done.reading.read, done.reading.failed, len(stub.calls)) == (3, 0, 5)
    used = sorted(row.tokens_in for row in world.rows(Extraction))
    assert used == [TOKENS_IN, TOKENS_IN, 2 * TOKENS_IN]


def test_a_batch_that_failed_as_a_whole_is_not_read_live(world, counter):
    """A provider's bad day must not cost the full price of everything: the texts are due again."""
    stub = BatchStub()
    with counter(stub) as at:
        visit(at)
        stub.pass_a_day("failed")
        done = visit(at)
    assert (done.batches_failed, done.texts_sent, len(stub.batches)) == (1, 3, 2)
    assert world.rows(Extraction) == []


def test_nobody_else_reads_what_is_in_a_batch(world, counter):
    """Another run leaves these texts alone and says so; a text that changed meanwhile is asked about as it is now."""
    stub = BatchStub(always=lambda _: GOOD)
    with counter(stub) as at:
        visit(at)
        report = extract(world.lake, world.store, Embedded(), world.clock)
        assert (report.read, report.waiting) == (0, {"with the provider, in a batch": 3})
        world.say("0", "By now the price is too high for everybody.")
        collect_observations(world.lake, world.store, world.clock)
        stub.pass_a_day()
        assert visit(at).reading.read == 3
    assert "for everybody" in stub.sent[-1]


def test_the_token_budget_holds_batches_back(world, counter):
    """What would go beyond it is not handed over, and the variable is named."""
    stub = BatchStub()
    with counter(stub, max_tokens_per_day=1_000) as at:
        done = visit(at)
    assert (done.texts_sent, stub.batches) == (0, {})
    assert done.reading.waiting == {"the token budget is used up (SIDECAR_LLM_MAX_TOKENS_PER_DAY)": 3}


def test_a_server_without_batches_says_so(world, counter):
    """A server of one's own rarely has them; its texts are free again with the next visit."""
    with counter(Stub()) as at, pytest.raises(ExtractorUnusable, match="knows no batches"):
        visit(at)
