"""Laws that hold for each collector: it tells what is there, fails alone and in a sentence, gives no secret away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.snapshot import AlertSeen
from bot.domain.target import Target
from bot.evidence import collect
from bot.evidence.ask import Ask
from bot.evidence.sources import BY_ALERT, BY_KIND, BY_LABEL, TELLS_OF, worth_asking
from bot.kube.members import INVESTIGATED
from tests.integration.clusters import API, PATIENT, World, world
from tests.patience import GROWING

from .asking import ask_of, gathered, one
from .furnished import RESOURCES, TARGETS, furnish

ELSEWHERE = {"metrics", "log_errors", "registry"}
SOURCES = sorted(collect.COLLECTORS.keys() - ELSEWHERE)
"""All that ask the cluster."""


@pytest.fixture
async def full(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        await furnish(made)
        yield made


def test_the_tables_name_every_source_and_every_kind() -> None:
    assert set(TARGETS) == set(RESOURCES) == set(SOURCES)
    assert set(BY_KIND) == set(INVESTIGATED)
    named = {source for sources in BY_KIND.values() for source in sources}
    named |= {source for _, sources in BY_ALERT for source in sources}
    assert named == set(collect.COLLECTORS)
    assert {*TELLS_OF, *BY_LABEL} <= named
    assert {kind for kinds in TELLS_OF.values() for kind in kinds} == set(INVESTIGATED)


@pytest.mark.parametrize("kind", INVESTIGATED)
def test_what_is_usually_asked_can_answer(kind: str) -> None:
    assert worth_asking(Target(kind, "shop", "x"), ()) == BY_KIND[kind]


@pytest.mark.parametrize(
    ("target", "labels", "wanted", "asked"),
    [
        (API, {"alertname": "KubeQuotaFullyUsed"}, (), ("quotas", "events")),
        (API, {"alertname": "X"}, ("jobs", "pods", "log_errors"), ("pods", "log_errors")),
        (Target("Node", "", "n"), {}, ("pods", "workload", "changes", "config", "nodes"), ("pods", "nodes")),
        (None, {"alertname": "X", "node": "n"}, (), ("nodes", "metrics")),
        (None, {"alertname": "X", "namespace": "shop"}, ("pods", "quotas", "volumes"), ("quotas",)),
        (None, {"node": ""}, (), ()),
    ],
)
def test_a_source_is_asked_where_it_can_tell_something(
    target: Target | None, labels: dict[str, str], wanted: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    assert worth_asking(target, (AlertSeen(labels),), wanted) == asked


@pytest.mark.parametrize("source", SOURCES)
async def test_it_tells_what_is_there_in_one_line_and_in_rows(full: World, source: str) -> None:
    found = await one(full, source, target=TARGETS[source])
    assert (found.status, found.problem) == (EvidenceStatus.OK, "")
    assert found.summary or source == "events", "nothing warns: nothing for the card"
    assert len(found.summary) < 300
    assert "hunter22" not in str(found)


@pytest.mark.parametrize("source", SOURCES)
async def test_a_missing_right_is_told_with_the_role_that_has_it(full: World, source: str) -> None:
    full.server.deny("*", RESOURCES[source])
    found = await one(full, source, target=TARGETS[source])
    assert found.status is EvidenceStatus.FAILED
    assert "fettle-read" in found.problem


@pytest.mark.parametrize("source", SOURCES)
async def test_a_slow_server_costs_the_deadline_and_no_more(full: World, source: str) -> None:
    full.server.faults.hang("*", RESOURCES[source])
    other = "autoscalers" if source == "quotas" else "quotas"
    for deadline in GROWING:
        found = await gathered(full, source, other, target=TARGETS[source], deadline=deadline)
        assert found.evidence[source].problem == f"No answer within {deadline:g} s."
        if found.evidence[other].status is not EvidenceStatus.FAILED:
            return
    raise AssertionError(found.evidence[other].problem)


@pytest.mark.parametrize("source", SOURCES)
async def test_a_target_that_is_gone_is_a_sentence_or_nothing_to_tell(kube: World, source: str) -> None:
    gone = Target(TARGETS[source].kind, "shop", "gone")
    found = await one(kube, source, target=gone)
    if source in {"quotas", "autoscalers"}:
        assert found.status is EvidenceStatus.EMPTY
    else:
        assert found.status is EvidenceStatus.FAILED
        assert "doesn't have it" in found.problem


@pytest.mark.parametrize("source", SOURCES)
async def test_without_a_target_it_goes_by_labels_or_says_what_it_lacks(kube: World, source: str) -> None:
    found = await one(kube, source, target=None, alertname="X")
    assert found.status is EvidenceStatus.FAILED
    assert found.problem.endswith(".")
    assert "bug" not in found.problem
    assert "log says why" not in found.problem


async def test_evidence_arrives_one_by_one_and_late_ones_are_marked_at_the_deadline(full: World) -> None:
    full.server.faults.hang("list", "events")
    chosen = collect.chosen(["pods", "events", "quotas"])
    async with aclosing(collect.each(ask_of(full), deadline=PATIENT, collectors=chosen)) as each:
        early = [await anext(each), await anext(each)]
    assert {found.source for found in early} == {"pods", "quotas"}, "long before the deadline"
    async with aclosing(collect.each(ask_of(full), deadline=1.0, collectors=chosen)) as each:
        *_, last = [found async for found in each]
    assert (last.source, last.status, last.problem) == ("events", EvidenceStatus.FAILED, "No answer within 1 s.")


async def test_nobody_waits_for_a_collector_that_does_not_let_itself_be_ended(kube: World) -> None:
    ended = asyncio.Event()

    async def stubborn(_ask: Ask) -> Evidence:
        while not ended.is_set():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue
        raise AssertionError

    (found,) = await collect.gather(ask_of(kube), deadline=0.2, collectors={"stubborn": stubborn})
    assert found.problem == "No answer within 0.2 s."
    ended.set()
    for task in [task for task in asyncio.all_tasks() if task.get_name() == "evidence-stubborn"]:
        task.cancel()
        await asyncio.wait([task])


async def test_leaving_early_ends_the_others(full: World) -> None:
    full.server.faults.hang("list", "events")
    found = collect.each(ask_of(full), deadline=PATIENT, collectors=collect.chosen(["quotas", "events"]))
    assert (await anext(found)).source == "quotas"
    await found.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("evidence-")]


async def test_an_incident_has_so_many_calls_and_what_needs_more_says_so(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "MOST_CALLS", 4)
    before = len(full.server.requests)
    found = await gathered(full, *BY_KIND["Deployment"])
    # On a busy machine one is given up at its deadline before it was sent.
    assert 2 <= len(full.server.requests) - before <= 4
    spent = [item for item in found.evidence.values() if item.status is EvidenceStatus.FAILED]
    assert spent
    assert {item.problem for item in spent} == {"Not asked: the 4 calls to the cluster for one incident are used up."}


@pytest.mark.parametrize("kind", sorted(BY_KIND))
async def test_the_default_choice_fits_the_allowance(full: World, kind: str) -> None:
    target = {
        "Deployment": API, "StatefulSet": Target(kind, "shop", "db"), "CronJob": Target(kind, "shop", "nightly"),
        "Job": Target(kind, "shop", "nightly-2"), "Node": Target(kind, "", "fettle-sandbox-node-1"),
        "PersistentVolumeClaim": Target(kind, "shop", "data-db"),
        "HorizontalPodAutoscaler": Target(kind, "shop", "api"), "DaemonSet": Target(kind, "shop", "agent"),
    }[kind]  # fmt: skip
    full.sandbox.daemonset("shop", "agent")
    await full.sandbox.settle(10)
    before = len(full.server.requests)
    found = await collect.gather(ask_of(full, target), deadline=PATIENT)
    assert {item.source for item in found} == {*BY_KIND[kind]} - ELSEWHERE
    assert not [item.problem for item in found if item.status is EvidenceStatus.FAILED]
    assert len(full.server.requests) - before <= collect.MOST_CALLS
