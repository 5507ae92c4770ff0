"""What the program does hangs on types: no branch looks for words that stand in a sentence for people."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

from sources import Source, production

SEARCHES = frozenset({
    "startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "rsplit", "replace",
    "find", "rfind", "index", "rindex", "count",
})  # fmt: skip
PROSE = re.compile(r"[A-Za-z']{2,}[:,;.]? [\w“{]|[a-z]{2,}[:.]? $|^[A-Z][a-z]+ [a-z]|^ [a-z]{2,} $")
"""Two words in a row, or one that another one has to follow."""
DEEPEST = 4
"""How many names may lead to a text."""

FOREIGN: Mapping[str, frozenset[str]] = {
    # Sentences of others, who have no code for what they mean; those are pinned by recordings.
    "bot/evidence/signatures.py": frozenset({"Traceback (most recent call last)", "at ", "from ", "File "}),
    "bot/findings/endings.py": frozenset({"unable to start container process: "}),
    "bot/findings/image_pull.py": frozenset({"ErrImagePull: ", "Back-off pulling image", "Failed to pull image"}),
    "bot/findings/quota.py": frozenset({"is forbidden: "}),
    "bot/findings/signs.py": frozenset({"Caused by"}),
    "bot/integrations/alertmanager.py": frozenset({"not found"}),
    "bot/integrations/loki.py": frozenset({"parse error"}),
    "bot/kube/logs.py": frozenset({"previous terminated", "waiting to start", "waiting to start: ", "dial tcp",
                                   "proxy error", "no route"}),
    "bot/kube/proxied.py": frozenset({"error trying to reach service"}),
    "bot/playbooks/pattern.py": frozenset({"too large"}),
    "bot/yaml_file.py": frozenset({"an alias"}),
}  # fmt: skip
OURS: Mapping[str, frozenset[str]] = {
    # Names that hold a space: of a variant that playbooks may name, of an artifact store, of a command in a container.
    "bot/findings/node_trouble.py": frozenset({"not ready"}),
    "bot/findings/quota.py": frozenset({"limit range"}),
    "bot/findings/stalled_controller.py": frozenset({"control plane"}),
    "bot/findings/volume_mount.py": frozenset({"attached elsewhere"}),
    "bot/mitigations/thread_dump.py": frozenset({"threads with kill -3"}),
    # A word between words, put there in the same function or written by whoever asks.
    "bot/domain/matchers.py": frozenset({" of "}),
    "bot/playbooks/wrong.py": frozenset({" or "}),
    "commands/act_words.py": frozenset({"to "}),
    # One sentence, which all who say it take from there.
    "bot/domain/decision.py": frozenset({"Nothing was done."}),
}


def test_no_branch_looks_for_words_of_a_sentence() -> None:
    """A state that is read from how a sentence begins changes with the sentence: give it an enum, a column, a field."""
    looked = {(one.path, words) for one in production() for words in _looked_for(one) if PROSE.search(words)}
    known = {(path, words) for table in (FOREIGN, OURS) for path, named in table.items() for words in named}
    assert looked - known == set()
    assert known - looked == set(), "what is allowed and isn't there any more"


def _looked_for(source: Source) -> Iterator[str]:
    names = _constants(source)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            yield from (words for side in (node.left, *node.comparators) for words in _texts(side, names))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SEARCHES:
            yield from (words for one in node.args[:1] for words in _texts(one, names))
        elif isinstance(node, ast.MatchValue):
            yield from _texts(node.value, names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            yield from (words for words in _keys(node.func.value, names))


def _keys(node: ast.expr, names: Mapping[str, ast.expr]) -> Iterator[str]:
    """What is looked up in a table that is written down: its keys are compared with what comes."""
    if isinstance(node, ast.Name) and node.id in names:
        node = names[node.id]
    for key in node.keys if isinstance(node, ast.Dict) else ():
        yield from _texts(key, names) if key is not None else ()


def _texts(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> Iterator[str]:
    """The texts that an expression is made of, constants of the project looked up by their name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.Name | ast.Attribute):
        found = names.get(ast.unparse(node)) if depth < DEEPEST else None
        yield from _texts(found, names, depth + 1) if found is not None else ()
    else:
        yield from (words for part in _parts(node) for words in _texts(part, names, depth))


def _parts(node: ast.expr) -> list[ast.expr]:
    """What a choice, a sum, or a set of texts is made of."""
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return node.elts
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozenset"
    return node.args if made else []  # type: ignore[union-attr]


def _constants(source: Source) -> Mapping[str, ast.expr]:
    """What the module's constants and those it imports are set to, by the name under which it knows them."""
    made = dict(_own(source.path))
    modules = _modules()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for one in node.names:
            whole, known = modules.get(f"{node.module}.{one.name}"), modules.get(node.module)
            name = one.asname or one.name
            if whole is not None:
                made |= {f"{name}.{key}": value for key, value in _own(whole.path).items()}
            elif known is not None and one.name in _own(known.path):
                made[name] = _own(known.path)[one.name]
    return made


@cache
def _modules() -> Mapping[str, Source]:
    return {one.path.removesuffix(".py").replace("/", "."): one for one in production()}


@cache
def _own(path: str) -> Mapping[str, ast.expr]:
    made: dict[str, ast.expr] = {}
    for node in next(one for one in production() if one.path == path).tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            made[node.target.id] = node.value
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name):
                made[target.id] = node.value  # type: ignore[union-attr]
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):  # type: ignore[union-attr]
                pairs = zip(target.elts, node.value.elts, strict=False)  # type: ignore[union-attr]
                made |= {name.id: value for name, value in pairs if isinstance(name, ast.Name)}
    return made
