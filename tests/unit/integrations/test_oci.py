"""Docker Hub is asked where it really is, under whichever of its names it is listed; others where they are listed."""

from __future__ import annotations

import pytest

from bot.domain.errors import RejectedError
from bot.integrations import challenge
from bot.integrations.oci import OciRegistry
from bot.settings_registries import registries


@pytest.mark.parametrize(
    ("listed", "origin", "trusted"),
    [
        ("docker.io", "https://registry-1.docker.io", {"docker.io", "registry-1.docker.io", "auth.docker.io"}),
        ("index.docker.io", "https://registry-1.docker.io", {"docker.io", "registry-1.docker.io", "auth.docker.io"}),
        ("registry.example.com", "https://registry.example.com", {"registry.example.com"}),
        ("registry.example.com:443", "https://registry.example.com", {"registry.example.com"}),
        ("localhost:5000 insecure", "http://localhost:5000", {"localhost:5000"}),
        ("r.example also=a.example also=A.example:443", "https://r.example", {"r.example", "a.example"}),
    ],
)
def test_each_is_asked_at_its_own_address_and_trusts_no_more_than_is_listed(
    listed: str, origin: str, trusted: set[str]
) -> None:
    [made] = registries(listed)
    found = OciRegistry(made)
    assert (found._origin, found._listed) == (origin, trusted)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", challenge.Challenge()),
        ("Negotiate", challenge.Challenge()),
        ('Basic realm="x, bearer y"', challenge.Challenge(basic=True)),
        ("bearer REALM=https://a.example/t, Service=s", challenge.Challenge(
            bearer=True, realm="https://a.example/t", service="s")),
        ('Basic realm="x", Bearer realm="https://a.example/t?a=1,2",service="s s",scope="repository:x:pull,push"',
         challenge.Challenge(basic=True, bearer=True, realm="https://a.example/t?a=1,2", service="s s")),
        ('Bearer realm="https://a.example/t",service="s", Basic realm="x"', challenge.Challenge(
            basic=True, bearer=True, realm="https://a.example/t", service="s")),
        ("Bearer " + "a" * 100_000, challenge.Challenge(bearer=True)),
    ],
)  # fmt: skip
def test_what_a_401_asks_for_is_read_however_it_is_written(header: str, said: challenge.Challenge) -> None:
    assert challenge.read(header) == said


def test_plain_http_is_for_those_that_are_said_to_be_insecure() -> None:
    listed = {"a.example"}
    with pytest.raises(RejectedError, match="without TLS"):
        challenge.place("http://a.example/t", listed, insecure=False, of="Registry a.example", what="a token")
    found = challenge.place("http://a.example/t?x=1", listed, insecure=True, of="Registry a.example", what="a token")
    assert found == challenge.Place("http://a.example", "/t", {"x": "1"})
