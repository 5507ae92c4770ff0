"""Findings are total: whatever rows say, and whatever JSON stands in their place, ranking answers and stays plain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.evidence import EventRow, Evidence, EvidenceStatus, PodRow
from bot.domain.finding import Confidence
from bot.domain.observed import (
    AutoscalerSeen,
    BudgetSeen,
    ChangeSeen,
    ConditionSeen,
    ContainerSeen,
    ImageSeen,
    JobSeen,
    LogSeen,
    NodeSeen,
    QuotaSeen,
    ReferenceSeen,
    RevisionSeen,
    SeriesSeen,
    ServiceSeen,
    SignatureSeen,
    VolumeSeen,
    WorkloadSeen,
)
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.findings.case import Case
from bot.findings.ranked import FINDERS, rank
from tests.chance import examples
from tests.unit.findings.recorded import API, NOW, ago, alert, recorded, snap

WORDS = st.sampled_from([
    "", "CrashLoopBackOff", "ImagePullBackOff", "Error", "OOMKilled", "Evicted", "Ready", "False", "True", "Unknown",
    "Running",
    "Pending", "Failed", "running", "waiting", "terminated", "template", "config", "scale", "scaled to 9",
    "FailedMount", "Unhealthy",
    "FailedCreate", "api-1", "cpu 142 % of 80 %", "0/3 nodes are available: 3 Insufficient cpu.", "db:5432",
    "connection refused",
    "<!channel> *x* `y` {a} %s \x00", "' ; rm -rf / #", "42", ago(3), ago(30), ago(4000), "not a time",
    "9999-12-31T23:59:59Z",
])  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 2, 137, 143, 10**9, -(10**9)])
FLOATS = st.sampled_from([0.0, 1.0, 0.97, -5.0, 1e-12, 1e18, 2.0**29])


def _of(kind: type[Any], **own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Rows of a kind whose text, numbers and flags are anything of the lists above."""
    by_type = {"str": WORDS, "int": NUMBERS, "float": FLOATS, "bool": st.booleans(), "float | None": st.none() | FLOATS,
               "int | None": st.none() | NUMBERS, "bool | None": st.none() | st.booleans(),
               "tuple[str, ...]": st.lists(WORDS, max_size=3).map(tuple)}  # fmt: skip
    found = {
        name: own[name] if name in own else by_type.get(str(one.type))
        for name, one in kind.__dataclass_fields__.items()
    }
    return st.builds(kind, **{name: one for name, one in found.items() if one is not None})


PHASES = st.sampled_from(["Running", "Running", "Pending", "Failed", "Succeeded", ""])
STATES = st.sampled_from(["running", "waiting", "terminated", ""])
REASONS = st.sampled_from([
    "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "ContainerCreating",
    "OOMKilled", "StartError", "",
])  # fmt: skip
TIMES = st.sampled_from([ago(1), ago(7), ago(25), ago(90), ago(9000), "", "not a time"])
FEW = st.sampled_from([0, 1, 4, 60])
CONTAINERS = _of(
    ContainerSeen, state=STATES, reason=REASONS, last_reason=REASONS, last_exit=st.sampled_from([None, 0, 1, 137, 143,
    139]), restarts=FEW,
    last_started_at=TIMES, last_finished_at=TIMES, started_at=TIMES,
)  # fmt: skip
CONDITIONS = st.lists(_of(ConditionSeen), max_size=3).map(tuple)
SIGNATURES = st.lists(_of(SignatureSeen), max_size=2).map(tuple)
POINTS = st.lists(st.tuples(st.floats(1.7e9, 1.8e9), FLOATS), max_size=12).map(tuple)
ROWS: dict[str, st.SearchStrategy[Any]] = {
    "pods": _of(PodRow, phase=PHASES, created_at=TIMES, containers=st.lists(CONTAINERS, max_size=3).map(tuple),
    conditions=CONDITIONS),
    "events": _of(EventRow), "changes": _of(ChangeSeen), "revisions": _of(RevisionSeen), "logs": _of(LogSeen,
    signatures=SIGNATURES),
    "budgets": _of(BudgetSeen), "quotas": _of(QuotaSeen), "autoscalers": _of(AutoscalerSeen, conditions=CONDITIONS),
    "nodes": _of(NodeSeen, conditions=CONDITIONS), "services": _of(ServiceSeen), "jobs": _of(JobSeen),
    "volumes": _of(VolumeSeen),
    "references": _of(ReferenceSeen),
    "images": _of(ImageSeen, made_at=TIMES, exists=st.none() | st.booleans(), problem=st.just("")),
    "series": _of(SeriesSeen, points=POINTS, query=st.sampled_from(["cpu", "memory", "errors", "latency", "traffic",
    "up", "throttling"])),
}  # fmt: skip
NAMES = st.sampled_from([
    "KubePodCrashLooping", "HighErrorRate", "KubeJobFailed", "KubeHpaMaxedOut", "TargetDown", "KubeNodeNotReady",
    "KubeQuotaAlmostFull",
    "CPUThrottlingHigh", "KubePersistentVolumeFillingUp", "KubePdbNotEnoughHealthyPods",
    "KubeDeploymentGenerationMismatch",
    "NodeFilesystemAlmostOutOfSpace", "KubePersistentVolumeErrors", "KubeCPUOvercommit", "KubeDaemonSetMisScheduled",
    "",
])  # fmt: skip
LABELS = st.dictionaries(
    st.sampled_from(["service", "pod", "node", "job_name", "persistentvolumeclaim", "instance", "job"]),
    WORDS,
    max_size=4,
)
SNAPSHOTS = st.builds(
    lambda found, names, labels, workload: snap(*(alert(name, 5, **labels) for name in names), workload=workload,
    **found),
    st.fixed_dictionaries({}, optional={key: st.lists(row, max_size=4) for key, row in ROWS.items()}),
    st.lists(NAMES, min_size=1, max_size=3), LABELS, st.none() | _of(WorkloadSeen, conditions=CONDITIONS),
)  # fmt: skip


