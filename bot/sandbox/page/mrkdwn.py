"""Slack's mrkdwn as HTML: what a person would see, mentions that page everybody included.

Entities (`<...>`) are read before anything else, code included, because Slack does so: backticks do
not neutralise `<!here>`, and the page must show that. Everything that is not an entity or a known
mark is text and is escaped; only http(s) and mailto links become links. It refuses to be Markdown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from markupsafe import Markup, escape

from bot.sandbox.page import emoji

EMPTY = Markup("")
_BREAK = Markup("<br>")

# Private-use characters hold the place of what is already HTML; they are removed from the input.
_HOLD, _RELEASE = "\ue000", "\ue001"
_HELD = re.compile(f"{_HOLD}(\\d+){_RELEASE}")
_ENTITY = re.compile(r"<([@#!][^<>\n]+|(?:https?://|mailto:)[^<>\n]+)>")
_FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_BARE_URL = re.compile(r"(?<![\w/])https?://[^\s<>`*\ue000\ue001]*[^\s<>`*.,;:!?)\]'\"\ue000\ue001]")
_QUOTE = re.compile(r"^(?:&gt;|>) ?")


def _mark(sign: str) -> re.Pattern[str]:
    """A pair of marks around words, not inside a word: `a*b*c` stays as typed, as in Slack."""
    one = re.escape(sign)
    return re.compile(rf"(?<![\w{one}]){one}(?=[^\s{one}])([^{one}\n]*?[^\s{one}]){one}(?![\w{one}])")


_MARKS = (
    (_mark("*"), Markup("<strong>{}</strong>")),
    (_mark("_"), Markup("<em>{}</em>")),
    (_mark("~"), Markup("<s>{}</s>")),
)


@dataclass(frozen=True)
class Directory:
    """Names for ids, and who is looking. An unknown id is shown as the id itself."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    usergroups: Mapping[str, str] = field(default_factory=dict)
    viewer: str = ""
    # The groups the viewer is in: a mention of one of them concerns the viewer.
    viewer_groups: frozenset[str] = frozenset()


def unescape(text: str) -> str:
    """Slack's three entities back to characters; nothing else is an entity on Slack's wire."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str, *, with_emoji: bool = True) -> Markup:
    """A plain_text object's text: escaped, line breaks kept, shortcodes drawn unless told not to."""
    shown = emoji.replace(text) if with_emoji else text
    return _BREAK.join(escape(line) for line in shown.split("\n"))


def mention_user(user: str, names: Directory) -> Markup:
    """A person's name as a mention, marked when it is the viewer."""
    me = " mention-me" if user == names.viewer else ""
    shown = names.users.get(user, user)
    return Markup('<span class="mention{}">@{}</span>').format(me, shown)


def mention_usergroup(group: str, label: str, names: Directory) -> Markup:
    """A user group's handle as a mention, marked when the viewer is in it."""
    me = " mention-me" if group in names.viewer_groups else ""
    shown = names.usergroups.get(group) or label.lstrip("@") or group
    return Markup('<span class="mention{}">@{}</span>').format(me, shown)


def mention_channel(channel: str, label: str, names: Directory) -> Markup:
    """A channel's name as a mention."""
    return Markup('<span class="mention">#{}</span>').format(
        names.channels.get(channel) or label or channel,
    )


def mention_broadcast(word: str) -> Markup:
    """`@here`, `@channel`, `@everyone`: drawn loud, because in Slack it pages people."""
    return Markup('<span class="mention mention-loud">@{}</span>').format(word)


