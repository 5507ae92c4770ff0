"""Matchers read and hold as Alertmanager's do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playbooks.matcher import Matcher, MatcherError, first_mismatch, parse

LABELS = {"severity": "critical", "team": "shop", "quoted": 'say "hi"\n', "path": r"c:\x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('severity="critical"', True),
        ("severity=critical", True),
        (' severity = "critical" ', True),
        ('severity!="critical"', False),
        ('severity=~"crit.*|warning"', True),
        ('severity=~"crit"', False),
        ('severity!~"crit"', True),
        ('missing=""', True),
        ('missing!="x"', True),
        ('missing=~".*"', True),
        ('missing=~".+"', False),
        ('missing!~".+"', True),
        (r'quoted="say \"hi\"\n"', True),
        (r'path="c:\\x"', True),
        (r'path=~"c:\\\\."', True),
        ('team=""', False),
        ('severity="{{ critical }}"', False),
    ],
)
def test_a_matcher_holds_as_in_alertmanager(text: str, expected: bool) -> None:
    assert parse(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "severity",
        '="x"',
        '1a="x"',
        'a="x',
        "a=x y",
        'a="x" b="y"',
        'a=~"("',
        "a=~(?=x)",
        '{a="b"}',
        'a="b"c"',
        "a=b,c=d",
    ],
)
def test_what_is_no_matcher_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(MatcherError, match="“"):
        parse(text)


@given(value=st.text(max_size=60))
def test_a_value_that_is_written_out_is_read_back(value: str) -> None:
    """Whatever a label says, a matcher can be written that is for exactly that."""
    made = parse(str(Matcher("label", "=", value)))
    assert made.matches({"label": value})
    assert not made.matches({"label": value + "x"})


def test_the_first_condition_that_fails_is_named() -> None:
    matchers = [parse(text) for text in ('team="shop"', 'severity="info"', 'path="y"')]
    assert str(first_mismatch(matchers, LABELS)) == 'severity="info"'
    assert first_mismatch(matchers[:1], LABELS) is None
