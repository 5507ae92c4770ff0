"""`fettle sandbox --headless` at a real terminal: drawn in place, resized, interrupted; or lines, where it can't be.

The terminal fails the test by itself if a line of the picture is wider than it is.
"""

import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.bot_process import ROOT
from tests.chance import most
from tests.scenarios.terminal import Terminal

pytestmark = pytest.mark.timeout(540)
MINE = """
name: mine
title: A crash loop, and a word that no card says
steps:
  - crash: {workload: shop/api}
  - fire: {alert: KubePodCrashLooping, workload: shop/api}
  - expect_card: {containing: [shop/api], buttons: [Approve], within: 20}
  - wait: 2
  - expect_card: {containing: [a word that no card says], within: 0.1}
  - say: never
"""
HELD = "name: held\ntitle: Held\nsteps: [{say: a}, {wait: 60}]\n"


def _played(folder: Path, scenario: str, *words: str, **env: str) -> Terminal:
    name = scenario.split()[1]
    (folder / f"{name}.yaml").write_text(scenario, encoding="utf-8")
    line = [sys.executable, "-m", "bot", "sandbox", "--headless", "--scenario", str(folder / f"{name}.yaml"), *words]
    inherited: Mapping[str, str] = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    there = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **env}
    return Terminal(line, {**inherited, **there})


def test_it_is_drawn_in_place_fills_another_size_and_all_of_the_outcome_stays(tmp_path: Path) -> None:
    terminal = _played(tmp_path, MINE)
    screens = terminal.screens

    def shows(*words: str) -> bool:
        text = "\n".join(screens.text())
        return all(word in text for word in words)

    terminal.until(lambda: shows("A crash loop, and a word", "step 4 of 6", "[ Approve restart ]", "─ Audit"))
    assert screens.is_other
    assert not screens.cursor_shown
    assert any("✓  3 Look at the card" in line for line in screens.text())
    # Between two crashes the container runs for a moment, isn't ready, and has ended then.
    assert any(re.match(r" shop/api .*2/3 ready.* [CEN] ↻", line) for line in screens.text())
    assert {"32", "31"} <= screens.colours
    terminal.resize(132, 40)
    # In two columns the card stands beside the steps.
    terminal.until(lambda: any("1 Pods of shop/api" in line and "─ Pods" in line for line in screens.text()))
    assert terminal.end() == 1
    assert not screens.is_other
    assert screens.cursor_shown
    kept = "\n".join(screens.kept)
    for words in ("✓  4 2 seconds pass.", "✗  5 Look at the card", "·  6 never", "✗ NOT as it should be, after"):
        assert words in kept
    assert "step 5 (expect_card): The card never said “a word that no card says”. It says:" in kept
    assert "The bot's last lines:" in kept
    assert (
        "Why: step 5 (expect_card): The card never said “a word that no card says”." in kept.rsplit("The bot's", 1)[1]
    )
    assert "proposal:state:proposed" in kept


def test_ctrl_c_gives_the_terminal_back_with_exit_code_one_and_no_color_draws_without_colour(tmp_path: Path) -> None:
    terminal = _played(tmp_path, HELD, NO_COLOR="1")
    screens = terminal.screens
    terminal.until(lambda: any("step 2 of 2" in line for line in screens.text()))
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 1
    assert not screens.is_other
    assert screens.cursor_shown
    assert not screens.colours
    assert "was ended before it was over" in "\n".join(screens.kept)
    assert screens.kept[-2:] == ["interrupted", ""]


PLAIN: Mapping[str, tuple[list[str], dict[str, str]]] = {
    "asked for": (["--plain"], {}),
    "a dumb terminal": ([], {"TERM": "dumb"}),
}


@pytest.mark.parametrize("way", most(list(PLAIN), 1))
def test_without_a_picture_there_are_the_lines_of_the_transcript(tmp_path: Path, way: str) -> None:
    words, env = PLAIN[way]
    terminal = _played(tmp_path, HELD, *words, **env)
    terminal.until(lambda: any(line.endswith(" s  a") for line in terminal.screens.kept))
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 1
    first, second, third, *_ = terminal.screens.kept
    assert first == "== held: Held"
    assert second.endswith(" s  Slack, the cluster and the bot run")
    assert third.endswith(" s  a")
    assert not terminal.screens.colours
