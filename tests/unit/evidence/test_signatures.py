"""Logs made readable: alike errors are one with a count, traces stay whole, secrets go, hostile text costs little."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.evidence.signatures import MOST_SIGNATURES, MOST_TAIL, TAIL_BYTES, digest, is_error, signature
from tests.chance import examples

PYTHON = """\
INFO starting
Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    main()
  File "/app/config.py", line 4, in main
    return os.environ["DB_URL"]
           ~~~~~~~~~~^^^^^^^^^^
KeyError: 'DB_URL'
"""
JAVA = """\
2026-11-20 23:57:23.878 INFO  c.e.Main - starting
2026-11-20 23:57:24.100 ERROR c.e.Main - cannot start
java.lang.IllegalStateException: no pool of 10
\tat com.example.Pool.open(Pool.java:42)
\tat com.example.Main.main(Main.java:7)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t... 12 more
2026-11-20 23:57:24.200 INFO  c.e.Main - bye
"""
GO = """\
time=2026-11-20T23:57:23Z level=INFO msg=starting
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47b2c5]

goroutine 1 [running]:
main.(*Server).Run(0x0)
\t/app/main.go:21 +0x25
main.main()
\t/app/main.go:12 +0x1d
exit status 2
"""
NODE = """\
Server starting
Error: connect ECONNREFUSED 10.0.0.7:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
Server stopped
"""
RUST = """\
thread 'main' panicked at src/main.rs:4:5:
called `Option::unwrap()` on a `None` value
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
PINO = json.dumps({"level": 50, "time": 1, "msg": "query failed", "err": {"message": "ECONNRESET", "stack": "x"}})
ZAP = json.dumps(
    {"level": "error", "msg": "no leader", "error": "etcd timed out", "stacktrace": "main.run\n\tmain.go:3"}
)

TRACES = [
    ("python", PYTHON, "KeyError: 'DB_URL'", 'File "/app/config.py", line 4, in main'),
    ("java", JAVA, "java.lang.IllegalStateException: no pool of 10", "Caused by: java.net.ConnectException"),
    ("go", GO, "panic: runtime error: invalid memory address", "main.main()"),
    ("node", NODE, "Error: connect ECONNREFUSED 10.0.0.7:5432", "at TCPConnectWrap.afterConnect"),
    ("rust", RUST, "called `Option::unwrap()` on a `None` value", "thread 'main' panicked"),
    ("zap", ZAP, "level=error no leader: etcd timed out", "main.run"),
]


@pytest.mark.parametrize(("text", "message", "traced"), [row[1:] for row in TRACES], ids=[row[0] for row in TRACES])
def test_a_trace_stays_with_its_message_and_comes_first(text: str, message: str, traced: str) -> None:
    first = digest(text).signatures[0]
    assert message in first.sample
    assert traced in "\n".join(first.trace)
    assert not any("starting" in line or "bye" in line or "stopped" in line for line in first.trace)


def test_pinos_numbers_are_levels() -> None:
    (one,) = digest(PINO).signatures
    assert one.sample == "level=error query failed: ECONNRESET"
    assert not digest(PINO.replace("50", "30").replace("failed", "done")).signatures


def test_lines_alike_but_for_numbers_and_ids_are_one_with_count_and_times() -> None:
    line = '2026-11-20T23:57:{0:02}.5Z level=error msg="db 10.0.{0}.7:5432 refused" id=5f3c{0:04}abcd99 n={0}'
    lines = [line.format(second) for second in range(20)]
    (one,) = digest("\n".join(lines)).signatures
    assert one.count == 20
    assert one.text == 'level=error msg="db <address> refused" id=<id> n=#'
    assert (one.first_at, one.last_at) == ("2026-11-20T23:57:00.5Z", "2026-11-20T23:57:19.5Z")
    assert "n=19" in one.sample, "the newest is the sample"


ERRORS = [
    "ERROR could not connect",
    "[error] 12#12: upstream timed out",
    'level=fatal msg="bye"',
    "E1120 23:57:23.878551       1 main.go:12] leader lost",
    "psycopg.OperationalError: connection refused",
    "panic: boom",
    "Segmentation fault (core dumped)",
    "exec /app/start: no such file or directory".replace("no such", "No such"),
    '{"level":"ERROR","x":1}',
    "failed to open /data: Permission denied",
]
FINE = [
    "INFO request failed over to replica",
    "2026-11-20 23:57:23 WARN retry, error budget left",
    'level=info msg="0 errors"',
    "I1120 23:57:23.878551       1 main.go:12] error count 0",
    "compiled with 0 errors",
    "errors=0 ok=12",
    'error=null status="ok"',
    "GET /terror 200",
    "mirrored 12 files",
]


