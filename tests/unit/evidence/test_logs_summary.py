"""The one line of what containers said last."""

from __future__ import annotations

from bot.domain.observed import LogSeen, SignatureSeen
from bot.evidence.logs import summary


def test_a_summary_is_cut_between_words_and_the_cut_is_seen() -> None:
    line = f"level=error {'no lock ' * 12}pod=api-7c9f8d-x2k4p"
    row = LogSeen("api-7c9f8d-x2k4p", "app", signatures=(SignatureSeen(line, 1, line),))
    assert summary([row]) == f"level=error {'no lock ' * 12}… (1) in api-7c9f8d-x2k4p"
    unbroken = LogSeen("api", "app", signatures=(SignatureSeen("x" * 200, 2, "x" * 200),))
    assert summary([unbroken]) == f"{'x' * 120}… (2) in api"
