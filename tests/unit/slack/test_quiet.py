"""The card says what is kept quiet, by whom and until when, and stops saying so when it has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import IncidentState
from bot.slack.cards import card, evidence_message
from bot.slack.cards.quiet import quiet_line

from . import card_views as v


def silences(*, hours: float = 1.0, inhibited: int = 0, muted: tuple[str, ...] = (), **changes: Any) -> Evidence:
    row = {
        "id": "s1", "by": "ana", "comment": "deploying <!channel>", "alerts": 3, "matchers": ['alertname="X"'],
        "until": (v.NOW + timedelta(hours=hours)).isoformat(), **changes,
    }  # fmt: skip
    data = {"silences": [row], "inhibited": inhibited, "muted": muted, "firing": 3}
    return Evidence("silences", EvidenceStatus.OK, "silenced by ana: deploying", v.NOW, data)


def test_a_silence_stands_under_the_state() -> None:
    found = card(v.view(evidence=(silences(),)))
    assert "🔕 Silenced until <!date^" in str(found.blocks[1])
    assert "by ana: deploying &lt;!channel&gt;" in str(found.blocks[1])


def test_a_silence_over_a_part_of_the_alerts_says_so() -> None:
    assert quiet_line(v.view(evidence=(silences(alerts=1),))).startswith("🔕 1 of 3 alerts silenced until")


def test_what_is_inhibited_or_muted_is_told() -> None:
    line = quiet_line(v.view(evidence=(silences(hours=-1, inhibited=1, muted=("weekends",)),)))
    assert line == "🔕 1 of 3 alerts inhibited by another alert · muted by weekends"


@pytest.mark.parametrize("until", ["", "nonsense", None])
def test_a_silence_whose_end_is_not_told_is_told_without(until: object) -> None:
    assert quiet_line(v.view(evidence=(silences(until=until),))) == ("🔕 Silenced by ana: deploying &lt;!channel&gt;")


def test_what_has_ended_by_now_is_not_shown_and_nothing_of_it_on_a_resolved_card() -> None:
    assert quiet_line(v.view(evidence=(silences(hours=-0.1),))) == ""
    resolved = v.view(evidence=(silences(),), incident=v.incident(state=IncidentState.RESOLVED))
    assert quiet_line(resolved) == ""


def test_the_thread_has_the_matchers() -> None:
    drawn = str(evidence_message(v.incident(), [silences()], v.NOW).blocks)
    assert "silenced by ana · ends in 1 h" in drawn
    assert 'alertname="X"' in drawn
