"""Judges verdicts over many seeds: what passed and wasn't well, what failed and was, what was inconclusive and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.verification import Verdict
from tests.verification_judge.play import HAZARDS, Played, draw, play


@dataclass
class Judgement:
    """Counts over all cases; the lists hold a line for each case that broke a law."""

    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    by_verb: Counter[str] = field(default_factory=Counter)
    took: Counter[str] = field(default_factory=Counter)
    clean: int = 0
    clean_passed: int = 0
    ill: int = 0
    false_pass: list[str] = field(default_factory=list)
    false_fail: list[str] = field(default_factory=list)
    false_superseded: list[str] = field(default_factory=list)
    clean_lost: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def count(self, one: Played) -> None:
        """Takes one case in."""
        if one.refused:
            self.refused.append(f"{one.plan.words()}: {one.refused}")
            return
        self.total += 1
        self.verdicts[str(one.verdict)] += 1
        self.by_verb[one.plan.verb.name] += 1
        self.took.update(one.took)
        self.ill += bool(one.why)
        if one.verdict is Verdict.PASS and one.why:
            self.false_pass.append(one.words())
        if one.verdict is Verdict.FAIL and not one.why and one.steady:
            self.false_fail.append(one.words())
        if one.alone:
            self.false_superseded.append(one.words())
        if one.verdict is Verdict.INCONCLUSIVE and (not one.missing or one.unsaid):
            self.untold.append(f"{one.words()}; unsaid: {one.unsaid}")
        if not one.plan.hazards:
            self.clean += 1
            self.clean_passed += one.verdict is Verdict.PASS
            if one.verdict is not Verdict.PASS:
                self.clean_lost.append(one.words())

    def report(self) -> str:
        """The numbers, and each case that broke a law."""
        given = ", ".join(f"{name} {count}" for name, count in self.verdicts.most_common())
        lines = [
            f"{self.total} verifications ({len(self.refused)} more were refused before anything was done): {given}",
            f"not well by the truth {self.ill}, false PASS {len(self.false_pass)}",
            f"false FAIL {len(self.false_fail)}, SUPERSEDED though nobody took over {len(self.false_superseded)}",
            f"without any hazard {self.clean}, of which PASS {self.clean_passed}",
            f"verbs: {', '.join(f'{name} {count}' for name, count in self.by_verb.most_common())}",
            *(f"  {self.took[one.name]:4} {one.name}" for one in HAZARDS),
        ]
        for word in ("false_pass", "false_fail", "false_superseded", "clean_lost", "untold"):
            lines += [f"{word}: {one}" for one in getattr(self, word)]
        return "\n".join(lines)


async def judge(seed: str, numbers: Iterable[int], until: int | None = None, often: int = 0) -> Judgement:
    """Plays these numbers of a seed, until so many were verified and each kind of hazard took hold often enough."""
    found = Judgement()
    for number in numbers:
        found.count(await play(draw(seed, number)))
        if until is not None and found.total >= until and all(found.took[one.name] >= often for one in HAZARDS):
            break
    return found
