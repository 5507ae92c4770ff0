"""Patterns mean what RE2 and Python mean by them, and no value can make one slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playbooks.pattern import Pattern, PatternError

LEAVES = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\.", "[a-c1-3]", "1", "^", "$", r"\w", r"[\d-]"])


def _more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "{0}", "*?", "+?"])
    return st.one_of(
        st.builds("({}|{})".format, inner, inner),
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}){}".format, inner, repeats),
        st.builds("(?i:{})".format, inner),
    )


@given(text=st.recursive(LEAVES, _more, max_leaves=12), values=st.lists(st.text("abcAB1.-\n", max_size=8), max_size=8))
def test_a_pattern_takes_what_pythons_engine_takes(text: str, values: list[str]) -> None:
    try:
        mine = Pattern(text)
    except PatternError as error:
        assert "complex" in str(error) or "longer" in str(error)  # noqa: PT017 - only the limits may refuse these
        return
    # Python's $ also stands before a last newline; RE2's and this one don't.
    theirs = re.compile(text.replace("$", r"\Z"), re.ASCII)
    for value in values:
        assert mine.matches(value) is bool(theirs.fullmatch(value)), (text, value)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("warning|critical", "critical", True),
        ("warning|critical", "critically", False),
        ("prod-.*", "prod-eu", True),
        ("prod-.*", "my-prod-eu", False),
        ("(?i)high.*", "HighErrorRate", True),
        ("(?i:h)igh", "HIGH", False),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        (".*", "", True),
        (".+", "", False),
        ("", "", True),
        ("", "x", False),
        (r"\(x\)", "(x)", True),
        ("[]a]+", "]a]", True),
        ("[a-]+", "a-a", True),
        ("(?P<team>shop|pay)", "pay", True),
        ("ä+", "ää", True),
    ],
)
def test_the_whole_value_has_to_match(pattern: str, value: str, expected: bool) -> None:
    assert Pattern(pattern).matches(value) is expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(a", "missing )"),
        ("a)", "unexpected )"),
        ("a**", "bad repetition operator"),
        ("*a", "no argument for repetition"),
        ("(?=a)", "invalid perl operator"),
        ("(?<=a)b", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("[b-a]", "invalid character class range"),
        ("a{3,1}", "invalid repetition size"),
        ("[a", "missing ]"),
        ("a\\", "trailing \\"),
        ("x" * 1001, "longer"),
        (r"((\pL{99}){9}|\pN{500})", "too complex"),
    ],
)
def test_what_re2_refuses_and_what_costs_too_much_is_refused_with_a_sentence(pattern: str, words: str) -> None:
    with pytest.raises(PatternError, match=re.escape(words)):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", ".*a.*a.*a.*a.*a.*b", "(.*)*x", "(a?){90}a{90}b"])
def test_no_value_makes_a_pattern_slow(pattern: str) -> None:
    """Python's own engine takes longer than the age of the world for some of these."""
    made = Pattern(pattern)
    assert not made.matches("a" * 4096)
