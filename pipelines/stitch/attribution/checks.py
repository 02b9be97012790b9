"""What must be true of credit after every run; metadata holds counts and names of models only."""

from collections.abc import Mapping

import dagster as dg

from pipelines.stitch.assets import asset_key
from pipelines.stitch.attribution.reconcile import miscredited, uneven, unreturned, unspent
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of this room."""
    return [
        weights_add_up_to_one,
        credit_is_what_was_received,
        returns_are_all_that_was_received,
        returns_cost_all_that_was_spent,
    ]


@dg.asset_check(
    asset=asset_key("attribution"),
    blocking=True,
    description="By every model the weights of each purchase's touches add up to 1.",
)
def weights_add_up_to_one(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No purchase is credited more than once, or in part only."""
    return _none(uneven(workspace.lake))


@dg.asset_check(
    asset=asset_key("attribution"),
    blocking=True,
    description="By every model the parts of each purchase add up to its receipts, to the minor unit, in its own currency.",
)
def credit_is_what_was_received(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Counted anew from the receipts."""
    return _none(miscredited(workspace.lake))


@dg.asset_check(
    asset=asset_key("attribution"),
    blocking=True,
    description="By every model what is attributed and what is not are together all that was received, in the reporting currency.",
)
def returns_are_all_that_was_received(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Attributed and unattributed; purchases in which a part has no rate are left out of both."""
    return _none(unreturned(workspace.lake))


@dg.asset_check(
    asset=asset_key("attribution"),
    blocking=True,
    description="By every model the costs of channels and ads are together all that ads cost, in the reporting currency.",
)
def returns_cost_all_that_was_spent(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Those of ads that brought nobody included; days in a currency without a rate are left out of both."""
    return _none(unspent(workspace.lake, Rates.of(workspace.settings)))


def _none(off: Mapping[str, int]) -> dg.AssetCheckResult:
    """How many models are off, and which."""
    return dg.AssetCheckResult(passed=not off, metadata={"models_off": len(off), "which": ", ".join(sorted(off))})
