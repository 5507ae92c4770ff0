"""What a handler finds: a small closed form, never surer than medium; what is wrong costs its own line alone."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence, Finding
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.evidence.handlers import Handler, Handlers
from bot.slack.cards import card, evidence_message
from tests.unit.slack.card_views import incident, view

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
KNOWN = ("restart", "rollback", "scale")
ALERT = AlertSeen({"alertname": "DiskSpaceLow", "mountpoint": "/data"}, {"summary": "low"}, NOW)
SNAPSHOT = Snapshot(
    NOW,
    (ALERT,),
    Target("Deployment", "shop", "api"),
    {
        "pods": Evidence("pods", EvidenceStatus.OK, "2 pods", NOW, {"pods": [{"name": "api-1", "restarts": 3}]}),
        "logs": Evidence("logs", EvidenceStatus.FAILED, "", NOW, {}, "No answer within 8 s."),
    },
)
GOOD = {
    "text": "The queue of /data is full.",
    "confidence": "medium",
    "cites": [{"source": "pods", "text": "3 restarts"}],
    "suggestion": "restart",
}


class Odd:
    """An object of foreign code whose every word raises."""

    def __str__(self) -> str:
        raise SystemExit(9)


class Loud(BaseException):
    """An error that can't even be told."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


class Endless(Mapping[str, Any]):
    """A table that never ends."""

    def __getitem__(self, key: str) -> Any:
        return key

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"key-{number}"


async def found(find: Any, seconds: float = 5.0) -> tuple[list[Finding], Evidence]:
    handlers = Handlers([Handler("DiskSpaceLow", "here", "0" * 64, find=find)])
    findings, (line,) = await handlers.find(SNAPSHOT, KNOWN, within=seconds)
    assert line.source == "handler:DiskSpaceLow find"
    return findings, line


async def test_a_good_finding_is_marked_with_its_handler_and_says_what_it_rests_on() -> None:
    (one,), line = await found(lambda _: [GOOD])
    assert one.sentence == "Handler DiskSpaceLow: The queue of /data is full."
    assert (one.cause, one.detail, one.confidence) == (Cause.HANDLER, "DiskSpaceLow", Confidence.MEDIUM)
    assert (one.cites[0].source, one.suggestions[0].action) == ("pods", "restart")
    assert (line.status, line.summary) == (EvidenceStatus.OK, "1 finding")
    drawn = str(card(view(findings=(one,))).blocks)
    assert "*Likely cause*  Handler DiskSpaceLow: The queue of /data is full." in drawn
    assert "Confidence medium: by the handler DiskSpaceLow." in drawn


@pytest.mark.parametrize(
    ("said", "cites", "held"),
    [
        ("high", GOOD["cites"], Confidence.MEDIUM),
        ("medium", GOOD["cites"], Confidence.MEDIUM),
        ("low", GOOD["cites"], Confidence.LOW),
        ("high", [], Confidence.LOW),
        ("high", None, Confidence.LOW),
    ],
)
async def test_nobody_measured_it_so_it_is_medium_at_most_and_low_without_a_cite(
    said: str, cites: Any, held: Confidence
) -> None:
    (one,), _ = await found(lambda _: [{**GOOD, "confidence": said, "cites": cites}])
    assert one.confidence is held


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({**GOOD, "confidence": "sure"}, "has the confidence “sure”: there are high, medium, low."),
        ({**GOOD, "suggestion": "restrt"}, "suggests “restrt”: did you mean restart?"),
        ({**GOOD, "suggestion": "kubectl delete ns shop"}, "suggests “kubectl delete ns shop”; there are restart"),
        ({**GOOD, "sugestion": "restart"}, "has “sugestion”: did you mean suggestion?"),
        ({**GOOD, "target": "shop/db"}, "Finding 1 of the handler has “target”"),
        ({**GOOD, "text": "  \n "}, "Finding 1 of the handler has no text."),
        ({**GOOD, "text": 3}, "has no text as its text."),
        ({**GOOD, "cites": "pods"}, "has cites that are no list."),
        ({**GOOD, "cites": [{"source": "logs", "text": "x"}]}, "cites “logs”, which wasn't observed"),
        ({**GOOD, "cites": [{"source": "pod", "text": "x"}]}, "did you mean pods?"),
        ({**GOOD, "cites": ["pods"]}, "A cite of finding 1 of the handler is no table."),
        (["text"], "Finding 1 of the handler is no table."),
        ([GOOD, {"text": "b"}], "Finding 2 of the handler has the confidence “”"),
        ("a finding", "The handler returned no list but str."),
        (7, "The handler returned no list but int."),
        ([{**GOOD, "text": Odd()}], "The handler failed: SystemExit: 9"),
    ],
)
async def test_what_is_wrong_has_its_sentence_and_nothing_of_it_counts(given: Any, problem: str) -> None:
    findings, line = await found(lambda _: given)
    assert (findings, line.status) == ([], EvidenceStatus.FAILED)
    assert problem in line.problem
    assert len(line.problem) < 400


