"""Scenario files say only what the engine can do, and tell what the project promises."""

from pathlib import Path

import pytest

from bot.sandbox.scenarios import schema
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
    "cordon-passes",
    "cordon-undone",
    "expand-volume",
    "raise-autoscaler-passes",
    "raise-autoscaler-undone",
    "rollback-undone",
    "resume-undone",
    "refused-by-state",
    "rests-and-breaker",
    "budget-holds",
}


def test_every_promised_scenario_exists() -> None:
    assert set(schema.load_all()) >= PROMISED


def test_every_verb_of_the_schema_can_be_played() -> None:
    assert not [verb for verb in schema.Step.model_fields if not hasattr(Player, f"_{verb}")]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("name: odd\ntitle: t\nsteps: [{jump: high}]", "jump"),
        ("name: odd\ntitle: t\nsteps: [{say: a, wait: 1}]", "exactly one verb"),
        ("name: odd\ntitle: t\nsteps: []", "steps"),
        ("name: odd\ntitle: t\ncolour: red\nsteps: [{say: a}]", "colour"),
        ("name: other\ntitle: t\nsteps: [{say: a}]", "other.yaml"),
        ("name: [odd", "odd.yaml"),
    ],
    ids=["unknown verb", "two verbs", "no steps", "unknown key", "other name", "no yaml"],
)
def test_a_file_that_says_anything_else_is_refused_with_its_name(tmp_path: Path, content: str, wrong: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(schema.ScenarioError, match=wrong) as refused:
        schema.load(path)
    assert "odd.yaml" in str(refused.value)
