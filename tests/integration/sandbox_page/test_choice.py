"""A scenario is chosen on the page: its world begins at the same address, the page follows, and goes back.

One sandbox, started and ended as its command line does it; the bot in it is the real one.
"""

import asyncio
import base64
import gc
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from playwright.async_api import Browser, Page, expect

from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.options import SandboxOptions
from bot.sandbox.page.panels.rehearsal import NEEDS_OWN
from bot.sandbox.page.panels.tour import TourBar
from bot.sandbox.ports import free_port
from bot.sandbox.scenarios import engine, gate, listing, schema
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack.workspace import Workspace
from bot.sandbox.stage import Stage
from bot.sandbox.world import World
from tests.integration.sandbox_page.browsing import BROWSED, LOWEST_CONTRAST, opened
from tests.patience import PATIENT

pytestmark = BROWSED
SLOW = int(PATIENT * 1000)
MINE = Scenario.model_validate({
    "name": "watched",
    "title": "A crash loop of ours",
    "steps": [
        {"crash": {"workload": "shop/api"}},
        {"fire": {"alert": "KubePodCrashLooping", "workload": "shop/api"}},
        {"expect_card": {"containing": ["shop/api"], "buttons": ["Approve"], "within": 20}},
    ],
})  # fmt: skip


@asynccontextmanager
async def staged(**options: Any) -> AsyncIterator[tuple[str, Callable[[], Any]]]:
    """A sandbox at its address, and what ends it with its exit code."""
    port, stop = free_port(), asyncio.Event()
    stage = Stage(SandboxOptions(port=port, **options), schema.load_all(), stop, MINE)
    running = asyncio.create_task(stage.run(None))

    async def end() -> int:
        stop.set()
        return await asyncio.wait_for(running, PATIENT)

    await asyncio.sleep(0)  # it listens from its first step on
    try:
        yield f"http://127.0.0.1:{port}", end
    finally:
        await end()


async def _no_text_is_faint(page: Page) -> None:
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        contrast, words = await page.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{words!r} has {contrast:.2f} in {scheme}"


async def _told(page: Page) -> list[str]:
    """What the page says of its connection from now on, each sentence once; it lasts beyond the page's end."""
    told: list[str] = []

    async def tell(sentence: str) -> None:
        if sentence not in told:
            told.append(sentence)

    await page.expose_function("told", tell)
    await page.evaluate("""() => {
      const lost = document.getElementById("lost");
      new MutationObserver(() => { if (!lost.hidden) window.told(lost.textContent); })
        .observe(lost, { attributes: true, childList: true, characterData: true, subtree: true });
    }""")
    return told


async def _a_choice_too_early_is_told(page: Page) -> None:
    """While the world that was chosen before begins; it is chosen once more, which isn't swallowed."""
    await page.evaluate("Page.leave('The world of “X” starts.')")
    for _ in range(2):
        await page.get_by_role("button", name="Scenarios").click()
        dialog = page.get_by_role("dialog", name="What shall be played?")
        await dialog.get_by_role("button", name="A crash loop of ours").click()
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#lost")).to_have_text("The world of “X” starts. Choose again when it runs.")


