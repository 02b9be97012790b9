"""The layout of the house, read as sentences."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import dagster as dg
import pytest
import yaml

import connectors
import models
import pipelines
from connectors.registry import connectors_by_name
from models.facts import FACTS
from pipelines.definitions import defs

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def spelled(distribution: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("package", [connectors, models, pipelines])
def test_packages_are_ours_and_not_those_of_the_same_name_on_the_index(package):
    """PyPI has packages called connectors, pipelines and models; what is imported lies in this folder."""
    assert Path(package.__file__).is_relative_to(ROOT)


def test_workspace_and_dg_name_the_same_definitions():
    """`dagster -w dagster_workspace.yaml` and `dg` load one and the same module."""
    (location,) = yaml.safe_load((ROOT / "dagster_workspace.yaml").read_text())["load_from"]
    module = location["python_file"]["relative_path"].removesuffix(".py").replace("/", ".")
    assert module == PYPROJECT["tool"]["dg"]["project"]["code_location_target_module"]


def test_the_contract_names_every_sdk_that_a_client_imports():
    """A new vendor's SDK is forbidden elsewhere as soon as its client imports it: what no other file of the product imports."""
    clients = set((ROOT / "connectors").glob("*/client.py"))
    others = {path for room in ("connectors", "models", "pipelines", "service") for path in (ROOT / room).rglob("*.py")}
    of_clients, of_others = (set().union(*map(imports, paths)) for paths in (clients, others - clients))
    home = {name: set(map(spelled, found)) for name, found in packages_distributions().items()}
    declared = {spelled(re.split(r"[^\w.-]", line)[0]) for line in PYPROJECT["project"]["dependencies"]}
    used = {name for name in of_clients - of_others if declared & home.get(name, set())}
    contract = next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if "SDK" in c["name"])
    assert used == set(contract["forbidden_modules"])


def test_a_vendors_sdk_waits_until_the_vendor_is_opened():
    """Whoever asks only what vendors there are pays for none of their SDKs: up to 30 MiB, and a second of imports."""
    loaded = loaded_by("import connectors.registry as registry; registry.connectors_by_name()")
    assert not {"facebook_business", "hubspot", "simple_salesforce", "stripe"} & loaded


def test_dagster_waits_until_a_job_is_run_and_scipy_until_something_is_fitted():
    """Whoever asks about one person does not wait for them to be imported: together they take more than half of all imports."""
    loaded = loaded_by("import service.commands")
    assert "service.demo" in loaded
    assert not {"dagster", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.special", "scipy.stats"} & loaded


def loaded_by(code: str) -> set[str]:
    """The modules that a new process has loaded after this."""
    told = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    return set(subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_only_the_shell_of_a_room_imports_dagster():
    """Everything that decides is a plain function that a test can call."""
    shell = {
        f"{name}.py" for name in ("assets", "checks", "automation", "resources", "definitions", "run", "history", "due")
    }
    offenders = [
        str(path.relative_to(ROOT))
        for room in ("connectors", "models", "pipelines", "service", "sandbox")
        for path in (ROOT / room).rglob("*.py")
        if "dagster" in imports(path) and path.name not in shell
    ]
    assert offenders == []


def test_every_asset_explains_itself():
    """Each asset has a plain first sentence, an owner, a kind, a group, columns and at least one check."""
    dg.Definitions.validate_loadable(defs)
    graph = defs.resolve_asset_graph()
    checked = {key.asset_key for key in graph.asset_check_keys}
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        first = node.description.splitlines()[0]
        assert first.endswith((".", ":")), key
        assert "**" not in first, key
        assert node.owners, key
        assert node.kinds, key
        assert node.group_name != "default", key
        assert "dagster/column_schema" in node.metadata, key
        assert key in checked, key


def test_groups_are_the_rooms_in_flow_order():
    """The groups an operator sees are the vendors, then stitch, understand and write_back."""
    groups = {
        defs.resolve_asset_graph().get(key).group_name for key in defs.resolve_asset_graph().materializable_asset_keys
    }
    assert groups == {*connectors_by_name(), "stitch", "understand", "write_back"}


def test_every_schedule_runs_by_itself():
    """Dagster's schedules are off by default; ours are on, or nothing would ever run."""
    schedules = defs.schedules or []
    assert schedules
    for schedule in schedules:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING, schedule.name


def test_every_field_of_the_glossary_is_described():
    """Facts and tables are documented where they are declared."""
    for fact in FACTS:
        assert fact.__doc__, fact
        for name, field in fact.model_fields.items():
            assert field.description, f"{fact.__name__}.{name}"


@pytest.mark.parametrize("door", ["service.cli", "pipelines.definitions", "pipelines.ingest.pull"])
def test_arrow_gives_memory_back_whichever_door_was_opened(door):
    """It chooses its allocator when it is loaded, and the one it prefers keeps what it once had."""
    told = f"import {door}, pyarrow; assert pyarrow.default_memory_pool().backend_name == 'system'"
    subprocess.run([sys.executable, "-c", told], check=True, cwd=ROOT)
