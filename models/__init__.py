"""The glossary: every word of the product as a type.

Decisions (appended, superseded): IdentityRule, Judgement, IdentityEvent, Stitch, Observation, Extraction, Evidence, Review, Lesson, AlignmentWeights, WritePlan, IntendedWrite,
Audit, Erasure, Forgotten; Suggestion once decided.
Derived (thrown away and recomputed): Membership, RefusedTie, Belief, Drift, Alignment, BucketState. Memory of the machinery: Alert, Batch,
BatchRequest, Cursor, Dirty, Look, StreamColumn, StreamCount, Rejection, Baseline, Entity. Vocabulary that customers may add to: Slot. Records and facts live in
the lake, not in the store; so do the derived tables of persons (`pipelines/stitch/derived.py`).
"""

import os

# Arrow chooses its allocator when it is loaded, and every room loads this one first; the one it prefers never gives back what it once had
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
# delta-rs has one of its own, that keeps 15 MiB of what a commit took until the next one, unless it gives back within 100 ms; at once would double
# the time of joining files. https://jemalloc.net/jemalloc.3.html#opt.dirty_decay_ms
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")

from models.alerts import Alert
from models.batches import Batch, BatchRequest
from models.beliefs import (
    Alignment,
    Belief,
    BucketState,
    Drift,
    Evidence,
    Extraction,
    Lesson,
    Level,
    Observation,
    Polarity,
    Review,
    Slot,
    Strength,
    Verdict,
)
from models.erasure import Erasure, Forgotten
from models.facts import (
    FACTS,
    Consent,
    Engagement,
    Fact,
    Identifier,
    Interaction,
    Outcome,
    Payment,
    Profile,
    Relation,
    Scope,
    Spend,
    Subscription,
    Touch,
)
from models.identity import (
    Entity,
    IdentityEvent,
    IdentityRule,
    Judgement,
    Look,
    Membership,
    RefusedTie,
    Stitch,
    Suggestion,
)
from models.keys import RecordKey
from models.operations import Audit, Cursor, Dirty, Purpose, Rejection, StreamColumn, StreamCount
from models.records import Record
from models.weights import AlignmentWeights
from models.writes import Baseline, IntendedWrite, WritePlan

__all__ = [
    "FACTS", "Alert", "Alignment", "AlignmentWeights", "Audit", "Baseline", "Batch", "BatchRequest", "Belief", "BucketState", "Consent", "Cursor", "Dirty", "Drift", "Engagement", "Entity", "Erasure", "Evidence",
    "Extraction", "Fact", "Forgotten", "Identifier", "IdentityEvent", "IdentityRule", "IntendedWrite", "Interaction", "Judgement", "Lesson", "Level", "Look", "Membership", "Observation",
    "Outcome", "Payment", "Polarity", "Profile", "Purpose", "Record", "RecordKey", "RefusedTie", "Rejection", "Relation", "Review", "Scope", "Slot", "Spend", "Stitch", "StreamColumn",
    "StreamCount", "Strength", "Subscription", "Suggestion", "Touch", "Verdict", "WritePlan",
]  # fmt: skip
