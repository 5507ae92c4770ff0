"""Links to dumps: for approvers, for an hour, audited; the link itself is in one answer and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import boto3
import pytest

from bot.domain.artifact import Artifact, Draft
from bot.domain.errors import RejectedError
from bot.domain.execution import Execution
from bot.domain.proposal import sha256
from bot.integrations.artifacts import Artifacts
from bot.integrations.artifacts_folder import Folder
from bot.integrations.artifacts_s3 import S3, Bucket
from bot.integrations.sources import Sources
from bot.jobs import Jobs
from bot.mitigations.heap_dump import MITIGATION
from bot.mitigations.verb import Brought
from bot.storage import artifacts, incidents, people
from bot.storage.tx import Tx
from bot.workflow import brought

from .floor import Floor

REGION = "eu-central-1"
DATA = b"what every thread does"


@pytest.fixture
async def lending(floor: Floor, moto: str, credentials: None) -> AsyncIterator[Floor]:  # noqa: ARG001 - the environment
    """A bucket for dumps."""
    aws = boto3.session.Session().client("s3", endpoint_url=moto, region_name=REGION)
    name = f"dumps-{uuid4().hex[:10]}"
    aws.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    store = S3(Bucket(name, "fettle", REGION, moto))
    floor.switch(sources=Sources(artifacts=store))
    yield floor
    await store.close()


async def kept(floor: Floor) -> Artifact:
    """A dump that Bo asked for and Ana approved, in the store."""
    execution = await floor.executed()
    store = floor.ctx.sources.artifacts
    assert store is not None
    digest = sha256(DATA.decode())
    async with await store.begin(Draft("e1-heap.hprof", len(DATA), digest, execution.uid)) as upload:
        await upload.append(DATA)
        made = await upload.finish()
    await floor.store.transact(_record, floor, execution, Brought(made, "by jcmd"))
    return (await floor.store.read(artifacts.left))[0]


def _record(tx: Tx, floor: Floor, execution: Execution, what: Brought) -> None:
    how = MITIGATION.bringing
    assert how is not None
    incident = incidents.get(tx, execution.incident_id)
    brought.record(tx, floor.ctx, execution, incident, how, what, floor.now())


async def everything(floor: Floor) -> str:
    """All that the database holds, as text."""

    def dump(tx: Tx) -> str:
        tables = [row[0] for row in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        return "".join(str(tx.execute(f"SELECT * FROM {name}").fetchall()) for name in tables)  # noqa: S608 - its own

    return await floor.store.read(dump)


async def test_an_approver_gets_a_link_that_works_and_the_audit_says_who_and_until_when(
    lending: Floor, capfd: pytest.CaptureFixture[str]
) -> None:
    one = await kept(lending)
    answer = await lending.verbs.lend(one.id, await lending.person("ana"))
    assert answer.ok, answer.text
    async with aiohttp.ClientSession() as web, web.get(answer.link) as reply:
        assert await reply.read() == DATA
    assert "X-Amz-Expires=3600" in answer.link
    (entry,) = await lending.entries("artifact:link")
    until = (lending.now() + timedelta(hours=1)).isoformat()[:15]
    assert entry.actor == (await lending.person("ana")).id
    assert entry.subject == f"artifact:{one.id}"
    assert entry.detail is not None
    assert str(entry.detail["until"]).startswith(until)
    signature = answer.link.partition("X-Amz-Signature=")[2][:40]
    said = capfd.readouterr()
    for place in (await everything(lending), answer.text, repr(answer), said.out, said.err):
        assert signature not in place
        assert "X-Amz" not in place


async def test_whoever_asked_for_the_dump_may_have_it_if_they_may_approve(lending: Floor) -> None:
    one = await kept(lending)
    lending.configure(APPROVERS=("U0BO", "U0ANA"))
    proposal = await lending.proposal()
    assert "U0BO" not in proposal.approvers
    assert not (await lending.verbs.lend(one.id, await lending.person("bo"))).ok, "its own list doesn't name Bo"
    assert (await lending.verbs.lend(one.id, await lending.person("ana"))).ok


@pytest.mark.parametrize(
    ("by", "facts", "words"),
    [
        ("bo", {}, "for those who may approve"),
        ("ana", {"deleted": True}, "deactivated"),
        ("ana", {"stranger": True}, "another organisation"),
    ],
)
async def test_others_get_a_sentence_and_no_link(lending: Floor, by: str, facts: dict[str, bool], words: str) -> None:
    one = await kept(lending)
    await lending.store.transact(people.set_group, "S0SRE", (), lending.now())
    answer = await lending.verbs.lend(one.id, await lending.person(by, **facts))
    assert not answer.ok
    assert not answer.link
    assert words in answer.text
    assert await lending.entries("artifact:link") == []
    assert (await lending.entries("command:request:refused"))[-1].incident_id == one.incident_id


async def test_who_lost_the_right_since_the_approval_gets_none(lending: Floor) -> None:
    one = await kept(lending)
    lending.configure(APPROVERS=("U0LI",))
    assert not (await lending.verbs.lend(one.id, await lending.person("ana"))).ok
    assert (await lending.verbs.lend(one.id, await lending.person("li"))).ok


async def test_members_of_a_group_are_read_while_such_a_dump_is_kept(lending: Floor) -> None:
    """A press must not be told that the group wasn't read lately, days after the last proposal."""
    one = await kept(lending)

    async def members(_group: str) -> tuple[str, ...]:
        return ("U0CY",)

    lending.advance(86_400)
    jobs = Jobs(lending.ctx, members)
    await jobs.refresh_groups()
    assert (await lending.verbs.lend(one.id, await lending.person("cy"))).ok
    lending.advance(7 * 86_400)
    assert await brought.expire(lending.ctx) == 1
    gone = await lending.verbs.lend(one.id, await lending.person("ana"))
    assert "was deleted on" in gone.text


