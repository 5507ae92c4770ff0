"""Logs: one structured line an event on stderr, JSON where a machine reads, coloured where a person does.

Stdout is left to the audit. Every line passes redaction, so that a token in an exception's text doesn't reach a log
store. It refuses to write files and to rotate; the process's owner does that.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from pydantic import SecretStr

from bot.domain.redaction import HIDDEN, redact, redact_values

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_DEPTH = 6


def configure(
    *, level: str = "info", form: str = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Sets up structlog and routes the standard library's loggers through it.

    ``form`` is ``json``, ``console`` or ``auto``; ``secrets`` are the values of our own tokens, hidden wherever they
    turn up; ``stream`` is stderr unless a test gives another.
    """
    out = stream if stream is not None else sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty())
        if console
        else structlog.processors.JSONRenderer(default=str)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    for noisy in ("aiohttp.access", "uvicorn", "apscheduler", "slack_bolt", "slack_sdk"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, _LEVELS[level]))
    # A tick that comes while the last one still waits for Slack is left out, each two seconds: that is no news.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class Redaction:
    """A processor that hides our own secrets, typed secrets and token shapes in every value of a line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(sorted({one for one in secrets if len(one) >= 8}, key=len, reverse=True))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line with everything hidden that must be."""
        for key, value in event.items():
            if not key.startswith("_"):
                event[key] = self._named(key, value, _DEPTH)
        return event

    def _named(self, key: str, value: Any, depth: int) -> Any:
        """A text under a name such as ``password`` is hidden whole, whatever it looks like."""
        cleaned = self._clean(value, depth)
        return redact_values({key: cleaned})[key] if isinstance(cleaned, str) else cleaned

    def _clean(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, SecretStr):
            return HIDDEN
        if isinstance(value, dict) and depth:
            return {self._text(str(key)): self._named(str(key), one, depth - 1) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth:
            return [self._clean(one, depth - 1) for one in value]
        return self._text(str(value))

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redact(text)
