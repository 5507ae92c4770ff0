"""What holds at the end of every scenario, whatever it told.

The audit's chain verifies; Slack refused nothing; there is one card an incident; messages kept Slack's pace. It
refuses to read the bot's store: the audit is asked through its own command line.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from bot.sandbox.slack_room import message_key
from bot.sandbox.world import World

SECOND = 0.9
"""Slack's limit is one message a second and channel; a tenth of it is the clock's and the network's."""


async def final_problems(world: World) -> list[str]:
    """A sentence for each law that doesn't hold; [] when all do."""
    code, said = await world.fettle("audit", "verify")
    problems = [] if code == 0 else [f"fettle audit verify ended with {code}: {said.strip()}"]
    problems += [
        f"Slack refused a payload of {refused.get('method')}: {refused.get('problems')}"
        for refused in world.slack_server.invalid
    ]
    posted = [one for one in world.slack_server.workspace.all_messages.get(world.slack.channel, []) if message_key(one)]
    for key, count in Counter(message_key(one) for one in posted).items():
        if count > 1:
            problems.append(f"There are {count} messages of {key}, not one.")
    times = sorted(float(one.ts) for one in posted)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if gaps and min(gaps) < SECOND:
        problems.append(f"Two messages were posted {min(gaps):.2f} s apart in one channel, faster than Slack allows.")
    return problems
