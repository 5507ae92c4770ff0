"""Label selectors as kubectl takes them; an empty one selects nothing."""

import pytest

from bot.domain.selector import parse, selects

LABELS = {"pool": "workers", "zone": "a", "gpu": ""}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("pool=workers", True),
        ("pool==workers", True),
        (" pool = workers , zone!=b ", True),
        ("pool=gpu", False),
        ("pool!=workers", False),
        ("tier!=db", True),
        ("zone in (a, b)", True),
        ("zone in (b,c)", False),
        ("zone notin (b, c),pool=workers", True),
        ("tier notin (db)", True),
        ("gpu", True),
        ("!gpu", False),
        ("!tier", True),
        ("gpu=", True),
        ("node.example/pool", False),
        ("pool=workers,zone=b", False),
        ("", False),
        ("   ", False),
    ],
)
def test_a_selector_means_what_it_means_to_kubectl_and_an_empty_one_nothing(text: str, fits: bool) -> None:
    assert selects(parse(text), LABELS) is fits


@pytest.mark.parametrize(
    "text",
    ["pool workers", "pool=a b", "pool in a", "in (a)", "pool=workers,", ",", "pool>3", "*", "pool=*", "a/b/c", "=x"],
)
def test_what_can_not_be_read_is_refused_and_never_taken_for_all(text: str) -> None:
    with pytest.raises(ValueError, match="write a label selector"):
        parse(text)
