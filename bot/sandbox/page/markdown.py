"""The text of a `markdown` block as HTML: Markdown proper, unlike the mrkdwn of all other texts.

HTML in it is text, pictures are links, and only addresses that are safe to follow become links, as in Slack.
"""

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return reader.enable(["table", "strikethrough"]).disable("image")


def to_html(text: object) -> Markup:
    """A Markdown text as HTML."""
    return Markup(_reader().render(str(text or "")).strip())  # noqa: S704 - HTML is off, so all of it is escaped
