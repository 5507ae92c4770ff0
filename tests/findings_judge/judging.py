"""Judges findings over many generated incidents: is the first cause right, is HIGH right, would harm be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.finding import Confidence, Finding
from bot.findings.cures import MUTATING
from bot.findings.ranked import proposable, rank
from tests.findings_judge.generate import Made, make


@dataclass
class Judgement:
    """Counts over all incidents; ``wrong`` and ``harmful`` list what went wrong, a line each."""

    total: int = 0
    right: int = 0
    high: int = 0
    high_right: int = 0
    helped: int = 0
    curable: int = 0
    by_cause: dict[str, list[int]] = field(default_factory=dict)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    harmful: list[str] = field(default_factory=list)

    def report(self) -> str:
        """Accuracy by cause and what is taken for what."""
        sure = f"{self.high_right}/{self.high} ({self.high_right / max(self.high, 1):.1%})"
        harm = f"harmful first mitigations {len(self.harmful)}, cure offered {self.helped} of {self.curable} curable"
        lines = [f"{self.total} incidents: right cause first {self.right / self.total:.1%}, high right {sure}, {harm}"]
        lines += [f"  {cause:20} {hits:3}/{of}" for cause, (hits, of) in sorted(self.by_cause.items())]
        lines += [f"  {true} taken for {said}: {count}" for (true, said), count in self.confusions.most_common()]
        return "\n".join(lines)


def judge(seeds: Iterable[str]) -> Judgement:
    """All incidents of these seeds, judged."""
    found = Judgement()
    for seed in seeds:
        _count(found, made := make(seed), rank(made.snapshot))
    return found


def _count(found: Judgement, made: Made, findings: tuple[Finding, ...]) -> None:
    first = findings[0] if findings else None
    said = first.cause.value if first is not None else "nothing found"
    hit = said == made.truth.cause
    found.total += 1
    found.right += hit
    row = found.by_cause.setdefault(made.truth.cause, [0, 0])
    row[0] += hit
    row[1] += 1
    sure = first is not None and first.confidence is Confidence.HIGH
    found.high += sure
    found.high_right += sure and hit
    where = (
        f"{made.seed} {made.truth.cause}/{made.truth.note} on {made.shape}; missing {made.missing}; noise {made.noise}"
    )
    if not hit:
        found.confusions[made.truth.cause, said] += 1
        found.wrong.append(f"{where}: said {said} ({first.confidence.value if first else '-'})")
    acts = [one for one in proposable(findings) if one.action in MUTATING]
    found.curable += bool(made.truth.cures)
    found.helped += bool(acts) and acts[0].action in made.truth.cures
    if acts and acts[0].action not in made.truth.cures:
        found.harmful.append(f"{where}: {said} would {acts[0].action}")
