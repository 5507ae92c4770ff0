"""What a scenario prints of what it counted reads as a sentence, and the reason of a failure as one line."""

import pytest

from bot.sandbox.page.panels.audit import Entry
from bot.sandbox.scenarios import audited, engine
from bot.sandbox.scenarios.counted import count, headline, spread, state
from bot.sandbox.scenarios.transcript import Transcript, folded


def test_numbers_stand_with_their_noun() -> None:
    assert [count(number, "alert") for number in (0, 1, 2)] == ["0 alerts", "1 alert", "2 alerts"]
    assert state({"writes": 1, "ready": 3, "restarted": False}) == "1 write by Fettle, 3 ready pods and no restart"
    assert state({"restarted": True}) == "a restart"
    assert state({}) == "nothing"
    assert spread(1, 1) == "1 incident: its card"
    assert spread(2, 2) == "2 incidents: a card each"
    assert spread(500, 11) == "500 incidents: 11 with a card, 489 in the digest"


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


def test_what_somebody_sees_is_folded_under_itself_and_nothing_else_is() -> None:
    transcript = Transcript()
    transcript.quote("Card INC-1:", ["Likely cause  " + "it crashes at start, " * 9, "short"])
    transcript.write("  ✗ " + "the reason is one line " * 9)
    heading, cause, short, reason = transcript.lines
    first, *more = folded(cause, 80).split("\n")
    assert first.startswith("          │ Likely cause  it crashes at start,")
    assert [(line[:14], len(line) <= 80) for line in more] == [("          │   ", True)] * len(more)
    assert " ".join([first, *(line[14:] for line in more)]) == cause.rstrip()
    assert [folded(line, 80) for line in (heading, short, reason)] == [heading, short, reason]


def test_what_a_second_person_sees_is_shown_though_it_is_the_same_and_to_the_first_it_is_not_repeated() -> None:
    transcript = Transcript()
    for who in ("ana", "bo", "bo"):
        transcript.quote(f"Only @{who} sees:", ["Noted."])
    assert [line[10:] for line in transcript.lines] == [
        "Only @ana sees:", "│ Noted.", "Only @bo sees:", "│ Noted.", "Only @bo sees: as before"
    ]  # fmt: skip


def test_the_audit_is_a_short_line_an_entry_with_its_reason_below() -> None:
    """A hash is left out, a subject of the entry's own kind is its number, and of a storm the rest is counted."""

    def entry(seq: int, tag: str, subject: str, outcome: str, reason: str = "") -> Entry:
        return Entry(seq, "2026-01-02T03:04:05.678Z", tag, "fettle", subject, outcome, reason, "ab" * 32, follows=True)

    storm = [entry(4 + at, "alert:delivery:received", f"delivery:{'0a' * 8}", "1 accepted") for at in range(9)]
    assert list(
        audited.lines(
            [
                entry(1, "system:process:started", "process", "started"),
                entry(2, "execution:state:failed", "execution:7", "failed", "I may not patch it (403)."),
                entry(3, "verification:verdict:given", "verification:1", "pass"),
                *storm,
            ]
        )
    ) == [
        "#1   03:04:05  fettle  system:process:started",
        "#2   03:04:05  fettle  execution:state:failed 7",
        "    I may not patch it (403).",
        "#3   03:04:05  fettle  verification:verdict:given 1 · pass",
        *(f"#{4 + at}   03:04:05  fettle  alert:delivery:received · 1 accepted" for at in range(3)),
        "    and 6 more like it",
    ]
