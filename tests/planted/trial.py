"""One copy of the tree, one bug at a time in it, and the tests that are run over that; what comes of it in a word.

Only a test that fails counts as a catch. Tests that can't even be collected say that the planting is broken, and a red
test is asked once more without the bug: one that is red anyway has caught nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.planted.bug import Bug, MisfitError
from tests.planted.catalog import copy_to

PYTEST = (
    "-m", "pytest", "--disable-plugin-autoload", "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout",
    "-p", "_hypothesis_pytestplugin", "-p", "tests.planted.first_red", "-p", "no:cacheprovider",
    "--hypothesis-seed=0", "--timeout", "30", "--tb", "short", "-x",
)  # fmt: skip
GREEN = 0
LONGEST = 400.0
"""Seconds after which a run is ended: a bug may well make a test hang that no timeout of its own reaches."""


@dataclass(frozen=True)
class Outcome:
    """``by`` is the test that went red, empty if none did; ``problem`` is why nothing can be said."""

    bug: Bug
    by: str = ""
    problem: str = ""
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The one line that is printed."""
        if self.problem:
            return f"{self.bug.name}: {self.problem}"
        if self.by:
            return f"{self.bug.name}: caught by {self.by} in {self.seconds:.1f} s"
        return f"{self.bug.name}: NOT CAUGHT by {', '.join(self.bug.tests)} ({self.seconds:.1f} s). {self.bug.why}"


class Copy:
    """A tree of its own, so that two bugs can be tried at once; ``folder`` must not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder / "tree"
        self._temporary = folder / "tmp"
        self._temporary.mkdir(parents=True)
        self._red = folder / "first-red"
        copy_to(self._tree)

    def try_out(self, bug: Bug) -> Outcome:
        """Plants it, runs its tests up to the first red one, and takes it out again."""
        try:
            with self._planted(bug):
                began = time.monotonic()
                code, said = self._run(bug.tests)
                seconds = time.monotonic() - began
        except MisfitError as error:
            return Outcome(bug, problem=f"DOESN'T FIT: {error}")
        by = self._red.read_text(encoding="utf-8") if self._red.exists() else ""
        if by or code == GREEN:
            return Outcome(bug, by, seconds=seconds)
        return Outcome(bug, problem=f"NO RESULT (pytest ended with {code}): {said}")

    def red_anyway(self, tests: Sequence[str]) -> str:
        """The first of these tests that is red without any bug, and what it said; empty if none is."""
        if not tests:
            return ""
        code, said = self._run(tests)
        by = self._red.read_text(encoding="utf-8") if self._red.exists() else ""
        return f"{by}: {said}" if by or code != GREEN else ""

    @contextlib.contextmanager
    def _planted(self, bug: Bug) -> Iterator[None]:
        file = self._tree / bug.file
        text = file.read_text(encoding="utf-8")
        self._write(file, bug.planted(text))
        try:
            yield
        finally:
            self._write(file, text)

    @staticmethod
    def _write(file: Path, text: str) -> None:
        """Python takes compiled code for current that is of the same second and length, so that has to go."""
        file.write_text(text, encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            compiled.unlink()

    def _run(self, tests: Sequence[str]) -> tuple[int, str]:
        """(exit code, the last lines said); the copy comes before the installed tree wherever Python looks."""
        self._red.unlink(missing_ok=True)
        environment = os.environ | {
            "FETTLE_EVERY": "1",  # a bug is caught by what `make check` runs
            "SANDBOX_PATIENCE": "1",  # what a bug keeps from coming isn't waited for any longer than it must
            "PYTHONPATH": str(self._tree), "TMPDIR": str(self._temporary), "FIRST_RED": str(self._red),
        }  # fmt: skip
        with subprocess.Popen(  # noqa: S603 - our own tests
            [sys.executable, *PYTEST, *tests], cwd=self._tree, env=environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as run:  # fmt: skip
            try:
                said, _ = run.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                said = f"no end within {LONGEST:g} s"
            finally:
                # What tests started and a bug kept alive belongs to the run's own group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)
        return run.returncode, " / ".join(said.strip().splitlines()[-12:])[-1500:]