async def test_huge_and_hostile_texts_are_cut_redacted_and_mention_nobody() -> None:
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ0123"
    text = f"<!channel> <@U0EVE> token {secret}\n*bold* " + "x" * 5_000_000
    (one,), _ = await found(lambda _: [{**GOOD, "text": text, "cites": [{"source": "alerts", "text": text}]}])
    assert len(one.sentence) < 340
    assert secret not in repr(one)
    drawn = str((card(view(findings=(one,))).blocks, evidence_message(incident(), (), NOW, (one,)).blocks))
    assert "<!channel>" not in drawn
    assert "<@U0EVE>" not in drawn
    assert "&lt;!channel&gt;" in drawn


def _raising(error: BaseException) -> Any:
    def find(_: Any) -> Any:
        raise error

    return find


@pytest.mark.parametrize(
    ("find", "problem"),
    [
        (_raising(SystemExit(3)), "SystemExit: 3"),
        (_raising(KeyboardInterrupt()), "KeyboardInterrupt"),
        (_raising(GeneratorExit()), "GeneratorExit"),
        (_raising(Loud()), "an error that can't be shown"),
        (lambda seen: seen.update(now="x"), "AttributeError"),
        (lambda seen: seen["evidence"]["pods"]["data"]["pods"][0].update(a=1), "AttributeError"),
    ],
    ids=["exits", "interrupts", "ends generators", "can't be told", "writes the view", "writes the evidence"],
)
async def test_whatever_it_raises_costs_its_line(find: Any, problem: str) -> None:
    findings, line = await found(find)
    assert (findings, line.status) == ([], EvidenceStatus.FAILED)
    assert problem in line.problem


async def test_one_that_yields_for_ever_is_read_no_further_than_five() -> None:
    def find(_: Any) -> Iterator[Any]:
        while True:
            yield GOOD

    findings, _ = await found(find)
    assert len(findings) == 5


async def test_a_table_that_never_ends_is_read_no_further_than_its_room() -> None:
    _, line = await found(lambda _: Endless())
    assert "has “key-1”" in line.problem


async def test_a_generator_that_hangs_is_late_beside_one_that_answers() -> None:
    free = threading.Event()

    def hang(_: Any) -> Iterator[Any]:
        yield GOOD
        free.wait(20)

    both = Handlers([
        Handler("DiskSpaceLow", "here", "0" * 64, find=hang),
        Handler("Other", "here", "0" * 64, find=lambda _: [GOOD]),
    ])  # fmt: skip
    alerts = (ALERT, AlertSeen({"alertname": "Other"}, {}, NOW))
    try:
        findings, lines = await both.find(Snapshot(NOW, alerts, None, SNAPSHOT.evidence), KNOWN, within=0.3)
    finally:
        free.set()
    assert [one.detail for one in findings] == ["Other"]
    assert [line.problem for line in lines] == ["No answer within 0.3 s.", ""]


async def test_what_it_is_given_is_the_documented_shape_and_what_it_gives_back_is_plain() -> None:
    seen: list[Any] = []

    class Text(str):
        """Text with ways of its own."""

        __slots__ = ()

        def __getitem__(self, key: Any) -> str:
            return "spoofed"

    def find(given: Any) -> Any:
        seen.append(given)
        return [{**GOOD, "text": Text("The queue is full")}]

    (one,), _ = await found(find)
    assert type(one.sentence) is str
    (given,) = seen
    assert sorted(given) == ["alerts", "evidence", "now", "schema", "target"]
    assert (given["schema"], given["now"], given["target"]["name"]) == (1, NOW.isoformat(), "api")
    assert given["alerts"][0]["labels"]["mountpoint"] == "/data"
    assert sorted(given["evidence"]["pods"]) == ["data", "observed_at", "problem", "status", "summary"]
    assert given["evidence"]["pods"]["data"]["pods"][0]["name"] == "api-1"
    assert given["evidence"]["logs"]["problem"] == "No answer within 8 s."


async def test_nothing_found_and_a_coroutine_are_fine() -> None:
    async def find(_: Any) -> list[Any]:
        await asyncio.sleep(0)
        return [GOOD]

    assert len((await found(find))[0]) == 1
    findings, line = await found(lambda _: None)
    assert (findings, line.status, line.summary) == ([], EvidenceStatus.EMPTY, "found nothing")
    assert json.dumps(dict(line.data)) == "{}"
