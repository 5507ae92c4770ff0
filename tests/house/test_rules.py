"""Rules that a reader relies on without looking: time, broad excepts, who acts, which tags the audit knows."""

import ast
import re

from sources import PRODUCTION, Source, production, sources

from bot.domain.audit import TAGS

CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
TAG = re.compile(r"^[a-z]+:[a-z]+:[a-z]+$")
NO_TAGS = re.compile(r"^(https?|urn|system):")


def test_only_the_clock_asks_for_the_time() -> None:
    asked = [
        f"{one.path}:{node.lineno}"
        for one in production()
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in CLOCKS
        and one.path != "bot/clock.py"
    ]
    assert not asked


def test_only_the_settings_read_the_environment() -> None:
    reading = [
        f"{one.path}:{node.lineno}"
        for one in production()
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and one.path != "bot/settings.py"
    ]
    assert not reading


def test_every_broad_except_gives_its_reason() -> None:
    """The reason stands on the line itself or in a comment on the line before or after it."""
    silent = []
    for one in sources(*PRODUCTION):
        for node in ast.walk(one.tree):
            broad = isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name)
            if broad and node.type.id in {"Exception", "BaseException"}:  # type: ignore[union-attr]
                near = one.lines[node.lineno - 2 : node.lineno + 1]
                if not any("#" in line for line in near) and not _reraises(node):
                    silent.append(f"{one.path}:{node.lineno}")
    assert not silent


def _reraises(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Raise) for inner in ast.walk(node))


def test_only_the_execute_stage_calls_apply() -> None:
    callers = {
        one.path
        for one in production()
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply"
    }
    assert callers == {"bot/workflow/execute.py"}


def test_only_the_silencing_stage_writes_to_alertmanager() -> None:
    callers = {
        one.path
        for one in production()
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"set_silence", "end_silence"}
    }
    assert callers == {"bot/workflow/silencing.py"}


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    left = [
        f"{one.path}:{number}"
        for one in sources(*PRODUCTION, "docs", "bench")
        for number, line in enumerate(one.lines, start=1)
        if marks.search(line)
    ]
    assert not left


def _tags(one: Source) -> tuple[set[str], set[str]]:
    """Tags written out, and beginnings of tags whose end is put in (``f"incident:state:{...}"``)."""
    inside = {id(part) for node in ast.walk(one.tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    whole, begun = set(), set()
    for node in ast.walk(one.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            if TAG.match(node.value):
                whole.add(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            start = str(node.values[0].value)
            if re.match(r"^[a-z]+:[a-z]+:$", start):
                begun.add(start)
    return whole, begun


def test_every_audit_tag_that_is_written_is_known_and_every_known_one_is_written() -> None:
    objects = {tag.split(":")[0] for tag in TAGS}
    whole: set[str] = set()
    begun: set[str] = set()
    for one in production():
        if one.path == "bot/domain/audit.py":
            continue
        found, starts = _tags(one)
        whole |= {tag for tag in found if tag.split(":")[0] in objects}
        begun |= {start for start in starts if start.split(":")[0] in objects}
    assert not whole - set(TAGS)
    assert not [tag for tag in TAGS if tag not in whole and not any(tag.startswith(start) for start in begun)]
