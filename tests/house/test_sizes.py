"""Modules and functions stay small enough to be read in one sitting."""

import ast

from sources import EVERYTHING, PRODUCTION, sources

MODULE, FUNCTION, TEST_MODULE = 400, 60, 500
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "manager.py", "service.py", "util.py", "helper.py", "misc.py"}


def test_modules_stay_under_400_lines() -> None:
    long = {one.path: len(one.lines) for one in sources(*PRODUCTION, "docs", "bench") if len(one.lines) >= MODULE}
    assert not long


def test_test_modules_stay_under_500_lines() -> None:
    assert not {one.path: len(one.lines) for one in sources("tests") if len(one.lines) >= TEST_MODULE}


def test_functions_stay_under_60_lines() -> None:
    long = []
    for one in sources(*EVERYTHING):
        for node in ast.walk(one.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines >= FUNCTION:
                    long.append(f"{one.path}:{node.lineno} {node.name} has {lines}")
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [one.path for one in sources(*EVERYTHING) if one.path.rsplit("/", 1)[-1] in FORBIDDEN_NAMES]


def test_every_module_opens_with_why_it_exists() -> None:
    assert not [one.path for one in sources(*PRODUCTION, "bench") if not ast.get_docstring(one.tree)]
