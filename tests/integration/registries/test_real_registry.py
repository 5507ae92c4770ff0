"""A real registry tells its tags: openly, by password over TLS, by tokens of another server; and refuses strangers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import doctor_registries
from bot.doctor_table import Level
from bot.domain.errors import ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.domain.evidence import EvidenceStatus
from bot.domain.finding import Cause
from bot.domain.observed import ImageSeen
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.evidence import collect
from bot.evidence.registry import look
from bot.findings.ranked import rank
from bot.integrations.oci import OciRegistry
from bot.integrations.registries import Registries
from bot.sandbox.kubernetes import certificate
from bot.settings import load
from bot.settings_registries import RegistrySetting, registries
from tests.integration.clusters import now, world
from tests.integration.evidence.asking import ask_of
from tests.patience import PATIENT

from .real import MISSING, PROGRAM, RealRegistry, basic, running
from .tokens import ISSUER, SERVICE, TokenServer, serving

pytestmark = [
    pytest.mark.docker_registry,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]

DAYS_3 = (datetime.now(UTC) - timedelta(days=3)).isoformat()
HTPASSWD = "fettle:$2b$05$0n6A9Cd7tfc.SrHYW4z/Re5jBRNYptlUSiKNlDTm1FiNoOmuUq9W6\n"
PASSWORD = "hunter22"


def setting(real: RealRegistry, options: str = "") -> RegistrySetting:
    """As it would stand in REGISTRIES."""
    [made] = registries(f"{real.host} {options}")
    return made


@asynccontextmanager
async def client(made: RegistrySetting) -> AsyncIterator[OciRegistry]:
    opened = OciRegistry(made)
    try:
        yield opened
    finally:
        await opened.close()


async def seen(real: RealRegistry, text: str, options: str = "insecure") -> ImageSeen:
    listed = Registries([setting(real, options)])
    try:
        return await look(listed, text, 10)
    finally:
        await listed.close()


async def test_the_nearest_tag_comes_with_its_digest_and_age(tmp_path: Path) -> None:
    async with running(tmp_path) as real:
        for tag in ("1.4.0", "1.4.1", "1.5.0", "latest"):
            await real.push("shop/api", tag)
        digest = await real.push("shop/api", "1.4.2", DAYS_3)
        row = await seen(real, f"{real.host}/shop/api:1.4.3")
        assert row == ImageSeen(
            f"{real.host}/shop/api:1.4.3", f"{real.host}/shop/api", "1.4.3", repository=True, exists=False,
            nearest="1.4.2", rule="the newest stable one of 1.4 at or below it", digest=digest,
            made_at=datetime.fromisoformat(DAYS_3).strftime("%Y-%m-%dT%H:%M:%SZ"), tags=5,
        )  # fmt: skip
        there = await seen(real, f"{real.host}/shop/api:1.4.2")
        assert (there.exists, there.nearest, there.digest) == (True, "1.4.2", digest)
        gone = await seen(real, f"{real.host}/shop/web:1.4.2")
        assert (gone.repository, gone.exists, gone.nearest, gone.problem) == (False, False, "", "")


async def test_of_an_index_the_age_is_that_of_one_of_its_platforms(tmp_path: Path) -> None:
    async with running(tmp_path) as real, client(setting(real, "insecure")) as opened:
        digest = await real.push("shop/api", "1.4.2", DAYS_3, many=True)
        found = await opened.published("shop/api", "1.4.2", within=PATIENT)
        assert found is not None
        assert (found.digest, found.made_at[:10]) == (digest, DAYS_3[:10])
        assert (await opened.published("shop/api", digest, within=PATIENT)) == found
        assert await opened.published("shop/api", "1.4.9", within=PATIENT) is None
        undated = await real.push("shop/api", "1.4.3", "1970-01-01T00:00:00Z")
        told = await opened.published("shop/api", "1.4.3", within=PATIENT)
        assert told is not None
        assert (told.digest, told.made_at) == (undated, ""), "the beginning of time is no date"


async def test_a_digest_that_is_gone_is_told_with_what_its_tag_has_now(tmp_path: Path) -> None:
    async with running(tmp_path) as real:
        digest = await real.push("shop/api", "1.4.2")
        missing = "sha256:" + "0" * 64
        row = await seen(real, f"{real.host}/shop/api:1.4.2@{missing}")
        assert (row.exists, row.nearest, row.digest) == (False, "1.4.2", digest)
        assert row.rule == "its own tag, of another digest now"
        bare = await seen(real, f"{real.host}/shop/api@{missing}")
        assert (bare.exists, bare.nearest) == (False, "")
        assert (await seen(real, f"{real.host}/shop/api@{digest}")).exists is True


async def test_by_password_over_tls_with_its_own_authority(tmp_path: Path) -> None:
    made = certificate.of_this_process()
    for name, text in (("cert", made.pem), ("key", made.key_pem), ("users", HTPASSWD), ("password", f"{PASSWORD}\n")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "wrong").write_text("hunter23", encoding="utf-8")
    known = f"user=fettle password_file={tmp_path / 'password'} ca_file={tmp_path / 'cert'}"
    shown = basic("fettle", PASSWORD)
    tls = (tmp_path / "cert", tmp_path / "key")
    htpasswd = {"realm": "basic-realm", "path": str(tmp_path / "users")}
    async with running(tmp_path, shown, tls, htpasswd=htpasswd) as real:
        await real.push("shop/api", "1.4.2")
        async with client(setting(real, known)) as opened:
            assert (await opened.tags("shop/api", within=PATIENT)).names == ("1.4.2",)
            assert await opened.check(within=PATIENT) == f"Registry {real.host} answers and accepts the credentials."
            with pytest.raises(NotFoundError, match="has no repository shop/web"):
                await opened.tags("shop/web", within=PATIENT)
        async with client(setting(real, known.replace("/password ", "/wrong "))) as opened:
            with pytest.raises(ForbiddenError, match=r"doesn't accept user fettle for shop/api \(401\)"):
                await opened.tags("shop/api", within=PATIENT)
        async with client(setting(real, f"ca_file={tmp_path / 'cert'}")) as opened:
            with pytest.raises(ForbiddenError, match="give it user and password_file in REGISTRIES"):
                await opened.tags("shop/api", within=PATIENT)
        async with client(setting(real, known.partition(" ca_file")[0])) as opened:
            told = f"Name its authority in ca_file of {real.host} in REGISTRIES"
            with pytest.raises(UnavailableError, match=told):
                await opened.tags("shop/api", within=PATIENT)
        async with client(setting(real, "insecure")) as opened:
            with pytest.raises((RejectedError, UnavailableError)):
                await opened.tags("shop/api", within=PATIENT)


async def test_by_tokens_of_a_server_that_is_listed(tmp_path: Path) -> None:
    made = certificate.of_this_process()
    (tmp_path / "roots").write_text(made.pem, encoding="utf-8")
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    known = f"insecure user=fettle password_file={tmp_path / 'password'}"
    async with serving(TokenServer(made, {"fettle": PASSWORD}, {"shop/api"})) as tokens:
        pushing = tokens.token({"type": "repository", "name": "shop/api", "actions": ["pull", "push"]})
        token = {
            "realm": tokens.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(tmp_path / "roots"),
        }  # fmt: skip
        also = f"also={tokens.url.split('/')[2]}"
        async with running(tmp_path, {"Authorization": f"Bearer {pushing}"}, token=token) as real:
            digest = await real.push("shop/api", "1.4.2", DAYS_3)
            async with client(setting(real, known)) as opened:
                with pytest.raises(RejectedError, match=f"isn't listed: give it {also} in REGISTRIES"):
                    await opened.tags("shop/api", within=PATIENT)
            assert not tokens.asked, "no password went to a server that nobody listed"
            async with client(setting(real, f"{known} {also}")) as opened:
                assert (await opened.tags("shop/api", within=PATIENT)).names == ("1.4.2",)
                found = await opened.published("shop/api", "1.4.2", within=PATIENT)
                assert found is not None
                assert (found.digest, found.made_at[:10]) == (digest, DAYS_3[:10])
                wanted = {"service": SERVICE, "scope": "repository:shop/api:pull"}
                assert tokens.asked == [wanted], "one token for all questions about a repository, and for reading alone"
                with pytest.raises(ForbiddenError, match=r"doesn't accept user fettle for shop/web \(401\)"):
                    await opened.tags("shop/web", within=PATIENT)
                assert "accepts the credentials" in await opened.check(within=PATIENT)
            async with client(setting(real, f"insecure {also}")) as opened:
                with pytest.raises(ForbiddenError, match="lets nobody in without credentials for shop/api"):
                    await opened.tags("shop/api", within=PATIENT)
            tokens.key = "access_token"
            tokens.users = {"fettle": "changed"}
            async with client(setting(real, f"{known} {also}")) as opened:
                with pytest.raises(ForbiddenError, match="doesn't accept user fettle for shop/api"):
                    await opened.tags("shop/api", within=PATIENT)
                tokens.users = {"fettle": PASSWORD}
                assert (await opened.tags("shop/api", within=PATIENT)).names == ("1.4.2",)
            rest = f"{real.host} token_file={tmp_path / 'pushing'} insecure"
            (tmp_path / "pushing").write_text(pushing, encoding="utf-8")
            [by_token] = registries(rest)
            async with client(by_token) as opened:
                assert (await opened.tags("shop/api", within=PATIENT)).names == ("1.4.2",)
                with pytest.raises(ForbiddenError, match="doesn't accept its token_file for shop/web"):
                    await opened.tags("shop/web", within=PATIENT)


async def test_pods_that_wait_for_an_image_get_the_tag_that_exists_as_their_finding(tmp_path: Path) -> None:
    async with running(tmp_path) as real, world(tmp_path) as kube:
        digest = await real.push("shop/api", "1.4.2", DAYS_3)
        listed = Registries([setting(real, "insecure")])
        kube.sandbox.deployment("shop", "api", replicas=2, image=f"{real.host}/shop/api:1.4.2")
        await kube.sandbox.settle(10)
        ask = replace(ask_of(kube, alertname="KubePodNotReady"), registries=listed)
        wanted = collect.chosen(["pods", "workload", "changes", "events", "registry"])
        calm = await collect.gather(ask, deadline=8, collectors=wanted)
        assert "registry" not in {one.source for one in calm}, "nothing waits for an image: nothing is asked"
        kube.sandbox.deployment(
            "shop", "api", replicas=2, image=f"{real.host}/shop/api:1.4.3", behaviour="image-missing"
        )
        await kube.sandbox.settle(10)
        kube.cluster.shared.forget()
        found = await collect.gather(ask, deadline=8, collectors=wanted)
        await listed.close()
    [told] = [one for one in found if one.source == "registry"]
    assert told.status is EvidenceStatus.OK
    place = f"{real.host}/shop/api"
    about = f"1.4.2 ({digest[:19]}, 3 days old)"
    rule = "the newest stable one of 1.4 at or below it"
    assert told.summary == f"tag 1.4.3 isn't in {place}; nearest: {about}, {rule}"
    first = rank(Snapshot(now(), (AlertSeen({}),), ask.target, {one.source: one for one in found}))[0]
    assert first.cause is Cause.IMAGE_PULL
    assert f"tag 1.4.3 does not exist in {place}; nearest existing: {about}" in first.sentence
    by_hand = {one.action: one.by_hand for one in first.suggestions}
    assert by_hand["set_image"] == f"kubectl -n shop set image deployment/api api={place}:1.4.2"
    assert "rollback" in by_hand


async def test_the_doctor_has_a_row_for_each(tmp_path: Path) -> None:
    (tmp_path / "users").write_text(HTPASSWD, encoding="utf-8")
    (tmp_path / "wrong").write_text("hunter23", encoding="utf-8")
    htpasswd = {"realm": "basic-realm", "path": str(tmp_path / "users")}
    (tmp_path / "open").mkdir()
    async with running(tmp_path, htpasswd=htpasswd) as closed, running(tmp_path / "open") as plain:
        given = f"{plain.host} insecure, {closed.host} insecure user=fettle password_file={tmp_path / 'wrong'}"
        base = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
        settings = load({**base, "REGISTRIES": given}, tmp_path / "no.env", tmp_path / "no.yaml")
        assert "hunter23" in settings.secrets(), "logs hide it"
        listed = Registries(settings.REGISTRIES)
        rows = await doctor_registries.rows(settings, listed)
        await listed.close()
    assert [(row.level, row.sentence) for row in rows] == [
        (Level.OK, f"Registry {plain.host} answers; it is asked without credentials."),
        (Level.FAIL, f"Registry {closed.host} doesn't accept user fettle (401): look at its password_file."),
        (Level.WARN, f"{closed.host} is insecure: its password goes over the network for everybody to read."),
    ]