async def test_what_is_chosen_with_the_keyboard_plays_on_every_page_and_the_free_sandbox_comes_back(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a phone nothing of it is wider than the screen, and no text is faint."""
    monkeypatch.setattr(gate, "READING", 0.1)
    async with (
        staged(demo=False) as (url, _),
        opened(browser, url, width=390) as page,
        opened(browser, f"{url}/?as=U0BO") as other,
    ):
        await page.get_by_role("button", name="Scenarios").focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What shall be played?")
        find = dialog.get_by_label("Find a scenario")
        await expect(find).to_be_focused()
        await expect(dialog.get_by_role("status")).to_contain_text("to choose from")
        await _no_text_is_faint(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await find.fill("no such words")
        await expect(dialog.get_by_role("status")).to_have_text("None has these words; fewer of them find more.")
        await find.fill("crash ours")
        await expect(dialog.get_by_role("status")).to_have_text("1 to choose from")
        await page.keyboard.press("ArrowDown")
        await expect(dialog.get_by_role("button", name="A crash loop of ours")).to_be_focused()
        await _a_choice_too_early_is_told(other)
        told = [await _told(shown) for shown in (page, other)]
        await page.keyboard.press("Enter")
        said = "The world of “A crash loop of ours” starts. This page follows by itself in a few seconds."
        for shown, sentences in zip((page, other), told, strict=True):
            bar = shown.get_by_role("region", name="Scenario")
            await expect(bar).to_contain_text("Pods of shop/api crash, again and again.", timeout=SLOW)
            await expect(shown.locator("#lost")).to_be_hidden()
            assert sentences == [said]
        await _no_text_is_faint(page)
        bar = page.get_by_role("region", name="Scenario")
        await bar.get_by_role("button", name="Play").click()
        card = page.locator("#messages .message").filter(has_text="INC-1")
        await expect(card).to_contain_text("shop/api", timeout=SLOW)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await bar.get_by_role("button", name="Again").click()
        await expect(bar.get_by_text("Leave", exact=True)).to_be_hidden()
        await expect(bar).to_contain_text(re.compile("step [01] of 3"), timeout=SLOW)
        await expect(card).to_have_count(0)
        await bar.get_by_role("button", name="Leave").click()
        for shown in (page, other):
            await expect(shown.get_by_role("region", name="Scenario")).to_have_count(0, timeout=SLOW)
            await expect(shown.locator("#messages")).to_contain_text("Nothing here yet.")


async def _get(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def _post(url: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", **headers}
    async with aiohttp.ClientSession() as session, session.post(url, data=json.dumps(body), headers=headers) as answer:
        return answer.status, json.loads(await answer.text()) if answer.status == 200 else {}


def _world(page: str) -> str:
    (found,) = re.findall(r'data-world="(\w+)"', page)
    return str(found)


def _webhook(env: Path) -> str:
    text = env.read_text(encoding="utf-8") if env.is_file() else ""
    return "".join(re.findall(r"^WEBHOOK_TOKENS=(.+)$", text, re.MULTILINE))


async def _until_one_is_left(before: list[World]) -> None:
    """The world that is on, and none that is over; what its connections still hold goes with them."""
    async with asyncio.timeout(PATIENT):
        while True:
            gc.collect()
            if len([one for one in gc.get_objects() if type(one) is World and one not in before]) == 1:
                return
            await asyncio.sleep(0.5)


async def _until_written(env: Path) -> str:
    async with asyncio.timeout(PATIENT):
        while True:
            found = _webhook(env)
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_the_state_is_kept_the_env_file_is_true_and_what_cannot_begin_is_said_in_the_free_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act for a world that is over does nothing in the next one; the first of two choices counts.

    Of the worlds that are over nothing is left in memory.
    """
    before = [one for one in gc.get_objects() if type(one) is World]
    env = tmp_path / "made.env"
    async with staged(demo=False, data=tmp_path / "kept", env=env) as (url, end):
        await _until_written(env)
        was = _world(await _get(url))
        said = {"user": "U0ANA", "channel": "C0ONCALL", "text": "Kept until later."}
        assert (await _post(f"{url}/page/post", said))[1]["ok"]
        play, mine = f"{url}/page/panel/playbill/play", {"scenario": "watched"}
        assert (await _post(play, mine, Origin="http://evil.test"))[0] == 403
        assert "no scenario watche here" in (await _post(play, {"scenario": "watche"}))[1]["message"]
        assert (await _post(play, mine))[1]["message"].startswith("The world of “A crash loop of ours” starts.")
        second = (await _post(play, {"scenario": "frozen"}))[1]["message"]
        assert "A crash loop of ours" in second
        assert second.endswith("Choose again when it runs.")
        # Whoever asks between the two worlds waits for the next one.
        page = await _get(url)
        while _world(page) == was:
            page = await _get(url)
        assert "A crash loop of ours" in page
        assert "Kept until later." not in page
        late = await _post(play, {**mine, "world": was})
        assert "a world that is over" in late[1]["message"]
        await _until_written(env)

        async def broken(*_: object, **__: object) -> None:
            monkeypatch.undo()
            raise OSError("no port is left")

        now = _world(page)
        monkeypatch.setattr(ClusterServer, "start", broken)
        await _post(play, {"scenario": "frozen", "world": now})
        while "could not begin" not in page:
            page = await _get(url)
        assert "(OSError: no port is left). This is the free sandbox." in page
        assert "Kept until later." in page
        await _until_written(env)
        await _until_one_is_left(before)
        assert await end() == 0
    assert not env.exists()


def _read(path: str) -> str:
    found = Path(path)
    return found.read_text(encoding="utf-8") if found.is_file() else ""


async def _pods(kubeconfig: str) -> tuple[int | None, str]:
    """What kubectl's request with this kubeconfig, nothing else, is answered."""
    config = yaml.safe_load(kubeconfig)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    headers = {"Authorization": f"Bearer {user['token']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{cluster['server']}/api/v1/namespaces/shop/pods", headers=headers, ssl=trusted) as answer,
    ):
        return answer.status, await answer.text()


