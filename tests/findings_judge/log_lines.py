"""What programs write: the lines of runtimes, drivers and frameworks, and logs as their collector groups them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.observed import LogSeen
from bot.evidence.signatures import digest

if TYPE_CHECKING:
    from tests.findings_judge.scene import Pod, Scene


DEPENDENCY = (
    'level=fatal msg="connecting to postgres" error="dial tcp 10.3.{n}.7:5432: connect: connection refused"',
    'psycopg2.OperationalError: connection to server at "{host}" (10.3.0.7), port 5432 failed: Connection refused',
    "redis.exceptions.ConnectionError: Error 111 connecting to {host}:6379. Connection refused.",
    "Error: connect ECONNREFUSED 10.3.0.{n}:6379",
    "Error: getaddrinfo ENOTFOUND {host}",
    "panic: dial tcp: lookup {host} on 10.96.0.10:53: no such host",
    "Caused by: java.net.ConnectException: Connection refused",
    "java.net.UnknownHostException: {host}",
    "FATAL could not connect to {host}:9092: i/o timeout",
    "urllib3.exceptions.MaxRetryError: HTTPConnectionPool(host='{host}', port=8080): Max retries exceeded with url: /v1",  # noqa: E501 - as it is written
    'level=error msg="upstream failed" upstream="{host}:8080" error="503 Service Unavailable"',
    'sqlalchemy.exc.OperationalError: could not translate host name "{host}" to address: Name or service not known',
    "FATAL: the database system is starting up (server {host}:5432)",
    "pymongo.errors.ServerSelectionTimeoutError: {host}:27017: [Errno 111] Connection refused, Timeout: 30s",
    "MongoServerSelectionError: getaddrinfo EAI_AGAIN {host}",
    "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
    "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.",  # noqa: E501 - as it is written
    "kafka.errors.NoBrokersAvailable: NoBrokersAvailable",
    "kafka: client has run out of available brokers to talk to: dial tcp 10.3.0.{n}:9092: connect: connection refused",
    'level=error msg="call failed" error="rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial tcp: lookup {host}: i/o timeout\\""',  # noqa: E501 - as it is written
    "pika.exceptions.AMQPConnectionError: Connection to {host}:5672 failed",
    "Error: Redis connection to {host}:6379 failed - connect ETIMEDOUT",
    "Npgsql.NpgsqlException (0x80004005): Failed to connect to {host}:5432",
    "elastic_transport.ConnectionError: Connection error caused by: NewConnectionError: Failed to establish a new connection",  # noqa: E501 - as it is written
    'PG::ConnectionBad: could not connect to server: Connection refused Is the server running on host "{host}"',
    "upstream request timeout, no healthy upstream for cluster {host}",
    "SQLSTATE[HY000] [2002] Connection timed out",
    "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",  # noqa: E501 - as it is written
)
SETTING = (
    ("KeyError: '{name}'", True),
    ("panic: required key {name} missing value", True),
    ("Error: environment variable {name} is not set", True),
    ('level=fatal msg="config" error="open /etc/app/config.yaml: no such file or directory"', False),
    ("java.lang.IllegalArgumentException: Could not resolve placeholder '{name}' in value \"${{{name}}}\"", True),
    ("pydantic_core.ValidationError: 1 validation error for Settings {name} Field required", True),
)
BUG = (
    "panic: runtime error: index out of range [3] with length 2",
    "TypeError: Cannot read properties of undefined (reading 'id')",
    "AttributeError: 'NoneType' object has no attribute 'price'",
    'Exception in thread "main" java.lang.NullPointerException: Cannot invoke "Order.total()"',
    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    "ImportError: cannot import name 'Money' from 'shop.types'",
    "thread 'main' panicked at src/main.rs:42:17: called `Option::unwrap()` on a `None` value",
    'level=fatal msg="schema version 41 is newer than this program"',
    "System.NullReferenceException: Object reference not set to an instance of an object.",
    "undefined method `name' for nil:NilClass (NoMethodError)",
    "fatal error: concurrent map writes",
    "AssertionError: expected 3 columns, got 4",
    "PHP Fatal error:  Uncaught TypeError: count(): Argument #1 must be of type Countable",
    "RangeError: Maximum call stack size exceeded",
    "ValueError: invalid literal for int() with base 10: 'n/a'",
    'org.postgresql.util.PSQLException: ERROR: column "colour" does not exist',
    "bad things happened, giving up",
)
LOCAL = (
    'level=fatal msg="cannot open the cache" error="lock file /tmp/app.lock is held by pid 7"',
    "OSError: [Errno 98] Address already in use",
    "Error: listen EADDRINUSE: address already in use :::8080",
    "FATAL: stale pid file /tmp/server.pid, another instance may be running",
    'level=fatal msg="cache index corrupt" path=/tmp/cache/index',
    'FATAL: could not create shared memory segment: lock file "postmaster.pid" already exists',
    "A server is already running. Check /app/tmp/pids/server.pid.",
    "bind() to 0.0.0.0:8080 failed (98: Address already in use)",
    "IO error: While lock file: /data/rocks/LOCK: Resource temporarily unavailable",
    "database is locked (5) (SQLITE_BUSY)",
)
CERTIFICATE = (
    'level=fatal msg="token" error="x509: certificate has expired or is not yet valid: current time 2026-11-20 is after 2026-11-19"',  # noqa: E501 - as it is written
    "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired",
    "Error: CERT_HAS_EXPIRED",
)
CREDENTIALS = (
    'FATAL:  password authentication failed for user "app"',
    "Access denied for user 'app'@'10.3.0.4' (using password: YES)",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "pymongo.errors.OperationFailure: Authentication failed.",
    "SASL authentication error: Authentication failed during authentication due to invalid credentials",
    "botocore.exceptions.ClientError: An error occurred (InvalidClientTokenId): The security token included in the request is invalid",  # noqa: E501 - as it is written
)
NO_SPACE = (
    "OSError: [Errno 28] No space left on device: '/data/segments/0001.log'",
    'level=fatal msg="write wal" error="write /data/wal/00042: no space left on device"',
    'ERROR: could not extend file "base/16384/2619": No space left on device',
)
BENIGN = (
    'level=error msg="client closed the connection" path=/v1/items/{n}',
    "ERROR 404 GET /favicon.ico",
    'level=warn msg="retrying" attempt=1 error="context deadline exceeded"',
    "WARN deprecated option errorFormat is used",
    'level=error msg="validation failed" field=email request={n}',
    'level=info msg="finished with 0 errors" n={n}',
)
USUAL = ('level=info msg="request served" path=/v1/items n={n}', 'INFO [http] "GET /healthz HTTP/1.1" 200', "tick {n}")


def fill(rng: random.Random, line: str, host: str = "db", name: str = "DB_URL") -> str:
    """A template with its places filled."""
    return line.format(n=rng.randint(1, 250), host=host, name=name)


def running(scene: Scene, pod: Pod, said: Sequence[tuple[str, int]] = ()) -> LogSeen:
    """The log of a container that runs: usual lines, some noise, and these lines so many times, lately."""
    rng = scene.rng
    ages = sorted((rng.uniform(0, 50) for _ in range(10)), reverse=True)
    lines = [(scene.now - timedelta(minutes=ago), fill(rng, rng.choice(USUAL))) for ago in ages]
    noise = [rng.uniform(1, 300) for _ in range(rng.randint(0, 3))]
    lines += [(scene.now - timedelta(minutes=ago), fill(rng, rng.choice(BENIGN))) for ago in noise]
    for line, count in said:
        since = max((scene.now - scene.began).total_seconds(), 60)
        lines += [(scene.now - timedelta(seconds=rng.uniform(1, since)), line) for _ in range(count)]
    return _grouped(scene, pod, lines, previous=False)


def ended(scene: Scene, pod: Pod, last: str, trace: tuple[str, ...] = ()) -> LogSeen:
    """The log of the container before: a start, and what it died of."""
    rng, part = scene.rng, pod.containers[0]
    end = datetime.fromisoformat(part.last_finished_at) if part.last_finished_at else scene.now
    lines = [
        (end - timedelta(seconds=4), 'level=info msg="starting"'),
        (end - timedelta(seconds=3), "loading configuration"),
    ]
    if rng.random() < 0.3:
        lines.append((end - timedelta(seconds=2), fill(rng, rng.choice(BENIGN))))
    lines += [(end - timedelta(seconds=1), one) for one in trace]
    lines.append((end - timedelta(milliseconds=300), last))
    return _grouped(scene, pod, lines, previous=True)


def _grouped(scene: Scene, pod: Pod, lines: list[tuple[datetime, str]], *, previous: bool) -> LogSeen:
    """The log as its collector makes it of the kubelet's text, with the stacks that runtimes print around errors."""
    traced = scene.rng.random() < 0.5
    written = []
    for at, line in sorted(lines, key=lambda pair: pair[0]):
        whole = _traced(line) if traced else [line]
        written += [f"{_stamp(at)} {one}" for one in whole]
    read = digest("\n".join(written))
    return LogSeen(pod.name, pod.containers[0].name, previous, read.signatures, read.tail, read.lines)


def _traced(line: str) -> list[str]:
    """The line within its stack."""
    if line.startswith(("panic:", "thread '")):
        return [line, "goroutine 1 [running]:", "main.main()", "\t/src/main.go:42 +0x1d", "exit status 2"]
    if line.startswith("Caused by:"):
        return [
            'Exception in thread "main" java.lang.IllegalStateException: not started',
            "\tat app.Main.run(Main.java:7)",
            line,
        ]
    if re.match(r"[\w.]*(?:Error|Exception)\b", line) and "java" not in line:
        return ["Traceback (most recent call last):", '  File "/app/main.py", line 7, in <module>', "    run()", line]
    return [line]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
