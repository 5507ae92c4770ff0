"""What a playbook wants measured is asked of Prometheus over its API, before the action and after it."""
# ruff: noqa: D102 - the methods of the stand-in are the routes that they are named after

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.snapshot import AlertSeen
from bot.domain.verification import Check, CheckState, Verdict, Verification
from bot.integrations.door import Access
from bot.integrations.prometheus import Prometheus, Rule
from bot.integrations.sources import Sources
from bot.playbooks.shelf import Shelf
from bot.workflow.measuring import alerts_now

from .floor import LABELS, Floor

PLAYBOOK = (
    "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods, metrics]\n"
    'queries: [{name: failed, expr: \'failed{namespace="$namespace", pod=~"$pods"}\', unit: ratio}]\n'
    "findings: {crash_loop: [restart]}\n"
    "verification: {metrics: [{query: failed, below: 0.01, than_before: better, samples: 2, settle: 20s}]}\n"
)


@dataclass
class Numbers:
    """A Prometheus of the test's own: one number, one rule; None answers with no data."""

    failed: float | str | None = 0.34
    firing: bool = True
    known: bool = True
    refuses: bool = False
    evaluated: str = ""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def query(self, request: web.Request) -> web.Response:
        form = {**request.query, **(await request.post() if request.method == "POST" else {})}
        self.asked.append(str(form["query"]))
        if self.refuses:
            return web.json_response({"status": "error", "errorType": "internal", "error": "boom"}, status=500)
        value = {"metric": {}, "value": [float(str(form["time"])), str(self.failed)]}
        rows = [] if self.failed is None else [value]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": rows}})

    async def rules(self, _request: web.Request) -> web.Response:
        labels = {key: value for key, value in LABELS.items() if key != "severity"}
        active = [{"labels": labels, "state": "firing"}] if self.firing else []
        rule = {
            "name": "KubePodCrashLooping", "query": "up", "health": "ok", "lastEvaluation": self.evaluated,
            "alerts": active,
        }  # fmt: skip
        groups = [{"rules": [rule]}] if self.known else []
        return web.json_response({"status": "success", "data": {"groups": groups}})


@pytest.fixture
async def numbers(floor: Floor, tmp_path: Path) -> AsyncIterator[Numbers]:
    made = Numbers()
    app = web.Application()
    app.router.add_route("*", "/api/v1/query", made.query)
    app.router.add_get("/api/v1/rules", made.rules)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    client = Prometheus(Access("Prometheus", "PROMETHEUS", made.url))
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "pod-crash-looping.yaml").write_text(PLAYBOOK)
    floor.switch(playbooks=Shelf(tmp_path / "books"), sources=Sources(prometheus=client))
    yield made
    await client.close()
    await runner.cleanup()


async def approved(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    answer = await floor.approve(proposal)
    assert answer.ok, answer.text
    await floor.run(Stage.EXECUTE)


async def verdict(floor: Floor, numbers: Numbers) -> Verification:
    """Looks until there is one; the rule is evaluated at every look."""
    for _ in range(200):
        floor.advance(30)
        numbers.evaluated = floor.now().isoformat()
        await floor.run(Stage.VERIFY)
        found = await floor.verification()
        if found.verdict is not Verdict.MEASURING:
            return found
    raise AssertionError(found)


def row(found: Verification, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


async def test_a_number_that_got_better_and_an_alert_that_cleared_pass(floor: Floor, numbers: Numbers) -> None:
    await approved(floor)
    numbers.failed, numbers.firing = 0.001, False
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.PASS
    assert row(found, "failed").measured == "0.1 % (was 34 %)"
    assert row(found, "failed").expected == "below 1 %, better than 34 % before"
    assert row(found, "alerts").measured.startswith("cleared")
    before, after = numbers.asked[0], numbers.asked[-1]
    assert before.startswith('failed{namespace="shop", pod=~"')
    assert before != after, "the new pods have other names"


async def test_a_number_that_stays_bad_fails_at_the_deadline(floor: Floor, numbers: Numbers) -> None:
    await approved(floor)
    numbers.firing = False
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.FAIL
    assert row(found, "failed").state is CheckState.BAD
    assert row(found, "rollout").state is CheckState.GOOD
    assert (await floor.incident(found.incident_id)).state is IncidentState.ACKNOWLEDGED


@pytest.mark.parametrize(
    "changes",
    [{"failed": None}, {"failed": "NaN"}, {"refuses": True}],
    ids=["no data", "not a number", "Prometheus fails"],
)
async def test_a_number_that_is_not_there_is_inconclusive(
    floor: Floor, numbers: Numbers, changes: dict[str, Any]
) -> None:
    await approved(floor)
    numbers.firing = False
    for name, value in changes.items():
        setattr(numbers, name, value)
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert row(found, "failed").state is CheckState.UNMEASURED


async def test_without_a_value_from_before_better_can_not_be_told(floor: Floor, numbers: Numbers) -> None:
    numbers.failed = None
    await approved(floor)
    numbers.failed, numbers.firing = 0.001, False
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "nothing to compare with" in row(found, "failed").measured


async def test_an_alert_that_fires_to_the_end_is_inconclusive(floor: Floor, numbers: Numbers) -> None:
    await approved(floor)
    numbers.failed = 0.001
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert row(found, "alerts").measured == "1 of 1 still firing"


async def test_a_prometheus_without_the_rule_judges_no_alert(floor: Floor, numbers: Numbers) -> None:
    await approved(floor)
    numbers.failed, numbers.known = 0.001, False
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.PASS
    assert row(found, "alerts").state is CheckState.ABSENT


async def test_a_playbook_that_measures_needs_a_prometheus(floor: Floor, numbers: Numbers) -> None:
    """Measured nowhere is not measured: the playbook's wish isn't dropped in silence."""
    floor.switch(sources=Sources())
    await approved(floor)
    numbers.failed, numbers.firing = 0.001, False
    found = await verdict(floor, numbers)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "no Prometheus is configured" in row(found, "failed").measured


async def test_what_was_planned_stands_in_the_audit_with_the_value_before(floor: Floor, numbers: Numbers) -> None:
    await approved(floor)
    execution = await floor.execution()
    planned = execution.baseline["checks"]
    assert [(one["name"], one["before"]) for one in planned] == [("failed", 0.34)]
    assert json.dumps(planned)
    assert numbers.asked


def test_an_alert_is_ours_when_all_its_labels_are_among_ours() -> None:
    """Prometheus adds labels to what it sends, so ours are more; one label that differs is another alert."""
    seen = [AlertSeen({"alertname": "A", "pod": "x", "prometheus": "main"}), AlertSeen({"alertname": "A", "pod": "y"})]
    rules = [Rule("A", "up", ({"alertname": "A", "pod": "x"}, {"alertname": "A", "pod": "z"}))]
    now = alerts_now(rules, seen, ["A", "B"], 2)
    assert (now.firing, now.total, now.missing) == (1, 2, ("B",))
