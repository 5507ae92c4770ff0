"""``fettle playbooks replay``: recorded notifications through the intake's own rules, and which playbook each gets.

A store of its own holds what comes in and is gone afterwards; nobody is asked and nothing is sent. Exit codes: 0 done,
1 lines that could not be used, 2 the file or the playbooks have to be put right first.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from alerts import payload
from bot.domain.alert import AlertGroup
from bot.domain.errors import ConfigError, RequestError
from bot.domain.incident import Incident
from bot.domain.severity import highest, severity_of
from bot.playbooks import loader
from bot.playbooks.choose import PlaybookSet
from bot.settings import IncidentSettings, load_incidents_only
from bot.storage import incident_alerts, incidents
from bot.storage.db import Store, Tx
from bot.workflow.intake import IntakeRules, receive

CHANNEL = "replay"
MOST_INCIDENTS = 100_000


@dataclass(frozen=True)
class Line:
    """One recorded notification; ``problem`` says why it can't be used."""

    number: int
    at: datetime | None = None
    group: AlertGroup | None = None
    problem: str = ""


@dataclass
class Replayed:
    """What came of it all. ``playbooks`` is by incident, as it was chosen when the incident was first seen."""

    deliveries: int = 0
    alerts: int = 0
    duplicates: int = 0
    quarantined: int = 0
    unusable: list[str] = field(default_factory=list)
    playbooks: dict[int, str] = field(default_factory=dict)


def main(file: Path, env_file: Path, folder: Path | None, *, as_json: bool) -> int:
    """Replays and prints a line for each incident, then the counts."""
    settings = load_incidents_only(env_file=env_file)
    found = loader.load(folder or settings.PLAYBOOKS_DIR)
    done = Replayed()
    with tempfile.TemporaryDirectory(prefix="fettle-replay-") as kept:
        store = Store.open(f"sqlite:///{kept}/replay.db")
        try:
            _play(store, file, settings, found, done)
            every = list(reversed(store.read_now(incidents.list_recent, limit=MOST_INCIDENTS)))
        finally:
            store.close_now()
    for line in _json(every, done) if as_json else _told(every, done):
        typer.echo("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line))
    for sentence in done.unusable:
        typer.echo(sentence, err=True)
    return 1 if done.unusable else 0


def _play(store: Store, file: Path, settings: IncidentSettings, found: PlaybookSet, done: Replayed) -> None:
    rules = IntakeRules(
        CHANNEL, settings.CLUSTER_NAME, settings.REOPEN_WINDOW, settings.SEVERITY_MAP, playbooks=lambda: found
    )
    before: datetime | None = None
    for line in lines(file):
        if line.group is None:
            done.unusable.append(f"{file}, line {line.number}: {line.problem}")
            continue
        at = line.at or _latest(line.group) or before
        if at is None:
            done.unusable.append(f"{file}, line {line.number}: it has no time, and neither have its alerts.")
            continue
        before = at if before is None else max(at, before)  # a clock that goes back would reorder what happened
        store.transact_now(_step, line.group, before, rules, found, done)


def _step(tx: Tx, group: AlertGroup, at: datetime, rules: IntakeRules, found: PlaybookSet, done: Replayed) -> None:
    receipt = receive(tx, group, at, rules)
    done.deliveries += 1
    done.alerts += receipt.accepted
    done.duplicates += receipt.duplicates
    done.quarantined += receipt.quarantined
    for number in receipt.incidents:
        if number not in done.playbooks:
            labels = incident_alerts.labels_of(tx, number)
            severity = highest(severity_of(one, rules.severities) for one in labels)
            done.playbooks[number] = found.choose_for(labels, severity).name


def lines(file: Path) -> Iterator[Line]:
    """Each line: ``{"at": RFC 3339, "body": notification}``, or the notification alone; blank ones are left out."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            for number, text in enumerate(opened, start=1):
                if text.strip():
                    yield _line(number, text)
    except OSError as error:
        raise ConfigError([f"{file} can't be read ({error.strerror}): name a file of notifications."]) from error


def _line(number: int, text: str) -> Line:
    try:
        found = json.loads(text)
        wrapped = isinstance(found, dict) and "body" in found
        at = _time(found["at"]) if wrapped and found.get("at") else None
        return Line(number, at, payload.parse(json.dumps(found["body"] if wrapped else found).encode()))
    except RequestError as error:
        return Line(number, problem=str(error))
    except (ValueError, TypeError, RecursionError) as error:
        return Line(number, problem=f"it is no JSON, or its time is none ({error}).")


def _time(given: str) -> datetime:
    at = datetime.fromisoformat(given)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _latest(group: AlertGroup) -> datetime | None:
    """When it can have been sent at the earliest: the newest time that its alerts name."""
    return max((at for one in group.alerts for at in (one.starts_at, one.ends_at) if at is not None), default=None)


def _told(every: list[Incident], done: Replayed) -> Iterator[str]:
    for one in every:
        where = f" in {one.namespace}" if one.namespace else ""
        again = f", {one.episodes} times" if one.episodes > 1 else ""
        many = f", {one.alerts_total} alerts" if one.alerts_total > 1 else ""
        yield (
            f"{one.opened_at:%Y-%m-%d %H:%M}  {one.ref}  {one.severity.name}  {one.alertname}{where}{many}{again}: "
            f"{done.playbooks[one.id]}, {one.state}"
        )
    yield ""
    yield (
        f"{done.deliveries} notifications, {done.alerts} alerts ({done.duplicates} seen before, "
        f"{done.quarantined} quarantined): {len(every)} incidents."
    )
    for name, count in Counter(done.playbooks.values()).most_common():
        yield f"{count:6}  {name}"


def _json(every: list[Incident], done: Replayed) -> Iterator[str]:
    for one in every:
        row: Mapping[str, Any] = {
            "incident": one.id, "at": one.opened_at.isoformat(), "severity": one.severity.name, "alert": one.alertname,
            "namespace": one.namespace, "alerts": one.alerts_total, "episodes": one.episodes, "state": str(one.state),
            "playbook": done.playbooks[one.id],
        }  # fmt: skip
        yield json.dumps(row, ensure_ascii=False)
    counts = {name: value for name, value in asdict(done).items() if isinstance(value, int)}
    yield json.dumps({**counts, "incidents": len(every), "unusable": len(done.unusable)}, ensure_ascii=False)