def date(timestamp: str, pattern: str, fallback: str, link: str = "") -> Markup:
    """A moment that the page's script writes in the reader's zone; the fallback until then."""
    try:
        moment = datetime.fromtimestamp(int(timestamp), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return escape(fallback or pattern)
    shown = Markup('<time datetime="{}" data-pattern="{}">{}</time>').format(
        moment.isoformat(),
        pattern,
        fallback,
    )
    return anchor(link, shown) if link else shown


def anchor(url: str, shown: Markup | str) -> Markup:
    """A link for http(s) and mailto; anything else is shown as text, never as a link."""
    if not url.startswith(("http://", "https://", "mailto:")):
        return escape(shown)
    template = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return template.format(url, shown)


def _special(body: str, names: Directory) -> Markup | None:
    """The `<!...>` entities; None for one that Slack doesn't know."""
    body, _, label = body.partition("|")
    word, *rest = body.split("^")
    if word in {"here", "channel", "everyone", "group"}:
        return mention_broadcast(word)
    if word == "subteam" and rest:
        return mention_usergroup(rest[0], unescape(label), names)
    if word == "date" and len(rest) in {2, 3}:
        return date(rest[0], unescape(rest[1]), unescape(label), rest[2] if rest[2:] else "")
    return None


def _entity(body: str, names: Directory) -> Markup | None:
    if body.startswith("!"):
        return _special(body[1:], names)
    target, _, label = body.partition("|")
    if body.startswith("@"):
        return mention_user(target[1:], names)
    if body.startswith("#"):
        return mention_channel(target[1:], unescape(label), names)
    shown = unescape(label or target.removeprefix("mailto:"))
    return anchor(unescape(target), plain(shown))


class _Shelf:
    """Finished HTML, kept aside under place holders while the rest is still being read."""

    def __init__(self) -> None:
        self._kept: list[Markup] = []

    def keep(self, html: Markup) -> str:
        self._kept.append(html)
        return f"{_HOLD}{len(self._kept) - 1}{_RELEASE}"

    def text(self, text: str, *, with_emoji: bool) -> Markup:
        """Text with place holders as HTML: text escaped, place holders filled (also nested)."""
        parts: list[Markup] = []
        for index, piece in enumerate(_HELD.split(text)):
            if index % 2:
                parts.append(self._kept[int(piece)])
            else:
                shown = unescape(piece)
                parts.append(escape(emoji.replace(shown) if with_emoji else shown))
        return EMPTY.join(parts)

    def marks(self, text: str) -> Markup:
        """Bold, italic, strike, nested in any order; then text."""
        for pattern, template in _MARKS:
            text = pattern.sub(partial(self._wrapped, template), text)
        return self.text(text, with_emoji=True)

    def _wrapped(self, template: Markup, found: re.Match[str]) -> str:
        return self.keep(template.format(self.marks(found[1])))


def _lines(text: str, shelf: _Shelf) -> Markup:
    """Lines with their breaks; neighbouring quoted lines become one quote."""
    out: list[Markup] = []
    quoted: list[Markup] = []
    after_block = True

    def end_quote() -> None:
        if quoted:
            out.append(Markup("<blockquote>{}</blockquote>").format(_BREAK.join(quoted)))
            quoted.clear()

    for line in text.split("\n"):
        if _QUOTE.match(line):
            quoted.append(shelf.marks(_QUOTE.sub("", line)))
            continue
        if quoted:
            end_quote()
            after_block = True
        if not after_block:
            out.append(_BREAK)
        out.append(shelf.marks(line))
        after_block = False
    end_quote()
    return EMPTY.join(out)


def _autolink(url: str, keep: Callable[[Markup], str]) -> str:
    plain_url = unescape(url)
    return keep(anchor(plain_url, plain_url))


def to_html(text: str, names: Directory, *, verbatim: bool = False) -> Markup:
    """A mrkdwn text as HTML.

    `verbatim` is the text object's field of that name: bare URLs are then not made into links.
    """
    shelf = _Shelf()
    text = text.replace(_HOLD, "").replace(_RELEASE, "")

    def entity(found: re.Match[str]) -> str:
        html = _entity(found[1], names)
        return found[0] if html is None else shelf.keep(html)

    def fence(found: re.Match[str]) -> str:
        body = shelf.text(found[1], with_emoji=False)
        return "\n" + shelf.keep(Markup("<pre>{}</pre>").format(body)) + "\n"

    def code(found: re.Match[str]) -> str:
        body = shelf.text(found[1], with_emoji=False)
        return shelf.keep(Markup("<code>{}</code>").format(body))

    text = _ENTITY.sub(entity, text)
    # The breaks around a fence belong to the fence: a <pre> stands on lines of its own.
    text = re.sub(r"\n?(```.+?```)\n?", r"\1", text, flags=re.DOTALL)
    text = _FENCE.sub(fence, text)
    text = _CODE.sub(code, text)
    if not verbatim:
        text = _BARE_URL.sub(lambda found: _autolink(found[0], shelf.keep), text)
    return _tidy(_lines(text.strip("\n"), shelf))


def _tidy(html: Markup) -> Markup:
    """No line break directly beside a <pre>, which ends its line already."""
    cleaned = str(html).replace("<br><pre>", "<pre>").replace("</pre><br>", "</pre>")
    return Markup(cleaned)  # noqa: S704 - the input was HTML made here, only breaks were removed
