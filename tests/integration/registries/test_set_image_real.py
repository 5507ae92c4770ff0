"""Another image by a real registry: the tag with its digest, confirmed before it is sent, and refused once it moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.errors import RequestError, UnavailableError, WorldChangedError
from bot.integrations.registries import Registries
from bot.kube import reads
from bot.mitigations import set_image
from bot.settings_registries import registries
from tests.integration.clusters import API, now, world

from .real import MISSING, PROGRAM, running

pytestmark = [pytest.mark.docker_registry, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.mark.parametrize("many", [False, True], ids=["one manifest", "an index of platforms"])
async def test_the_tag_is_planned_confirmed_and_written_with_its_digest(tmp_path: Path, many: bool) -> None:
    async with world(tmp_path) as kube:
        async with running(tmp_path) as real:
            digest = await real.push("shop/api", "1.4.2", many=many)
            await real.push("shop/api", "1.4.1")
            listed = Registries(registries(f"{real.host} insecure"))
            kube.sandbox.deployment(
                "shop", "api", replicas=2, image=f"{real.host}/shop/api:1.4.3", behaviour="image-missing"
            )
            await kube.sandbox.settle(10)
            state = await reads.target_state(kube.cluster, API, now=now())
            params = await set_image.plan(kube.cluster, listed, state, {})
            assert params["image"] == f"{real.host}/shop/api:1.4.2@{digest}"
            stored = set_image.request(state, approved_at=now(), execution_uid="e1", params=params)
            confirmed = await set_image.ready(listed, stored)
            with pytest.raises(RequestError, match=r"Tag 1\.4\.9 isn't in .*; the nearest is 1\.4\.2"):
                await set_image.plan(kube.cluster, listed, state, {"tag": "1.4.9"})
            await real.push("shop/api", "1.4.2", created="2026-01-01T00:00:00Z", many=many)
            with pytest.raises(WorldChangedError, match="was approved"):
                await set_image.ready(listed, stored)
        with pytest.raises(UnavailableError):
            await set_image.ready(listed, stored)
        await set_image.apply(kube.cluster, confirmed)
        await listed.close()
        template = kube.sandbox.get("Deployment", "shop", "api")["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == f"{real.host}/shop/api:1.4.2@{digest}"
