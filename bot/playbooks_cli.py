"""``fettle playbooks``: which playbooks there are, whether a folder is right, and why an alert gets which one.

It works without Slack and without a cluster, reads the store for ``--incident`` alone, and changes nothing. Exit codes:
0 done, 1 playbooks are wrong or what was asked came out bad, 2 a file, a folder or an incident has to be named right
first, each with a sentence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from alerts import payload
from bot.domain import recorded
from bot.domain.alert import Alert, correlation_key
from bot.domain.errors import ConfigError
from bot.domain.finding import Finding
from bot.domain.mitigation import Action
from bot.domain.severity import Severity, highest, severity_of
from bot.domain.snapshot import Snapshot
from bot.findings import ranked
from bot.playbooks import difference, loader, needs
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.chosen import Planned, plan
from bot.playbooks.explained import Explained, Possible, explain, guard_words, measure_words, routing_words
from bot.playbooks.schema import Playbook
from bot.settings import IncidentSettings, load_database_only, load_incidents_only
from bot.storage import snapshots
from bot.storage.db import Store

LATER = "fits too, and is asked later"
AVAILABLE = tuple(str(action) for action in Action)
"""What Fettle can carry out."""
MAX_FILE = 16 * 1024 * 1024


def list_playbooks(env_file: Path, *, as_json: bool) -> int:
    """Prints every playbook in the order in which they are asked."""
    found = loader.load(load_incidents_only(env_file=env_file).PLAYBOOKS_DIR)
    if as_json:
        _say(json.dumps(_listed(one, found), ensure_ascii=False) for one in found.playbooks)
        return 0
    rows = [("playbook", "whose", "may propose", "for")]
    rows += [
        (one.name, _whose(one, found), ", ".join(one.actions()) or "nothing", _for(one)) for one in found.playbooks
    ]
    _say(_aligned(rows))
    return 0


def check(folder: Path | None, env_file: Path, *, as_json: bool) -> int:
    """Says what is wrong in a folder (else PLAYBOOKS_DIR's), or what it changes against the built-in catalog."""
    folder = folder or load_incidents_only(env_file=env_file).PLAYBOOKS_DIR
    if folder is not None and not folder.is_dir():
        raise ConfigError([f"{folder} is no folder: name one that holds playbooks."])
    try:
        found = loader.load(folder)
    except ConfigError as error:
        if as_json:
            _say([json.dumps({"right": False, "sentences": error.sentences}, ensure_ascii=False)])
        else:
            _say(error.sentences, err=True)
        return 1
    changes = difference.diff(loader.built_in(), found)
    lacking = list(needs.lacking(found))
    if as_json:
        told = {
            "right": True, "hash": found.hash, "playbooks": len(found.playbooks), "own": sorted(found.own),
            "replaced": sorted(found.replaced), "changes": [asdict(one) for one in changes], "warnings": lacking,
        }  # fmt: skip
        _say([json.dumps(told, ensure_ascii=False)])
        return 0
    own = (
        f", {len(found.own)} of them from {folder} ({len(found.replaced)} in place of built-in ones)" if folder else ""
    )
    _say([f"All is right: {len(found.playbooks)} playbooks{own}.", f"Hash: {found.hash}"])
    _say(f"{'widens' if one.widens else 'changes'}  {one}" for one in changes)
    _say(f"warning  {one}" for one in lacking)
    return 0


@dataclass(frozen=True)
class Asked:
    """What ``explain`` is asked about: the alerts of a file, an incident of the store, or a recorded snapshot.

    With a file and a snapshot the file's alerts choose the playbook. ``save`` is where the snapshot is written to.
    """

    file: str = ""
    incident: int = 0
    snapshot: Path | None = None
    save: Path | None = None
    folder: Path | None = None


def explain_alert(asked: Asked, env_file: Path, *, as_json: bool) -> int:
    """Prints for each incident that the alerts would make which playbook it gets, and why."""
    settings = load_incidents_only(env_file=env_file)
    found = loader.load(asked.folder or settings.PLAYBOOKS_DIR)
    seen = _seen(asked, env_file)
    if seen is not None and asked.save is not None:
        _write(asked.save, seen)
    incidents = _incidents(asked.file, settings) if asked.file else _of_snapshot(seen, settings)
    told = [explain(found, labels, severity, AVAILABLE) for labels, severity in incidents]
    if not told:
        _say(["There is no alert that could be used."], err=True)
        return 1
    for one in told:
        planned = _planned(one.playbook, seen) if seen else None
        if as_json:
            _say([json.dumps(_explained(one, planned), ensure_ascii=False)])
        else:
            _say(_told(one, planned))
    return 0


def _seen(asked: Asked, env_file: Path) -> Snapshot | None:
    """The snapshot that is asked about; raises ``ConfigError`` when nothing or too much is asked."""
    if bool(asked.file) == bool(asked.incident) and not (asked.snapshot and not asked.file and not asked.incident):
        raise ConfigError(["Name a file with an alert, or an incident with --incident, or a --snapshot."])
    if asked.incident and asked.snapshot:
        raise ConfigError(["--incident has a snapshot of its own: leave --snapshot out."])
    if asked.save and not asked.incident:
        raise ConfigError(["--save writes the snapshot of an incident: name it with --incident."])
    if asked.snapshot:
        return _snapshot(asked.snapshot)
    if not asked.incident:
        return None
    store = Store.open(load_database_only(env_file=env_file).DATABASE_URL, lock=False, query_only=True)
    try:
        return store.read_now(snapshots.of, asked.incident)
    finally:
        store.close_now()


def _write(file: Path, seen: Snapshot) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            json.dump(recorded.dump(seen), opened, ensure_ascii=False, indent=1)
    except OSError as error:
        raise ConfigError([f"{file} can't be written ({error.strerror}): name a file that isn't there yet."]) from error


def _of_snapshot(
    seen: Snapshot | None, settings: IncidentSettings
) -> Iterator[tuple[list[Mapping[str, str]], Severity]]:
    labels = [alert.labels for alert in seen.alerts] if seen else []
    if labels:
        yield labels, highest(severity_of(one, settings.SEVERITY_MAP) for one in labels)


@dataclass(frozen=True)
class _Outcome:
    """What a recorded snapshot leads to."""

    findings: tuple[Finding, ...]
    planned: Planned


def _planned(playbook: Playbook, snapshot: Snapshot) -> _Outcome:
    findings = ranked.rank(snapshot)
    workload = snapshot.workload
    kind = snapshot.target.kind if snapshot.target else ""
    replicas = workload.replicas if workload else None
    return _Outcome(findings, plan(playbook, findings, AVAILABLE, kind=kind, replicas=replicas))


def _incidents(file: str, settings: IncidentSettings) -> Iterator[tuple[list[Mapping[str, str]], Severity]]:
    """The label sets and the severity of each incident, by the key that intake takes."""
    group = payload.parse(_bytes(file))
    kept: dict[str, list[Alert]] = {}
    for alert in group.alerts:
        kept.setdefault(correlation_key(group.group_key, alert), []).append(alert)
    for alerts in kept.values():
        severity = highest(severity_of(alert.labels, settings.SEVERITY_MAP) for alert in alerts)
        yield [alert.labels for alert in alerts], severity


def _bytes(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_FILE)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_FILE)
    except OSError as error:
        raise ConfigError([f"{file} can't be read ({error.strerror}): name a file, or - ."]) from error


