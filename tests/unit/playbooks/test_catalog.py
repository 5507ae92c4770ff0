"""Each built-in playbook is for the alerts it was written for, and collects what its findings need."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.domain.alert import NEVER_POSTED
from bot.domain.finding import Cause
from bot.domain.mitigation import TRAITS, Action
from bot.domain.severity import severity_of
from bot.evidence.collect import COLLECTORS
from bot.mitigations.catalog import CATALOG
from bot.playbooks import loader, needs
from bot.playbooks.fields import cause_of
from bot.playbooks.schema import ACTIONS, SOURCES, Playbook
from bot.playbooks.step import Step
from bot.playbooks.words import PARAMS
from tests.unit.playbooks.sample_alerts import ALERTS

ROOT = Path(__file__).parents[3]
PLAYBOOKS = loader.built_in().playbooks
NEEDS: Mapping[Cause, frozenset[str]] = {
    Cause.BAD_ROLLOUT: frozenset({"pods", "changes"}),
    Cause.OOM_KILLED: frozenset({"pods", "changes"}),
    Cause.IMAGE_PULL: frozenset({"pods", "events"}),
    Cause.CONFIG_MISSING: frozenset({"pods", "events", "config"}),
    Cause.CRASH_LOOP: frozenset({"pods", "events", "changes", "logs"}),
    Cause.UNSCHEDULABLE: frozenset({"pods", "events"}),
    Cause.PROBE_FAILURE: frozenset({"pods", "events", "changes", "logs", "nodes"}),
    Cause.NODE_TROUBLE: frozenset({"nodes"}),
    Cause.QUOTA: frozenset({"quotas"}),
    Cause.AUTOSCALER_BOUND: frozenset({"pods", "autoscalers"}),
    Cause.THROTTLING: frozenset({"pods", "metrics"}),
    Cause.DEPENDENCY_DOWN: frozenset({"pods", "logs"}),
    Cause.JOB_FAILED: frozenset({"jobs", "pods", "logs"}),
    Cause.BUDGET: frozenset({"budgets", "pods"}),
    Cause.CONFIG_CHANGE: frozenset({"pods", "changes", "logs", "config"}),
    Cause.VOLUME_MOUNT: frozenset({"pods", "events", "volumes"}),
    Cause.SATURATION: frozenset({"pods", "metrics", "changes"}),
    Cause.SERVICE_DEGRADED: frozenset({"pods", "changes", "logs", "metrics"}),
}
"""Without these a cause can't be told with any confidence."""
JOBS = frozenset({"changes"})
"""A Job's template never changes."""


@pytest.mark.parametrize(("name", "labels", "wanted"), ALERTS, ids=[f"{one[0]}-{one[1]['severity']}" for one in ALERTS])
def test_an_alert_of_the_stack_gets_the_playbook_that_was_written_for_it(
    name: str, labels: Mapping[str, str], wanted: str
) -> None:
    assert loader.built_in().choose(labels, severity_of(labels)).name == wanted, name


def test_every_alert_that_a_playbook_names_has_a_sample() -> None:
    named = {alert for one in PLAYBOOKS for alert in one.match.alerts}
    assert named <= {name for name, _, _ in ALERTS}


def test_no_alert_is_named_twice() -> None:
    """Else one of the two playbooks would never be asked for it."""
    named = [alert for one in PLAYBOOKS for alert in one.match.alerts]
    assert len(named) == len(set(named))


def test_alerts_that_are_never_posted_have_no_playbook() -> None:
    assert not NEVER_POSTED & {alert for one in PLAYBOOKS for alert in one.match.alerts}


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda one: one.name)
def test_a_playbook_collects_what_its_causes_need(playbook: Playbook) -> None:
    wanted = {source for key in playbook.findings for source in NEEDS.get(Cause(cause_of(key)[0]), frozenset())}
    without = JOBS if playbook.name.startswith("job-") else frozenset()
    assert wanted - without <= set(playbook.evidence)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda one: one.name)
def test_a_detail_is_named_only_beside_its_cause(playbook: Playbook) -> None:
    details = [key for key in playbook.findings if "/" in key]
    assert all(cause_of(key)[0] in playbook.findings for key in details)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda one: one.name)
