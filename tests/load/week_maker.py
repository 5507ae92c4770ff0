"""Makes tests/captures/week.jsonl: a week of one team's deliveries, with a fixed seed; made up, of nobody real.

Each line is a delivery and when it arrived; the last line says how many incident episodes the week truly had. It holds
plain episodes with repeats, flapping, twin Alertmanagers that send everything twice, firing notices that come late
after their own resolve, resolves that were lost, and one night on which sixty workloads fail at once.

    python tests/load/week_maker.py
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

WEEK = Path(__file__).resolve().parents[1] / "captures" / "week.jsonl"
START = datetime(2026, 11, 9, tzinfo=UTC)
STILL_FIRING = "0001-01-01T00:00:00Z"
NAMES = ("HighErrorRate", "HighLatency", "KubeDeploymentReplicasMismatch", "KubePodNotReady")

Arrival = tuple[datetime, dict[str, Any]]


def stamp(at: datetime) -> str:
    """A time as senders write it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def alert(labels: dict[str, str], starts: datetime, ends: datetime | None = None) -> dict[str, Any]:
    """One alert, resolved if it has an end."""
    status = "firing" if ends is None else "resolved"
    end = STILL_FIRING if ends is None else stamp(ends)
    return {"status": status, "labels": labels, "startsAt": stamp(starts), "endsAt": end}


def delivery(at: datetime, *alerts: dict[str, Any]) -> Arrival:
    """One notification of the group that the first alert belongs to."""
    labels = alerts[0]["labels"]
    key = "{}:{" + f'alertname="{labels["alertname"]}", deployment="{labels["deployment"]}"' + "}"
    status = "firing" if any(one["status"] == "firing" for one in alerts) else "resolved"
    return at, {"version": "4", "status": status, "groupKey": key, "alerts": list(alerts)}


class Week:
    """Deliveries and how many incident episodes they truly are."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.arrivals: list[Arrival] = []
        self.episodes = 0

    def labels(self, number: int) -> dict[str, str]:
        """The alert of one workload; it is always the same one."""
        severity = ("critical", "warning", "info")[number % 3]
        name = NAMES[number % len(NAMES)]
        return {"alertname": name, "namespace": "shop", "deployment": f"app-{number:02d}", "severity": severity}

    def episode(self, number: int, at: datetime, minutes: float) -> datetime:
        """Fires, repeats each four hours, resolves; answers when it was over."""
        labels, ends = self.labels(number), at + timedelta(minutes=minutes)
        self.episodes += 1
        notice = at + timedelta(seconds=30)
        while notice < ends:
            self.arrivals.append(delivery(notice, alert(labels, at)))
            notice += timedelta(hours=4)
        self.arrivals.append(delivery(ends + timedelta(seconds=5), alert(labels, at, ends)))
        return ends

    def twins(self, number: int, at: datetime) -> None:
        """Two Alertmanagers send the same, the second a firing once more after the resolve."""
        labels, ends = self.labels(number), at + timedelta(minutes=9)
        self.episodes += 1
        for second in (30, 33):
            self.arrivals.append(delivery(at + timedelta(seconds=second), alert(labels, at)))
        self.arrivals.append(delivery(ends + timedelta(seconds=1), alert(labels, at, ends)))
        self.arrivals.append(delivery(ends + timedelta(seconds=3), alert(labels, at)))
        self.arrivals.append(delivery(ends + timedelta(seconds=6), alert(labels, at, ends)))

    def lost_resolve(self, number: int, at: datetime) -> None:
        """It fires, its resolve is lost, it fires anew: people saw one incident."""
        again = at + timedelta(hours=2)
        labels, ends = self.labels(number), again + timedelta(minutes=20)
        self.episodes += 1
        self.arrivals.append(delivery(at + timedelta(seconds=30), alert(labels, at)))
        self.arrivals.append(delivery(again + timedelta(seconds=30), alert(labels, again)))
        self.arrivals.append(delivery(ends, alert(labels, again, ends)))

    def flapping(self, number: int, at: datetime, times: int) -> None:
        """Short episodes with short pauses: each reopens the incident."""
        for _ in range(times):
            over = self.episode(number, at, self.rng.uniform(2, 8))
            at = over + timedelta(minutes=self.rng.uniform(3, 12))

    def storm(self, at: datetime, workloads: int) -> None:
        """Many workloads within seconds, all over after an hour."""
        for number in range(workloads):
            self.episode(100 + number, at + timedelta(seconds=number % 5), 60)

    def lines(self) -> Iterator[str]:
        """The file's lines, in the order of arrival."""
        for at, body in sorted(self.arrivals, key=lambda one: one[0]):
            yield json.dumps({"at": stamp(at), "body": body}, separators=(",", ":"))
        yield json.dumps({"episodes": self.episodes})


def week(seed: int = 7) -> Week:
    """Seven days: each workload has its own trouble, at its own hour."""
    made = Week(seed)
    for day in range(7):
        morning = START + timedelta(days=day)
        for number in range(6):
            at = morning + timedelta(hours=number * 3, minutes=made.rng.uniform(0, 60))
            made.episode(number, at, made.rng.choice([4, 11, 35, 90, 300]) if number else 700)
        made.flapping(6 + day % 2, morning + timedelta(hours=9), times=6)
        made.twins(8, morning + timedelta(hours=14))
        made.lost_resolve(9, morning + timedelta(hours=16))
    made.storm(START + timedelta(days=2, hours=3), workloads=60)
    return made


if __name__ == "__main__":
    WEEK.write_text("".join(f"{line}\n" for line in week().lines()), encoding="utf-8")
