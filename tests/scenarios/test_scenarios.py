"""Every scenario file ends as it says, through the same engine as the command line."""

from collections.abc import Mapping

import pytest

from bot.sandbox.scenarios import engine, schema

AT_ONCE = 4
"""Side by side in one test: a scenario mostly waits, and the suite's other worker goes on meanwhile."""


@pytest.mark.timeout(300)
async def test_every_scenario_ends_as_it_says(measuring: Mapping[str, str]) -> None:
    scenarios = [one for one in schema.load_all().values() if not one.room]  # those are test_breakages'
    results = await engine.play_all(scenarios, at_once=AT_ONCE, extra=measuring)
    assert [result.name for result in results] == [scenario.name for scenario in scenarios]
    bad = [result.transcript.text for result in results if not result.ok]
    assert not bad, "\n\n".join(bad)


async def test_a_scenario_that_ends_otherwise_is_told_so_with_the_reason() -> None:
    """The engine is no rubber stamp: an expectation that isn't met is a problem, and the bot is ended all the same."""
    told = {
        "name": "never",
        "title": "A card that never comes",
        "steps": [{"fire": {"alert": "Watchdog"}}, {"expect_card": {"containing": "Watchdog", "within": 1}}],
    }
    result = await engine.play(schema.Scenario.model_validate(told))
    assert not result.ok
    assert "step 2 (expect_card)" in result.problems[0]
    assert "NOT as it should be" in result.transcript.text
