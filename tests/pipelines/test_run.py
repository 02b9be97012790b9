"""What a job's run is said to have done."""

import dagster as dg

from pipelines.run import run_job


class Broken(dg.ConfigurableResource):
    def create_resource(self, _: dg.InitResourceContext) -> None:
        raise ValueError("the store is out")


@dg.asset
def thing(workspace: dg.ResourceParam[None]) -> None:
    """Asks for what cannot be had."""


def test_a_run_that_ended_before_its_first_step_has_failed():
    """No asset of it tells so, for none was begun; it must not pass for a run in which all went well."""
    job = dg.define_asset_job("stitch", [thing])
    defs = dg.Definitions([thing], jobs=[job], resources={"workspace": Broken()}, executor=dg.in_process_executor)
    with dg.instance_for_test() as instance:
        outcome = run_job(defs, instance, "stitch")
    assert not outcome.ok
    assert "the store is out" in outcome.failures["stitch"]


def test_what_an_asset_counted_is_a_number_and_a_yes_is_none():
    """The summary of a run adds numbers up; whether a table was written is not how much was."""

    @dg.asset
    def counted() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": 7, "share": 0.5, "written": False})

    defs = dg.Definitions([counted], jobs=[dg.define_asset_job("stitch", [counted])], executor=dg.in_process_executor)
    with dg.instance_for_test() as instance:
        assert run_job(defs, instance, "stitch").assets == {"counted": {"rows": 7, "share": 0.5}}
