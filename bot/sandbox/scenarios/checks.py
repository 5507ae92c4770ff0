"""What holds at the end of every scenario, whatever it told.

The audit's chain verifies; Slack refused nothing; there is one card an incident; messages kept Slack's pace. It
refuses to read the bot's store: the audit is asked through its own command line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.sandbox.patience import stretched
from bot.sandbox.slack.models import Reply
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.sockets import ACK_SECONDS
from bot.sandbox.slack_room import CardHandle, UnmetError, message_key
from bot.sandbox.world import World

UNHEARD = {
    "dispatch_failed": "no app is there that hears it",
    "operation_timed_out": "the app didn't answer in time",
}
"""What Slack shows whoever presses while nobody hears."""
LATE = 2.5
"""Seconds by which messages may arrive late on a busy machine, and so stand closer to their successors: less than the
short burst that Slack itself allows, and a run of messages that is really too fast outgrows it at once. Where this
process itself had to wait for its turn, twice that is added: the bot is on the same machine."""


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
    crowded = _crowded(sorted(float(one.ts) for one in posted), stretched(LATE) + 2 * world.lag)
    if crowded:
        problems.append(crowded)
    return problems


def _crowded(times: list[float], late: float) -> str:
    """A sentence when some run of messages came faster than one a second, an arrival so late forgiven."""
    for first, start in enumerate(times):
        for later in range(first + 1, len(times)):
            if times[later] - start < (later - first) - late:
                count, seconds = later - first + 1, times[later] - start
                return f"{count} messages were posted within {seconds:.2f} s in one channel, more than one a second."
    return ""


def must_be_acked(who: str, reply: Reply) -> None:
    """Raises ``UnmetError`` with what Slack showed that person instead."""
    if reply.error:
        raise UnmetError(f"Slack showed @{who} an error: {reply.error} {reply.errors or ''}")
    if not reply.acked:
        raise UnmetError(f"What @{who} did was not acknowledged.")


async def pressed(card: CardHandle, words: str, by: str, *, unheard: bool) -> str:
    """A press that must be acknowledged, or be told within Slack's own three seconds that nobody heard it; a sentence.

    Raises ``UnmetError`` where it ended otherwise.
    """
    if not unheard:
        must_be_acked(by, await card.press(words, by))
        return ""
    with in_slacks_time(card.room.server):
        return must_be_unheard(by, await card.press(words, by))


@contextmanager
def in_slacks_time(server: SlackServer) -> Iterator[None]:
    """What nobody acknowledges is over after Slack's own seconds, however patient the sandbox is otherwise."""
    patient = server.sockets.ack_seconds
    server.sockets.ack_seconds = min(patient, ACK_SECONDS)
    try:
        yield
    finally:
        server.sockets.ack_seconds = patient


def must_be_unheard(who: str, reply: Reply) -> str:
    """What Slack showed that person, because it reached nobody; raises ``UnmetError`` where it reached the bot."""
    if reply.error not in UNHEARD:
        raise UnmetError(f"What @{who} did should have reached nobody, and did ({reply.error or 'acknowledged'}).")
    return f"Slack tells @{who} that {UNHEARD[reply.error]}"


def untold(left: set[int]) -> str:
    """What is missing when some incidents stand nowhere."""
    some = ", ".join(f"INC-{number}" for number in sorted(left)[:10])
    return f"{len(left)} incidents are on no card and in no digest: {some}"
