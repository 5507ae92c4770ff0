"""The two forms of an answer: an object, or text. They refuse to know about HTTP libraries."""

from dataclasses import dataclass, field

from bot.sandbox.kubernetes.wire import Json


@dataclass(frozen=True)
class Answer:
    """An object with its status, extra headers and warnings."""

    code: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plain:
    """Text, or bytes of another format."""

    code: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
