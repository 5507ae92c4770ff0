"""What a playbook has follow a dump: only what may, only with what the settings let, and told as it is."""

from __future__ import annotations

import pytest

from bot.domain.errors import ConfigError
from bot.domain.finding import Suggestion
from bot.domain.severity import Severity
from bot.playbooks import loader
from bot.playbooks.chosen import picked, plan
from bot.playbooks.difference import diff
from bot.playbooks.explained import Possible, explain, wording
from tests.unit.playbooks.written import finding, playbook, set_of

ALL = ("heap_dump", "thread_dump", "evict", "restart")
STEP = {"action": "heap_dump", "then": ["evict"]}
LEAK = finding("oom_killed", Suggestion("heap_dump", {"pod": "api-1"}, "it shows what fills the memory"), "restart")


def test_what_follows_stands_with_what_is_proposed() -> None:
    planned = plan(playbook(findings={"oom_killed": [STEP, "restart"]}), [LEAK], ALL)
    assert planned.suggestion is not None
    assert planned.suggestion.params == {"pod": "api-1"}
    assert [one.action for one in planned.then] == ["evict"]
    assert picked(planned, "restart", {}, "it hangs").then == ()
    assert picked(planned, "heap_dump", {}, "it leaks").then == planned.then
    assert picked(planned, "", {}, "nothing").then == ()


@pytest.mark.parametrize(
    ("allowed", "guards", "words"),
    [
        (("heap_dump",), {}, "Evict would follow; ALLOWED_ACTIONS doesn't name it."),
        (ALL, {"deny": ["evict"]}, "Evict would follow; the playbook mine denies it."),
    ],
)
def test_what_may_not_follow_is_left_out_and_said(
    allowed: tuple[str, ...], guards: dict[str, list[str]], words: str
) -> None:
    mine = playbook(findings={"oom_killed": [STEP]}, guards=guards)
    planned = plan(mine, [LEAK], ALL, allowed=allowed)
    assert planned.suggestion is not None
    assert planned.suggestion.action == "heap_dump"
    assert planned.then == ()
    assert planned.why.endswith(words)


@pytest.mark.parametrize(
    ("then", "line", "words"),
    [
        ("{action: restart, then: [evict]}", 6, "then: restart changes something, and what follows a change"),
        ("{action: heap_dump, then: [heap_dump]}", 6, "heap_dump stands there twice"),
        ("{action: heap_dump, then: [cordon]}", 6, "aren't about the same object"),
        ("{action: heap_dump, then: [set_resources]}", 6, "Fettle can't do set_resources"),
        ("{action: heap_dump, then: [evct]}", 6, "did you mean evict?"),
        ("{action: heap_dump, then: [{action: evict, params: {pods: x}}]}", 6, "evict has no parameter pods"),
        ("{action: heap_dump, then: [thread_dump, evict, restart]}", 6, "2 items"),
    ],
)  # fmt: skip
def test_what_can_not_follow_is_refused_with_its_line(then: str, line: int, words: str) -> None:
    text = f"name: mine\ntitle: Mine\nevidence: [pods]\nfindings:\n  oom_killed:\n    - {then}\n"
    with pytest.raises(ConfigError) as refused:
        loader.parse(text, "mine.yaml")
    (sentence,) = refused.value.sentences
    assert f"line {line}" in sentence
    assert words in sentence


def test_it_is_explained() -> None:
    mine = playbook(findings={"oom_killed": [STEP]})
    assert wording(mine.findings["oom_killed"][0]) == "heap_dump then evict"
    assert mine.actions() == ["evict", "heap_dump"]
    told = explain(set_of(mine), [{"alertname": "X"}], Severity.SEV2, ALL)
    assert Possible("heap_dump then evict") in told.ways[0].mitigations
    denying = playbook(findings={"oom_killed": [STEP]}, guards={"deny": ["evict"]})
    told = explain(set_of(denying), [{"alertname": "X"}], Severity.SEV2, ALL)
    assert told.ways[0].mitigations == (Possible("heap_dump then evict", "alone: the playbook denies evict"),)


def test_a_step_more_widens_and_a_step_less_does_not() -> None:
    before, after = playbook(findings={"oom_killed": ["heap_dump"]}), playbook(findings={"oom_killed": [STEP]})
    more = [one for one in diff(set_of(before), set_of(after)) if "followed" in one.what]
    less = [one for one in diff(set_of(after), set_of(before)) if "followed" in one.what]
    assert [one.widens for one in more] == [True]
    assert [one.widens for one in less] == [False]
