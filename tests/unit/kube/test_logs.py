"""Which logs are read of which pods, and what each recorded refusal means in a sentence."""

from __future__ import annotations

import json

import pytest

from bot.domain.evidence import PodRow
from bot.domain.observed import ContainerSeen
from bot.kube.answers import Text
from bot.kube.logs import Wanted, plan, problem_of
from bot.kube.pods import read_pod
from tests.unit.cluster_states import RECORDED, recorded

SENTENCES = [
    ("log-204-unscheduled", "The pod isn't scheduled, so it has said nothing."),
    ("log-400-waiting", "The container hasn't started (trying and failing to pull image), so it has said nothing."),
    ("log-400-previous", "There is no earlier container whose log could be read."),
    ("log-404-nopod", "The pod is gone, and its log with it."),
    ("log-500-kubelet-down", "The node's kubelet doesn't answer, so the log can't be read."),
    (
        "log-500-kubelet",
        "The node couldn't give the log: Internal error occurred: failed to open log file: simulated",
    ),
    ("log-400-bad-container", "The log of api was refused (400): container zz is not valid for pod two"),
]


@pytest.mark.parametrize(("name", "sentence"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_each_recorded_answer_without_a_log_is_a_sentence(name: str, sentence: str) -> None:
    answer = json.loads((RECORDED / f"{name}.json").read_text())
    body = answer["body"]
    text = Text(answer["status"], json.dumps(body) if isinstance(body, dict) else body)
    assert problem_of(text, Wanted("p", "api")) == sentence


def planned(*pods: PodRow, most: int = 4) -> list[tuple[str, bool, bool]]:
    return [(one.container, one.previous, bool(one.problem)) for one in plan(pods, most)]


RECORDED_PODS = [
    ("pod-crashloopbackoff", [("bad-crashloop", True, False)]),
    ("pod-crash-running-again", [("bad-crashloop", True, False), ("bad-crashloop", False, False)]),
    ("pod-crash-terminated", [("c", False, False)]),
    ("pod-oomkilled-running", [("bad-oom", True, False), ("bad-oom", False, False)]),
    ("pod-imagepullbackoff", [("bad-imagepull", False, True)]),
    ("pod-notready", [("bad-notready", False, False)]),
]


@pytest.mark.parametrize(("name", "logs"), RECORDED_PODS, ids=[row[0] for row in RECORDED_PODS])
def test_the_container_before_the_restart_is_read_first(name: str, logs: list[tuple[str, bool, bool]]) -> None:
    assert planned(read_pod(recorded(name)).row) == logs


def test_a_pod_without_a_node_is_not_asked() -> None:
    (item,) = recorded("pod-unschedulable-list")["items"]
    (one,) = plan([read_pod(item).row], 4)
    assert one.problem == "The pod isn't scheduled, so it has said nothing."


def pod(*containers: ContainerSeen) -> PodRow:
    return PodRow("p", "Running", ready=False, restarts=0, node="n1", containers=containers)


FINE = ContainerSeen("proxy", state="running", ready=True)
DONE = ContainerSeen("migrate", init=True, state="terminated", last_exit=0, last_finished_at="t")
CRASHED = ContainerSeen(
    "api", state="waiting", restarts=4, last_exit=1, last_finished_at="t", reason="CrashLoopBackOff"
)
BAD_INIT = ContainerSeen("wait-db", init=True, state="waiting", restarts=2, last_exit=1, last_finished_at="t")
LATER = ContainerSeen("api", state="waiting", reason="PodInitializing")


def test_only_the_containers_that_matter_are_read() -> None:
    assert planned(pod(DONE, FINE, CRASHED)) == [("api", True, False)]
    assert planned(pod(BAD_INIT, LATER)) == [("wait-db", True, False), ("api", False, True)]
    assert planned(pod(DONE, FINE)) == [("proxy", False, False)], "nobody fails: the first one's words"
    assert planned(pod(FINE, CRASHED), pod(CRASHED), pod(CRASHED), most=2) == [("api", True, False)] * 2
    assert planned(pod()) == []
