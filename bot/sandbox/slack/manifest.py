"""What the app's manifest says that matters to Slack: scopes, commands, shortcuts, events.

Without a manifest everything is allowed. It reads the dict the caller gives and no file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.models import Json


def _inside(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _dicts(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


@dataclass(frozen=True)
class Manifest:
    """The parts of a manifest the sandbox enforces; None means "no manifest, all allowed"."""

    name: str = "fettle"
    scopes: frozenset[str] | None = None
    commands: dict[str, Json] | None = None
    shortcuts: dict[str, str] | None = None
    events: frozenset[str] | None = None
    interactivity: bool = True
    raw: Json = field(default_factory=dict)

    @classmethod
    def read(cls, raw: Json | None) -> "Manifest":
        """From the content of manifest.yml as a dict."""
        if raw is None:
            return cls()
        bot_name = _inside(raw, "features", "bot_user", "display_name")
        name = bot_name or _inside(raw, "display_information", "name") or "fettle"
        commands = _dicts(_inside(raw, "features", "slash_commands"))
        shortcuts = _dicts(_inside(raw, "features", "shortcuts"))
        events = _inside(raw, "settings", "event_subscriptions", "bot_events") or []
        return cls(
            name=str(name),
            scopes=frozenset(_inside(raw, "oauth_config", "scopes", "bot") or []),
            commands={str(c.get("command")): c for c in commands},
            shortcuts={str(s.get("callback_id")): str(s.get("type")) for s in shortcuts},
            events=frozenset(str(e) for e in events),
            interactivity=bool(_inside(raw, "settings", "interactivity", "is_enabled")),
            raw=raw,
        )

    def shortcut(self, name: str) -> str:
        """The callback id of the shortcut with this name, "" when there is none."""
        found = _dicts(_inside(self.raw, "features", "shortcuts"))
        return next((str(one.get("callback_id")) for one in found if one.get("name") == name), "")

    def wants(self, event: str) -> bool:
        """Whether the app subscribed to this event, e.g. "message.channels"."""
        return self.events is None or event in self.events
