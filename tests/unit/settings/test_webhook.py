"""What a named token of the webhook speaks for, and every way of writing it wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bot.settings_webhook import Binding, bindings, split

SHOP = Binding("shop", frozenset({"shop", "shop-staging"}))


@pytest.mark.parametrize(
    "written",
    [
        "shop namespaces=shop|shop-staging, eu clusters=eu-1",
        ["shop namespaces=shop|shop-staging", "eu clusters=eu-1"],
        {"shop": {"namespaces": ["shop", "shop-staging"]}, "eu": {"clusters": "eu-1"}},
        (SHOP, Binding("eu", clusters=frozenset({"eu-1"}))),
    ],
)
def test_text_list_and_table_say_the_same(written: Any) -> None:
    assert bindings(written) == (SHOP, Binding("eu", clusters=frozenset({"eu-1"})))


def test_nothing_is_nothing() -> None:
    assert bindings("") == ()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("Shop namespaces=shop", "small letters"),
        ("shop", "binds shop to nothing"),
        ("shop namespaces=", "no name of a namespace"),
        ("shop namespace=shop", "doesn't know: namespace"),
        ("shop namespaces=a b", "doesn't know: b"),
        ("shop namespaces=shop, shop clusters=eu", "names one token twice"),
        ({"shop": None}, "no table"),
        ({"shop": {"namespaces": [{}]}}, "no name of a namespace"),
    ],
)
def test_what_is_written_wrong_is_a_sentence(written: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bindings(written)


def test_an_alert_is_covered_when_both_lists_hold_it() -> None:
    both = Binding("x", frozenset({"shop"}), frozenset({"eu-1"}))
    assert both.covers({"namespace": "shop", "cluster": "eu-1"})
    assert not both.covers({"namespace": "shop"})
    assert not both.covers({"cluster": "eu-1"})
    assert not SHOP.covers({})


def test_only_a_bound_name_is_taken_off_a_token() -> None:
    assert split("shop:secret-1", {"shop"}) == ("shop", "secret-1")
    assert split("http:secret-1", {"shop"}) == ("", "http:secret-1")
    assert split("shop", {"shop"}) == ("", "shop")
