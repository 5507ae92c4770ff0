"""Every code block of the README does what it says: shell lines are run, YAML is read, against the sandbox's servers.

A new block needs a place here: `test_each_block_is_run_by_a_test` fails for one that nothing runs.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from bot.sandbox.bot_process import ROOT
from tests.chance import most
from tests.patience import PATIENT

pytestmark = pytest.mark.timeout(540)

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    (kind, "\n".join(line.removeprefix("   ") for line in text.splitlines()))
    for kind, text in re.findall(r"^ *```(\w+)\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
]
FETTLE = f"{sys.executable} -m bot"

SANDBOX_BLOCK = "make sandbox"
TEST_BLOCK = "make test"
BREAK = "--break"
HEADLESS = ".venv/bin/fettle sandbox --list"
KUBECTL = "kubectl apply"
SETTINGS = "fettle doctor\nfettle run"
ALERT = "fettle alert send"
ENV = "--no-demo --env"
REHEARSAL, REHEARSED = "--no-bot --env", "doctor --env-file"
RUN_BY_A_TEST = (SANDBOX_BLOCK, TEST_BLOCK, HEADLESS, BREAK, KUBECTL, SETTINGS, ALERT, ENV, REHEARSAL, REHEARSED)


def block(start: str) -> str:
    """The shell block that holds a text."""
    (found,) = [text for kind, text in BLOCKS if kind == "sh" and start in text]
    return found


async def shell(lines: str, folder: Path, **env: str) -> tuple[int, str]:
    """Runs lines as a person's shell would, stopping at the first that fails."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", lines, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def dotenv(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


async def until(path: Path, process: asyncio.subprocess.Process) -> dict[str, str]:
    async with asyncio.timeout(PATIENT):
        while not (told := dotenv(path)):
            assert process.returncode is None, await process.communicate()
            await asyncio.sleep(0.1)
    return told


