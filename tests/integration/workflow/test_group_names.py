"""What people call the approver groups is asked of Slack now and then, for the refusal that says whom to ask."""

from datetime import timedelta

from bot.domain.errors import SlackUnavailableError
from bot.groups import NAMES_EVERY
from bot.jobs import Jobs
from bot.storage import people

from .floor import Floor


async def members(_: str) -> tuple[str, ...]:
    return ("U0SAM",)


async def test_names_come_with_the_members_at_most_once_an_hour(floor: Floor) -> None:
    asked: list[str] = []

    async def names() -> dict[str, str]:
        asked.append("names")
        return {"S0SRE": "sre-oncall", "S0OTHER": "marketing"}

    jobs = Jobs(floor.ctx, members, names=names)
    await floor.restart_asked()
    for _ in range(3):
        floor.advance(61)
        await jobs.refresh_groups()
    assert asked == ["names"]
    assert await floor.store.read(people.group_names) == {"S0SRE": "sre-oncall"}, (
        "other groups are none of our business"
    )
    floor.advance(NAMES_EVERY / timedelta(seconds=1))
    await floor.restart_asked("shop/api")
    await jobs.refresh_groups()
    assert asked == ["names", "names"]


async def test_names_that_can_not_be_read_keep_nobody_from_approving(floor: Floor) -> None:
    async def names() -> dict[str, str]:
        raise SlackUnavailableError("Slack doesn't answer.")

    jobs = Jobs(floor.ctx, members, names=names)
    _, proposal = await floor.restart_asked()
    floor.advance(61)
    await jobs.refresh_groups()
    assert await floor.store.read(people.group_names) == {}
    assert (await floor.approve(proposal, by="sam")).ok
