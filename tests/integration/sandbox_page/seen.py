"""What a person sees on the page, read out of the rendered document, and words made comparable with it.

The page draws marks of mrkdwn, shortcodes of emoji and moments in the reader's zone; a scenario's words and the
headless reader have the marks, the shortcodes and the UTC fallback. Marks and shortcodes are taken off on both sides.
A moment is the only thing that can't be compared, so a line is compared in the pieces around its moments.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

from bot.sandbox import reading
from bot.sandbox.page import emoji
from bot.sandbox.patience import stretched
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.workspace import Workspace

MOMENT = "\ue002"
_MARKS = re.compile(r"(?<![\w{0}]){0}(?=\S)([^{0}\n]+?)(?<=\S){0}(?![\w{0}])".format("[_~]"))
_DATE = re.compile(r"<!date\^[^<>\n]*>")
# Each state of one message from now on, as it is painted: its visible words and the buttons that can be pressed. What
# is far from the screen isn't drawn, so it is scrolled to, as a person does.
WATCH = """async (ts) => {
  const look = () => {
    const it = document.querySelector(`#messages > [data-key="${ts}"] .message`);
    if (!it || !it.checkVisibility()) return { text: "", buttons: [] };
    const buttons = [...it.querySelectorAll(".control-button .btn")].filter((one) => one.checkVisibility());
    return { text: it.innerText, buttons: buttons.map((one) => one.innerText.trim()) };
  };
  const note = () => {
    if (!window.painted) return;
    const now = look();
    const it = document.querySelector(`#messages > [data-key="${ts}"] .message`);
    if (it && it.checkVisibility() && !now.text.trim()) {
      it.scrollIntoView({ block: "nearest" });
      requestAnimationFrame(note);
    } else if (JSON.stringify(now) !== JSON.stringify(window.painted.at(-1))) window.painted.push(now);
  };
  if (window.watching) window.watching.disconnect();
  window.painted = [];
  window.watching = new MutationObserver(note);
  const all = { subtree: true, childList: true, characterData: true, attributes: true };
  window.watching.observe(document.getElementById("messages"), all);
  note();
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  note();
}"""
# Every message of a list, with whether it is for the acting person alone.
SHOWN = """async (list) => {
  const found = [];
  for (const it of document.querySelectorAll(`${list} > .item .message`)) {
    for (let frame = 0; frame < 4 && it.checkVisibility() && !it.innerText.trim(); frame += 1) {
      it.scrollIntoView({ block: "nearest" });
      await new Promise(requestAnimationFrame);
    }
    const text = it.checkVisibility() ? it.innerText : "";
    found.push({ ts: it.dataset.ts, text, alone: text.includes("Only visible to you") });
  }
  return found;
}"""


def plain(text: str) -> str:
    """Without marks, with one space for any white space, and with emoji for their shortcodes."""
    bare = text.replace("`", "")
    while (fewer := _MARKS.sub(r"\1", bare)) != bare:
        bare = fewer
    return " ".join(emoji.replace(bare).replace("\ufe0f", "").split())


@dataclass(frozen=True)
class Sight:
    """One message as it is shown; words and labels as `plain` makes them."""

    text: str
    buttons: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Sight":
        """From what the page's scripts above return."""
        return cls(plain(found["text"]), tuple(plain(one) for one in found.get("buttons", ())))

    def lacks(
        self,
        containing: Sequence[str] = (),
        without: Sequence[str] = (),
        buttons: Sequence[str] = (),
        no_buttons: Sequence[str] = (),
    ) -> list[str]:
        """A phrase for each thing that a person would miss in it, or see and shouldn't."""
        starts = [any(one.startswith(plain(label)) for one in self.buttons) for label in (*buttons, *no_buttons)]
        offered = dict(zip((*buttons, *no_buttons), starts, strict=True))
        return [
            *(f"the words “{words}”" for words in containing if plain(words) not in self.text),
            *(f"no “{words}”" for words in without if plain(words) in self.text),
            *(f"a button “{label}”" for label in buttons if not offered[label]),
            *(f"no button “{label}”" for label in no_buttons if offered[label]),
        ]


async def painted(page: Page) -> list[Sight]:
    """The states of the watched message so far."""
    return [Sight.of(one) for one in await page.evaluate("window.painted")]


async def shown(page: Page, where: str = "#messages") -> dict[str, Sight]:
    """Every message of a list by its ts."""
    return {one["ts"]: Sight.of(one) for one in await page.evaluate(SHOWN, where)}


async def private(page: Page) -> dict[str, Sight]:
    """Those marked as visible to the acting person alone, in the channel and in the thread that is open."""
    there = [one for where in ("#messages", "#replies") for one in await page.evaluate(SHOWN, where)]
    return {one["ts"]: Sight.of(one) for one in there if one["alone"]}


async def until(look: Callable[[], Any], within: float, failure: Callable[[Any], str]) -> Any:
    """The first true answer of an async ``look``; an AssertionError with the last one when none came."""
    end = time.monotonic() + stretched(within)
    while not (found := await look()):
        if time.monotonic() > end:
            raise AssertionError(failure(found))
        await asyncio.sleep(0.05)
    return found


def pieces(message: Message, workspace: Workspace) -> Iterator[str]:
    """What the headless reader reads in a message, in pieces that a person must see on the page as well."""
    blocks = json.loads(_DATE.sub(MOMENT, json.dumps(_no_moments(message.blocks), ensure_ascii=False)))
    text = reading.plain(_DATE.sub(MOMENT, message.text), workspace)
    for line in reading.lines(blocks, workspace) or text.split("\n"):
        for piece in line.split(MOMENT):
            # Words on controls stand without the reader's brackets; an overflow menu has a sign instead of words.
            yield from filter(None, (plain(part) for part in re.split(r"\[ | ▾ \]| \]", piece.removeprefix("> "))))


def _no_moments(found: Any) -> Any:
    """Blocks with a mark for each date of rich text; dates of mrkdwn are still as on the wire."""
    if isinstance(found, list):
        return [_no_moments(one) for one in found]
    if not isinstance(found, Mapping):
        return found
    if found.get("type") == "date":
        return {"type": "text", "text": MOMENT}
    return {key: _no_moments(value) for key, value in found.items()}