async def started(line: str, folder: Path, env: dict[str, str]) -> asyncio.subprocess.Process:
    """A bot started with a line of the README, once it says that it is ready; the suite's time limit is its limit."""
    bot = await asyncio.create_subprocess_exec(
        "bash", "-c", f"exec {line}", cwd=folder, env={**env, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert bot.stderr is not None
    told: list[bytes] = []
    while b'"ready"' not in (line_read := await bot.stderr.readline()):
        told.append(line_read)
        assert line_read, b"".join(told).decode()
    return bot


async def ended(bot: asyncio.subprocess.Process) -> None:
    bot.send_signal(signal.SIGTERM)
    await bot.communicate()
    assert bot.returncode == 0


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """A sandbox without a bot, and its dotenv."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "sandbox", "--no-bot", "--env", ".env", cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    yield await until(tmp_path / ".env", process)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "sh"])
def test_each_block_is_run_by_a_test(text: str) -> None:
    assert any(start in text for start in RUN_BY_A_TEST)


async def test_make_sandbox_starts_all_of_it_and_ends_with_zero(tmp_path: Path) -> None:
    made = tmp_path / "made.env"
    process = await asyncio.create_subprocess_exec(
        "make", *block(SANDBOX_BLOCK).split()[1:], f"ARGS=--env {made}", cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    told = await until(made, process)
    assert told["SLACK_API_URL"].startswith("http://127.0.0.1:")
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches make and what it started
    out, _ = await process.communicate()
    assert "Approve restart" in out.decode()


async def a_cluster_that_starts_broken_has_a_card_that_names_the_cause(tmp_path: Path) -> None:
    line = block(BREAK).replace(".venv/bin/fettle", FETTLE)
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f"exec {line} --env sandbox.env", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    await until(tmp_path / "sandbox.env", process)
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert "Broken in shop: A new version needs a setting that nobody gave it." in out.decode()
    assert "the card names the cause" in out.decode()


async def test_make_test_is_a_target_that_runs_pytest() -> None:
    """It can't run itself; what it would run is looked at."""
    code, out = await shell(f"{block(TEST_BLOCK)} -n", ROOT)
    assert code == 0
    assert "pytest" in out


async def the_headless_lines_play_a_scenario_to_its_end(tmp_path: Path) -> None:
    code, out = await shell(block(HEADLESS).replace(".venv/bin/fettle", FETTLE), tmp_path)
    assert code == 0, out
    assert "approved-passes" in out
    assert "as it should be" in out


async def the_env_line_writes_what_other_clients_need(tmp_path: Path) -> None:
    line = block(ENV).replace(".venv/bin/fettle", FETTLE)
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f"exec {line}", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    told = await until(tmp_path / "sandbox.env", process)
    assert told["FETTLE_URL"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


@pytest.mark.kubectl
async def test_the_roles_apply_with_kubectl(servers: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing: apt-get install kubernetes-client")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", symlinks=True)
    lines = block(KUBECTL)
    # The file names the bot's context; an administrator applies roles.
    lines = lines.replace("kubectl apply", "kubectl --context fettle-sandbox-admin apply")
    code, out = await shell(lines, tmp_path, KUBECONFIG=servers["KUBECONFIG"], HOME=str(tmp_path))
    assert code == 0, out
    assert out.count("fettle-patch") >= 2
    assert (tmp_path / "fettle.kubeconfig").stat().st_mode & 0o077 == 0
    doctor = f"{FETTLE} doctor --env-file .env"
    code, out = await shell(doctor, tmp_path, KUBECONFIG="fettle.kubeconfig", KUBE_CONTEXT="fettle")
    assert code == 0, out
    assert "May do nothing that it doesn't need" in out, "that account has what the roles give, and nothing else"


@pytest.mark.usefixtures("servers")
async def test_doctor_and_run_work_with_the_settings_and_the_first_alert_arrives(tmp_path: Path) -> None:
    doctor, run = block(SETTINGS).splitlines()
    code, out = await shell(doctor.replace("fettle", FETTLE, 1), tmp_path)
    assert code == 0, out
    bot = await started(run.replace("fettle", FETTLE, 1), tmp_path, {"PATH": os.environ["PATH"]})
    code, out = await shell(block(ALERT).replace("fettle", FETTLE, 1), tmp_path)
    assert code == 0, out
    assert "Taken: 1 alert. Incidents: INC-" in out
    await ended(bot)


async def the_rehearsal_needs_no_slack_and_no_cluster(tmp_path: Path) -> None:
    typed = block(REHEARSAL).replace(".venv/bin/fettle", FETTLE)
    servers = await asyncio.create_subprocess_exec(
        "bash", "-c", f"exec {typed}", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await until(tmp_path / "sandbox.env", servers)
    doctor, run = block(REHEARSED).replace(".venv/bin/fettle", FETTLE).splitlines()
    code, out = await shell(doctor, tmp_path)
    assert code == 0, out
    assert {line.split()[0] for line in out.splitlines()} == {"ok"}, out
    await ended(await started(run, tmp_path, dict(os.environ)))
    servers.send_signal(signal.SIGTERM)
    told, _ = await servers.communicate()
    assert servers.returncode == 0
    assert "fettle doctor --env-file sandbox.env" in told.decode()


def test_the_receiver_is_alertmanagers_configuration() -> None:
    (text,) = [text for kind, text in BLOCKS if kind == "yaml"]
    found = yaml.safe_load(text)
    (webhook,) = found["receivers"][0]["webhook_configs"]
    assert webhook["url"].endswith(":8080/webhooks/alertmanager")
    assert webhook["send_resolved"] is True
    assert found["route"]["routes"] == [{"receiver": "fettle", "continue": True}, {"receiver": "pager"}]


WORLDS = [
    a_cluster_that_starts_broken_has_a_card_that_names_the_cause,
    the_headless_lines_play_a_scenario_to_its_end,
    the_env_line_writes_what_other_clients_need,
    the_rehearsal_needs_no_slack_and_no_cluster,
]


@pytest.mark.parametrize("law", most(WORLDS, 2), ids=lambda law: law.__name__)
async def test_what_starts_a_world_of_its_own(tmp_path: Path, law: Callable[[Path], Awaitable[None]]) -> None:
    """In `make check` all of them."""
    await law(tmp_path)