def _snapshot(file: Path) -> Snapshot:
    try:
        return recorded.load(json.loads(_bytes(str(file))))
    except ValueError as error:
        raise ConfigError([f"{file} is no JSON ({error}): name a recorded snapshot."]) from error


def _told(one: Explained, outcome: _Outcome | None) -> Iterator[str]:
    yield f"{', '.join(name or '(no name)' for name in one.names)} · {one.severity.name}"
    if one.never_posted:
        yield "never posted: it exists to be silent, and only its absence says something"
        return
    playbook = one.playbook
    rows = [("playbook", f"{playbook.name} ({'yours' if one.own else 'built-in'}): {playbook.title}")]
    rows += [("routing", words) for words in routing_words(playbook, one.severity)]
    rows += [("evidence", ", ".join(playbook.evidence))]
    rows += [("asks", f"{query.title or query.name}: {query.expr}") for query in playbook.queries]
    rows += [("looks for", f"{way.cause}: {_way(way.mitigations)}") for way in one.ways]
    if words := [*guard_words(playbook.guards), *(f"never {action}" for action in playbook.guards.deny)]:
        rows += [("guards", "; ".join(words))]
    if playbook.approval.quorum > 1:
        rows += [("approval", f"{playbook.approval.quorum} different people")]
    if playbook.approval.none is not None:
        alone = f"{difference.alone_words(playbook.approval.none)}, if AUTONOMY_ACTIONS names the action"
        rows += [("approval", alone)]
    rows += [("measures", measured) for measured in map(measure_words, playbook.verification.metrics)]
    rows += list(_outcome(outcome)) if outcome else []
    close = [each for each in one.others if each.named]
    rows += [("not", f"{each.playbook.name}: {_missed(each.mismatch)}") for each in close]
    rest = len(one.others) - len(close)
    rows += [("not", f"{rest} others: they are for alerts of other names")] if rest else []
    yield from _aligned(rows)
    yield ""


