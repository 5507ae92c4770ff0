"""Scenario files end as they say, through the same engine as the command line.

A part of them: in `make check` each is played on the page, by this engine (`test_scenarios_on_page`), and twice tells
nothing more. `make scenarios` plays all.
"""

from collections.abc import Mapping

import pytest

from bot.sandbox.scenarios import engine, schema
from tests.chance import most, some

AT_ONCE = 4
"""Side by side in one test: a scenario mostly waits, and the suite's other worker goes on meanwhile."""


@pytest.mark.timeout(3000)
async def test_scenarios_end_as_they_say(measuring: Mapping[str, str]) -> None:
    # Those of rooms are test_breakages'.
    scenarios = most(some([one for one in schema.load_all().values() if not one.room], 20), 3)
    results = await engine.play_all(scenarios, at_once=AT_ONCE, extra=measuring)
    assert [result.name for result in results] == [scenario.name for scenario in scenarios]
    bad = [result.transcript.text for result in results if not result.ok]
    assert not bad, "\n\n".join(bad)


async def test_a_scenario_that_ends_otherwise_is_told_so_with_the_reason() -> None:
    """The engine is no rubber stamp: an expectation that isn't met is a problem, and the bot is ended all the same."""
    told = {
        "name": "never",
        "title": "A card that never comes",
        "steps": [{"fire": {"alert": "Watchdog"}}, {"expect_card": {"containing": "Watchdog", "within": 0.1}}],
    }
    result = await engine.play(schema.Scenario.model_validate(told))
    assert not result.ok
    assert "step 2 (expect_card)" in result.problems[0]
    assert "NOT as it should be" in result.transcript.text
