"""No test depends on how fast the machine is: no upper bound on a measured time, no short limit for what will come.

``tests.patience`` says how it is done instead. A limit may be short where its end is what a test waits for, within
``raises`` or ``suppress`` of ``TimeoutError``, and where time is the loop's own (``tests.loop_time``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from sources import Source, sources

CLOCKS = {"monotonic", "perf_counter", "process_time", "time"}
WAITERS = {"timeout", "wait_for"}
SHELL = re.compile(r"(?:^|[\s\"';&|(])timeout (?:-\S+ (?:[A-Z]+ )?)*\d+[smh]? +[\w./$\"{]")
BOUND = "an upper bound on a time that was measured"
MOMENT = "a moment some seconds from now, before which something has to happen"
LIMIT = "a limit in seconds for what will come"
COMMAND = "a command that is ended after some seconds"


def findings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what is wrong)."""
    ends, spans = _expected_ends(tree), _spans(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _is_upper_bound(node, spans):
            yield node.lineno, BOUND
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_from_now(node):
            yield node.lineno, MOMENT
        elif isinstance(node, ast.Call) and node.lineno not in ends and _is_limited(node):
            yield node.lineno, LIMIT
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SHELL.search(node.value):
            yield node.lineno, COMMAND


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_limited(call: ast.Call) -> bool:
    """Whether a number of seconds ends it; marks of pytest and ``asyncio.wait``, which ends nothing, aside."""
    if "mark" in ast.unparse(call.func) or ast.unparse(call.func) == "asyncio.wait":
        return False
    given = [word.value for word in call.keywords if word.arg == "timeout"]
    given += call.args[-1:] if _name(call) in WAITERS else []
    return any(isinstance(value, ast.Constant) and isinstance(value.value, int | float) for value in given)


def _reads_clock(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _name(node) in CLOCKS and not node.args


def _is_from_now(node: ast.BinOp) -> bool:
    return _reads_clock(node.left) and isinstance(node.right, ast.Constant)


def _is_span(node: ast.expr) -> bool:
    """What passed since a moment."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _reads_clock(node.left)


def _spans(tree: ast.AST) -> set[str]:
    """Names that hold what passed since a moment."""
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and _is_span(node.value)]
    return {target.id for node in made for target in node.targets if isinstance(target, ast.Name)}


def _is_upper_bound(node: ast.Compare, spans: set[str]) -> bool:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        less = left if isinstance(operator, ast.Lt | ast.LtE) else right
        ordered = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        if ordered and (_is_span(less) or (isinstance(less, ast.Name) and less.id in spans)):
            return True
    return False


def _expected_ends(tree: ast.AST) -> set[int]:
    """Lines below something that expects a ``TimeoutError``."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            heads = " ".join(ast.unparse(item.context_expr) for item in node.items)
            if re.search(r"(raises|suppress)\(.*TimeoutError", heads):
                lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _is_asked(one: Source) -> bool:
    """Those aside that quote what is refused, or whose time is the loop's own."""
    quotes = one.path == "tests/house/test_patience.py" or one.path.startswith("tests/planted/")
    return not quotes and "from tests.loop_time import" not in one.text


def test_no_test_depends_on_how_fast_the_machine_is() -> None:
    found = [
        f"{one.path}:{line}: {what}" for one in sources("tests") if _is_asked(one) for line, what in findings(one.tree)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("assert time.monotonic() - begun < 5", [BOUND]),
        ("took = loop.time() - begun\nassert took < 2", [BOUND]),
        ("assert 0.5 >= loop.time() - begun", [BOUND]),
        ("assert loop.time() - begun >= 0.9", []),
        ("end = time.monotonic() + 8", [MOMENT]),
        ("end = time.monotonic() + PATIENT", []),
        ("async def a():\n async with asyncio.timeout(5):\n  pass", [LIMIT]),
        ("async def a():\n async with asyncio.timeout(PATIENT):\n  pass", []),
        ("async def a():\n with pytest.raises(TimeoutError):\n  async with asyncio.timeout(0.1):\n   pass", []),
        ("async def a():\n await asyncio.wait_for(it, 30)", [LIMIT]),
        ("run(x, timeout=60)", [LIMIT]),
        ('run("timeout 8 fettle run")', [COMMAND]),
        ('run("timeout --signal INT 8s .venv/bin/fettle run")', [COMMAND]),
        ('say("session timeout: 30m")', []),
    ],
)
def test_what_is_refused_is_what_would_be_a_race(text: str, wrong: list[str]) -> None:
    assert [what for _, what in findings(ast.parse(text))] == wrong