async def test_a_target_that_is_gone_locks_nobody_out(lending: Floor) -> None:
    one = await kept(lending)
    lending.cluster.delete("Deployment", "shop", "api")
    lending.ctx.cluster.shared.forget()
    assert (await lending.verbs.lend(one.id, await lending.person("ana"))).ok


async def test_a_file_that_is_no_more_ours_is_told_and_nothing_is_lent(lending: Floor, moto: str) -> None:
    one = await kept(lending)
    aws: Any = boto3.session.Session().client("s3", endpoint_url=moto, region_name=REGION)
    aws.put_object(Bucket=one.kept.store.split("/")[2], Key=one.kept.ref, Body=b"other")
    with pytest.raises(RejectedError, match="mark"):
        await lending.verbs.lend(one.id, await lending.person("ana"))
    assert await lending.entries("artifact:link") == []


async def test_where_it_is_switched_off_the_answer_says_how_else(lending: Floor) -> None:
    one = await kept(lending)
    lending.configure(ARTIFACTS_LINKS=False)
    answer = await lending.verbs.lend(one.id, await lending.person("ana"))
    assert not answer.ok
    assert "ARTIFACTS_LINKS is off here" in answer.text
    assert one.kept.link in answer.text


async def test_a_folder_s_dump_is_told_by_path_and_command(floor: Floor, tmp_path: Any) -> None:
    store: Artifacts = Folder(tmp_path / "dumps", 1 << 30)
    floor.switch(sources=Sources(artifacts=store))
    one = await kept(floor)
    answer = await floor.verbs.lend(one.id, await floor.person("ana"))
    assert not answer.ok
    assert one.kept.link in answer.text
    assert f"fettle artifacts get {one.id}" in answer.text
    ((_, params),) = await floor.messages("artifact:")
    assert '"artifact"' not in params, "there is nothing to press"


async def test_the_thread_offers_it_where_there_is_one_and_an_unknown_dump_is_told(lending: Floor) -> None:
    one = await kept(lending)
    ((_, params),) = await lending.messages("artifact:")
    assert f'"artifact":{one.id}' in params.replace(" ", "")
    answer = await lending.verbs.lend(one.id + 1, await lending.person("ana"))
    assert not answer.ok
    assert f"There is no dump {one.id + 1}" in answer.text
