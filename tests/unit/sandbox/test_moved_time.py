"""The line by which a sandbox lets a bot's time pass: forward alone, when the bot is at rest, and for nobody else."""

import asyncio
import os
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import clock
from bot.sandbox.moved_time import MOST, Hand, Moved, NoLineError
from bot.sandboxed import Moved as Wanted
from tests.patience import until

Ends = tuple[socket.socket, Moved]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The world's end as it is, and a bot's; 600 s had passed before."""
    ours, theirs = socket.socketpair()
    ours.send(b"at 600.0\n")
    moved = Moved(theirs.detach())
    yield ours, moved
    moved._line.close()
    ours.close()


def descriptor_of_a_file() -> int:
    return os.open("/dev/null", os.O_RDONLY)


def descriptor_of_a_tcp_socket() -> int:
    return socket.socket().detach()


def descriptor_of_a_line_that_says(words: bytes) -> int:
    ours, theirs = socket.socketpair()
    ours.send(words)
    ours.close()
    return theirs.detach()


@pytest.mark.parametrize(
    "made",
    [
        descriptor_of_a_file,
        descriptor_of_a_tcp_socket,
        *(
            lambda words=words: descriptor_of_a_line_that_says(words)
            for words in (b"", b"at -1\n", b"at inf\n", b"at nan\n", b"at\n", b"hello 5\n", b"\xff\xfe 1\n")
        ),
    ],
)
def test_whatever_is_no_line_of_a_sandbox_is_refused_and_left_open(made: object) -> None:
    assert callable(made)
    descriptor = made()
    with pytest.raises(NoLineError, match="fettle sandbox alone"):
        Moved(descriptor)
    os.close(descriptor)


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    with pytest.raises(NoLineError):
        Moved(2**20)


def test_a_clock_is_as_far_ahead_as_was_let_pass_and_none_that_was_set(ends: Ends) -> None:
    """Both clocks of the bot go with it: nothing that waits is moved, as when the machine's clock is set."""
    moved: Wanted = ends[1]
    steady = clock.moved(lambda: moved.ahead)
    began = clock.now()
    assert began + timedelta(seconds=599) < steady() < clock.now() + timedelta(seconds=601)
    moved.ahead += 3600
    assert began + timedelta(seconds=4199) < steady() < clock.now() + timedelta(seconds=4201)
    assert abs(steady.step().total_seconds()) < 1000, "it is an hour ahead, and that is no step"


@pytest.mark.parametrize(
    "words", [b"pass -5\n", b"pass 0\n", b"pass nan\n", b"pass inf\n", b"pass\n", b"pass 1 2\n", b"at 5\n", b"x" * 99]
)
async def test_only_a_span_ahead_is_heard(ends: Ends, words: bytes) -> None:
    line, moved = ends
    woken: list[bool] = []
    moved.listen(lambda: woken.append(True))
    line.send(words + f"\npass {MOST + 1}\n".encode())
    await asyncio.sleep(0.05)
    assert (moved.asked, moved.ahead, woken) == (0.0, 600.0, [])
    line.send(b"pass 5")
    await asyncio.sleep(0.05)
    assert not woken, "not before its line is whole"
    line.send(b".5\n")
    await until(lambda: woken)
    assert (moved.asked, woken) == (5.5, [True])
    assert moved.ahead == 600.0, "it passes when the bot says so"


async def test_the_rest_of_the_world_follows_while_the_bot_waits() -> None:
    hand = Hand(60.0)
    told: list[str] = []
    wanted = asyncio.Event()
    moved = Moved(os.dup(hand.descriptor))
    hand.given()
    moved.listen(wanted.set)

    async def bot() -> None:
        for _ in range(3):
            await wanted.wait()
            wanted.clear()
            told.append(f"bot at {moved.ahead:g}")
            await moved.let()
            told.append(f"bot goes on at {moved.ahead:g}")

    running = asyncio.create_task(bot())
    for _ in range(3):
        await hand.let_pass(5, lambda: told.append("world"))
    await running
    assert told == [words for at in (60, 65, 70) for words in (f"bot at {at}", "world", f"bot goes on at {at + 5}")]
    hand.close()
    moved._line.close()


async def test_time_passes_without_a_bot_that_is_gone() -> None:
    hand = Hand(0.0)
    hand.given()
    passed: list[int] = []
    await hand.let_pass(5, lambda: passed.append(1))
    assert passed == [1]
    hand.close()


async def test_a_bot_whose_sandbox_is_gone_goes_on(ends: Ends) -> None:
    line, moved = ends
    moved.listen(lambda: None)
    line.send(b"pass 5\n")
    await until(lambda: moved.asked)
    line.close()
    await moved.let()
    assert moved.ahead in {600.0, 605.0}
    assert moved.asked == 0.0
