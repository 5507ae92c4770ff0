"""The picture of a scenario at a terminal: never larger than that, everything told without colour, the newest kept."""

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from bot.sandbox.live import parts, screen
from bot.sandbox.live.fit import is_fit
from bot.sandbox.live.many import Many
from bot.sandbox.live.picture import ended, picture
from bot.sandbox.live.seen import Line, Seen, StepSeen
from bot.sandbox.page.panels.reading import State, Tile, Workload
from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.schema import Scenario
from tests.chance import examples

READY, CRASH = State("ok", "●", "Ready"), State("bad", "✕", "Crash loop")
CARD = (
    "🔴 SEV3 · shop/api · KubePodCrashLooping · INC-1",
    "Firing since 09:48 UTC (1 s) · 1 of 3 pods not ready",
    "Likely cause  1 of 3 pods crashes at start: exit 1, “cannot open the cache: lock file is held by pid 7”, 日本語.",
    "Confidence high: no change of the template is known, 2 pods of it are ready.",
    "Proposed  Restart Deployment shop/api",
    "3 replicas, 25 % at a time · no disruption budget · no HPA · dry run ok",
    "Needs 1 of @sre-oncall · until 09:53 UTC",
    "[ Approve restart ]  [ Reject ]",
    "[ Acknowledge ]  [ More ]",
)


def _workload(place: str, *states: State, restarts: int = 0) -> Workload:
    tiles = [
        Tile(str(at), f"api-{at}", str(at), state, state.word, restarts, "", "1", "node-1")
        for at, state in enumerate(states)
    ]
    ready = sum(state is READY for state in states)
    return Workload(place, "Deployment", ready, len(states), (), (), tiles)


def _seen(at: int = 3, count: int = 12, **changed: Any) -> Seen:
    def state(number: int) -> Any:
        return "done" if number < at else "now" if number == at else "later"

    said: dict[str, Any] = {
        "name": "approved-passes",
        "title": "An alert, one press, a verified restart",
        "stage": "plays",
        "seconds": 7.25,
        "steps": [StepSeen(state(one), f"Caption {one} of some length.", 0.5) for one in range(count)],
        "workloads": [_workload("shop/api", READY, CRASH, restarts=2), _workload("shop/web", READY)],
        "heading": "Card INC-1",
        "card": CARD,
        "happened": [Line("09:48:01", State("gone", "·", f"Event{one}"), "Pod api: said") for one in range(30)],
        "audit": [Line("09:48:01", State("gone", f"#{one}", "fettle"), "incident:state") for one in range(30)],
        "entries": 30,
    }
    return Seen(**{**said, **changed})


def _plain(found: list[Text]) -> list[str]:
    return [line.plain for line in found]


SIZES = given(
    width=st.integers(20, 200),
    height=st.integers(6, 70),
    at=st.integers(0, 40),
    count=st.integers(1, 40),
    pods=st.integers(0, 300),
    places=st.integers(0, 30),
    card=st.integers(0, 9),
)


@SIZES
@settings(max_examples=examples(400), deadline=None)
def test_it_fits_every_terminal_and_shows_the_step_that_is_on(
    width: int, height: int, at: int, count: int, pods: int, places: int, card: int
) -> None:
    """No line is wider, so none wraps; no line is one too many, so nothing scrolls."""
    at = min(at, count - 1)
    workloads = [_workload(f"place-{one}/a-name-that-is-long", *([READY] * pods)) for one in range(places)]
    seen = _seen(at, count, workloads=workloads, card=CARD[:card])
    drawn = picture(seen, width, height)
    assert len(drawn) <= height
    assert max(line.cell_len for line in drawn) <= width
    assert not any("\n" in line.plain for line in drawn)
    if height >= 8:
        assert any(line.strip().startswith("▸") and f" {at + 1} " in line for line in _plain(drawn)[2:])


@given(at=st.integers(0, 60), count=st.integers(1, 60), height=st.integers(3, 30))
@settings(max_examples=examples(400), deadline=None)
def test_of_many_steps_those_around_the_one_that_is_on_are_shown_and_the_others_counted(
    at: int, count: int, height: int
) -> None:
    at = min(at, count - 1)
    found = _plain(parts.steps(_seen(at, count), 80, height))
    assert len(found) <= height
    shown = [int(line.split()[1]) for line in found if "…" not in line.split()]
    assert at + 1 in shown
    assert all(after == before + 1 for before, after in pairwise(shown))
    counted = [int(line.split()[1]) for line in found if "…" in line.split()]
    assert len(shown) + sum(counted) == count


def test_at_80_by_24_every_part_has_its_place_and_keeps_it_while_it_is_empty() -> None:
    full = _plain(picture(_seen(), 80, 24))
    empty = _plain(picture(_seen(card=(), happened=(), audit=()), 80, 24))
    titles = ("─ Pods", "─ Card", "─ In the cluster", "─ Audit")
    where = [
        [at for at, line in enumerate(lines) if line.startswith(title)] for lines in (full, empty) for title in titles
    ]
    assert where[:4] == where[4:]
    assert all(where)
    assert "[ Approve restart ]  [ Reject ]" in "\n".join(full)


