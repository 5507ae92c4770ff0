"""Plants each bug in a copy of the tree and runs the tests that must go red for it: ``make planted``.

One line a bug. The exit code is 1 if one isn't caught, or if a planting no longer fits the source.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.planted.bug import Bug
from tests.planted.catalog import BUGS
from tests.planted.trial import Copy, Outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses, tries, tells."""
    parser = argparse.ArgumentParser(prog="make planted ARGS=...", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a bug's name, or a pattern of it")
    parser.add_argument("--list", action="store_true", help="names and reasons, and nothing is run")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="bugs tried at once")
    options = parser.parse_args(arguments)
    chosen = [bug for bug in BUGS if not options.only or any(fnmatch.fnmatch(bug.name, one) for one in options.only)]
    unknown = [one for one in options.only if not any(fnmatch.fnmatch(bug.name, one) for bug in BUGS)]
    if unknown:
        parser.error(f"there is no bug {' and no '.join(unknown)}; --list names them")
    if options.list:
        _say(*(f"{bug.name}: {bug.why}" for bug in chosen))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="planted-", ignore_cleanup_errors=True) as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(max(1, min(options.jobs, len(chosen))))]
        outcomes = _all(chosen, copies)
        caught = sorted({one.by for one in outcomes if one.by})
        red = copies[0].red_anyway(caught)
    bad = [one for one in outcomes if not one.by]
    if red:
        _say(f"RED WITHOUT ANY BUG: {red}. What it caught above says nothing.")
    _say(f"{len(outcomes) - len(bad)} of {len(outcomes)} bugs caught in {time.monotonic() - began:.0f} s.")
    return 1 if bad or red else 0


def _all(chosen: Iterable[Bug], copies: Iterable[Copy]) -> list[Outcome]:
    """Every bug in whichever copy is free; each outcome is told as it comes."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(bug: Bug) -> Outcome:
        copy = free.get()
        try:
            outcome = copy.try_out(bug)
        finally:
            free.put(copy)
        _say(outcome.line)
        return outcome

    with ThreadPoolExecutor(max_workers=free.qsize()) as pool:
        try:
            return list(pool.map(one, chosen))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C ends after the runs under way, not after all
            raise


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
