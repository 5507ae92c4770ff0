"""What lets more be proposed than before is said in the channel, once, and nothing in it mentions anybody."""

from pathlib import Path

from bot.playbooks import loader
from bot.workflow import reloading
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, Desk

MINE = (
    "name: mine\ntitle: Mine\nmatch: {alerts: [A]}\nevidence: [pods]\n"
    "findings: {'crash_loop/<!channel> *b*': [restart]}\n"
)


async def test_playbooks_that_widen_are_announced_once(desk: Desk, tmp_path: Path) -> None:
    await desk.do(reloading.record, loader.built_in(), CHANNEL, d.clock())
    file = tmp_path / "mine.yaml"
    file.write_text(MINE.replace("[restart]", "[]"), encoding="utf-8")
    await desk.do(reloading.record, loader.load(tmp_path), CHANNEL, d.clock())
    file.write_text(MINE, encoding="utf-8")
    found = loader.load(tmp_path)
    async with desk.working():
        await desk.do(reloading.record, found, CHANNEL, d.clock())
        await desk.do(reloading.record, found, CHANNEL, d.clock())
        await desk.idle()
    [message] = desk.cards()
    assert "more may be proposed or approved than before" in message.text
    assert "mine: may propose restart for crash_loop" in message.text
    assert "<!channel>" not in message.text