def test_a_state_has_a_letter_and_a_word_and_no_two_states_have_the_same_letter() -> None:
    odd = [State("bad", "✕", word) for word in ("Crash loop", "CreateContainerError", "Cold", "Ready")]
    workloads = [_workload("shop/api", *odd, READY, restarts=4)]
    known = parts.letters(workloads)
    assert len(set(known.values())) == len(known)
    drawn = "\n".join(_plain(picture(_seen(workloads=workloads), 80, 24)))
    for word, letter in known.items():
        assert f" {letter}  {word}" in drawn
        assert f" {letter} ↻4 " in drawn


def test_what_the_bot_wrote_last_stays_when_events_push_it_out() -> None:
    wrote = Line("09:48:00", State("new", "✎", "Fettle: patch"), "deployments shop/api, answered 200", is_write=True)
    happened = [wrote, *_seen().happened]
    shown = _plain(parts.lines(happened, 80, 3))
    assert "✎ Fettle: patch  deployments shop/api, answered 200" in shown[0]
    assert [line.split()[2] for line in shown[1:]] == ["Event28", "Event29"]


@pytest.mark.parametrize("colour", [True, False], ids=["with colour", "NO_COLOR"])
def test_without_colour_the_same_words_and_signs_stand_there(colour: bool) -> None:
    to = Console(file=io.StringIO(), force_terminal=True, width=80, no_color=not colour, color_system="standard")
    for line in picture(_seen(), 80, 24):
        to.print(line)
    written = to.file.getvalue()  # type: ignore[attr-defined]
    assert ("\x1b[31m" in written or "31m" in written) is colour
    assert " C ↻2 " in written


def test_what_stays_has_every_step_and_says_why_it_is_not_as_it_should_be() -> None:
    wrong = _seen(stage="wrong", problems=["step 4 (press): There is no button Approve.\nThere are:\n  | [ More ]"])
    said = "\n".join(_plain(ended(wrong, 80)))
    for part in ("Caption 0 ", "Caption 11 ", "✗ NOT as it should be, after 7.2 s", "| [ More ]", CARD[-1]):
        assert part in said
    assert "✓ as it should be" in "\n".join(_plain(ended(_seen(stage="right"), 80)))
    long = _seen(
        steps=[StepSeen("done", "Look at the card: it says what is wrong, and why. " * 3, 0.5)], title="Long " * 30
    )
    drawn = _plain(ended(long, 80))
    assert max(len(line) for line in drawn[:6]) <= 80
    assert not any("…" in line for line in drawn[:6]), "for what stays there is room enough"
    assert " ".join(" ".join(drawn[2:5]).split()).count("and why.") == 3
    assert "was ended before it was over" in "\n".join(_plain(ended(_seen(), 80)))


class _Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "plain", "encoding", "fits"),
    [
        ({"TERM": "xterm"}, False, "utf-8", True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, "utf-8", True),
        ({"TERM": "xterm"}, True, "utf-8", False),
        ({"TERM": "dumb"}, False, "utf-8", False),
        ({}, False, "utf-8", False),
        ({"TERM": "xterm", "CI": "true"}, False, "utf-8", False),
        ({"TERM": "xterm"}, False, "ascii", False),
    ],
    ids=["a terminal", "no colour", "asked", "dumb", "no TERM", "CI", "no signs"],
)
def test_the_picture_is_for_a_terminal_that_can_draw_it(
    environment: dict[str, str], plain: bool, encoding: str, fits: bool
) -> None:
    stream = _Tty(io.BytesIO(), encoding=encoding)
    assert is_fit(stream, plain=plain, environment=environment) is fits
    assert not is_fit(io.TextIOWrapper(io.BytesIO(), encoding=encoding), plain=plain, environment=environment)


@given(
    width=st.integers(20, 160), height=st.integers(6, 60), over=st.integers(0, 30), wrong=st.sets(st.integers(0, 29))
)
@settings(max_examples=examples(200), deadline=None)
def test_the_table_of_many_fits_and_shows_what_went_wrong_first(
    width: int, height: int, over: int, wrong: set[int]
) -> None:
    made = [
        Scenario.model_validate({"name": f"name-{one}", "title": f"Title {one}", "steps": [{"say": "a"}]})
        for one in range(30)
    ]
    many = Many(made)
    for number in range(over):
        result = engine.begun(made[number])
        result.problems += ["step 1 (say): it\nwent wrong"] if number in wrong else []
        many.done(result)
    drawn = _plain(many.picture(width, height))
    bad = [number for number in range(over) if number in wrong]
    assert len(drawn) <= height
    assert drawn[0].startswith(f"{over} of 30 scenarios"[: width - 1])
    if bad and width >= 60:
        assert f"✗ name-{bad[-1]} " in "\n".join(drawn)


def test_a_terminal_that_does_not_know_its_size_is_drawn_at_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`script` without a terminal of its own makes one of no columns and no lines."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w", encoding="utf-8") as tty:
        monkeypatch.setattr(sys, "stdout", tty)
        assert screen.size() == (80, 24)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 0, 0, 0))
        assert screen.size() == (80, 30)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 2, 10, 0, 0))
        assert screen.size() == screen.LEAST
        monkeypatch.undo()
