"""A person at the page: acts as somebody, goes to the channel, presses, fills in, submits, types, and reads.

Whatever a person could not do there fails: a button under something else, a field without its label, an act while a
dialog is in front.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Locator, Page, expect

from bot.sandbox.slack.workspace import Workspace
from tests.integration.sandbox_page import seen
from tests.integration.sandbox_page.seen import Sight
from tests.patience import PATIENT

PATIENCE = int(PATIENT * 1000)
"""Milliseconds for what the page shows after the workspace has it, on a machine that does more than this."""
# The controls of a dialog with the words that a person would call them by.
LABELS = """(view) => [...view.querySelectorAll(".control")].map((it) => {
  const words = it.closest("[data-input-block]")?.querySelector(".b-label") ||
    it.closest(".b-section")?.querySelector(".b-section-words");
  return [words ? words.innerText : "", it.dataset.block, it.dataset.action];
})"""

ASKS = """(button) => Boolean(button.closest(".control").querySelector("template.confirm"))"""


@dataclass
class Person:
    """Whoever sits at this page; ``read`` is the newest message to each person alone that was looked at."""

    page: Page
    workspace: Workspace
    channel: str
    read: dict[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def view(self) -> Locator:
        """The modal in front."""
        return self.page.locator("dialog#view")

    async def become(self, name: str) -> None:
        """Act as this person, in the channel."""
        who = self.workspace.person(name).id
        await expect(self.page.locator("dialog[open]")).to_have_count(0, timeout=PATIENCE)
        if await self.page.locator("#person").input_value() != who:
            await self.page.locator("#person").select_option(value=who)
        room = self.page.locator(f'#rooms a[data-room="{self.channel}"][href*="as={who}&"]')
        await expect(room).to_be_visible(timeout=PATIENCE)
        if await room.get_attribute("aria-current") != "page":
            await room.click()
            await expect(room).to_have_attribute("aria-current", "page", timeout=PATIENCE)
        self.name = name

    # -- acting -----------------------------------------------------------------------------------

    async def aim(self, incident: int, label: str) -> Locator:
        """Press the button of the incident's card whose words start so; the button that remains, a confirmation's."""
        mark = re.compile(rf"INC-{incident}(?!\d)")
        card = self.page.locator("#messages .message").filter(has_text=mark).filter(has=self.page.locator(".b-header"))
        button = card.last.locator(".control-button .btn").filter(has_text=re.compile(rf"^\s*{re.escape(label)}")).first
        if not await button.evaluate(ASKS, timeout=PATIENCE):
            return button
        await button.click(timeout=PATIENCE)
        return self.page.locator("#confirm-yes")

    async def press(self, incident: int, label: str) -> None:
        """The same, confirmed where it is asked."""
        await (await self.aim(incident, label)).click(timeout=PATIENCE)

    async def slash(self, line: str) -> None:
        """Type the command, letter by letter, and send it."""
        await self.page.locator("#line").press_sequentially(line)
        await self.page.locator("#line").press("Enter")

    async def write(self, text: str, thread: str = "") -> None:
        """Write a message in the channel, or in a thread that is opened for it and closed again."""
        if not thread:
            return await self.slash(text)
        await self._open_thread(thread)
        await self.page.locator("#reply").press_sequentially(text)
        await self.page.locator("#reply").press("Enter")
        await expect(self.page.locator("#replies")).to_contain_text(text, timeout=PATIENCE)
        return await self._close_thread()

    async def _message(self, ts: str, thread: str) -> Locator:
        """A message in the channel, or in its thread, which is opened."""
        place = "#messages"
        if thread and thread != ts:
            place = "#replies"
            await self._open_thread(thread)
        return self.page.locator(f'{place} .message[data-ts="{ts}"]')

    async def choose_shortcut(self, ts: str, name: str, thread: str = "") -> None:
        """Choose a shortcut in the menu of a message by keyboard: its last item but one or two, so upwards."""
        message = await self._message(ts, thread)
        await message.hover(timeout=PATIENCE)
        await message.locator("[data-menu]").press("Enter", timeout=PATIENCE)
        wanted = self.page.locator("#menu [data-shortcut]").filter(has_text=name)
        for _ in range(await self.page.locator("#menu [role=menuitem]").count()):
            if await wanted.evaluate("it => it === document.activeElement", timeout=PATIENCE):
                break
            await self.page.keyboard.press("ArrowUp")
        await self.page.keyboard.press("Enter")

    async def react(self, ts: str, name: str, thread: str = "", *, away: bool) -> None:
        """Put an emoji on a message by its menu, or take it off by a press on it below; a thread stays open."""
        message = await self._message(ts, thread)
        mine = message.locator(f'.reaction[data-react="{name}"]')
        if away:
            await mine.click(timeout=PATIENCE)
        else:
            await message.hover(timeout=PATIENCE)
            await message.locator("[data-menu]").click(timeout=PATIENCE)
            await self.page.locator(f'#menu [data-react="{name}"]').click(timeout=PATIENCE)
            await expect(mine).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)

    async def _open_thread(self, ts: str) -> None:
        await self.page.locator(f'#messages > [data-key="{ts}"] .thread-link').click(timeout=PATIENCE)

    async def _close_thread(self) -> None:
        await self.page.locator("#thread-close").click()
        await expect(self.page.locator("#thread")).to_be_hidden()

    async def submit(self, values: Mapping[str, Any]) -> None:
        """Fill in the modal, inputs named by the first words of their labels, and submit it."""
        for label, value in values.items():
            await fill(await self._labelled(label), value)
        await self.view.locator(".dialog-foot [type=submit]").click(timeout=PATIENCE)

    async def close(self) -> None:
        """Close the modal."""
        await self.view.locator(".dialog-foot [data-close]").click(timeout=PATIENCE)

    async def _labelled(self, label: str) -> Locator:
        """The control that the words name, by the rule of the headless player."""
        named = await self.view.evaluate(LABELS)
        for at, (words, *ids) in enumerate(named):
            if words.lower().startswith(label.lower()) or label in ids:
                return self.view.locator(".control").nth(at)
        raise AssertionError(f"There is no input {label} in the dialog; there are: {named}")

    # -- reading ----------------------------------------------------------------------------------

    async def sees_view(self, containing: Sequence[str], within: float) -> None:
        """Wait for a modal that says so."""

        async def look() -> str:
            if not await self.view.is_visible():
                return ""
            said = Sight(seen.plain(await self.view.inner_text()))
            return said.text if not said.lacks(containing) else ""

        await seen.until(look, within, lambda _: f"@{self.name} sees no dialog that says {containing}")

    async def is_told(self, containing: Sequence[str], within: float) -> str:
        """Wait for a message to this person alone that wasn't read before; its ts."""

        async def unread() -> dict[str, Sight]:
            alone = await seen.private(self.page)
            return {ts: one for ts, one in alone.items() if ts > self.read.get(self.name, "")}

        async def look() -> str:
            return next((ts for ts, one in (await unread()).items() if not one.lacks(containing)), "")

        found = await seen.until(look, within, lambda _: f"@{self.name} sees nothing of {containing} alone")
        self.read[self.name] = str(found)
        return str(found)

    async def sees_thread(self, ts: str, containing: Sequence[str], within: float) -> None:
        """Open the thread of a message, wait until its replies say so, and close it."""
        await self._open_thread(ts)

        async def replies() -> Sight:
            there = await seen.shown(self.page, "#replies")
            return Sight(" ".join(one.text for key, one in there.items() if key != ts))

        async def look() -> bool:
            return not (await replies()).lacks(containing)

        await seen.until(look, within, lambda _: f"The thread doesn't say {containing}")
        await self._close_thread()


