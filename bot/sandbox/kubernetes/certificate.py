"""A self-signed certificate for loopback, made afresh by each process.

kubectl sends no token over plain HTTP, so the server needs TLS. This is P-256 and DER by hand so
that the sandbox needs no cryptography package; it refuses to be used for anything but loopback:
the arithmetic takes no care of timing.
"""

import base64
import hashlib
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int] | None
_SEQUENCE, _SET, _INTEGER, _OCTETS, _BITS, _OID, _UTF8, _BOOLEAN = 48, 49, 2, 4, 3, 6, 12, 1
_LONG_FORM = 128
_ECDSA_SHA256, _EC_KEY, _CURVE = "1.2.840.10045.4.3.2", "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"


@dataclass(frozen=True)
class Certificate:
    """Certificate and key in PEM."""

    pem: str
    key_pem: str

    @property
    def data(self) -> str:
        """The certificate as a kubeconfig holds it: base64 of the PEM."""
        return base64.b64encode(self.pem.encode()).decode()

    def context(self) -> ssl.SSLContext:
        """A server context; the key touches the disk only while it is read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="sandbox-tls-") as folder:
            path = Path(folder) / "both.pem"
            path.touch(mode=0o600)
            path.write_text(self.key_pem + self.pem, encoding="ascii")
            context.load_cert_chain(path)
        return context


def _add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    rise, run = (3 * x1 * x1 - 3, 2 * y1) if left == right else (y2 - y1, x2 - x1)
    slope = rise * pow(run, -1, _P) % _P
    x3 = (slope * slope - x1 - x2) % _P
    return x3, (slope * (x1 - x3) - y1) % _P


def _times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point, factor = _add(point, point), factor >> 1
    return result


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < _LONG_FORM:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM | len(length)]) + length + body


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytes([first * 40 + second])
    for number in rest:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(number & 127 | 128)
        body += bytes(reversed(groups))
    return _der(_OID, body)


def _extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = _der(_BOOLEAN, b"\xff") if critical else b""
    return _der(_SEQUENCE, _oid(dotted), flag, _der(_OCTETS, value))


def _extensions(public: bytes) -> bytes:
    identity = hashlib.sha256(public).digest()[:20]
    names = (
        _der(0x82, b"localhost"),
        _der(0x87, bytes([127, 0, 0, 1])),
        _der(0x87, bytes(15) + b"\x01"),
    )
    return _der(
        _SEQUENCE,
        _extension("2.5.29.19", _der(_SEQUENCE, _der(_BOOLEAN, b"\xff")), critical=True),
        _extension("2.5.29.15", _der(_BITS, b"\x02\x84"), critical=True),
        _extension("2.5.29.37", _der(_SEQUENCE, _oid("1.3.6.1.5.5.7.3.1"))),
        _extension("2.5.29.14", _der(_OCTETS, identity)),
        _extension("2.5.29.35", _der(_SEQUENCE, _der(0x80, identity))),
        _extension("2.5.29.17", _der(_SEQUENCE, *names)),
    )


def _sign(secret: int, data: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    while True:
        nonce = secrets.randbelow(_N - 1) + 1
        point = _times(nonce, _G)
        r = point[0] % _N if point else 0
        s = pow(nonce, -1, _N) * (digest + r * secret) % _N
        if r and s:
            return _der(_SEQUENCE, _integer(r), _integer(s))


def _pem(label: str, body: bytes) -> str:
    text = base64.encodebytes(body).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _time(moment: datetime) -> bytes:
    return _der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


@cache
def of_this_process(days: int = 30) -> Certificate:
    """A key made once a process, and a certificate for localhost, 127.0.0.1 and ::1."""
    secret = secrets.randbelow(_N - 1) + 1
    point = _times(secret, _G) or _G
    public = b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
    algorithm = _der(_SEQUENCE, _oid(_ECDSA_SHA256))
    name = _der(
        _SEQUENCE,
        _der(_SET, _der(_SEQUENCE, _oid("2.5.4.3"), _der(_UTF8, b"fettle-sandbox"))),
    )
    now = datetime.now(UTC)
    key_info = _der(_SEQUENCE, _der(_SEQUENCE, _oid(_EC_KEY), _oid(_CURVE)), _der(_BITS, b"\x00" + public))
    body = _der(
        _SEQUENCE,
        _der(0xA0, _integer(2)),
        _integer(secrets.randbits(120) | 1),
        algorithm,
        name,
        _der(_SEQUENCE, _time(now - timedelta(days=1)), _time(now + timedelta(days=days))),
        name,
        key_info,
        _der(0xA3, _extensions(public)),
    )
    signed = _der(_SEQUENCE, body, algorithm, _der(_BITS, b"\x00" + _sign(secret, body)))
    key = _der(
        _SEQUENCE,
        _integer(1),
        _der(_OCTETS, secret.to_bytes(32, "big")),
        _der(0xA0, _oid(_CURVE)),
        _der(0xA1, _der(_BITS, b"\x00" + public)),
    )
    return Certificate(_pem("CERTIFICATE", signed), _pem("EC PRIVATE KEY", key))
