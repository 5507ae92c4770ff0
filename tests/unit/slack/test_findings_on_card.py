"""The card says what is wrong, how sure that is and why; the thread shows every source within Slack's limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence, Finding
from bot.domain.proposal import ProposalState, ProposalText
from bot.slack.cards import blocks, card, evidence_message
from bot.slack.cards.evidence import MOST
from bot.slack.cards.evidence_rows import LINES
from tests.chance import examples
from tests.unit.slack.card_views import CHANGES, DEPENDENCY, EVENTS, NOW, PODS, ROLLOUT, incident, proposal, view


def text_of(message: Any) -> str:
    return str(message.blocks)


def test_the_cause_comes_first_with_its_confidence_and_what_that_rests_on() -> None:
    drawn = text_of(card(view(findings=(ROLLOUT, DEPENDENCY), evidence=(PODS, CHANGES), proposals=(proposal(),))))
    assert "*Likely cause*  The rollout of 03:00 UTC" in drawn
    assert "Confidence high: first crash 40 s after the rollout, rev 41 pods are healthy." in drawn
    assert "Also possible (low): The database db:5432 refuses connections." in drawn
    assert drawn.index("Likely cause") < drawn.index("Proposed")


def _found(cause: Cause, sentence: str, confidence: Confidence = Confidence.LOW, **told: Any) -> Finding:
    return Finding(cause, sentence, confidence, (), **told)


LOCKED = "All 3 pods crash at start: exit 1, “cannot open the cache: it is locked”."
ANSWER = "Readiness probe failed: statuscode: 500"
PROBED = "1 of 4 pods runs and fails the readiness probe: Readiness probe failed: statuscode: 500."


@pytest.mark.parametrize(
    ("first", "other", "again"),
    [
        (ROLLOUT, _found(Cause.CRASH_LOOP, "3 of 6 pods crash at start: exit 1, KeyError: 'DB_URL'."), True),
        (ROLLOUT, _found(Cause.CRASH_LOOP, "3 of 6 pods crash at start: exit 1.", Confidence.MEDIUM), True),
        (replace(ROLLOUT, confidence=Confidence.LOW), _found(Cause.CRASH_LOOP, LOCKED), False),
        (_found(Cause.QUOTA, "Quota team is used to 98 %.", Confidence.HIGH), _found(Cause.CRASH_LOOP, LOCKED), False),
        (
            _found(Cause.BAD_ROLLOUT, "The rollout doesn't become ready: Readiness probe failed: …", said=(ANSWER,)),
            _found(Cause.PROBE_FAILURE, PROBED, said=(ANSWER,)), True,
        ),
        (ROLLOUT, _found(Cause.PROBE_FAILURE, PROBED, said=(ANSWER,)), False),
        (ROLLOUT, _found(Cause.PROBE_FAILURE, "1 of 4 pods runs and fails the readiness probe."), False),
        (
            _found(Cause.BAD_ROLLOUT, "The rollout of 03:00 UTC runs out of memory (limit 256 MiB).", killed=True),
            _found(Cause.OOM_KILLED, "app is killed for its memory in all 3 pods."), True,
        ),
        (ROLLOUT, _found(Cause.OOM_KILLED, "app is killed for its memory in all 3 pods."), False),
        (_found(Cause.CONFIG_CHANGE, LOCKED), _found(Cause.DEPENDENCY_DOWN, "All fail to reach db: “x”."), False),
    ],
    ids=[
        "the same words", "less words", "the first isn't sure", "the first tells of no crash", "the probe's answer",
        "another probe", "a probe that says nothing", "a kill for memory", "a kill that isn't told", "another cause",
    ],
)  # fmt: skip
def test_what_only_says_the_first_again_is_no_other_possibility(first: Finding, other: Finding, *, again: bool) -> None:
    shown = "Also possible" in text_of(card(view(findings=(first, other))))
    assert shown is not again
    assert text_of(evidence_message(incident(), (PODS,), NOW, (first, other))).count(other.sentence[:30])


def test_behind_what_repeats_the_first_the_next_ones_have_their_place() -> None:
    crashing = _found(Cause.CRASH_LOOP, "3 of 6 pods crash at start: exit 1.")
    drawn = text_of(card(view(findings=(ROLLOUT, crashing, DEPENDENCY, _found(Cause.QUOTA, "Quota team is full.")))))
    assert drawn.count("Also possible") == 2
    assert "Quota team is full." in drawn


def test_without_a_target_the_reason_is_why_nothing_would_help_where_that_is_known() -> None:
    """That the alert's labels lead nowhere isn't why nothing is done about a control plane."""
    lost = incident(target=None, target_note="The alert names no namespace.")
    plane = replace(
        ROLLOUT, cause=Cause.STALLED_CONTROLLER, suggestions=(), confidence=Confidence.MEDIUM,
        no_help="No action on a workload helps: look at the control plane.",
    )  # fmt: skip
    assert "because: No action on a workload helps" in text_of(card(view(incident=lost, findings=(plane,))))
    for unsure in (replace(plane, confidence=Confidence.LOW), replace(ROLLOUT, no_help="Never.")):
        assert "because: The alert names no namespace." in text_of(card(view(incident=lost, findings=(unsure,))))


def test_what_changed_last_stands_on_the_card_with_its_time_and_hand() -> None:
    drawn = text_of(card(view(findings=(ROLLOUT,), evidence=(PODS, CHANGES))))
    assert "*Changed last*  rev 42, <!date^" in drawn
    assert "by kim with kubectl: image api:1.4.1 → 1.4.2; env: DB_URL gone" in drawn


def test_what_fettle_cannot_do_stands_there_as_a_command_line_for_a_person() -> None:
    why = "a rollback is what helps, and Fettle can't do one"
    told = ProposalText("No proposal", "", refusal=why, by_hand="kubectl rollout undo deployment/`api` -n <shop>")
    record = proposal(ProposalState.RECORDED, action="none", text=told)
    drawn = text_of(card(view(findings=(ROLLOUT,), proposals=(record,))))
    assert "*No proposal*, because: a rollback is what helps, and Fettle can't do one." in drawn
    assert "By hand: `kubectl rollout undo deployment/'api' -n &lt;shop&gt;`" in drawn


def test_a_low_confidence_is_no_likely_cause_and_its_doubt_is_told() -> None:
    drawn = text_of(card(view(findings=(DEPENDENCY,))))
    assert "*Possible cause*" in drawn
    assert "Confidence low. But only one pod says so." in drawn


def test_nothing_wrong_is_called_seen() -> None:
    fine = replace(ROLLOUT, cause=Cause.NOTHING_WRONG, sentence="All pods are ready.", confidence=Confidence.MEDIUM)
    assert "*Seen*  All pods are ready." in text_of(card(view(findings=(fine,))))


def test_without_findings_the_card_repeats_facts_and_claims_no_cause() -> None:
    drawn = text_of(card(view()))
    assert "*Seen*" in drawn
    assert "cause" not in drawn


def test_the_thread_tells_findings_with_what_they_cite_and_which_sources_had_nothing() -> None:
    quiet = Evidence("quotas", EvidenceStatus.EMPTY, "no quotas", NOW, {"quotas": []})
    drawn = text_of(evidence_message(incident(), (PODS, CHANGES, EVENTS, quiet), NOW, (ROLLOUT,)))
    assert "*High*  The rollout of 03:00" in drawn
    assert "rev 42 at 03:00:12 (changes)" in drawn
    assert "Nothing to tell from quotas." in drawn
    assert "*Events* unavailable: timed out after 8 s" in drawn
    assert drawn.index("What changed") < drawn.index("Pods")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats(allow_nan=False) | st.sampled_from(
        ["", "<!channel>", "<@U1>", "`x`", "x" * 5000, "2026-11-21T03:00:00Z", "api", "\u202eabc"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["name", "what", "at", "diff", "tail", "signatures", "conditions", "metrics", "count", "rate"]),
        inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip
KEYS = (
    "changes", "logs", "workload", "nodes", "jobs", "autoscalers", "quotas", "budgets", "volumes", "references",
    "services", "before", "after", "since_rollout",
)  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES | st.lists(VALUES, max_size=40), max_size=6),
    st.sampled_from([*LINES, "handler:x"]),
)
def test_no_data_breaks_the_thread_or_pages_anybody(data: dict[str, Any], source: str) -> None:
    message = evidence_message(incident(), (Evidence(source, EvidenceStatus.OK, "<!channel>", NOW, data),), NOW, ())
    assert blocks.characters(message.blocks) <= blocks.MESSAGE_CHARACTERS
    for block in message.blocks:
        if block["type"] != "rich_text":
            assert "<!channel>" not in str(block)


@pytest.mark.parametrize("source", list(LINES))
def test_a_source_with_too_much_says_that_lines_are_left_out(source: str) -> None:
    row = {
        "what": "w" * 150, "diff": ["d" * 150] * 12, "pod": "p", "container": "c", "tail": ["t" * 150] * 8,
        "signatures": [{"text": "s" * 150, "count": 2, "trace": ["x" * 150] * 4}] * 5, "name": "n" * 60, "kind": "k",
        "conditions": [{"type": "T", "status": "False", "reason": "r" * 50, "message": "m" * 150}] * 6,
        "missing": ["k"], "message": "m" * 150, "changed_at": "2026-11-21T03:00:00Z",
        "claim": "c" * 60, "taints": ["t" * 90] * 4,
    }  # fmt: skip
    keys = {key: [row] * 40 for key in KEYS if key != "workload"} | {"workload": row, "before": row, "after": row}
    message = evidence_message(incident(), (Evidence(source, EvidenceStatus.OK, "s", NOW, keys),), NOW)
    lines = str(message.blocks[-1])
    assert len(lines) < MOST.get(source, 700) + 400
