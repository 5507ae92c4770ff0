"""Another image over the socket: which tag, with which digest, one field of one container, and never a free image."""
# ruff: noqa: D102 - the methods of Hung do what their names say

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.errors import (
    ForbiddenError,
    IntegrityError,
    RequestError,
    UnavailableError,
    WorldChangedError,
)
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.integrations.registries import Registries
from bot.kube import reads
from bot.mitigations import rollback, set_image
from bot.mitigations.applied import Applied
from bot.mitigations.params import Params
from bot.sandbox.registry import ImageRegistry
from bot.settings_registries import registries
from tests.integration.clusters import API, World, now


@dataclass
class Hung:
    """A cluster beside a registry, in which shop/api wants a tag that isn't there."""

    kube: World
    images: ImageRegistry
    listed: Registries

    def name(self, tag: str, repository: str = "shop/api") -> str:
        return f"{self.images.host}/{repository}:{tag}"

    async def state(self, target: Target = API) -> TargetState:
        return await reads.target_state(self.kube.cluster, target, now=now())

    async def plan(self, wanted: Params | None = None, target: Target = API) -> Params:
        return await set_image.plan(self.kube.cluster, self.listed, await self.state(target), wanted or {})

    def container(self, at: int = 0, kind: str = "Deployment") -> Any:
        return self.kube.sandbox.get(kind, "shop", "api")["spec"]["template"]["spec"]["containers"][at]

    async def edit(self, change: Any, kind: str = "Deployment") -> None:
        manifest = self.kube.sandbox.get(kind, "shop", "api")
        change(manifest)
        kept = {key: manifest[key] for key in ("apiVersion", "kind", "spec")}
        self.kube.sandbox.apply({**kept, "metadata": {"name": "api", "namespace": "shop"}})
        await self.settle()

    async def settle(self) -> None:
        self.kube.sandbox.advance(20)
        self.kube.cluster.shared.forget()


@pytest.fixture
async def hung(kube: World) -> AsyncIterator[Hung]:
    images = ImageRegistry()
    await images.start()
    kube.sandbox.world.lacks = images.lacks
    for number, tag in enumerate(("1.4.0", "1.4.1", "1.4.2", "1.5.0")):
        images.push("shop/api", tag, datetime.now(UTC) - timedelta(days=6 - number))
    listed = Registries(registries(f"{images.host} insecure"))
    made = Hung(kube, images, listed)
    kube.sandbox.deployment("shop", "api", replicas=3, image=made.name("1.4.1"))
    kube.sandbox.advance(20)
    kube.sandbox.deployment("shop", "api", replicas=3, image=made.name("1.4.3"))
    await made.settle()
    yield made
    await listed.close()
    await images.stop()


def request(state: TargetState, params: Params, uid: str = "e1") -> WriteRequest:
    return set_image.request(state, approved_at=now(), execution_uid=uid, params=params)


async def test_the_nearest_tag_is_taken_with_the_digest_and_age_that_the_registry_tells(hung: Hung) -> None:
    state = await hung.state()
    assert state.rolling_out
    assert state.hung == (("api", hung.name("1.4.3")),)
    params = await hung.plan()
    assert (params["container"], params["tag"], params["from_image"]) == ("api", "1.4.2", hung.name("1.4.3"))
    assert params["image"] == f"{hung.name('1.4.2')}@{params['digest']}"
    assert params["rule"] == "the newest stable one of 1.4 at or below it"
    assert json.dumps(dict(params)), "parameters are stored as JSON"
    shown = await set_image.preview(hung.kube.cluster, state, approved_at=now(), execution_uid="preview", params=params)
    assert shown.problem == ""
    assert shown.facts.startswith(f"tag 1.4.2 is {params['digest'][:19]}, 4 days old · 3 replicas")
    assert "spec.containers[api].image" in shown.diff
    assert len(shown.diff.splitlines()) == 2, "the image and the mark, and nothing else"
    assert not [one for one in hung.kube.sent("PATCH") if "dryRun" not in one.query]


async def test_one_container_s_image_is_changed_and_the_rollout_goes_on(hung: Hung) -> None:
    before = hung.kube.sandbox.get("Deployment", "shop", "api")["spec"]
    state, params = await hung.state(), await hung.plan()
    stored = await set_image.ready(hung.listed, request(state, params))
    generation = await set_image.apply(hung.kube.cluster, stored)
    await hung.settle()
    after = hung.kube.sandbox.get("Deployment", "shop", "api")["spec"]
    assert after["template"]["spec"]["containers"][0].pop("image") == params["image"]
    before["template"]["spec"]["containers"][0].pop("image")
    assert after["template"]["metadata"].pop("annotations") == {EXECUTION_ID: "e1"}
    assert after == before
    found = await hung.state()
    assert (found.generation, found.template_hash, found.ready, found.rolling_out) == (
        generation, params["template"], 3, False,
    )  # fmt: skip


