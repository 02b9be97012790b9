"""From an event at the vendor to the lake: delivered, marked, started by the sensor, pulled."""

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import httpx
import pytest

from models.clock import ShiftedClock
from models.facts import Identifier
from pipelines.definitions import build
from pipelines.workspace import Workspace
from sandbox.stripe import API_KEY
from service.webhooks import create_app
from tests import stores
from tests.conftest import Sandbox, Serve
from tests.service.test_webhooks import NEW, stripe_signature


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ShiftedClock:
    """One that the vendor, the door and the run share."""
    monkeypatch.setenv("SIDECAR_CLOCK", str(tmp_path / "clock"))
    return ShiftedClock(tmp_path / "clock")


def test_a_new_customer_of_stripe_is_in_the_lake_before_the_next_schedule(
    stripe_sandbox: Sandbox, clock: ShiftedClock, tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    """Stripe signs its event and posts it, the sensor asks for a run of that stream alone, and its row and facts land once."""
    variables = {"STRIPE_API_KEY": API_KEY, "STRIPE_BASE_URL": stripe_sandbox.url, "STRIPE_WEBHOOK_SECRET": NEW}
    for name, value in {
        **variables,
        "SIDECAR_HOME": str(tmp_path / "home"),
        **stores.variables(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    defs = build()
    sensor = next(sensor for sensor in defs.sensors or [] if sensor.name == "stripe_said_so")
    job = defs.resolve_job_def("pull_stripe")
    customers = dg.AssetKey(["stripe", "customers"])
    with dg.DagsterInstance.ephemeral() as instance, Workspace.from_environment() as workspace:
        (tmp_path / "home").mkdir()
        url = serve(create_app(workspace))

        def pulled(assets: list[dg.AssetKey]) -> None:
            assert job.execute_in_process(instance=instance, asset_selection=assets).success

        def requested() -> list[dg.AssetKey] | None:
            context = dg.build_sensor_context(instance, resources={"workspace": workspace})
            requests = sensor.evaluate_tick(context).run_requests
            return list(requests[0].asset_selection) if requests else None

        pulled([customers])
        stripe_sandbox.state.create({"id": "cus_dana", "object": "customer", "email": "dana@kolbe.example"})
        page = httpx.get(f"{stripe_sandbox.url}/v1/events", headers={"Authorization": f"Bearer {API_KEY}"}).json()
        body = json.dumps(page["data"][0]).encode()
        signed = {"stripe-signature": stripe_signature(body, clock.now(), NEW)}
        assert requested() is None
        assert httpx.post(f"{url}/hooks/stripe", content=body, headers=signed).status_code == 200
        assert requested() == [customers]
        pulled([customers])
        assert requested() is None
        clock.advance(timedelta(hours=1))
        pulled([customers])
        assert workspace.lake.raw("stripe", "customers").id.to_pyarrow().to_pylist() == ["cus_dana"]
        assert "dana@kolbe.example" in workspace.lake.facts(Identifier).value.to_pyarrow().to_pylist()
