"""The card says what is kept quiet, by whom and until when, and stops saying so when it has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import IncidentState
from bot.domain.silence import SilenceState
from bot.domain.verification import Verdict
from bot.slack import ids
from bot.slack.cards import CardView, card, evidence_message
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


def test_a_silence_that_was_set_here_says_by_whom_until_when_and_how_sure_it_is() -> None:
    line = quiet_line(v.view(silence=v.silence(), people={"person:1": "U0ANA"}))
    assert line.startswith("🔕 Silenced until <!date^")
    assert "by <@U0ANA>: deploying &lt;!channel&gt; · read back, 3 of 3 quiet" in line


@pytest.mark.parametrize(
    ("state", "changes", "told"),
    [
        (SilenceState.PENDING, {"verdict": Verdict.MEASURING, "outcome": ""}, "Being silenced until"),
        (SilenceState.RUNNING, {"verdict": Verdict.MEASURING, "outcome": ""}, "Asked to be silenced until"),
        (SilenceState.ACTIVE, {"verdict": Verdict.MEASURING}, "being checked"),
        (SilenceState.ACTIVE, {"verdict": Verdict.INCONCLUSIVE, "trouble": "It doesn't answer."}, "INCONCLUSIVE"),
        (SilenceState.ACTIVE, {"verdict": Verdict.INCONCLUSIVE, "trouble": "It doesn't answer."}, "doesn't answer"),
        (SilenceState.ACTIVE, {"verdict": Verdict.FAIL}, "FAIL"),
        (SilenceState.ENDING, {"end_by": "person:2"}, "The silence is being ended"),
    ],
)
def test_what_is_not_known_to_hold_is_not_called_read_back(
    state: SilenceState, changes: dict[str, Any], told: str
) -> None:
    line = quiet_line(v.view(silence=v.silence(state, **changes)))
    assert told in line
    assert "read back" not in line


def test_one_that_still_holds_stands_on_a_resolved_card_too() -> None:
    ending = v.silence(SilenceState.ENDING, end_by="fettle")
    resolved = v.view(incident=v.incident(state=IncidentState.RESOLVED), silence=ending)
    assert "being ended" in quiet_line(resolved)


def test_it_is_told_once_though_the_evidence_saw_it_too() -> None:
    line = quiet_line(v.view(evidence=(silences(),), silence=v.silence(), silences_set=frozenset({"s1"})))
    assert line.count("ilenced until") == 1
    assert quiet_line(v.view(evidence=(silences(),), silences_set=frozenset({"s1"}))) == "", "it was ended since"
    assert quiet_line(v.view(evidence=(silences(),), silence=v.silence())).count("ilenced until") == 2


def buttons(view: CardView) -> list[str]:
    return [one["action_id"] for block in card(view).blocks for one in block.get("elements", ()) if "action_id" in one]


def test_the_button_is_there_where_alerts_fire_and_it_may_be_done() -> None:
    assert ids.SILENCE in buttons(v.view(silencing=True))
    assert ids.SILENCE not in buttons(v.view())
    for changes in ({"alerts_firing": 0}, {"foreign_cluster": "eu-2"}, {"state": IncidentState.RESOLVED}):
        assert ids.SILENCE not in buttons(v.view(silencing=True, incident=v.incident(**changes)))


def test_unsilence_takes_its_place_wherever_the_card_is_until_it_is_wanted() -> None:
    for state in ("silenced", "running", "passed"):
        shown = buttons(replace(v.STATES[state](), silence=v.silence(), silencing=True))
        assert ids.UNSILENCE in shown
        assert ids.SILENCE not in shown
    assert ids.UNSILENCE not in buttons(v.view(silence=v.silence(SilenceState.ENDING, end_by="person:2")))