async def test_undo_is_the_very_template_that_ran_before(hung: Hung) -> None:
    template = hung.kube.sandbox.get("Deployment", "shop", "api")["spec"]["template"]
    state, params = await hung.state(), await hung.plan()
    await set_image.apply(hung.kube.cluster, request(state, params))
    await hung.settle()
    assert set_image.undo(params) == (Action.ROLLBACK, {"uid": params["from_uid"]})
    assert set_image.inverse(state, params) == "If it doesn't help: return shop/api to rev 2 (api:1.4.3)."
    state = await hung.state()
    back = await rollback.plan(hung.kube.cluster, state, {"uid": params["from_uid"]})
    stored = rollback.request(state, approved_at=now(), execution_uid="e2", params=back)
    await rollback.apply(hung.kube.cluster, await rollback.ready(hung.kube.cluster, stored))
    assert hung.kube.sandbox.get("Deployment", "shop", "api")["spec"]["template"] == template


async def test_the_named_tag_and_container_are_taken(hung: Hung) -> None:
    side = {"name": "side", "image": hung.name("1.4.0")}
    await hung.edit(lambda obj: obj["spec"]["template"]["spec"]["containers"].append(side))
    state = replace(await hung.state(), hung=(("api", hung.name("1.4.3")),))
    found = await set_image.plan(hung.kube.cluster, hung.listed, state, {})
    assert found["container"] == "api", "the one that the rollout hangs on"
    params = await hung.plan({"tag": "1.5.0", "container": "side"})
    assert (params["container"], params["at"], params["tag"], params["rule"]) == ("side", 1, "1.5.0", "")
    with pytest.raises(RequestError, match="has no container web; it has api, side"):
        await hung.plan({"container": "web"})
    await hung.edit(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=hung.name("1.4.2")))
    with pytest.raises(RequestError, match="has several containers: api, side"):
        await hung.plan({"tag": "1.5.0"})


async def test_what_a_finding_names_is_a_tag_of_the_same_repository_or_nothing(hung: Hung) -> None:
    assert (await hung.plan({"container": "api", "image": hung.name("1.4.1")}))["tag"] == "1.4.1"
    hung.images.push("evil/api", "1.4.2")
    for other in (hung.name("1.4.2", "evil/api"), "docker.io/shop/api:1.4.2"):
        with pytest.raises(RequestError, match="keeps its repository"):
            await hung.plan({"container": "api", "image": other})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"tag": "9.9.9"}, "Tag 9.9.9 isn't in .*/shop/api, and none is near it: no stable tag is near 9.9.9"),
        ({"tag": "1.4.9"}, "Tag 1.4.9 isn't in .*; the nearest is 1.4.2: the newest stable one of 1.4"),
        ({"tag": "1.4.3"}, "Tag 1.4.3 isn't in .*; the nearest is 1.4.2"),
    ],
)
async def test_a_tag_that_is_not_there_is_refused_and_the_way_back_named(hung: Hung, wanted: Params, said: str) -> None:
    with pytest.raises(RequestError, match=said) as refused:
        await hung.plan(wanted)
    assert "/incident act rollback shop/api" in str(refused.value)


async def test_what_is_no_tag_is_refused_before_anybody_is_asked(hung: Hung) -> None:
    with pytest.raises(RequestError, match="is no tag"):
        await hung.plan({"tag": "a/b"})
    assert not hung.images.asked


async def test_a_tag_that_it_has_already_is_refused(hung: Hung) -> None:
    await hung.edit(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=hung.name("1.4.2")))
    with pytest.raises(RequestError, match=r"has the tag 1\.4\.2 already"):
        await hung.plan({"tag": "1.4.2"})


async def test_a_digest_that_is_gone_is_replaced_by_the_one_that_its_tag_has(hung: Hung) -> None:
    gone = f"{hung.name('1.4.2')}@sha256:{'0' * 64}"
    await hung.edit(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=gone))
    params = await hung.plan()
    assert params["from_image"] == gone
    assert params["image"] == f"{hung.name('1.4.2')}@{params['digest']}"


async def test_registries_that_are_not_listed_or_do_not_answer_are_said(hung: Hung) -> None:
    state = await hung.state()
    with pytest.raises(RequestError, match=f"REGISTRIES is empty. Name {hung.images.host} there"):
        await set_image.plan(hung.kube.cluster, None, state, {})
    other = Registries(registries("registry.example"))
    with pytest.raises(ForbiddenError, match="isn't listed in REGISTRIES"):
        await set_image.plan(hung.kube.cluster, other, state, {})
    hung.images.refuses = 503
    with pytest.raises(UnavailableError, match="answers 503 for now"):
        await hung.plan()


