from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.proposal import ProposalState, ProposalText
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Verdict
from bot.sandbox.slack.validation import check
from bot.slack import mrkdwn
from bot.slack.cards import AlertFacts, CardView, DigestView, blocks, card, digest, evidence_message
from tests.chance import examples
from tests.unit.slack import card_views as views

HOSTILE = {
    "pages everybody": "<!channel> <!here> <@U0EVE> <!subteam^S0SRE>",
    "very long": "x" * 10_000,
    "all escapes": "<&>" * 4_000,
    "emoji": "🔥" * 3_000,
    "right to left": "\u202eevil\u202c \u2067\u05d0\u05d1\u2069",
    "control characters": "a\x00b\x1bc\nd\r\n\te\ud800f",
    "markup": "*bold* _it_ ~no~ `code` ```block``` :white_check_mark:",
    "link": "<https://evil.example.com|Approve>",
    "empty": "",
    "blank": " \n\t ",
}


def flooded(text: str) -> CardView:
    """A view in which every text from outside is ``text``."""
    target = Target("Deployment", text, text)
    words = ProposalText(text, text, text, text, text, text, text, text, text, (text,) * 9)
    checks = tuple(Check(text, state, text, text, views.NOW) for state in CheckState) * 4
    seen = tuple(Evidence(text, status, text, views.NOW, problem=text) for status in EvidenceStatus) * 4
    return views.view(
        incident=views.incident(
            title=text, alertname=text, namespace=text, target=target, target_note=text, reason=text,
            candidates=(target, views.API, views.WEB), foreign_cluster=text, acknowledged_by=text,
        ),
        alerts=AlertFacts((text,) * 50, text, text, text, text, {text: text}),
        evidence=seen,
        proposals=(views.proposal(text=words, approvers=(text,) * 20, requested_by=text),),
        execution=None,
        verification=views.verification(Verdict.FAIL, checks=checks, note=text),
        related=(views.incident(title=text, alertname=text, target=target),) * 20,
        soak_note=text,
        delayed=3600,
    )  # fmt: skip