@pytest.mark.parametrize("line", ERRORS)
def test_what_tells_of_trouble_is_an_error(line: str) -> None:
    assert is_error(line)


@pytest.mark.parametrize("line", FINE)
def test_a_word_alone_makes_no_error(line: str) -> None:
    assert not is_error(line)


def test_a_fatal_line_comes_before_a_frequent_one() -> None:
    noise = "\n".join(f"ERROR slow query {n} ms" for n in range(100))
    assert digest(f"{noise}\nFATAL no license").signatures[0].sample == "FATAL no license"


BODY = ["MIIEpAIBAAKCAQEA" * 4] * 20 + ["MIIEpAIBAAKCAQEA=="]
KEY = ["-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----"]
TRACE = """Traceback (most recent call last):
  File "x.py", line 1
    login(token="hunter2hunter2")
ValueError: xoxb-1234567890-abcdefghij"""
SECRETS = ("hunter2hunter2", "MIIEpAIBAAKCAQEA", "xoxb-1234567890-abcdefghij", "AKIAABCDEFGHIJKLMNOP")


@pytest.mark.parametrize("cut", [0, 1, 5, 21])
def test_no_secret_of_a_log_is_kept(cut: int) -> None:
    """Nor the inside of a key whose beginning was cut off, nor one in a trace or a structured line."""
    text = "\n".join(
        [
            *KEY[cut:],
            "ERROR login failed password=hunter2hunter2",
            TRACE,
            json.dumps({"level": "error", "msg": "aws AKIAABCDEFGHIJKLMNOP", "error": "secret=hunter2hunter2"}),
        ]
    )
    kept = str(digest(text))
    assert "login failed" in kept
    assert not [secret for secret in SECRETS if secret in kept]


def test_a_token_is_hidden_before_its_digits_are_taken_out() -> None:
    """Lines alike but for numbers are one; a token without its digits has no shape, and its letters would stay."""
    token = "ghp_" + "abcdef12ghijkl34mnopqr56stuvwx78"
    kept = str(digest(f"ERROR login as {token} failed"))
    assert "login as [hidden] failed" in kept
    assert not [letters for letters in ("abcdef", "ghijkl", "stuvwx") if letters in kept]


def test_what_is_kept_is_bounded() -> None:
    text = "\n".join(f"ERROR {chr(97 + n % 26) * 9} {'x' * 3000}" for n in range(2000))
    found = digest(text)
    assert len(found.signatures) == MOST_SIGNATURES
    assert len(found.tail) <= MOST_TAIL
    assert sum(len(line.encode()) for line in found.tail) <= TAIL_BYTES
    assert found.lines == 2000
    deep = digest("Traceback (most recent call last):\n" + "  File x\n" * 5000 + "RecursionError: too deep")
    assert len(deep.signatures[0].trace) == 31
    assert "lines left out" in str(deep.signatures[0].trace)


def test_nothing_said_is_nothing_told() -> None:
    assert digest("") == digest("\n\n")
    assert digest("").lines == 0


@given(st.text(max_size=3000))
@settings(max_examples=examples(800), deadline=None)
def test_any_text_is_digested(text: str) -> None:
    found = digest(text)
    assert len(found.tail) <= MOST_TAIL


HOSTILE = [
    "(" * 100_000, "a(" * 100_000, "Error" * 50_000, " at " * 60_000, "0" * 200_000, "{" * 60_000, "[ERROR" * 40_000,
    "level" * 50_000, "\n" * 200_000, "1.2.3.4." * 30_000, "thread '" * 30_000, "f" * 200_000, "\x1b[" * 100_000,
    "-----BEGIN PRIVATE KEY-----" * 8000, "A" * 200_000, "error: \n  x\n" * 20_000,
]  # fmt: skip


def took(text: str) -> float:
    """Seconds of the processor, and at least so many that its clock tells them."""
    began = time.process_time()
    digest(text)
    return max(time.process_time() - began, 1e-3)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    # A busy machine makes a measure worse, never better: work that grows with the square shows in each of them.
    assert any(took(text[:262_144]) / took(text[:32_768]) < 32 for _ in range(20))


def test_a_signature_keeps_words_and_drops_what_varies() -> None:
    assert signature("2026-11-20T23:57:23Z worker 7 lost job 6f1a2b3c-1111-2222-3333-444455556666 after 1.5s") == (
        "worker # lost job <id> after #s"
    )
