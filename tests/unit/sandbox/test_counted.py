"""What a scenario prints of what it counted reads as a sentence, and the reason of a failure as one line."""

import pytest

from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.counted import count, headline, state
from bot.sandbox.scenarios.transcript import Transcript


def test_numbers_stand_with_their_noun() -> None:
    assert [count(number, "alert") for number in (0, 1, 2)] == ["0 alerts", "1 alert", "2 alerts"]
    assert state({"writes": 1, "ready": 3, "restarted": False}) == "1 write by Fettle, 3 ready pods and no restart"
    assert state({"restarted": True}) == "a restart"
    assert state({}) == "nothing"


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("step 5 (expect_card): The card never said “x”. It says:\n  | a\n(waited 1 s)", "The card never said “x”."),
        ("step 2 (tell): 2 cards don't say what is broken:\na\nb", "2 cards don't say what is broken."),
        ("There are 2 messages of card:1, not one.", "There are 2 messages of card:1, not one."),
    ],
    ids=["with what was there", "with a list", "one line"],
)
def test_the_reason_is_one_line_without_what_introduces_more(problem: str, said: str) -> None:
    assert headline(problem).endswith(said)
    assert "\n" not in headline(problem)


def test_the_last_line_of_a_failure_is_its_reason_however_long_what_was_there() -> None:
    result = engine.Result("odd", 0.0, Transcript(), ["step 5 (expect_card): Never said. It says:\n  | a\n  | b"])
    engine.conclude(result)
    assert result.transcript.text.rstrip().splitlines()[-1] == "  Why: step 5 (expect_card): Never said."
    result = engine.Result("odd", 0.0, Transcript(), ["There are 2 messages of card:1, not one."])
    engine.conclude(result)
    assert result.transcript.text.rstrip().splitlines()[-1] == "  ✗ There are 2 messages of card:1, not one."
