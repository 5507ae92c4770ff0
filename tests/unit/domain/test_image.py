"""References of images: each part of what runtimes take, nothing of what they refuse, the same when written again."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.domain.errors import RequestError
from bot.domain.image import DOCKER_HUB, ImageReference, brief, host, is_tag, parse, short

SHA = "sha256:" + "ab12" * 16
WORD = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
PATHS = st.lists(WORD, min_size=1, max_size=4).map("/".join)
LABEL = st.from_regex(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
PORTS = st.integers(1, 65535).map(lambda port: f":{port}")
HOSTS = st.one_of(
    st.tuples(st.lists(LABEL, min_size=2, max_size=3).map(".".join), st.one_of(st.just(""), PORTS)).map("".join),
    st.tuples(st.one_of(LABEL, st.just("[::1]")), PORTS).map("".join),
    st.sampled_from(["localhost", "index.docker.io", "registry-1.docker.io:443", "127.0.0.1", "[2001:db8::1]"]),
)
TAGS = st.one_of(st.just(""), st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}", fullmatch=True).map(":{}".format))
DIGESTS = st.sampled_from(["", "", f"@{SHA}", "@sha512:" + "0f" * 64])


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", DOCKER_HUB, "library/nginx", "latest", ""),
        ("nginx:1.25-alpine", DOCKER_HUB, "library/nginx", "1.25-alpine", ""),
        ("shop/api", DOCKER_HUB, "shop/api", "latest", ""),
        ("index.docker.io/nginx:1", DOCKER_HUB, "library/nginx", "1", ""),
        ("localhost/api", "localhost", "api", "latest", ""),
        ("localhost:5000/api:2", "localhost:5000", "api", "2", ""),
        ("localhost:5000", DOCKER_HUB, "library/localhost", "5000", ""),
        ("registry.example.com:5000/shop/a_b__c-d:1.4.2", "registry.example.com:5000", "shop/a_b__c-d", "1.4.2", ""),
        ("registry.example.com:443/api", "registry.example.com", "api", "latest", ""),
        ("REGISTRY/api:1", "registry:443", "api", "1", ""),
        ("10.0.0.7:5000/api:1", "10.0.0.7:5000", "api", "1", ""),
        ("[2001:db8::1]:5000/api:1", "[2001:db8::1]:5000", "api", "1", ""),
        (f"api@{SHA}", DOCKER_HUB, "library/api", "", SHA),
        (f"gcr.example/p/api:1.4.2@{SHA}", "gcr.example", "p/api", "1.4.2", SHA),
    ],
)
def test_each_part_is_told(text: str, registry: str, repository: str, tag: str, digest: str) -> None:
    found = parse(text)
    assert (found.registry, found.repository, found.tag, found.digest) == (registry, repository, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "Shop/Api:1", "api:", ":1", "api:1:2", "api@sha256:12", f"api@{SHA.upper()}", f"api@{SHA}@{SHA}",
        f"@{SHA}", "/api", "api/", "a//b", "../../etc/passwd", "registry.example.com/../v2/_catalog", "api:-1",
        "api:" + "a" * 129, "a" * 256, "ab12" * 16, "api:1.4.2\n", "api\n", "shop/api?x=1", "shop/api#x", "a b",
        "user:pass@registry.example.com/api", "http://registry.example.com/api", "registry.example.com:99999/api",
        "registry.example.com:0/api", "registry.example.com:/api", "registry..example.com/api", "\uff41pi",
        "api:\uff11", "-registry.example.com/api", "[::1/api", "api%2f..%2fx", "shop/api:1.4.2;rm", "$(id)", "api\x00",
    ],
)  # fmt: skip
def test_what_a_runtime_refuses_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RequestError, match=r"its|behind"):
        parse(text)


@given(
    st.one_of(st.just(""), HOSTS.map("{}/".format)),
    PATHS.filter(lambda path: len(path) < 100 and path.split("/")[0] != "localhost"),
    TAGS,
    DIGESTS,
)
@example("MyHost:443/", "api", "", "")
def test_what_was_read_is_written_and_read_again(registry: str, path: str, tag: str, digest: str) -> None:
    assume(registry or "." not in path.split("/", maxsplit=1)[0])  # that would be a host
    found = parse(f"{registry}{path}{tag}{digest}")
    again = parse(str(found))
    assert (again.registry, again.repository, again.tag, again.digest) == (
        found.registry, found.repository, found.tag, found.digest,
    )  # fmt: skip
    assert found.digest == digest[1:]
    assert found.tag == (tag[1:] or ("" if digest else "latest"))
    assert found.place.endswith(path)


@given(st.text(alphabet=st.sampled_from("aA0./:@-_[]%?#& \n\x00é\\"), max_size=40))
def test_whatever_is_read_is_safe_in_an_address(text: str) -> None:
    try:
        found = parse(text)
    except RequestError:
        return
    assert not set(found.repository) - set("abcdefghijklmnopqrstuvwxyz0123456789._-/")
    assert not {"", ".", ".."} & set(found.repository.split("/"))
    assert host(found.registry) == found.registry
    assert not found.tag or is_tag(found.tag)


def test_another_tag_is_written_as_the_workload_writes_its_own() -> None:
    assert parse(f"nginx:1.25@{SHA}").tagged("1.24") == "nginx:1.24"
    assert parse("index.docker.io:443/shop/api:1").tagged("2") == "index.docker.io:443/shop/api:2"
    assert ImageReference(DOCKER_HUB, "library/nginx", "1").tagged("2") == "docker.io/library/nginx:2"


def test_a_digest_is_shown_by_its_beginning() -> None:
    assert short(SHA) == "sha256:ab12ab12ab12"


def test_what_somebody_approves_names_the_whole_tag() -> None:
    """A tag that is cut may be another one's: of a long name the beginning of the tag isn't enough."""
    assert brief("api:1.4.2") == "api:1.4.2"
    tag = "2026.11.26-build.18446744"
    found = brief(f"customer-facing-recommendation-engine-api-gateway:{tag}")
    assert found == f"customer-facing-recommendation-en…:{tag}"
    assert len(found) == 60
    assert brief(f"api-gateway-of-a-shop:{'9' * 128}") == f"api-gateway…:{'9' * 128}"
    assert len(brief("n" * 200)) == 60