def _way(mitigations: Sequence[Possible]) -> str:
    said = [(one.words, "by hand" if one.by_hand else one.against) for one in mitigations]
    shown = [f"{words} ({against})" if against else words for words, against in said]
    return " or ".join(shown) if shown else "nothing is proposed"


def _missed(mismatch: str) -> str:
    return f"{mismatch} doesn't hold" if mismatch else LATER


def _outcome(outcome: _Outcome) -> Iterator[tuple[str, str]]:
    for finding in outcome.findings:
        yield "found", f"{finding.cause}, confidence {finding.confidence}: {finding.sentence}"
    planned = outcome.planned
    if planned.suggestion is None:
        yield "proposed", f"nothing: {planned.why}"
    else:
        params = ", ".join(f"{name}={value}" for name, value in planned.suggestion.params.items())
        yield "proposed", f"{planned.suggestion.action}{f' ({params})' if params else ''}: {planned.why}"
    if planned.advice:
        yield "advice", planned.advice
    for one in planned.weighed:
        if one.against:
            yield "against", f"{one.suggestion.action}: {one.against}"


def _explained(one: Explained, outcome: _Outcome | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "alerts": list(one.names),
        "severity": one.severity.name,
        "never_posted": one.never_posted,
        "playbook": one.playbook.name,
        "own": one.own,
        "routing": routing_words(one.playbook, one.severity),
        "evidence": list(one.playbook.evidence),
        "queries": [{"name": query.name, "expr": query.expr} for query in one.playbook.queries],
        "findings": {
            way.cause: [{"mitigation": one.words, "against": one.against} for one in way.mitigations]
            for way in one.ways
        },
        "not": [{"playbook": each.playbook.name, "because": each.mismatch or LATER} for each in one.others],
    }
    if outcome is not None:
        planned = outcome.planned
        told["found"] = [asdict(finding) for finding in outcome.findings]
        told["proposed"] = asdict(planned.suggestion) if planned.suggestion else None
        told["why"], told["advice"] = planned.why, planned.advice
        told["weighed"] = [{"mitigation": each.suggestion.action, "against": each.against} for each in planned.weighed]
    return told


def _listed(one: Playbook, found: PlaybookSet) -> dict[str, Any]:
    return {"whose": _whose(one, found), "may_propose": one.actions(), **one.content()}


def _whose(one: Playbook, found: PlaybookSet) -> str:
    if one.name not in found.own:
        return "built-in"
    return "yours, in place of the built-in one" if one.name in found.replaced else "yours"


def _for(one: Playbook) -> str:
    severities = [f"severity {' or '.join(one.match.severity)}"] if one.match.severity else []
    return ", ".join((*one.match.alerts, *one.match.labels, *severities)) or "whatever no other one is for"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns in line; the last one as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])


def _say(lines: Iterable[str], *, err: bool = False) -> None:
    for line in lines:
        typer.echo(_printable(line), err=err)


def _printable(line: str) -> str:
    """Without control characters: what came with an alert must not repaint a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
