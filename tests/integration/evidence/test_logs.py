"""Last words over the socket: of the container before the restart, bounded, redacted; or a sentence why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.evidence import EvidenceStatus
from bot.domain.observed import LogSeen
from bot.kube import logs
from tests.integration.clusters import World
from tests.patience import until

from .asking import gathered, one

TRACE = [
    "INFO starting",
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 12, in main',
    "    os.environ['DB_URL']",
    "KeyError: 'DB_URL'",
]


async def said(kube: World) -> tuple[LogSeen, ...]:
    found = (await gathered(kube, "logs")).logs
    assert found is not None
    return found


async def crash(kube: World, pods: int = 1) -> None:
    await kube.api()
    for previous in (True, False):  # a container that ended this moment isn't the previous one yet
        kube.sandbox.set_logs("shop", "api", TRACE, previous=previous)
    await kube.crashing(pods)


async def test_the_crashed_container_is_read_and_its_trace_kept(kube: World) -> None:
    await crash(kube)
    found = await gathered(kube, "logs", "pods")
    assert found.evidence["logs"].summary.startswith("KeyError: 'DB_URL' (1) in api-")
    rows = found.logs
    assert rows is not None
    assert found.pods is not None
    (crashed,) = [pod for pod in found.pods if pod.name == rows[0].pod]
    assert rows[0].previous or crashed.containers[0].state == "terminated"
    first = rows[0].signatures[0]
    assert first.sample == "KeyError: 'DB_URL'"
    assert first.trace[0] == "Traceback (most recent call last):"
    assert rows[0].tail[-1] == "KeyError: 'DB_URL'"
    assert first.last_at.startswith("20")


async def test_at_most_four_logs_of_two_pods_are_read(kube: World) -> None:
    await crash(kube, pods=3)
    before = len(kube.sent("GET"))
    rows = await said(kube)
    assert len(rows) <= 4
    assert len({row.pod for row in rows}) == 2
    asked = [seen.path for seen in kube.sent("GET")[before:] if seen.path.endswith("/log")]
    assert len(set(asked)) == 2
    assert len(rows) <= len(asked) <= 2 * len(rows), "one that had just ended may be asked for again"


async def test_secrets_in_logs_are_hidden(kube: World) -> None:
    await kube.api()
    kube.sandbox.set_logs("shop", "api", ["ERROR login with password=hunter22 failed"])
    found = await one(kube, "logs")
    assert "login with" in str(found.data)
    assert "hunter22" not in str(found)


async def test_lines_so_long_that_the_newest_are_cut_off_are_asked_for_again(
    kube: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 20_000)
    await kube.api()
    kube.sandbox.set_logs("shop", "api", [*(f"INFO {'x' * 300} {n}" for n in range(400)), "ERROR the newest"])
    rows = await said(kube)
    assert rows[0].signatures[0].sample == "ERROR the newest"
    assert rows[0].lines == logs.SHORT_TAIL


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("image-missing", "The container hasn't started (ImagePullBackOff), so it has said nothing."),
        ("config-error", "The container hasn't started (CreateContainerConfigError), so it has said nothing."),
    ],
)
async def test_a_container_that_never_ran_is_a_sentence_and_no_call(kube: World, behaviour: str, sentence: str) -> None:
    kube.sandbox.break_next("shop", "api", behaviour)
    kube.sandbox.deployment("shop", "api", replicas=1)
    for _ in range(10):
        kube.sandbox.advance(5)
    before = len(kube.sent("GET"))
    assert [row.problem for row in await said(kube)] == [sentence]
    assert not [seen for seen in kube.sent("GET")[before:] if seen.path.endswith("/log")]


async def test_a_pod_that_finds_no_node_and_a_dead_kubelet_are_sentences(kube: World) -> None:
    await kube.api(replicas=1)
    for node in kube.sandbox.list("Node"):
        kube.sandbox.node_down(node["metadata"]["name"])
    assert (await said(kube))[0].problem == "The node's kubelet doesn't answer, so the log can't be read."
    kube.sandbox.deployment("shop", "api", replicas=2)

    async def told() -> bool:
        return "The pod isn't scheduled, so it has said nothing." in {row.problem for row in await said(kube)}

    await until(told)


async def test_a_missing_right_fails_the_source_and_names_the_role(kube: World) -> None:
    await kube.api()
    kube.server.deny("get", "pods/log")
    found = await one(kube, "logs")
    assert found.status is EvidenceStatus.FAILED
    assert "fettle-read" in found.problem


async def test_a_pod_that_went_meanwhile_is_a_sentence(kube: World) -> None:
    await kube.api()
    kube.server.faults.set("get", "pods/log", status=404)
    assert {row.problem for row in await said(kube)} == {"The pod is gone, and its log with it."}


@pytest.mark.parametrize("again", [["INFO starting"], []], ids=["it said something", "it said nothing"])
async def test_a_container_that_is_started_again_before_its_log_is_read_keeps_its_last_words(
    kube: World, again: list[str]
) -> None:
    """The look saw it end; the log that is current by now is the next container's."""
    await kube.api()
    kube.sandbox.world.pace = replace(
        kube.sandbox.world.pace, scale=250.0
    )  # it is started after ten seconds, unless the test lets them pass
    kube.sandbox.crash_loop("shop", "api")
    kube.sandbox.set_logs("shop", "api", TRACE, previous=True)
    kube.sandbox.set_logs("shop", "api", again)
    (pod,) = [one for one in kube.sandbox.pods("shop", "api") if not _status(one)["ready"]]
    assert "terminated" in _status(pod)["state"]
    take: Any = kube.server.faults.take

    def started(verb: str, resource: str, namespace: str = "") -> Any:
        if resource == "pods/log":
            kube.server.faults.take = take
            kube.sandbox.advance(11)
        return take(verb, resource, namespace)

    faults: Any = kube.server.faults
    faults.take = started
    rows = await said(kube)
    assert (rows[0].pod, rows[0].previous) == (pod["metadata"]["name"], True)
    assert rows[0].signatures[0].sample == "KeyError: 'DB_URL'"
    (now,) = [one for one in kube.sandbox.pods("shop", "api") if one["metadata"]["name"] == rows[0].pod]
    assert _status(now)["restartCount"] > _status(pod)["restartCount"]


async def test_what_a_container_said_in_its_last_second_is_not_asked_for_twice(kube: World) -> None:
    """An earlier container's words are no answer to how this one ended."""
    await kube.api()
    slow(kube)
    kube.sandbox.crash_loop("shop", "api")
    kube.sandbox.advance(10.5)  # started again, and ended within a moment
    kube.sandbox.set_logs("shop", "api", ["ERROR of an earlier container"], previous=True)
    kube.sandbox.set_logs("shop", "api", TRACE)
    (pod,) = [one for one in kube.sandbox.pods("shop", "api") if not _status(one)["ready"]]
    assert ("terminated" in _status(pod)["state"], _status(pod)["restartCount"]) == (True, 1)
    rows = await said(kube)
    assert rows[0].previous is False
    assert rows[0].signatures[0].sample == "KeyError: 'DB_URL'"


def slow(kube: World) -> None:
    """What ended is started again after ten seconds, unless the test lets them pass."""
    kube.sandbox.world.pace = replace(kube.sandbox.world.pace, scale=250.0)


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return found


async def test_in_a_storm_one_log_each_must_do(kube: World) -> None:
    await crash(kube, pods=3)
    for number in range(9):
        kube.cluster.shared.look("elsewhere", f"d{number}")
    assert len(await said(kube)) == 1
