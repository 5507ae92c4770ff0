"""A handler's data stands among an incident's evidence, and each load of handlers is in the audit."""

from typing import Any

from bot.domain.evidence import EvidenceStatus
from bot.domain.owed import Stage
from bot.evidence.handlers import Handler, Handlers
from bot.storage import evidence as evidence_rows
from bot.workflow import reloading

from .floor import API, LABELS, Floor


def told(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "enriched_data": {"customers": 3, "pod": item["labels"].get("pod", "")}}


def handlers(enrich: Any = told, digest: str = "a" * 64) -> Handlers:
    return Handlers([Handler(LABELS["alertname"], "folder/file.py", digest, enrich)])


async def test_its_data_is_evidence_beside_the_rest(floor: Floor) -> None:
    floor.switch(handlers=handlers())
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    found = {one.source: one for one in await floor.store.read(evidence_rows.of, incident.id)}
    assert found[f"handler:{LABELS['alertname']}"].data["customers"] == 3
    assert found["pods"].status is EvidenceStatus.OK


async def test_it_does_not_pass_for_an_answer_of_the_cluster(floor: Floor) -> None:
    """A cluster that can't be asked is asked again, whatever a handler knows."""
    floor.switch(handlers=handlers())
    incident = await floor.alert()
    assert (await floor.verbs.choose_target(incident.id, API.key, await floor.person("ana"))).ok
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.INVESTIGATE)
    assert (await floor.owed()).get("investigate") == 1
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "unreachable"


async def test_every_load_is_audited_with_its_hash(floor: Floor) -> None:
    for found in (Handlers(), handlers(), handlers(digest="b" * 64), Handlers(), Handlers()):
        await floor.store.transact(reloading.record_handlers, found, floor.now())
    entries = sorted(await floor.entries("system:handlers:loaded"), key=lambda entry: entry.seq)
    details = [entry.detail or {} for entry in entries]
    assert [[*one["handlers"]] for one in details] == [[LABELS["alertname"]], [LABELS["alertname"]], []]
    assert details[0]["handlers"][LABELS["alertname"]] == {"from": "folder/file.py", "hash": "a" * 64}
    assert details[1]["before"] == details[0]["hash"]
