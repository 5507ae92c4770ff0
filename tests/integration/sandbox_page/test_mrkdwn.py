"""mrkdwn as a person would see it, and never as markup that came from outside."""

import pytest

from bot.sandbox.page.mrkdwn import Directory, to_html

NAMES = Directory(
    users={"U0ANA": "ana", "U0LI": "li"},
    channels={"C1": "oncall"},
    usergroups={"S1": "sre-oncall"},
    viewer="U0ANA",
    viewer_groups=frozenset({"S1"}),
)


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
        ("*a _b_ c*", "<strong>a <em>b</em> c</strong>"),
        ("`a*b*c`", "<code>a*b*c</code>"),
        ("one\ntwo", "one<br>two"),
        ("&gt; said\nafter", "<blockquote>said</blockquote>after"),
        ("> said\n> more", "<blockquote>said<br>more</blockquote>"),
        ("before\n```\nx  y\n```\nafter", "before<pre>x  y</pre>after"),
        (":red_circle: firing", "🔴 firing"),
        (":no_such_emoji:", ":no_such_emoji:"),
        ("12:30:45", "12:30:45"),
        ("`:red_circle:`", "<code>:red_circle:</code>"),
        ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
        ("<#C1>", '<span class="mention">#oncall</span>'),
        ("<@U0LI>", '<span class="mention">@li</span>'),
        ("<@U0ANA>", '<span class="mention mention-me">@ana</span>'),
        ("<!subteam^S1>", '<span class="mention mention-me">@sre-oncall</span>'),
        ("<!nonsense^1>", "&lt;!nonsense^1&gt;"),
    ],
)
def test_marks_entities_and_escapes_read_as_in_slack(typed: str, drawn: str) -> None:
    assert to_html(typed, NAMES) == drawn


@pytest.mark.parametrize("typed", ["a*b*c", "snake_case_name", "2 * 3 * 4", "~/x and ~/y", "**"])
def test_a_mark_inside_a_word_or_beside_a_space_stays_as_typed(typed: str) -> None:
    assert to_html(typed, NAMES) == typed


def test_backticks_do_not_neutralise_a_broadcast() -> None:
    loud = '<span class="mention mention-loud">@channel</span>'
    assert to_html("`<!channel>`", NAMES) == f"<code>{loud}</code>"


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<javascript:alert(1)|press>",
        "<data:text/html,x|press>",
        "```<script>```",
        '<https://x.test/"onmouseover="alert(1)|x>',
        "<!date^1^{time}^javascript:alert(1)|x>",
    ],
)
def test_nothing_from_outside_becomes_markup(typed: str) -> None:
    html = str(to_html(typed, NAMES))
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'onmouseover="' not in html


def test_links_keep_their_address_and_words() -> None:
    html = to_html("<https://x.test/a_b_c?q=1&amp;r=2|the *graph*>", NAMES)
    assert 'href="https://x.test/a_b_c?q=1&amp;r=2"' in html
    assert ">the *graph*</a>" in html


def test_a_bare_address_becomes_a_link_unless_verbatim() -> None:
    assert 'href="https://x.test/a"' in to_html("see https://x.test/a.", NAMES)
    assert to_html("see https://x.test/a.", NAMES, verbatim=True) == "see https://x.test/a."


def test_a_date_carries_its_moment_its_pattern_and_its_fallback() -> None:
    html = to_html("<!date^1700000000^{date_short} {time}|Nov 14, 22:13 UTC>", NAMES)
    assert 'datetime="2023-11-14T22:13:20+00:00"' in html
    assert 'data-pattern="{date_short} {time}"' in html
    assert ">Nov 14, 22:13 UTC</time>" in html


def test_a_date_that_is_no_date_is_its_fallback() -> None:
    assert to_html("<!date^soon^{time}|later>", NAMES) == "later"
