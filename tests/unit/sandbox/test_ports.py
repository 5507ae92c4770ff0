"""A program that is told its port finds it free, though it begins to listen much later, on a machine full of others."""

import socket
import subprocess
import sys

from bot.sandbox.ports import HIGHEST, LOWEST, free_port, is_free

MANY = "from bot.sandbox.ports import free_port; print(*(free_port() for _ in range(50)), flush=True); input()"


def test_no_port_is_handed_out_twice_by_one_process_or_by_two() -> None:
    with subprocess.Popen(  # noqa: S603 - this interpreter and a constant
        [sys.executable, "-c", MANY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(one) for one in other.stdout.readline().split()}
        ours = [free_port() for _ in range(50)]
        other.communicate("\n")
    assert len(theirs) == len(set(ours)) == 50
    assert not theirs & set(ours)


def test_it_lies_below_what_linux_gives_to_connections() -> None:
    assert all(LOWEST <= free_port() < HIGHEST <= 32_768 for _ in range(20))


def test_where_somebody_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_free(taken.getsockname()[1])
