"""The parts of the picture as lines of a given width: steps, pods, the card, what happened. Pure.

A state is told by a sign or a letter and a word, and by a colour besides, so that none of it is told by colour alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.text import Text

from bot.sandbox.live.seen import Line, Seen, StepSeen
from bot.sandbox.page.panels.reading import OWN, Tile, Workload

COLOURS = {"ok": "green", "new": "cyan", "warn": "yellow", "bad": "red", "gone": "bright_black"}
SIGNS = {"done": ("✓", "green"), "now": ("▸", "bold cyan"), "wrong": ("✗", "bold red"), "later": ("·", "")}
LETTERS = {
    "Ready": "R", "Starting": "S", "Pending": "P", "Not ready": "N", "Crash loop": "C", "No image": "I",
    "Config error": "F", "Terminating": "T", "Completed": "D", "Error": "E", "OOMKilled": "O", "Evicted": "V",
}  # fmt: skip
PLACE = 26
"""Cells for a workload's name at most."""


def cut(line: Text, width: int) -> Text:
    """One line that is no wider; what is left out shows as an ellipsis."""
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def rule(title: str, width: int, note: Text | None = None) -> Text:
    """The line above a part."""
    line = Text.assemble(("─ ", "bright_black"), (title, "bold"))
    if note is not None and note.cell_len:
        line.append("  ").append_text(note)
    cut(line, width)
    left = width - line.cell_len - 1
    return line.append(" " + "─" * left, "bright_black") if left > 0 else line


def head(seen: Seen, width: int) -> list[Text]:
    """What plays, and how far it is."""
    steps = len(seen.steps)
    done = sum(step.state == "done" for step in seen.steps)
    on = next((at for at, step in enumerate(seen.steps, 1) if step.state in {"now", "wrong"}), done)
    said = {
        "starts": ("▸ Slack, the cluster and the bot start", "cyan"),
        "plays": (f"▸ step {on} of {steps}", "bold cyan"),
        "looks back": ("▸ The steps are over; looking at what must hold at every end", "cyan"),
        "right": ("✓ as it should be", "bold green"),
        "wrong": ("✗ NOT as it should be", "bold red"),
    }[seen.stage]
    state = Text.assemble(said, f" · {seen.seconds:.0f} s")
    return [_ends(Text.assemble((seen.title, "bold")), seen.name, width), _ends(state, "Ctrl-C ends it", width)]


def _ends(left: Text, right: str, width: int) -> Text:
    """Two texts at the two ends of a line; the right one only where there is room."""
    gap = width - left.cell_len - cell_len(right)
    if gap >= 2:
        left.append(" " * gap).append(right, "bright_black")
    return cut(left, width)