async def test_what_is_told_at_the_start_stays_true_in_every_world_that_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kubeconfig's path, the cluster's address in it, and the address and token that alerts are sent to."""
    env = tmp_path / "made.env"
    async with staged(demo=False, env=env) as (url, _):
        token = await _until_written(env)
        first = capsys.readouterr().out
        (kubeconfig,) = re.findall(r"export KUBECONFIG=(.+)", first)
        (webhook,) = re.findall(r"Alerts to +(\S+)", first)
        written = _read(kubeconfig)
        was = _world(await _get(url))
        for verb, what in (("play", {"scenario": "watched"}), ("free", {})):
            await _post(f"{url}/page/panel/playbill/{verb}", what)
            while _world(page := await _get(url)) == was:
                pass
            was = _world(page)
            assert _read(kubeconfig) == written
            status, pods = await _pods(written)
            assert status == 200
            assert "api-" in pods
            told = ""
            async with asyncio.timeout(PATIENT):
                while "export KUBECONFIG" not in told:
                    told += capsys.readouterr().out
                    await asyncio.sleep(0.05)
            assert f"export KUBECONFIG={kubeconfig}\n" in told
            assert await _until_written(env) == token
        assert (await _post(webhook, {}, Authorization=f"Bearer {token}"))[0] != 401
        assert (await _post(webhook, {}, Authorization="Bearer other"))[0] == 401
    assert not _read(kubeconfig)


async def test_a_signal_between_two_worlds_ends_the_sandbox_with_zero() -> None:
    async with staged(demo=False) as (url, end):
        await _get(url)
        assert (await _post(f"{url}/page/panel/playbill/play", {"scenario": "breaks-pods"}))[1]["ok"]
        await asyncio.sleep(0.3)
        assert await end() == 0
    with pytest.raises(aiohttp.ClientConnectionError):
        await _get(url)


async def test_the_bar_of_a_scenario_that_is_over_says_how_it_goes_on() -> None:
    steps = gate.Gate(MINE.steps, Workspace())
    for may_choose, said in ((True, "choose another under Scenarios"), (False, "press Ctrl-C at the terminal")):
        bar = TourBar(MINE, steps, may_choose=may_choose)
        bar.looking_back, bar.ended = True, engine.begun(MINE)
        assert said in bar.html()
        assert ('data-play="watched"' in bar.html()) is may_choose


async def test_everything_that_is_listed_can_be_chosen_once() -> None:
    scenarios = schema.load_all()
    groups = listing.to_choose(scenarios.values(), MINE)
    names = [one.name for group in groups.values() for one in group]
    assert next(iter(groups)) == "Yours"
    assert len(names) == len(set(names))
    assert set(names) == {*scenarios, *listing.broken(), MINE.name}


async def test_whoever_runs_a_bot_of_their_own_chooses_what_is_broken_and_reads_why_not_more(browser: Browser) -> None:
    """The world stays: what is chosen happens in it. Scenarios are listed with the reason why they can't be played."""
    async with staged(bot=False) as (url, _), opened(browser, url, width=390) as page:
        world = await page.evaluate("document.body.dataset.world")
        await page.get_by_role("button", name="Scenarios").click()
        dialog = page.get_by_role("dialog", name="What shall be played?")
        await expect(dialog.get_by_role("status")).to_have_text(f"{len(BREAKAGES)} to choose from")
        await expect(dialog).to_contain_text("Your bot has its settings from this world")
        await expect(dialog).to_contain_text("fettle sandbox --scenario NAME")
        await _no_text_is_faint(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        find = dialog.get_by_label("Find a scenario")
        await find.fill("storm-500")
        await expect(dialog.get_by_role("status")).to_have_text("0 to choose from")
        await expect(dialog.locator("li:visible")).to_contain_text(NEEDS_OWN)
        await find.fill("stale-lock")
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        broken = BREAKAGES["stale-lock"]
        said = f"Broken in shop: {broken.title}. {broken.alerts[0]} tells of it as soon as a bot is connected."
        await expect(page.locator("#said")).to_contain_text(said)
        assert await page.evaluate("document.body.dataset.world") == world