def marked(value: Any) -> list[str]:
    """Every text that Slack parses as markup; plain text and rich text show ``<!channel>`` as it is."""
    if isinstance(value, Mapping):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for item in value.values() for text in marked(item)]
    return [text for item in value for text in marked(item)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("name", HOSTILE)
def test_no_label_breaks_a_card(name: str) -> None:
    """Under all of Slack's limits, no mention, no foreign link, nothing that turns the reading direction."""
    base = flooded(HOSTILE[name])
    failed = views.judged(Verdict.FAIL)
    for view in (base, views.CardView(**{**vars(base), "execution": failed.execution})):
        message = card(view)
        drawn = "\n".join(marked(message.blocks))
        assert check.message_blocks(list(message.blocks)) == []
        assert len(message.text) <= 400
        for text in (drawn, message.text):
            for mark in ("<!channel", "<!here", "<@U0EVE", "<!subteam", "<https://evil", "\u202e", "\x00"):
                assert mark not in text
        assert len(message.blocks) > 5


def parsed(value: Any) -> list[Mapping[str, Any]]:
    """Every text object that Slack parses as markup."""
    if isinstance(value, Mapping):
        own = [value] if value.get("type") == "mrkdwn" else []
        return own + [found for item in value.values() for found in parsed(item)]
    return [found for item in value for found in parsed(item)] if isinstance(value, list | tuple) else []


def test_slack_makes_no_links_of_its_own_from_text_from_outside() -> None:
    """Without ``verbatim`` it links addresses, channels and names that an alert happens to hold."""
    drawn = [card(build()) for build in views.STATES.values()]
    drawn += [evidence_message(views.incident(), [views.PODS], views.NOW)]
    drawn += [digest(DigestView((views.incident(),), views.NOW, {}))]
    texts = [text for message in drawn for text in parsed(message.blocks)]
    assert len(texts) > len(drawn)
    assert [text for text in texts if text.get("verbatim") is not True] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_no_label_breaks_the_thread_or_the_digest(name: str) -> None:
    text = HOSTILE[name]
    pods = {"pods": [{"name": text, "ready": n % 2, "restarts": n, "waiting": text, "node": text} for n in range(60)]}
    events = {"events": [{"reason": text, "message": text, "object": text, "count": 3, "last_at": text}] * 60}
    seen = [
        Evidence("pods", EvidenceStatus.OK, text, views.NOW, pods),
        Evidence("events", EvidenceStatus.OK, text, views.NOW, events),
        Evidence(text, EvidenceStatus.FAILED, text, views.NOW, problem=text),
        Evidence(text, EvidenceStatus.EMPTY, text, views.NOW),
    ]
    thread = evidence_message(views.incident(), seen, views.NOW)
    assert check.message_blocks(list(thread.blocks)) == []
    many = tuple(views.incident(id=n + 1, title=text, alertname=text) for n in range(300))
    summed = digest(DigestView(many, views.NOW, {1: "https://x.slack.com/archives/C/p1"}))
    assert check.message_blocks(list(summed.blocks)) == []
    assert blocks.characters(summed.blocks) <= blocks.MESSAGE_CHARACTERS


def test_evidence_message_says_what_it_left_out() -> None:
    pods = {"pods": [{"name": f"api-{n}", "ready": True, "restarts": 0, "phase": "Running"} for n in range(45)]}
    message = evidence_message(
        views.incident(), [Evidence("pods", EvidenceStatus.OK, "45", views.NOW, pods)], views.NOW
    )
    assert "… 15 pods more, not shown" in json.dumps(message.blocks, ensure_ascii=False)


def test_digest_counts_what_it_has_no_room_for() -> None:
    many = tuple(views.incident(id=n + 1) for n in range(90))
    assert "and 50 more" in json.dumps(digest(DigestView(many, views.NOW, {})).blocks)


@given(st.text(max_size=400), st.integers(1, 120))
@settings(max_examples=examples(1200), deadline=None)
def test_safe_text_is_short_and_has_no_markup(text: str, limit: int) -> None:
    """The escaped text keeps the limit, holds no raw angle bracket and no entity cut in half."""
    made = mrkdwn.safe(text, limit)
    assert len(made) <= limit
    assert "<" not in made
    assert ">" not in made
    rest = made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in rest
    assert "\n" not in made


@given(st.text(alphabet="<>&|a ", max_size=60), st.integers(1, 40))
@settings(max_examples=examples(800), deadline=None)
def test_composed_markup_is_cut_between_tokens(text: str, limit: int) -> None:
    markup = f"{mrkdwn.safe(text, 60)} {mrkdwn.mention('U0ANA')} {mrkdwn.link('https://a.example.com/', text)}"
    made = mrkdwn.cut_markup(markup, limit)
    assert len(made) <= limit
    assert made.count("<") == made.count(">")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example.com/x?y=1&z=2", "https://a.example.com/x?y=1&z=2"),
        ("http://a.example.com/a|b<c>d e", "http://a.example.com/a%7Cb%3Cc%3Ed%20e"),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("slack://open", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_become_links(url: str, kept: str) -> None:
    assert mrkdwn.web_address(url) == kept


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 s"),
        (59, "59 s"),
        (75, "1 min 15 s"),
        (420, "7 min"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (270000, "3 d 3 h"),
    ],
)
def test_durations_are_short(seconds: int, told: str) -> None:
    assert mrkdwn.duration(seconds) == told


def test_dates_have_a_fallback_with_a_zone() -> None:
    assert mrkdwn.date(views.NOW) == f"<!date^{int(views.NOW.timestamp())}^{{time}}|03:14 UTC>"
    assert "2026-11-20" in mrkdwn.moment(views.NOW - timedelta(days=1), views.NOW)


def test_state_names_are_complete() -> None:
    """Each proposal state has a drawing in the table above."""
    drawn = {p.state for build in views.STATES.values() for p in build().proposals}
    assert drawn == set(ProposalState)


def test_the_table_of_pods_fits_a_phone() -> None:
    message = evidence_message(views.incident(), [views.PODS], views.NOW)
    table = message.blocks[1]["elements"][0]["elements"][0]["text"]
    lines = table.splitlines()
    assert max(len(line) for line in lines) <= 36
    assert lines[1] == "✗ …c9f4d-00000   5 CrashLoopBackOff"
    assert lines[2] == "  Error 1 · 13 min · node-a"
    assert lines[-1].startswith("✓ …")
