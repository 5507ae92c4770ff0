"""Logs: one line an event on the stream that was given, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from bot import log

SECRET = "our-own-secret-value"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the lines go; the root logger is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    quiet = {
        name: logging.getLogger(name).level
        for name in ("aiohttp.access", "uvicorn", "apscheduler", "slack_bolt", "slack_sdk")
    }
    yield io.StringIO()
    root.handlers = handlers
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_of_both_worlds_are_json_with_level_logger_and_time(stream: io.StringIO) -> None:
    log.configure(form="json", stream=stream)
    structlog.get_logger("ours").info("ready", port=8080)
    logging.getLogger("theirs").warning("slow by %d s", 3, extra={"host": "db"})
    logging.getLogger("theirs").debug("unseen")
    ours, theirs = lines(stream)
    assert {key: ours[key] for key in ("event", "level", "logger", "port")} == {
        "event": "ready", "level": "info", "logger": "ours", "port": 8080,
    }  # fmt: skip
    assert (theirs["event"], theirs["host"], theirs["timestamp"][-1]) == ("slow by 3 s", "db", "Z")


def test_auto_is_json_where_no_person_looks_and_console_is_for_people(stream: io.StringIO) -> None:
    log.configure(stream=stream)
    structlog.get_logger().info("x")
    assert lines(stream)[0]["event"] == "x"
    people = io.StringIO()
    log.configure(form="console", level="warning", stream=people)
    structlog.get_logger().info("unseen")
    structlog.get_logger().warning("seen", at=1)
    assert people.getvalue().count("\n") == 1
    assert "seen" in people.getvalue()


def test_no_secret_passes_whatever_it_is_wrapped_in(stream: io.StringIO) -> None:
    log.configure(form="json", secrets=(SECRET, "short"), stream=stream)
    logger = structlog.get_logger()
    deep: Any = {"a": [{"b": {"c": SECRET}}]}
    for _ in range(10):
        deep = [deep]
    logger.info("with %s", SECRET, typed=SecretStr("hush-hush"), nested={SECRET: (SECRET, {SECRET})}, deep=deep)
    logger.info("named", password="hush-hush", inner={"api_key": "hush-hush"}, object=ValueError(SECRET))
    logger.info("shapes", text="xoxb-12345-hush Bearer Abcdefgh1234hush", number=3, nothing=None, yes=True)
    logging.getLogger("theirs").error("url https://ana:hush-hush@db/x and %s", SECRET)
    try:
        int(SECRET)
    except ValueError:
        logger.exception("trace")
    text = stream.getvalue()
    assert (SECRET in text, "hush" in text) == (False, False)
    assert "Traceback" in text
    assert "short" not in log.Redaction(("short",))._secrets, "a short word would hide half of every line"
    shapes = lines(stream)[2]
    assert (shapes["number"], shapes["nothing"], shapes["yes"]) == (3, None, True)


def test_context_is_on_every_line(stream: io.StringIO) -> None:
    log.configure(form="json", stream=stream)
    with structlog.contextvars.bound_contextvars(incident=7):
        structlog.get_logger().info("a")
    structlog.get_logger().info("b")
    assert [line.get("incident") for line in lines(stream)] == [7, None]
