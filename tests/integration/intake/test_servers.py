"""The two listeners: their addresses, TLS, and what is said when they can't be had."""

import asyncio
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.domain.errors import ConfigError
from bot.servers import Servers, _bind

from .door import settings_for


def app(word: str) -> Starlette:
    async def answer(_: Request) -> Response:
        return JSONResponse(word)

    return Starlette(routes=[Route("/", answer)])


async def made(key: Path, certificate: Path) -> None:
    """A key and a certificate of its own for this address."""
    process = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
        str(certificate), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0


async def test_a_port_in_use_is_one_sentence_and_the_other_port_is_given_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        servers = Servers(settings_for(LISTEN_PORT=str(other), METRICS_PORT=str(port)))
        with pytest.raises(ConfigError, match=rf"METRICS_PORT: 127.0.0.1:{port} is in use .* choose another"):
            await servers.start(app("a"), app("b"))
        socket.create_server(("127.0.0.1", other)).close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="choose another LISTEN_PORT"):
            await Servers(settings_for(LISTEN_PORT=str(port))).start(app("a"), app("b"))


async def test_both_listeners_serve_and_stop() -> None:
    servers = Servers(settings_for(LISTEN_HOST="::1"))
    await servers.start(app("alerts"), app("metrics"))
    assert servers.intake_url.startswith("http://[::1]:")
    async with aiohttp.ClientSession() as http:
        for url, word in ((servers.intake_url, "alerts"), (servers.metrics_url, "metrics")):
            async with http.get(url) as answer:
                assert (await answer.json(), answer.headers.get("Server")) == (word, None)
        await servers.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(servers.intake_url)


def test_answers_are_never_held_back_by_the_sockets() -> None:
    """Nagle's algorithm would hold them until the sender's delayed acknowledgement, 40 ms later."""
    with _bind("LISTEN", "127.0.0.1", 0) as door, socket.create_connection(door.getsockname()):
        taken, _ = door.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "tls.pem"
    broken.write_text("no certificate")
    servers = Servers(settings_for(TLS_CERT=str(broken), TLS_KEY=str(broken)))
    with pytest.raises(ConfigError, match="TLS_CERT or TLS_KEY can't be used"):
        await servers.start(app("a"), app("b"))


def test_an_address_that_this_machine_has_not_is_told_by_its_own_setting() -> None:
    with pytest.raises(ConfigError, match=r"LISTEN_HOST: this machine has no address 192\.0\.2\.1"):
        _bind("LISTEN", "192.0.2.1", 0)


async def test_a_key_of_another_certificate_is_told_as_what_it_is(tmp_path: Path) -> None:
    for name in ("one", "other"):
        await made(tmp_path / f"{name}.key", tmp_path / f"{name}.pem")
    pair = {"TLS_CERT": str(tmp_path / "one.pem"), "TLS_KEY": str(tmp_path / "other.key")}
    with pytest.raises(ConfigError, match=r"TLS_KEY: .*other\.key isn't the key of the certificate in .*one\.pem"):
        Servers(settings_for(**pair)).bind()


async def test_with_a_certificate_alerts_come_over_tls_and_metrics_stay_plain(tmp_path: Path) -> None:
    await made(tmp_path / "key.pem", tmp_path / "cert.pem")
    servers = Servers(settings_for(TLS_CERT=str(tmp_path / "cert.pem"), TLS_KEY=str(tmp_path / "key.pem")))
    await servers.start(app("alerts"), app("metrics"))
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    async with aiohttp.ClientSession() as http:
        async with http.get(servers.intake_url, ssl=trusted) as answer:
            assert (servers.intake_url[:5], await answer.json()) == ("https", "alerts")
        assert servers.metrics_url.startswith("http://")
    await servers.stop()
