"""Scenario files say only what the engine can do, and tell what the project promises."""

import re
from pathlib import Path
from typing import get_args

import pytest

from bot.sandbox.bot_process import ROOT
from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.scenarios import listing, schema
from bot.sandbox.scenarios.captions import CAPTIONS, caption
from bot.sandbox.scenarios.groups import GROUPS
from bot.sandbox.scenarios.listing import in_groups
from bot.sandbox.scenarios.steps import Player

PROMISED = {
    "approved-passes",
    "rejected-with-reason",
    "approved-new-pods-crash",
    "nobody-presses",
    "two-press-at-once",
    "resolved-closes",
    "storm-500",
    "bot-stopped-mid-execution",
    "stranger-presses",
    "stale-target",
    "observe-mode",
    "frozen",
    "slack-drops-after-post",
    "restart-command",
    "annotation-denies",
    "shadow-report",
    "rerun-passes",
    "rerun-fails",
    "node-down",
    "cordon-undone",
    "expand-volume",
    "raise-autoscaler-passes",
    "raise-autoscaler-undone",
    "rollback-undone",
    "resume-undone",
    "refused-by-state",
    "rests-and-breaker",
    "budget-holds",
    "evict-set-passes",
    "evict-set-held",
    "heap-profile-passes",
    "goroutine-dump-fails",
    "debug-image-missing",
    "production-times",
}
FIRST = ("approved-passes", "crash-loop-after-rollout", "bad-image", "out-of-memory", "node-down", "nothing-wrong")
"""What a newcomer wants: one press, and the five failures that a cluster has most."""


def test_every_promised_scenario_exists() -> None:
    assert set(schema.load_all()) >= PROMISED


def test_what_a_newcomer_wants_stands_first_and_nothing_stands_in_no_group() -> None:
    scenarios = schema.load_all()
    groups = in_groups(scenarios.values())
    assert tuple(one.name for one in next(iter(groups.values()))) == FIRST
    assert [one.name for listed in groups.values() for one in listed if not one.group] == []
    assert sum(map(len, groups.values())) == len(scenarios)
    places = [(one.group, one.order) for one in scenarios.values()]
    assert len(set(places)) == len(places), "two scenarios have one place"


def test_the_list_has_a_line_for_each_scenario_and_each_breakage_under_a_heading() -> None:
    told = list(listing.lines(schema.load_all().values()))
    names = [line.split()[0] for line in told if line.startswith("  ")]
    assert sorted(names) == sorted([*schema.load_all(), *BREAKAGES])
    assert names[: len(FIRST)] == list(FIRST)
    assert told[0] == GROUPS["start"]


def test_every_verb_of_the_schema_can_be_played() -> None:
    assert not [verb for verb in schema.Step.model_fields if not hasattr(Player, f"_{verb}")]


def test_every_step_of_every_scenario_has_a_caption_of_its_own_words() -> None:
    steps = [step for one in schema.load_all().values() for step in one.steps]
    assert CAPTIONS.keys() == schema.Step.model_fields.keys()
    assert not [step for step in steps if not caption(step).strip() or "None" in caption(step)]


