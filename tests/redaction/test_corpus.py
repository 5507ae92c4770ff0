"""How many secrets are hidden and how many harmless lines are left alone, on a corpus of several hundred lines each.

``python bench/redaction.py`` prints the table. A new leak becomes a line of ``hostile.txt``, a line that was spoiled
one of ``benign.txt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from bot.domain import disguises, redaction
from bot.domain.redaction import HIDDEN, redact
from bot.domain.secret_shapes import SHAPES
from tests.redaction import corpus

SEEDS = ("tests-1", "tests-2", "tests-3")
RECALL, RECALL_OF_A_KIND, CHANGED = 0.98, 0.94, 0.01


@cache
def hostile() -> tuple[corpus.Line, ...]:
    return tuple(line for seed in SEEDS for line in corpus.hostile(seed))


@cache
def benign() -> tuple[corpus.Line, ...]:
    return tuple(line for seed in SEEDS for line in corpus.benign(seed))


def kinds() -> list[str]:
    return sorted({line.kind for line in hostile()})


def shown(lines: Iterator[corpus.Line]) -> list[str]:
    return [line.template for line in lines if line.surviving(redact(line.text))]


def test_one_look_leaves_out_nothing_that_the_steps_would_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called plain at once is what each step leaves alone: with and without the short way, the same."""
    texts = [line.text for line in (*hostile(), *benign())]
    short = [redaction._redacted(text) for text in texts]
    assert sum(text == told for text, told in zip(texts, short, strict=True)) > len(texts) / 4
    monkeypatch.setattr(disguises, "bare", lambda _: False)
    assert [redaction._redacted(text) for text in texts] == short


def changed(lines: Iterator[corpus.Line]) -> list[str]:
    return [line.template for line in lines if redact(line.text) != line.text]


def test_the_corpus_is_large_and_as_much_of_it_is_harmless() -> None:
    told = [len(list(corpus.sections(name))) for name in ("hostile.txt", "benign.txt")]
    assert min(told) >= 350
    assert len(benign()) >= len(hostile()) >= 800 * len(SEEDS)
    assert all(line.secrets for line in hostile())
    assert not any(line.secrets for line in benign())


def test_of_nearly_all_secrets_no_five_characters_survive() -> None:
    lines = hostile()
    found = shown(iter(lines))
    assert len(found) <= (1 - RECALL) * len(lines), found


def test_the_same_holds_for_templates_that_were_held_out() -> None:
    lines = [line for line in hostile() if line.held_out]
    found = shown(iter(lines))
    assert len(found) <= (1 - RECALL) * len(lines), found


@pytest.mark.parametrize("kind", kinds())
def test_no_kind_of_secret_is_left_out(kind: str) -> None:
    lines = [line for line in hostile() if line.kind == kind]
    found = shown(iter(lines))
    assert len(found) <= (1 - RECALL_OF_A_KIND) * len(lines), found


def test_nearly_all_harmless_lines_are_left_as_they_are() -> None:
    lines = benign()
    found = changed(iter(lines))
    assert len(found) <= CHANGED * len(lines), found


def test_the_same_holds_for_harmless_templates_that_were_held_out() -> None:
    lines = [line for line in benign() if line.held_out]
    found = changed(iter(lines))
    assert len(found) <= CHANGED * len(lines), found


def test_what_was_hidden_once_is_left_as_it_is() -> None:
    """What was hidden before it was stored passes here again before it is logged or shown."""
    again = [line.template for line in (*hostile(), *benign()) if redact(redact(line.text)) != redact(line.text)]
    assert not again


def test_an_unredacted_line_is_seen_to_survive() -> None:
    """The measure is no rubber stamp: each hostile line counts as shown before anything is hidden."""
    assert not [line.template for line in hostile() if not line.surviving(line.text)]
    assert not [line.template for line in hostile() if line.surviving(HIDDEN)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_shape_finds_something_in_the_corpus(shape: object) -> None:
    """A shape whose marks don't stand in what it matches would never be asked."""
    assert isinstance(shape, type(SHAPES[0]))
    found = [line for line in hostile() if shape.pattern.search(line.text)]
    assert found
    assert not [line.text for line in found if not any(mark in line.text.lower() for mark in shape.marks)]