def test_the_catalog_is_careful(playbook: Playbook) -> None:
    """Nothing is proposed that the finding doesn't suggest, nothing is fixed beforehand, nobody else approves."""
    assert not [step for _, step in playbook.all_steps() if step.unsuggested or step.params]
    assert not playbook.findings.get("nothing_wrong")
    assert not playbook.approval.approvers
    assert playbook.severity is None
    assert playbook.priority == 0


@pytest.mark.parametrize("name", ["quota", "overcommit", "control-plane", "generation-mismatch", "disruption-budget"])
def test_what_only_a_person_can_help_with_proposes_nothing(name: str) -> None:
    found = loader.built_in().get(name)
    assert found is not None
    assert not list(found.all_steps())


def test_every_cause_is_looked_for_by_some_playbook() -> None:
    """What a handler of the team's own found leads to nothing unless the team's own playbook says so."""
    assert {cause_of(key)[0] for one in PLAYBOOKS for key in one.findings} == set(Cause) - {Cause.HANDLER}


PEOPLES = {"resume", "uncordon", "debug_thread_dump", "debug_heap_dump", "goroutine_dump", "heap_profile"}
"""What no finding suggests: a person asks for it, or it undoes what was done."""
BY_PEOPLE = {"thread_dump"}
"""What people ask for, and a team's own playbook may propose: no finding tells when threads have to be looked at."""


def test_the_words_of_the_schema_cover_what_fettle_has() -> None:
    assert set(COLLECTORS) <= set(SOURCES)
    assert {str(action) for action in CATALOG} - PEOPLES <= set(ACTIONS)
    assert set(PARAMS) == set(ACTIONS)


def test_every_mitigation_that_a_finding_suggests_and_each_of_its_values_has_a_word() -> None:
    """Else no playbook could allow it, or ask for the value."""
    suggested: dict[str, set[str]] = {}
    for file in (ROOT / "bot" / "findings").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Suggestion":
                action, params = node.args[0], node.args[1]
                assert isinstance(action, ast.Constant), file
                keys = {key.value for one in ast.walk(params) if isinstance(one, ast.Dict) for key in one.keys if key}  # type: ignore[attr-defined]
                suggested.setdefault(action.value, set()).update(keys)
    assert set(suggested) == set(ACTIONS) - BY_PEOPLE
    assert {action: keys for action, keys in suggested.items() if not keys <= set(PARAMS[action])} == {}


def test_each_mitigation_is_allowed_by_some_playbook() -> None:
    assert {step.action for one in PLAYBOOKS for _, step in one.all_steps()} == set(ACTIONS) - BY_PEOPLE


def test_files_are_written_by_hand_and_say_why() -> None:
    """Each opens with a comment; none has a template in it."""
    for file in loader.files(loader.CATALOG):
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# "), file
        assert not re.search(r"\{\{|\{%", text), file


OF_KIND = {"KubeDeployment": "Deployment", "KubeStatefulSet": "StatefulSet", "KubeDaemonSet": "DaemonSet"}
"""Beginnings of alerts that are about workloads of one kind."""


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda one: one.name)
def test_no_built_in_playbook_names_what_cant_be_done_to_what_its_alerts_are_about(playbook: Playbook) -> None:
    kinds = {kind for alert in playbook.match.alerts for begin, kind in OF_KIND.items() if alert.startswith(begin)}
    able = {str(action): set(traits.kinds) for action, traits in TRAITS.items() if action is not Action.CORDON}
    assert {one for one in playbook.actions() if not kinds <= able.get(one, kinds)} == set()


def test_a_check_names_the_evidence_that_a_scale_needs() -> None:
    """So that whoever writes a playbook hears of what is never proposed."""
    evidence = ("pods", "events", "changes")
    steps: dict[str, tuple[Step, ...]] = {"quota": (Step(action="scale"),)}
    made = Playbook(name="mine", title="Mine", evidence=evidence, findings=steps)
    assert list(needs.lacks(made)) == ["mine: scale for quota needs the evidence autoscalers: add it."]
    asked = made.model_copy(update={"findings": {"saturation": (Step(action="scale"),)}})
    assert len(list(needs.lacks(asked))) == 3
    whole = made.model_copy(update={"evidence": (*evidence, "autoscalers")})
    assert list(needs.lacks(whole)) == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda one: one.name)
def test_no_built_in_playbook_lacks_the_evidence_for_what_it_may_propose(playbook: Playbook) -> None:
    assert list(needs.lacks(playbook)) == []
