"""Shared answers: one question in flight, good for some seconds, bounded, and nobody's deadline is another's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain.errors import UnavailableError
from bot.kube import shared
from bot.kube.shared import Shared
from tests.loop_time import jumping


class Server:
    """Counts what it is asked; ``size`` is what an answer weighs."""

    def __init__(self, size: int = 10, takes: float = 0.0) -> None:
        self.asked, self.size, self.takes = 0, size, takes

    async def read(self) -> tuple[dict[str, Any], int]:
        """One answer, and its size."""
        self.asked += 1
        number = self.asked
        await asyncio.sleep(self.takes)
        return {"n": number}, self.size


@jumping
async def test_equal_questions_share_one_answer_until_it_is_old() -> None:
    answers, server = Shared(fresh=0.2), Server(takes=0.05)
    found = await asyncio.gather(*(answers.ask("pods", server.read) for _ in range(20)))
    assert {one["n"] for one in found} == {1}
    assert (await answers.ask("pods", server.read))["n"] == 1
    await asyncio.sleep(0.2)
    assert (await answers.ask("pods", server.read))["n"] == 2
    assert server.asked == 2


@jumping
async def test_who_may_take_older_answers_gets_them_and_knows_how_old_they_are() -> None:
    answers, server = Shared(fresh=0.05), Server()
    await answers.ask("pods", server.read)
    assert answers.age("pods") == 0
    await asyncio.sleep(0.1)
    assert answers.age("pods", within=5.0) >= 0.1
    assert (await answers.ask("pods", server.read, within=5.0))["n"] == 1
    assert (await answers.ask("pods", server.read))["n"] == 2


@jumping
async def test_what_was_asked_before_a_change_serves_nobody_after_it() -> None:
    answers, server = Shared(), Server(takes=0.1)
    before = asyncio.create_task(answers.ask("pods", server.read))
    await asyncio.sleep(0.05)
    answers.forget()
    assert (await answers.ask("pods", server.read))["n"] == 2
    assert (await before)["n"] == 1
    assert (await answers.ask("pods", server.read))["n"] == 2


@jumping
async def test_an_answers_age_counts_from_the_question() -> None:
    answers, server = Shared(fresh=0.2), Server(takes=0.25)
    await answers.ask("pods", server.read)
    await answers.ask("pods", server.read)
    assert server.asked == 2


@jumping
async def test_a_refusal_is_shared_in_flight_and_not_kept() -> None:
    answers, asked = Shared(), 0

    async def refuse() -> tuple[dict[str, Any], int]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        raise UnavailableError("no")

    found = await asyncio.gather(*(answers.ask("x", refuse) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in found] == ["no"] * 3
    with pytest.raises(UnavailableError):
        await answers.ask("x", refuse)
    assert asked == 2


@jumping
async def test_a_question_that_nobody_waits_for_any_more_is_dropped() -> None:
    answers, ended = Shared(), asyncio.Event()

    async def hangs() -> tuple[dict[str, Any], int]:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        raise AssertionError

    async def ask(seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await answers.ask("x", hangs)

    patient = asyncio.create_task(ask(0.2))
    with pytest.raises(TimeoutError):
        await ask(0.05)
    assert not ended.is_set(), "another still waits"
    with pytest.raises(TimeoutError):
        await patient
    async with asyncio.timeout(1):
        await ended.wait()


@jumping
async def test_what_is_kept_is_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "MOST_BYTES", 100)
    monkeypatch.setattr(shared, "MOST_EACH", 60)
    monkeypatch.setattr(shared, "KEPT", 0.1)
    answers, server = Shared(fresh=0.1, in_storm=0.1), Server(size=40)
    for key in "abc":
        await answers.ask(key, server.read)
    assert list(answers._kept) == ["b", "c"]
    big = Server(size=61)
    await answers.ask("big", big.read)
    await answers.ask("big", big.read)
    assert big.asked == 2, "too large to be kept"
    await asyncio.sleep(0.15)
    assert (answers._kept, answers._bytes) == ({}, 0)


@jumping
async def test_in_a_storm_an_answer_serves_for_longer() -> None:
    answers, server = Shared(fresh=0.05, in_storm=5), Server()
    for number in range(9):
        answers.look("shop", f"d{number}")
    await answers.ask("pods", server.read)
    await asyncio.sleep(0.1)
    await answers.ask("pods", server.read)
    assert server.asked == 1


@jumping
async def test_a_crowd_is_the_targets_of_a_namespace_that_were_looked_at_lately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Shared()
    for name in ("api", "api", "web"):
        answers.look("shop", name)
    answers.look("pay", "ledger")
    assert (answers.crowd("shop"), answers.crowd("pay"), answers.crowd("x"), answers.crowd()) == (2, 1, 0, 3)
    monkeypatch.setattr(shared, "TOGETHER", 0.0)
    assert answers.crowd() == 0
