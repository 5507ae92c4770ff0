"""`fettle sandbox` as a person types it."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.bot_process import ROOT
from bot.sandbox.page.panels.rehearsal import NEEDS_OWN
from tests.chance import most
from tests.patience import PATIENT
from tests.typed import typed

pytestmark = pytest.mark.timeout(540)


async def _start(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "sandbox", *words,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


def _read(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return dict(line.split("=", 1) for line in text.splitlines())


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return int(child)


async def _until_written(path: Path, process: asyncio.subprocess.Process) -> dict[str, str]:
    async with asyncio.timeout(PATIENT):
        while not (told := _read(path)):
            assert process.returncode is None
            await asyncio.sleep(0.1)
    return told


async def the_dotenv_file_is_whole_and_sigterm_ends_everything_with_zero(tmp_path: Path) -> None:
    process = await _start(tmp_path, "--env", "made.env", "--no-demo")
    told = await _until_written(tmp_path / "made.env", process)
    wanted = {
        "FETTLE_URL", "SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_CHANNEL_ID", "KUBECONFIG",
        "WEBHOOK_TOKENS", "DATABASE_URL",
    }  # fmt: skip
    assert wanted <= set(told)
    assert (tmp_path / "made.env").stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert not _read(Path(told["KUBECONFIG"]))


async def a_sandbox_that_is_broken_as_asked_says_so_and_fires_its_alert(tmp_path: Path) -> None:
    """The breakage takes the place of the demo's alert, and the bot may act where it happened."""
    process = await _start(tmp_path, "--env", "made.env", "--break", "stale-lock")
    told = await _until_written(tmp_path / "made.env", process)
    assert "shop" in told["ALLOWED_NAMESPACES"]
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    said = (
        "Broken in shop: A lock file that a pod left behind. KubePodCrashLooping tells of it; its card comes at once."
    )
    assert said in out.decode()


async def without_a_bot_another_terminal_can_run_one(tmp_path: Path) -> None:
    """`fettle run --env-file FILE` finds servers, rights and a free store; a second terminal needs nothing else."""
    servers = await _start(tmp_path, "--no-bot", "--env", "made.env")
    told = await _until_written(tmp_path / "made.env", servers)
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--env-file", "made.env",
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert bot.stderr is not None
    async with asyncio.timeout(PATIENT):
        while b'"ready"' not in (line := await bot.stderr.readline()):
            assert line, "the bot ended before it was ready"
    assert told["LISTEN_PORT"] in told["FETTLE_URL"]
    await _broken_on_the_page_is_told_to_it(told["SLACK_API_URL"].removesuffix("api/"))
    assert "LOG_FORMAT" not in told, "on a terminal the bot of the rehearsal tells its log to people"
    for process in (bot, servers):
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0


async def _broken_on_the_page_is_told_to_it(page: str) -> None:
    """The bot of the other terminal posts a card about what was chosen under Scenarios; a scripted one is refused."""
    async with aiohttp.ClientSession(trust_env=False, headers={"Origin": page.rstrip("/")}) as session:

        async def choose(name: str) -> dict[str, Any]:
            async with session.post(f"{page}page/panel/playbill/play", json={"scenario": name}) as got:
                answer: dict[str, Any] = await got.json()
                return answer

        refused = await choose("storm-500")
        assert (refused["ok"], NEEDS_OWN in refused["message"]) == (False, True)
        assert (await choose("stale-lock"))["ok"]
        while True:
            async with session.get(f"{page}page/state") as got:
                if "INC-1" in await got.text():
                    return
            await asyncio.sleep(0.2)


