"""Rich text elements as HTML: the inline parts of a `rich_text` block, one function each.

The blocks around them (lists, quotes, preformatted text) are templates. An element type that is not
known here is shown as its text or its type's name, never dropped in silence.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from bot.sandbox.page import emoji, mrkdwn
from bot.sandbox.page.mrkdwn import EMPTY, Directory

Json = Mapping[str, Any]

_STYLES = (
    ("code", Markup("<code>{}</code>")),
    ("bold", Markup("<strong>{}</strong>")),
    ("italic", Markup("<em>{}</em>")),
    ("strike", Markup("<s>{}</s>")),
    ("underline", Markup("<u>{}</u>")),
)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _text(element: Json, _names: Directory) -> Markup:
    return mrkdwn.plain(str(element.get("text", "")), with_emoji=False)


def _link(element: Json, _names: Directory) -> Markup:
    url = str(element.get("url", ""))
    return mrkdwn.anchor(url, str(element.get("text") or url))


def _emoji(element: Json, _names: Directory) -> Markup:
    name = str(element.get("name", ""))
    return escape(emoji.character(name) or f":{name}:")


def _user(element: Json, names: Directory) -> Markup:
    return mrkdwn.mention_user(str(element.get("user_id", "")), names)


def _usergroup(element: Json, names: Directory) -> Markup:
    return mrkdwn.mention_usergroup(str(element.get("usergroup_id", "")), "", names)


def _channel(element: Json, names: Directory) -> Markup:
    return mrkdwn.mention_channel(str(element.get("channel_id", "")), "", names)


def _broadcast(element: Json, _names: Directory) -> Markup:
    return mrkdwn.mention_broadcast(str(element.get("range", "")))


def _date(element: Json, _names: Directory) -> Markup:
    return mrkdwn.date(
        str(element.get("timestamp", "")),
        str(element.get("format", "")),
        str(element.get("fallback", "")),
        str(element.get("url") or ""),
    )


def _color(element: Json, _names: Directory) -> Markup:
    value = str(element.get("value", ""))
    # The colour goes into an attribute that the browser parses, so only #rrggbb gets there.
    swatch = value if _COLOUR.fullmatch(value) else "#000000"
    template = Markup('<svg class="swatch" viewBox="0 0 1 1"><path fill="{}" d="M0 0h1v1H0z"/></svg>')
    return template.format(swatch) + escape(value)


_INLINE: dict[str, Callable[[Json, Directory], Markup]] = {
    "text": _text,
    "link": _link,
    "emoji": _emoji,
    "user": _user,
    "usergroup": _usergroup,
    "channel": _channel,
    "broadcast": _broadcast,
    "date": _date,
    "color": _color,
}


def _unknown(element: Json, _names: Directory) -> Markup:
    return escape(str(element.get("text") or f"[{element.get('type')}]"))


def inline(elements: Sequence[Json], names: Directory) -> Markup:
    """The elements of a section, quote, preformatted part or list item, with their styles."""
    out: list[Markup] = []
    for element in elements:
        html = _INLINE.get(str(element.get("type")), _unknown)(element, names)
        style = element.get("style")
        if isinstance(style, Mapping):
            for name, template in _STYLES:
                if style.get(name):
                    html = template.format(html)
        out.append(html)
    return EMPTY.join(out)
