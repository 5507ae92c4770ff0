"""What people type after /incident act, and what is made of it; whether it makes sense is the mitigation's to say."""

from __future__ import annotations

import pytest

from bot.domain.mitigation import Action
from bot.mitigations.catalog import CATALOG
from commands.act_words import action_of, parse
from commands.help import act_help


def test_help_spells_every_action_with_hyphens_and_an_underscore_is_taken_too() -> None:
    told = act_help("/incident")
    named = [line.split()[2] for line in told.splitlines()]
    assert "set-image" in named
    assert "thread-dump" in named
    assert "_" not in "".join(named)
    assert {action_of(word) for word in named} == set(Action)
    assert act_help("/incident", "thread_dumb").startswith("There is no action thread_dumb. Did you mean thread-dump?")


@pytest.mark.parametrize("word", ["set-image", "set_image", "SET-IMAGE"])
def test_a_hyphen_is_as_good_as_an_underscore(word: str) -> None:
    assert action_of(word) is Action.SET_IMAGE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shop/api", {}),
        ("shop/api 1.4.2", {"tag": "1.4.2"}),
        ("shop/api :1.4.2", {"tag": "1.4.2"}),
        ("shop/api 1.4.2 side", {"tag": "1.4.2", "container": "side"}),
        ("deployment api -n shop 1.4.2", {"tag": "1.4.2"}),
        ("sts/api 1.4.2 side -n shop", {"tag": "1.4.2", "container": "side"}),
        ("shop/api 1.4.2 side now please", {"tag": "1.4.2", "container": "side", "more": "now please"}),
    ],
)
def test_a_tag_and_a_container_may_follow(text: str, wanted: dict[str, str]) -> None:
    workload, found = parse(Action.SET_IMAGE, text)
    assert found == wanted
    assert workload.split()[0] in {"shop/api", "deployment", "sts/api"}


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (Action.SET_IMAGE, {"tag": "evil.example/api:1"}),
        (Action.SET_IMAGE, {"tag": "-x"}),
        (Action.SET_IMAGE, {"tag": "1" * 129}),
        (Action.SET_IMAGE, {"tag": "1.4.2", "container": "API"}),
        (Action.SET_IMAGE, {"tag": "1.4.2", "container": "x", "more": "y"}),
        (Action.PAUSE, {"more": "x"}),
        (Action.RESUME, {"more": "x"}),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_read(action: Action, wanted: dict[str, str]) -> None:
    said = CATALOG[action].asked(wanted)
    assert said.endswith(".")
    assert not any(value in said for value in wanted.values() if len(value) > 1)


@pytest.mark.parametrize("action", [Action.SET_IMAGE, Action.PAUSE, Action.RESUME])
def test_nothing_but_the_workload_is_enough(action: Action) -> None:
    assert CATALOG[action].asked({}) == ""