async def a_bot_that_dies_is_told_with_exit_code_one(tmp_path: Path) -> None:
    process = await _start(tmp_path, "--no-demo", "--env", "made.env", "--data", "kept")
    await _until_written(tmp_path / "made.env", process)
    os.kill(_only_child(process.pid), signal.SIGKILL)
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert b"The bot ended with exit code -9" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--list"], 0, "storm-500"),
        (["--list"], 0, "tag-missing"),
        (["--headless"], 2, "--scenario NAME, FILE or all"),
        (["--headless", "--scenario", "storm"], 2, "did you mean storm-500?"),
        (["--break", "stale-loc"], 2, "There is no breakage stale-loc: did you mean stale-lock?"),
        (["--env", "no/such/folder/x.env"], 2, "doesn't exist"),
        (["--scenario", "./mine.yaml"], 2, "mine.yaml can't be read: No such file or directory."),
        (["--scenario", "all"], 2, "--scenario all needs --headless"),
        (["--scenario", "frozen", "--data", "kept", "--no-bot"], 2, "leave out --data and --no-bot"),
        (["--scenario", "frozen", "--no-bot"], 2, "--no-bot --break NAME, or Scenarios on the page."),
        (["--playbooks", "mine"], 2, "--playbooks mine: there is no such folder"),
        (["--playbooks", "wrong"], 2, "line 1: evidence is missing"),
    ],
    ids=[
        "list",
        "list of breakages",
        "no name",
        "unknown name",
        "unknown breakage",
        "no folder",
        "no file",
        "all on the page",
        "a world of its own",
        "a bot of its own",
        "no playbooks",
        "wrong playbooks",
    ],
)
def test_wrong_and_short_options_are_answered_at_once(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "odd.yaml").write_text("name: odd\ntitle: Odd\n", encoding="utf-8")
    ended, out, err = typed("sandbox", *words, folder=tmp_path, environment={})
    assert ended == code, err
    assert said in " ".join((out + err).split())


async def test_a_wrong_option_ends_the_program_itself_with_its_code(tmp_path: Path) -> None:
    process = await _start(tmp_path, "--headless", "--scenario", "storm")
    out, _ = await process.communicate()
    assert process.returncode == 2
    assert "did you mean storm-500?" in out.decode()


MINE = """
name: mine
title: Our own playbook for a crash loop
steps:
  - crash: {workload: shop/api}
  - fire: {alert: KubePodCrashLooping, workload: shop/api}
  - expect_card: {containing: [shop/api], without: [Approve]}
  - expect_audit: {containing: ["playbook: our-crash-loop"]}
"""
OURS = """
name: our-crash-loop
title: A crash loop of ours
match:
  alerts: [KubePodCrashLooping]
evidence: [pods, events]
findings:
  nothing_wrong: []
"""


async def ones_own_scenario_rehearses_ones_own_playbooks(tmp_path: Path) -> None:
    """A file by its path, a folder beside it: what is played is these, and the bot read that folder."""
    (tmp_path / "mine.yaml").write_text(MINE, encoding="utf-8")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "our-crash-loop.yaml").write_text(OURS, encoding="utf-8")
    words = ("--headless", "--scenario", "mine.yaml", "--playbooks", "playbooks")
    process = await _start(tmp_path, *words)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "as it should be" in out.decode()


async def test_a_scenario_on_the_page_says_where_and_sigterm_ends_it_with_zero(tmp_path: Path) -> None:
    """It holds before its first step, so nothing was shown to be wrong; the bot may still be starting."""
    (tmp_path / "held.yml").write_text("name: held\ntitle: Held\nsteps: [{say: a}]\n", encoding="utf-8")
    process = await _start(tmp_path, "--scenario", "held.yml")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENT):
        while b"  Page       http://127.0.0.1:" not in (line := await process.stdout.readline()):
            assert line, "it ended before it was there"
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "Press Play or Step in the bar on top of the page." in out.decode()


WORLDS = [
    the_dotenv_file_is_whole_and_sigterm_ends_everything_with_zero,
    a_sandbox_that_is_broken_as_asked_says_so_and_fires_its_alert,
    without_a_bot_another_terminal_can_run_one,
    a_bot_that_dies_is_told_with_exit_code_one,
    ones_own_scenario_rehearses_ones_own_playbooks,
]


@pytest.mark.parametrize("law", most(WORLDS, 3), ids=lambda law: law.__name__)
async def test_in_a_world_of_its_own(tmp_path: Path, law: Callable[[Path], Awaitable[None]]) -> None:
    """In `make check` all of them."""
    await law(tmp_path)
