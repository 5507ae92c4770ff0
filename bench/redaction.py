"""How many secrets are hidden and how many harmless lines are changed, by kind, and what it costs.

The corpus is that of ``tests/redaction``. Recall is the part of hostile lines of whose secrets no five characters in a
row survive; over-redaction the part of harmless lines that aren't left as they are. "Held out" are the templates that
the first rules were made without.

    python bench/redaction.py [--seeds 3] [--seed NAME] [--missed] [--module PATH]
"""

from __future__ import annotations

import argparse
import runpy
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.redaction import corpus  # noqa: E402 - the path is set above

Redact = Callable[[str], str]


def loaded(path: str) -> Redact:
    """The ``redact`` of another file, to compare with."""
    found: Redact = runpy.run_path(path)["redact"]
    return found


def table(title: str, lines: Sequence[corpus.Line], wrong: Callable[[corpus.Line], bool]) -> None:
    """A row a kind: lines, and the part of them that is right."""
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for line in lines:
        bad = wrong(line)
        for kind in (line.kind, "all"):
            rows[kind][0] += 1
            rows[kind][1] += bad
            rows[kind][2] += line.held_out
            rows[kind][3] += bad and line.held_out
    print(f"{title:28}{'lines':>7}{'wrong':>7}{'part':>9}{'held out':>10}{'wrong':>7}{'part':>9}")
    for kind, (count, bad, held, held_bad) in rows.items():
        print(f"{kind:28}{count:7}{bad:7}{bad / count:9.2%}{held:10}{held_bad:7}{held_bad / max(held, 1):9.2%}")


def main() -> int:
    """Prints the tables."""
    args = argparse.ArgumentParser()
    args.add_argument("--seeds", type=int, default=3)
    args.add_argument("--seed", default="bench")
    args.add_argument("--missed", action="store_true", help="print each wrong line")
    args.add_argument("--all", action="store_true", help="with --missed: held-out lines too")
    args.add_argument("--module", default=str(ROOT / "bot/domain/redaction.py"))
    told = args.parse_args()
    redact = loaded(told.module)
    seeds = [f"{told.seed}-{number}" for number in range(told.seeds)]
    hostile = [line for seed in seeds for line in corpus.hostile(seed)]
    benign = [line for seed in seeds for line in corpus.benign(seed)]
    table("secrets, wrong = shown", hostile, lambda line: bool(line.surviving(redact(line.text))))
    print()
    table("harmless, wrong = changed", benign, lambda line: redact(line.text) != line.text)
    if told.missed:
        for line in {one.template: one for one in hostile if told.all or not one.held_out}.values():
            if left := line.surviving(redact(line.text)):
                print(f"shown   [{line.kind}] {left!r} of {line.text[:300]!r} -> {redact(line.text)[:300]!r}")
        for line in {one.template: one for one in benign if told.all or not one.held_out}.values():
            if redact(line.text) != line.text:
                print(f"changed [{line.kind}] {line.text[:200]!r} -> {redact(line.text)[:200]!r}")
    print()
    for name, lines in (("hostile", hostile), ("harmless", benign)):
        texts = [line.text for line in lines]
        start = time.process_time()
        for text in texts:
            redact(text)
        took = time.process_time() - start
        size = sum(map(len, texts))
        print(f"{name}: {took / len(texts) * 1e6:.1f} us a line, {took / size * 1e9:.0f} ns a character")
    return 0


if __name__ == "__main__":
    sys.exit(main())