async def fill(control: Locator, value: Any) -> None:
    """Put a value into an input as a person does; an option is named by its value or its words."""
    kind = await control.get_attribute("data-kind")
    if kind == "select":
        await control.locator("select").select_option(value=await _option(control.locator("select"), str(value)))
    elif kind in {"radios", "checks"}:
        wanted = {value} if isinstance(value, str) else set(value)
        for option in await control.locator("label").all():
            box = option.locator("input")
            words = (await option.inner_text()).strip()
            chosen = bool({words, await box.get_attribute("value")} & wanted)
            if chosen or kind == "checks":
                await box.set_checked(chosen)
    elif kind == "combo":
        for one in [value] if isinstance(value, str) else value:
            await control.locator("input").fill(one)
            options = control.get_by_role("option")
            exact = options.and_(control.page.locator(f"[data-value={one!r}]"))
            await exact.or_(options.get_by_text(one, exact=True)).first.click(timeout=PATIENCE)
    elif kind == "datetime":
        local = await control.evaluate("(_, epoch) => new Date((epoch - new Date(epoch * 1000).getTimezoneOffset() * 60) * 1000).toISOString().slice(0, 16)", value)  # fmt: skip # noqa: E501
        await control.locator("input").fill(local)
    else:
        field_ = control.locator("input, textarea")
        await field_.fill(str(value))
        await field_.blur()


async def _option(select: Locator, wanted: str) -> str:
    """The value of the option that has this value or these words; a description stands after its words."""
    options = await select.evaluate("(it) => [...it.options].map((one) => [one.value, one.textContent.trim()])")
    return next(value for value, words in options if wanted in {value, words, words.partition(" · ")[0]})
