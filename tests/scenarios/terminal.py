"""A terminal as a program sees it: a pty of a size, and what stands on its screens, cell by cell.

It knows the few sequences that a picture drawn in place takes: the other screen, the cursor, erasing, colours.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from select import select

from tests.patience import PATIENT

TOKEN = re.compile(r"\x1b\[([?<>=]?)([\d;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78]|\x1b\][^\x07]*\x07|(.)", re.DOTALL)


class Screens:
    """The ordinary screen, of which everything stays, and the other one, while it is on."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.kept: list[str] = [""]
        self.other: list[list[tuple[str, str]]] = []
        self.is_other = False
        self.cursor_shown = True
        self.colours: set[str] = set()
        self._row = self._column = 0
        self._style = ""

    def resize(self, columns: int, lines: int) -> None:
        """What stands there stays in the upper left; the program draws anew."""
        self.columns, self.lines = columns, lines
        self._fit()

    def _fit(self) -> None:
        blank = (" ", "")
        rows = [[*row, *([blank] * self.columns)][: self.columns] for row in self.other]
        self.other = [*rows, *([[blank] * self.columns for _ in range(self.lines)])][: self.lines]

    def feed(self, text: str) -> None:
        """What the program wrote."""
        for found in TOKEN.finditer(text):
            mark, numbers, verb, letter = found.groups()
            if letter is not None:
                self._put(letter)
            elif verb is not None:
                self._do(mark, numbers, verb)

    def _do(self, mark: str, numbers: str, verb: str) -> None:
        if verb == "m":
            self._style = numbers
            self.colours |= {one for one in numbers.split(";") if one.isdigit() and 30 <= int(one) <= 107}
        elif (mark, verb) in {("?", "h"), ("?", "l")}:
            if numbers == "25":
                self.cursor_shown = verb == "h"
            if numbers == "1049":
                self.is_other = verb == "h"
                self.other, self._row, self._column = [], 0, 0
                self._fit()
        elif verb == "H":
            row, _, column = numbers.partition(";")
            self._row, self._column = int(row or 1) - 1, int(column or 1) - 1

    def _put(self, letter: str) -> None:
        if not self.is_other:
            if letter == "\n":
                self.kept.append("")
            elif letter != "\r":
                self.kept[-1] += letter
            return
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._row = min(self._row + 1, self.lines - 1)
        else:
            width = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            assert self._column + width <= self.columns, f"{''.join(c for c, _ in self.other[self._row])} wraps"
            self.other[self._row][self._column] = (letter, self._style)
            if width == 2:
                self.other[self._row][self._column + 1] = ("", self._style)
            self._column += width

    def text(self) -> list[str]:
        """The other screen's lines."""
        return ["".join(letter for letter, _ in row).rstrip() for row in self.other]


class Terminal:
    """A program in a terminal; ``until`` reads what it writes."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], columns: int = 80, lines: int = 24) -> None:
        self.screens = Screens(columns, lines)
        self._rest = b""
        """What came of a letter or a sequence that isn't whole yet."""
        self._ours, theirs = pty.openpty()
        self._size(columns, lines)
        self.process = subprocess.Popen(  # noqa: S603 - the test names it
            list(words), stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env), start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Another size from now on."""
        self.screens.resize(columns, lines)
        self._size(columns, lines)

    def read(self, seconds: float) -> bool:
        """What comes within so many seconds; False when there is nothing more to come."""
        if not select([self._ours], [], [], seconds)[0]:
            return True
        try:
            got = os.read(self._ours, 65_536)
        except OSError:
            return False
        self._rest += got
        text = self._rest.decode(errors="ignore")
        cut = text.rfind("\x1b") if re.search(r"\x1b[^A-Za-z]*$", text) else len(text)
        whole = text[:cut].encode()
        self._rest = self._rest[len(whole) :]
        self.screens.feed(text[:cut])
        return True

    def until(self, look: Callable[[], bool], within: float = PATIENT) -> None:
        """Read until it is so."""
        end = time.monotonic() + within
        while not look():
            assert time.monotonic() < end, "\n".join([*self.screens.text(), *self.screens.kept])
            assert self.read(0.1) or look(), "\n".join(self.screens.kept)

    def end(self, within: float = PATIENT) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + within
        while self.read(0.1) and time.monotonic() < end:
            pass
        os.close(self._ours)
        return self.process.wait(PATIENT)