def test_every_key_and_every_verb_stands_in_the_documents() -> None:
    told = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    cells = " ".join(line.split(" | ")[0] for line in told.splitlines() if line.startswith("| `"))
    said = set(re.findall(r"\w+", cells))
    parts = [hint for field in schema.Step.model_fields.values() for hint in get_args(field.annotation)]
    within = {name for part in parts if hasattr(part, "model_fields") for name in part.model_fields}
    keys = {*schema.Scenario.model_fields, *schema.Step.model_fields, *within}
    # What every look has is told once above its table.
    assert keys - said - {"within"} == set()


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("name: odd\ntitle: t\nsteps: [{jump: high}]", "jump"),
        ("name: odd\ntitle: t\nsteps: [{say: a, wait: 1}]", "exactly one verb"),
        ("name: odd\ntitle: t\nsteps: []", "steps"),
        ("name: odd\ntitle: t\ncolour: red\nsteps: [{say: a}]", "colour"),
        ("name: odd\ntitle: t\ngroup: misc\nsteps: [{say: a}]", "there is no group misc"),
        ("name: other\ntitle: t\nsteps: [{say: a}]", "other.yaml"),
        ("name: [odd", "odd.yaml"),
        ("name: odd\ntitle: t\nsteps: [{advance: 10m}]", "say production_times: true"),
        ("name: odd\ntitle: t\nproduction_times: true\nsteps: [{advance: 10 min}]", "such as 90s, 10m or 1h30m"),
        ("name: odd\ntitle: t\nproduction_times: true\nsteps: [{advance: 2h}]", "less than or equal to 3600"),
    ],
    ids=[
        "unknown verb",
        "two verbs",
        "no steps",
        "unknown key",
        "unknown group",
        "other name",
        "no yaml",
        "time of short times",
        "no span",
        "too long a span",
    ],
)
def test_a_file_that_says_anything_else_is_refused_with_its_name(tmp_path: Path, content: str, wrong: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(schema.ScenarioError, match=wrong) as refused:
        schema.load(path)
    assert "odd.yaml" in str(refused.value)


def test_what_is_wrong_is_told_in_sentences_with_the_step_as_a_person_counts(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    steps = "[{say: a}, {pres: {button: Approve, by: ana}}, {press: {by: ana}}, {wait: 500}]"
    path.write_text(f"name: odd\ntitle: t\nsteps: {steps}", encoding="utf-8")
    with pytest.raises(schema.ScenarioError) as refused:
        schema.load(path)
    assert str(refused.value).splitlines() == [
        "odd.yaml: there is nothing called pres in step 2: did you mean press?",
        "odd.yaml: button in press in step 3 is missing.",
        "odd.yaml: wait in step 4 should be less than or equal to 120.",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "odd.yaml: it is empty; a scenario has a name, a title and steps."),
        (b"- say: a", "odd.yaml: it is no scenario, which has the keys name, title and steps."),
        (
            b"name: [odd\nx",
            (
                "odd.yaml is no YAML: line 2: expected ',' or ']', but got '<stream end>', "
                "while parsing a flow sequence that begins in line 1."
            ),
        ),
        (b"name: odd\ntitle: \xff", "odd.yaml is no YAML: line 2: that is no text in UTF-8."),
        (b"name: odd\ntitle: t\nsteps: []", "odd.yaml: steps: there is none; write at least one."),
        (b"name: odd\ntitle: t\nsteps: say", "odd.yaml: steps should be a list."),
        (
            b"name: odd\ntitle: t\nsteps: [wait, {say: a, wait: 1}]",
            (
                "odd.yaml: step 1 should be keys with values, such as key: value.\n"
                "odd.yaml: step 2: a step has exactly one verb, this one has: say, wait."
            ),
        ),
    ],
    ids=["empty", "a list", "broken", "no text", "no steps", "steps no list", "each step wrong"],
)
def test_what_no_scenario_can_be_read_from_is_told_in_our_words(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(schema.ScenarioError) as refused:
        schema.load(path)
    assert str(refused.value) == said


NOT_THERE = """
name: odd
title: t
members: [bob]
broken: stale-lock
steps:
  - press: {button: Approve, by: [ana, anna]}
  - heal: shop/nope
  - apply: {manifest: {apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: nope}}}
  - heal: shop/nope
  - fire: {alert: HighErrorRate, workload: shop/gone}
  - crash: {workload: api}
  - kubectl_restart: stale-lock/whatever
  - told: {to: "{loser}", containing: late}
  - slash: {by: "@li", line: /incident}
"""


def test_whom_and_what_a_step_names_that_is_not_there_is_told_when_the_file_is_read(tmp_path: Path) -> None:
    """All at once. What a step before applies is there, and so is whatever a breakage brings."""
    path = tmp_path / "odd.yaml"
    path.write_text(NOT_THERE, encoding="utf-8")
    with pytest.raises(schema.ScenarioError) as refused:
        schema.load(path)
    there = "There are pay/ledger, shop/api and shop/web, and what a step before it applies."
    after = "There are pay/ledger, shop/api, shop/nope and shop/web, and what a step before it applies."
    people = "There are ana, bo, gus, li and mallory."
    assert str(refused.value).splitlines() == [
        f"odd.yaml: members: there is nobody called bob, did you mean bo? {people}",
        f"odd.yaml: press in step 1: there is nobody called anna, did you mean ana? {people}",
        f"odd.yaml: heal in step 2: there is no workload shop/nope. {there}",
        (
            f"odd.yaml: fire in step 5: there is no workload shop/gone. {after} "
            "An alert about what isn't there takes labels in its place."
        ),
        "odd.yaml: crash in step 6: api is no workload; write its namespace and name, such as shop/api.",
    ]