async def test_a_tag_that_moved_since_the_approval_is_not_sent(hung: Hung) -> None:
    """The registry itself is asked, whatever it answered a moment ago."""
    stored = request(await hung.state(), await hung.plan())
    assert await set_image.ready(hung.listed, stored) == stored
    hung.images.push("shop/api", "1.4.2")
    with pytest.raises(
        WorldChangedError, match=r"Tag 1.4.2 of .* is sha256:\w{12} now, and sha256:\w{12} was approved"
    ):
        await set_image.ready(hung.listed, stored)
    hung.images.remove("shop/api", "1.4.2")
    with pytest.raises(WorldChangedError, match=r"isn't in .* any more"):
        await set_image.ready(hung.listed, stored)
    hung.images.refuses = 500
    with pytest.raises(UnavailableError):
        await set_image.ready(hung.listed, stored)
    with pytest.raises(RequestError, match="REGISTRIES is empty by now"):
        await set_image.ready(None, stored)


@pytest.mark.parametrize("field", ["image", "name"])
async def test_a_container_that_is_another_by_then_is_left_alone(hung: Hung, field: str) -> None:
    """Were the generation the same by some chance, the container itself would still be tested."""
    stored = request(await hung.state(), await hung.plan())
    for test in stored.body:
        if test["path"].endswith(f"containers/0/{field}") and test["op"] == "test":
            test["value"] = "other"
    with pytest.raises(WorldChangedError):
        await set_image.apply(hung.kube.cluster, stored)
    assert hung.container()["image"] == hung.name("1.4.3")


async def test_what_is_no_change_to_a_tag_and_digest_is_never_sent(hung: Hung) -> None:
    state, params = await hung.state(), await hung.plan()
    for wrong in ({"image": hung.name("1.4.2")}, {"where": "volumes"}, {"container": ""}):
        with pytest.raises(RequestError):
            request(state, {**params, **wrong})
    stored = request(state, params)
    body = [{**one, "value": "evil:1"} if one["op"] == "replace" else one for one in stored.body]
    with pytest.raises(IntegrityError):
        await set_image.apply(hung.kube.cluster, replace(stored, body=body))
    other = {"op": "replace", "path": "/spec/replicas", "value": 0}
    with pytest.raises(IntegrityError):
        await set_image.ready(hung.listed, replace(stored, body=[*stored.body, other]))


async def test_sent_again_it_is_refused_and_read_back_it_is_there(hung: Hung) -> None:
    state, params = await hung.state(), await hung.plan()
    stored = request(state, params)
    found = await set_image.read_back(hung.kube.cluster, state.target, "e1", stored=stored)
    assert (found.state, found.sentence) == (
        Applied.NOT_APPLIED, "Deployment shop/api is as it was; the change of image didn't happen.",
    )  # fmt: skip
    generation = await set_image.apply(hung.kube.cluster, stored)
    with pytest.raises(WorldChangedError):
        await set_image.apply(hung.kube.cluster, stored)
    found = await set_image.read_back(hung.kube.cluster, state.target, "e1", stored=stored)
    assert (found.state, found.generation) == (Applied.APPLIED, generation)
    found = await set_image.read_back(hung.kube.cluster, state.target, "e9", stored=stored)
    assert found.state is Applied.CHANGED


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_other_kinds_are_treated_alike(kube: World, hung: Hung, kind: str) -> None:
    target = Target(kind, "shop", "db")
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "db", "image": hung.name("1.4.1")}]},
        },
        **({"serviceName": "db", "replicas": 2} if kind == "StatefulSet" else {}),
    }
    kube.sandbox.apply(
        {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "db", "namespace": "shop"}, "spec": spec}
    )
    await hung.settle()
    assert (await hung.state(target)).ready >= 2
    spec["template"]["spec"]["containers"][0]["image"] = hung.name("1.4.3")
    kube.sandbox.apply(
        {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "db", "namespace": "shop"}, "spec": spec}
    )
    await hung.settle()
    state = await hung.state(target)
    assert state.hung == (("db", hung.name("1.4.3")),)
    params = await hung.plan(target=target)
    assert (params["tag"], bool(params["from_uid"])) == ("1.4.2", True)
    await set_image.apply(kube.cluster, await set_image.ready(hung.listed, request(state, params)))
    await hung.settle()
    assert kube.sandbox.get(kind, "shop", "db")["spec"]["template"]["spec"]["containers"][0]["image"] == params["image"]
    assert (await hung.state(target)).template_hash == params["template"]