@settings(
    max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(SNAPSHOTS)
def test_every_finder_answers_on_every_row(snapshot: Snapshot) -> None:
    case = Case(snapshot)
    for finder in FINDERS.values():
        finder.find(case)  # none raises, so the guard of rank never has to catch
    for one in rank(snapshot):
        assert one.sentence
        assert one.cites
        assert bool(one.suggestions) is not bool(one.no_help)
        assert all("\n" not in step.by_hand for step in one.suggestions)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
KEYS = {"pods": "pods", "events": "events", "changes": "changes", "logs": "logs", "nodes": "nodes", "metrics": "series",
        "workload": "workload", "jobs": "jobs", "volumes": "volumes", "log_errors": "before",
        "registry": "images"}  # fmt: skip


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(KEYS)), JSON, max_size=6))
def test_any_json_in_the_place_of_rows_is_no_evidence_at_worst(odd: dict[str, Any]) -> None:
    evidence = {key: Evidence(key, EvidenceStatus.OK, "", NOW, {KEYS[key]: value}) for key, value in odd.items()}
    case = Case(Snapshot(NOW, (alert(),), API, evidence))
    for finder in FINDERS.values():
        finder.find(case)


@pytest.mark.parametrize(
    "name", ["rollout-crashes", "rollout-no-image", "node-silent", "unschedulable", "rollout-starves"]
)
def test_names_in_command_lines_are_quoted_for_a_shell(name: str) -> None:
    text = json.dumps({key: dict(one.data) for key, one in recorded(name).evidence.items()})
    evil = text.replace("sim-node-2", "n$(reboot)").replace("nginx", "x';reboot;'")
    evidence = {key: replace(recorded(name).evidence[key], data=data) for key, data in json.loads(evil).items()}
    for one in rank(replace(recorded(name), evidence=evidence)):
        for step in one.suggestions:
            assert "$(reboot)" not in step.by_hand.replace("'n$(reboot)'", "")
            assert not step.by_hand.replace("'\"'\"'", "").count(";reboot;") or "'" in step.by_hand


@settings(
    max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(SNAPSHOTS)
def test_with_nothing_read_nothing_is_sure(snapshot: Snapshot) -> None:
    blind = {
        key: replace(one, status=EvidenceStatus.FAILED, data={}, problem="No.")
        for key, one in snapshot.evidence.items()
    }
    assert not [one for one in rank(replace(snapshot, evidence=blind)) if one.confidence is Confidence.HIGH]


def test_an_alert_without_a_time_or_a_name_is_no_trouble() -> None:
    nameless = Snapshot(NOW, (AlertSeen({}), AlertSeen({"alertname": "HighErrorRate", "service": "api"})), API)
    assert [one.cause.value for one in rank(nameless)] == ["service_degraded"]
