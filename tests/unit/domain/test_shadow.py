"""Agreement is told beside the number that it rests on, and few incidents are called few."""

from datetime import UTC, datetime

import pytest

from bot.domain.aftermath import Act, Outcome, outcome
from bot.domain.shadow import ENOUGH, Shadowed, Tally, as_json, disagreements, remarks, tallies

AT = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


def row(number: int, found: Outcome | None, playbook: str = "crash", *, open_: bool = False) -> Shadowed:
    return Shadowed(number, playbook, AT, open_, "restart", found, (("rollback", "back to 1"),))


MIXED = [
    row(1, Outcome.SAME), row(2, Outcome.SAME), row(3, Outcome.ELSE), row(4, Outcome.NOTHING), row(5, Outcome.APPROVED),
    row(6, Outcome.UNREAD), row(7, None), row(8, Outcome.ELSE, open_=True), Shadowed(9, "crash", AT, open=False),
    row(10, Outcome.NOTHING, "other"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("acts", "executed", "found"),
    [
        ((), False, Outcome.NOTHING),
        ((), True, Outcome.APPROVED),
        ((Act("restart", "x"),), False, Outcome.SAME),
        ((Act("scale", "x"), Act("restart", "x")), False, Outcome.SAME),
        ((Act("rollback", "x"),), False, Outcome.ELSE),
        ((Act("rollback", "x"),), True, Outcome.APPROVED),
    ],
)
def test_an_end_is_one_of_five(acts: tuple[Act, ...], executed: bool, found: Outcome) -> None:
    assert outcome("restart", acts, executed=executed) is found


def test_every_incident_is_counted_once() -> None:
    crash, other = tallies(MIXED)
    assert crash == Tally("crash", 9, 8, same=2, other=1, nothing=1, approved=1, open=1, unread=2)
    assert other == Tally("other", 1, 1, nothing=1)
    assert crash.proposed == crash.same + crash.other + crash.nothing + crash.approved + crash.open + crash.unread


def test_a_percentage_stands_beside_its_number_and_what_resolved_by_itself_is_not_in_it() -> None:
    crash, other = tallies(MIXED)
    assert crash.words == "2 of 3 (67 %)"
    assert (other.agreement, other.words) == (None, "-")


def test_few_incidents_are_called_few() -> None:
    few = tallies([row(number, Outcome.SAME) for number in range(ENOUGH - 1)])
    assert remarks(few)[0] == (
        "crash: too little to say. People acted by themselves in 9 of its 9 incidents with a proposal; "
        "look again at 10."
    )
    assert not any("too little" in one for one in remarks(tallies([row(n, Outcome.SAME) for n in range(ENOUGH)])))
    assert remarks(tallies([Shadowed(1, "crash", AT, open=False)])) == (
        "Nothing was proposed in this time, so there is nothing to compare.",
    )


def test_disagreements_are_those_that_ended_otherwise() -> None:
    assert [one.incident for one in disagreements(MIXED)] == [3], "one that is open may still change"
    told = as_json(tallies(MIXED), MIXED)
    assert told["playbooks"][0]["agreement"] == pytest.approx(2 / 3)
    assert told["playbooks"][0]["acted"] == 3
    assert told["disagreements"] == [
        {
            "incident": 3, "playbook": "crash", "opened_at": "2026-11-21T03:14:00+00:00", "proposed": "restart",
            "did": [{"action": "rollback", "what": "back to 1"}],
        }
    ]  # fmt: skip