def steps(seen: Seen, width: int, height: int) -> list[Text]:
    """All steps, or those around the one that is on, with how many are before and after."""
    count = len(seen.steps)
    if count <= height:
        return [_step(at, step, width) for at, step in enumerate(seen.steps)]
    on = next((at for at, step in enumerate(seen.steps) if step.state != "done"), count - 1)
    room = max(1, height - 2)
    first = min(max(0, on - room // 3), count - room)
    # A line that counts takes the place of one that could be shown: at an end there is nothing to count.
    if first <= 1:
        first, room = 0, max(1, height - 1)
    elif first + room >= count - 1:
        room = max(1, height - 1)
        first = count - room
    last = first + room
    lines = [Text(f"   … {first} before", "bright_black")] if first else []
    lines += [_step(at, seen.steps[at], width) for at in range(first, last)]
    lines += [Text(f"   … {count - last} to come", "bright_black")] if last < count else []
    return [cut(line, width) for line in lines[:height]]


def _step(at: int, step: StepSeen, width: int) -> Text:
    sign, style = SIGNS[step.state]
    took = "" if step.seconds is None else f"{step.seconds:.{0 if step.state == 'now' else 1}f} s"
    line = Text.assemble((f" {sign} ", style), (f"{at + 1:>2} ", "bright_black"))
    line.append(step.caption, "bold" if step.state in {"now", "wrong"} else "")
    cut(line, max(1, width - 8))
    return line.append(" " * max(1, width - line.cell_len - cell_len(took))).append(took, "bright_black")


def told(seen: Seen, width: int) -> list[Text]:
    """The title and every step in whole, for what stays: there is no height to keep to."""
    fits = cell_len(seen.title) <= width
    found = head(seen, width)[:1] if fits else [Text(line, "bold") for line in textwrap.wrap(seen.title, width)]
    for at, step in enumerate(seen.steps):
        first, *more = textwrap.wrap(step.caption, max(1, width - 14)) or [""]
        found.append(_step(at, replace(step, caption=first), width))
        found += [Text(f"      {line}") for line in more]
    return found


# -- pods -----------------------------------------------------------------------------------------


def of_interest(workloads: Sequence[Workload], height: int) -> list[Workload]:
    """The workloads for so many lines: those of the cluster's own parts, and the well ones, are left out first."""
    mine = [one for one in workloads if one.place.partition("/")[0] not in OWN or one.state.tint != "ok"]
    if len(mine) <= height:
        return mine
    ill = [one for one in mine if one.state.tint != "ok"]
    well = [one for one in mine if one.state.tint == "ok"]
    chosen = {id(one) for one in [*ill, *well][: max(1, height - 1)]}
    return [one for one in mine if id(one) in chosen]


def letters(workloads: Iterable[Workload]) -> dict[str, str]:
    """A letter for each state that is there; no two have the same."""
    words = dict.fromkeys(tile.state.word for one in workloads for tile in one.tiles)
    found = {word: LETTERS[word] for word in words if word in LETTERS}
    for word in (one for one in words if one not in found):
        free = (letter for letter in (*word.upper(), *"0123456789") if letter.isalnum())
        found[word] = next(letter for letter in free if letter not in found.values())
    return found


def legend(workloads: Sequence[Workload]) -> Text:
    """What each letter means, of those that are there."""
    line, tints = Text(), {tile.state.word: tile.state.tint for one in workloads for tile in one.tiles}
    for word, letter in letters(workloads).items():
        line.append(f" {letter} ", f"bold reverse {COLOURS[tints[word]]}").append(f" {word}  ")
    return line


def pods(seen: Seen, width: int, height: int) -> list[Text]:
    """A line for each workload, a tile for each of its pods."""
    shown = of_interest(seen.workloads, height)
    known, longest = letters(seen.workloads), max((cell_len(one.place) for one in shown), default=0)
    lines = [_workload(one, known, min(PLACE, longest), width) for one in shown]
    left = len(of_interest(seen.workloads, 10**6)) - len(shown)
    if left:
        lines.append(Text(f" … {left} more workloads", "bright_black"))
    return lines[:height]


def _workload(one: Workload, known: dict[str, str], place: int, width: int) -> Text:
    name = cut(Text(one.place), place)
    line = Text(" ").append_text(name).append(" " * (place - name.cell_len + 1))
    state = one.state
    line.append(f"{state.sign} {state.word}".ljust(13), COLOURS[state.tint])
    for number, tile in enumerate(one.tiles):
        drawn = _tile(tile, known)
        rest = len(one.tiles) - number
        if line.cell_len + drawn.cell_len + 1 + (len(f" +{rest}") if rest > 1 else 0) > width:
            line.append(f" +{rest}", "bold")
            break
        line.append(" ").append_text(drawn)
    return cut(line, width)


def _tile(tile: Tile, known: dict[str, str]) -> Text:
    again = f"↻{tile.restarts} " if tile.restarts else ""
    return Text(f" {known[tile.state.word]} {again}", f"bold reverse {COLOURS[tile.state.tint]}")


# -- the card, what happened, the audit -------------------------------------------------------------


def card(seen: Seen, width: int, height: int) -> list[Text]:
    """The card as it is read: wrapped where there is room for all of it, else cut, its buttons last."""
    if not seen.card:
        return [Text(" none yet", "bright_black")]
    inside = max(8, width - 2)
    wrapped = [part for line in seen.card for part in _wrapped(line, inside)]
    if len(wrapped) <= height:
        return [_card_line(line, width) for line in wrapped]
    shown = list(seen.card)
    if len(shown) > height:
        buttons = next((at for at, line in enumerate(shown) if line.startswith("[ ")), 0)
        shown = [*shown[: height - 1], shown[buttons]] if buttons >= height else shown[:height]
    return [_card_line(line, width) for line in shown]


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, break_on_hyphens=False, drop_whitespace=False) or [line]


def _card_line(words: str, width: int) -> Text:
    style = "bold" if words.startswith("[ ") else ""
    return cut(Text.assemble(("│ ", "bright_black"), (words.strip(), style)), width)


def lines(found: Sequence[Line], width: int, height: int) -> list[Text]:
    """The newest ones, the newest last; the bot's own last write stays among them."""
    shown = list(found[-height:]) if height else []
    # What the bot did is the least to be missed: the last of it stays when events have pushed it out.
    did = [one for one in found if one.is_write][-1:]
    if did and not any(one.is_write for one in shown):
        shown[:1] = did
    return [_line(one, width) for one in shown]


def _line(one: Line, width: int) -> Text:
    line = Text.assemble(
        (f" {one.at} ", "bright_black"),
        (f"{one.state.sign} {one.state.word}", COLOURS[one.state.tint]),
        f"  {' '.join(one.words.split())}",
    )
    return cut(line, width)
