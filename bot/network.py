"""Why a connection came to nothing, in words: the same for Slack, for the cluster and for our own webhook.

It refuses to know who was called and what follows from it.
"""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp


def why(error: BaseException) -> str:
    """``connection refused``, ``its name leads to no address``, ...; a type's name where there are no better words."""
    if isinstance(error, TimeoutError | aiohttp.ServerTimeoutError):
        return "no answer in time"
    if untrusted(error):
        return f"its certificate isn't trusted: {_verification(error)}"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(_inner(error), socket.gaierror):
        return "its name leads to no address"
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(_inner(error), ssl.SSLError):
        return "it doesn't speak TLS; http and https may be mixed up"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it hung up; http and https may be mixed up"
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return f"the proxy of HTTPS_PROXY doesn't let it through: {error}"
    number = getattr(error, "errno", None) or getattr(_inner(error), "errno", None)
    return os.strerror(number).lower() if isinstance(number, int) and number > 0 else type(error).__name__


def untrusted(error: BaseException | None) -> bool:
    """Whether the other side showed a certificate that nobody vouches for: it was reached, and it isn't trusted."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError) or isinstance(
        _inner(error), ssl.SSLCertVerificationError
    )


def _inner(error: BaseException | None) -> BaseException | None:
    return getattr(error, "os_error", None) or getattr(error, "certificate_error", None)


def _verification(error: BaseException) -> str:
    inner = _inner(error)
    return str(getattr(inner, "verify_message", "") or inner or "unknown")
