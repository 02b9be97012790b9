"""The command that starts all vendors, as a process of its own."""

import hmac
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import requests
from dotenv import dotenv_values

from models.clock import ShiftedClock
from sandbox.__main__ import NOW, main
from sandbox.core import listen
from sandbox.world import Truth

ROOT = Path(__file__).parents[2]


@contextmanager
def running(root: Path, *arguments: str):
    """The sandbox until the block ends; gives its lines up to the ready line, and checks that it ends cleanly."""
    base = free_base()
    command = [sys.executable, "-m", "sandbox", "--root", str(root), "--port-base", str(base), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        try:
            for line in process.stdout:
                lines.append(line.strip())
                if line.startswith("Ready"):
                    break
            yield lines
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(timeout=20)
            finally:
                process.kill()  # or the block would wait for it for ever
    assert code == 0


def free_base() -> int:
    """A base whose ports are free; below those that the system gives out by itself, so that no other test takes one meanwhile."""
    for base in random.sample(range(20_000, 30_000), 100):
        try:
            with listen(base + 1), listen(base + 2), listen(base + 3), listen(base + 4):
                return base
        except OSError:
            continue
    raise AssertionError("no port is free")


def variables(root: Path) -> dict[str, str | None]:
    return dotenv_values(root / "sandbox.env")


def test_a_world_is_planted_once_and_stays(tmp_path):
    """The first start makes the world, its truth, the clock and the variables; the second finds them; a reset makes them anew."""
    with running(tmp_path, "--persons", "120", "--seed", "2") as lines:
        assert lines[0] == "Planting a world of 120 persons, seed 2 ..."
        env = variables(tmp_path)
        assert requests.get(f"{env['SALESFORCE_BASE_URL']}/_sandbox/log", timeout=5).json() == []
        bearer = {"Authorization": f"Bearer {env['STRIPE_API_KEY']}"}
        assert requests.get(f"{env['STRIPE_BASE_URL']}/v1/customers", headers=bearer, timeout=5).json()["data"]
        bearer = {"Authorization": f"Bearer {env['HUBSPOT_ACCESS_TOKEN']}"}
        contacts = f"{env['HUBSPOT_BASE_URL']}/crm/v3/objects/contacts"
        assert requests.get(contacts, headers=bearer, timeout=5).json()["results"]
        files = Path(env["PRODUCT_EVENTS_URL"])
        assert {path.suffix for path in files.rglob("*.*")} >= {".csv", ".parquet", ".gz", ".jsonl", ".vtt"}
        token = env["META_ADS_ACCESS_TOKEN"]
        proof = hmac.new(env["META_ADS_APP_SECRET"].encode(), token.encode(), "sha256").hexdigest()
        asked = {"access_token": token, "appsecret_proof": proof}
        accounts = requests.get(f"{env['META_ADS_BASE_URL']}/v26.0/me/adaccounts", params=asked, timeout=5).json()
        assert len(accounts["data"]) == 2
        assert 0 <= (ShiftedClock(Path(env["SIDECAR_CLOCK"])).now() - NOW).total_seconds() < 120
    truth = Truth.load(tmp_path / "truth.json")
    assert truth.persons
    offset = (tmp_path / "clock").read_text()
    with running(tmp_path) as lines:
        assert [line.split()[0] for line in lines] == ["Ready:"]
    assert (tmp_path / "clock").read_text() == offset
    (files / "left over.jsonl").write_text("{}")
    with running(tmp_path, "--reset", "--persons", "120", "--seed", "3") as lines:
        assert lines[0] == "Planting a world of 120 persons, seed 3 ..."
    assert not (files / "left over.jsonl").exists()


def test_a_taken_port_is_one_plain_sentence(tmp_path, capsys):
    """Exit code 2, nothing made."""
    with listen() as taken:
        port = taken.getsockname()[1]
        assert main(["--root", str(tmp_path / "none"), "--port-base", str(port - 1)]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Port {port} on 127.0.0.1 cannot be used")
    assert not (tmp_path / "none").exists()


def test_a_world_too_small_is_one_plain_sentence(tmp_path, capsys):
    """The people with texts need room; the half-made state is not taken for a world."""
    assert main(["--root", str(tmp_path), "--persons", "1", "--port-base", str(free_base())]) == 2
    assert "too few" in capsys.readouterr().err
    assert not (tmp_path / "truth.json").exists()


def test_what_was_half_made_is_made_anew(tmp_path):
    """Without its truth a world is not finished: its files are replaced, and other files of the folder stay."""
    (tmp_path / "sandbox.log").write_text("kept")
    (tmp_path / "salesforce.db").write_text("not even a database")
    with running(tmp_path) as lines:
        assert lines[0].startswith("Planting")
    assert (tmp_path / "sandbox.log").read_text() == "kept"
