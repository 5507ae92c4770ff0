"""What a body becomes: alert by alert, whatever it holds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import payload
from alerts.payload import MAX_ALERTS, MAX_LABELS, MAX_VALUE, parse
from bot.domain.alert import AlertGroup, AlertStatus, fingerprint_of
from bot.domain.errors import RequestError
from tests.chance import examples

OLD = "too long ago to be an alert's"
LABELS = {"alertname": "Down", "namespace": "shop"}


def one(**changes: Any) -> Any:
    """The only alert of a body, or the reason why it is quarantined."""
    group = parse(json.dumps([{"labels": LABELS, "startsAt": "2026-11-21T03:14:00Z"} | changes]).encode())
    assert len(group.alerts) + len(group.poison) == 1
    return group.alerts[0] if group.alerts else group.poison[0].reason


def read(body: bytes) -> AlertGroup | None:
    """The group, or None where one sentence refuses it."""
    try:
        return parse(body)
    except RequestError:
        return None


def holds(group: AlertGroup) -> None:
    """What the rooms behind may rely on: text that both databases take, sizes, aware times."""
    texts = [group.group_key, group.receiver, group.external_url, *(p.reason + p.raw for p in group.poison)]
    for alert in group.alerts:
        assert len(alert.labels) <= MAX_LABELS
        assert len(alert.annotations) <= MAX_LABELS
        assert 0 < len(alert.fingerprint) <= 128
        for at in (alert.starts_at, alert.ends_at):
            assert at is None or at.utcoffset() == timedelta(0)
        for table in (alert.labels, alert.annotations):
            texts += [*table, *table.values()]
            assert all(len(value.encode()) <= MAX_VALUE for value in table.values())
        texts += [alert.fingerprint, alert.generator_url, *alert.cut]
    for text in texts:
        assert "\x00" not in text
        text.encode()


hostile = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    [
        "\x00",
        "\ud800",
        "2026-11-21T03:14:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "firing",
        "é" * 3000,
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | hostile
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile, inner, max_size=4), max_leaves=12
)
names = st.sampled_from(
    ["labels", "annotations", "status", "startsAt", "endsAt", "fingerprint", "generatorURL", "values", "other"]
)
alerts_like = st.dictionaries(names, anything | st.dictionaries(hostile, scalars, max_size=4), max_size=6)
envelopes = st.fixed_dictionaries(
    {"alerts": st.lists(alerts_like | anything, max_size=4)},
    optional=dict.fromkeys(("groupKey", "receiver", "externalURL", "truncatedAlerts", "version"), anything),
)


@settings(max_examples=examples(1600), deadline=None)
@given(found=envelopes | alerts_like | st.lists(alerts_like, max_size=3) | anything)
def test_json_of_any_shape_is_a_group_or_one_sentence(found: Any) -> None:
    group = read(json.dumps(found).encode())
    if group is None:
        return
    items = found if isinstance(found, list) else found.get("alerts", [found])
    assert len(group.alerts) + len(group.poison) == (len(items) if isinstance(items, list) else 1)
    holds(group)


TIMES = st.sampled_from(
    ["2026-11-21T03:14:00Z", "2026-11-21T03:14:00.123456789+01:00", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", ""]
)
words = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["x" * (MAX_VALUE - 1), "x" * MAX_VALUE, "é" * 1024, "é" * 1025, "é" * 2049, " ", "a\\u0000b"]
)
tables = st.dictionaries(words, words, max_size=3) | st.just({f"l{number}": "x" for number in range(MAX_LABELS + 1)})
notifications = st.fixed_dictionaries(
    {
        "groupKey": words,
        "alerts": st.lists(
            st.fixed_dictionaries(
                {"labels": tables, "status": st.sampled_from(["firing", "resolved", "Firing"]), "startsAt": TIMES},
                optional={
                    "fingerprint": words, "annotations": tables, "endsAt": TIMES, "generatorURL": words,
                    "other": anything,
                },
            ),
            max_size=3,
        ),
    },
    optional={
        "receiver": words, "externalURL": words, "other": anything,
        "truncatedAlerts": st.sampled_from([0, 3, -1, 2**31, 2**70, True, 1.0]),
    },
)  # fmt: skip


@settings(max_examples=examples(2400), deadline=None)
@given(found=notifications | envelopes, ascii_only=st.booleans())
def test_the_short_way_says_what_the_long_way_says_or_nothing(found: Any, ascii_only: bool) -> None:
    body = json.dumps(found, ensure_ascii=ascii_only).encode("utf-8", "replace")
    short = payload._usual(body)
    assert short is None or short == payload._any(body)


def test_the_short_way_is_the_one_that_real_notifications_take() -> None:
    captures = Path(__file__).parents[2] / "captures" / "alertmanager"
    bodies = [line for path in captures.glob("*/group5.jsonl") for line in path.read_bytes().splitlines()]
    assert len(bodies) > 1
    for body in bodies:
        assert payload._usual(body) == payload._any(body)


@settings(max_examples=examples(800), deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: ("[{" + text).encode("utf-8", "replace")))
def test_bytes_of_any_kind_are_a_group_or_one_sentence(body: bytes) -> None:
    group = read(body)
    if group is not None:
        holds(group)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"3", b'"x"', b"{}", b'{"alerts":null}', b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000,
        b"alerts=1", b"\x1f\x8b\x08\x00gzip",
    ],
)  # fmt: skip
def test_what_holds_no_alerts_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        parse(body)


def test_each_shape_of_sender_is_understood() -> None:
    alert = {"labels": LABELS}
    for body in ({"alerts": [alert]}, [alert], alert):
        (found,) = parse(json.dumps(body).encode()).alerts
        assert (found.status, found.starts_at, found.fingerprint) == (AlertStatus.FIRING, None, fingerprint_of(LABELS))
    group = parse(json.dumps({"groupKey": "k", "receiver": "r", "truncatedAlerts": 2, "alerts": []}).encode())
    assert (group.group_key, group.receiver, group.truncated, group.alerts) == ("k", "r", 2, ())
    assert parse(b"\xef\xbb\xbf[]").alerts == ()


def test_times_are_read_as_go_and_others_write_them() -> None:
    moment = datetime(2026, 11, 21, 3, 14, 0, 123456, tzinfo=UTC)
    assert one(startsAt="2026-11-21T03:14:00.123456789Z").starts_at == moment
    assert one(startsAt="2026-11-21T08:44:00.123456789+05:30").starts_at == moment
    assert one(startsAt="2026-11-21T03:14:00").starts_at == moment.replace(microsecond=0)
    assert one(endsAt="0001-01-01T00:00:00Z").ends_at is None
    assert one(status="resolved", endsAt="2026-11-21T03:14:00.123456Z").ends_at == moment
    assert one(status="firing", endsAt="2026-11-21T04:14:00Z").ends_at is None, "an end that is only expected is none"
    assert one(status="resolved", endsAt="").ends_at is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startsAt": None}, "startsAt is null, not a time"),
        ({"startsAt": 5}, "startsAt is a number, not a time"),
        ({"startsAt": "soon"}, "startsAt is 'soon', which is no time"),
        ({"startsAt": ""}, "startsAt is '', which is no time"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "startsAt is empty"),
        ({"startsAt": "1970-01-01T00:00:00Z"}, "startsAt is '1970-01-01T00:00:00Z', which is " + OLD),
        ({"startsAt": "0001-02-01T00:00:00+23:59"}, "startsAt is '0001-02-01T00:00:00+23:59', which is " + OLD),
        ({"startsAt": "9999-12-31T23:59:59-23:59"}, "startsAt is '9999-12-31T23:59:59-23:59', which is no time"),
        ({"status": "fine"}, "status is 'fine', neither firing nor resolved"),
        ({"status": []}, "status is [], neither firing nor resolved"),
        ({"labels": "a"}, "labels is text, not an object"),
        ({"labels": {"a": {}}}, "labels.a is an object, not text"),
        ({"annotations": {"a": [1]}}, "annotations.a is a list, not text"),
    ],
)  # fmt: skip
def test_what_makes_one_alert_unusable_is_said(changes: dict[str, Any], reason: str) -> None:
    assert one(**changes) == reason


def test_entries_that_are_no_objects_are_quarantined_by_kind() -> None:
    group = parse(b'[null, true, 1, 1.5, "x", [], {"labels": {}}]')
    kinds = ["null", "a boolean", "a number", "a number", "text", "a list"]
    assert [one.reason for one in group.poison] == [f"it is {kind}, not an object" for kind in kinds]
    assert [one.raw for one in group.poison] == ["null", "true", "1", "1.5", '"x"', "[]"]
    assert [alert.name for alert in group.alerts] == ["(alert without a name)"]


def test_scalars_as_label_values_become_text() -> None:
    labels = one(labels={"a": 1, "b": 2.5, "c": True, "d": None, "e": "x\x00y\ud800"}).labels
    assert labels == {"a": "1", "b": "2.5", "c": "true", "d": "", "e": "x\N{REPLACEMENT CHARACTER}y?"}


def test_caps_cut_and_mark_and_never_drop_the_alert() -> None:
    alert = one(labels={f"l{number}": "v" for number in range(100_000)}, annotations={"log": "é" * 5000})
    assert len(alert.labels) == MAX_LABELS
    assert alert.cut == ("labels: 99936 more", "annotations.log")
    assert len(alert.annotations["log"].encode()) <= MAX_VALUE
    assert alert.annotations["log"].endswith("…")
    assert one(annotations={"log": "x" * MAX_VALUE}).cut == ()


def test_what_decides_survives_the_cap_wherever_it_stands() -> None:
    many = {f"a{number}": "v" for number in range(100)}
    kept = one(labels={**many, "alertname": "Down", "namespace": "shop", "deployment": "api", "severity": "critical"})
    assert kept.labels["alertname"] == "Down"
    assert {"namespace", "deployment", "severity"} <= kept.labels.keys()


def test_what_is_cut_ends_with_a_whole_word() -> None:
    """Half a token isn't known as one, and would be stored and shown."""
    token = "ghp_" + "a1" * 18
    for before in range(4040, 4095):
        kept = one(annotations={"log": "x" * before + " " + token + " more" * 20}).annotations["log"]
        assert token in kept or "ghp_" not in kept


def test_a_computed_fingerprint_is_of_all_labels_in_any_order_uncut() -> None:
    many = {f"a{number}": "v" * 5000 for number in range(100)}
    turned = dict(reversed(many.items()))
    assert one(labels=many, fingerprint="").fingerprint == one(labels=turned, fingerprint="").fingerprint
    longer = {**many, "a99": "v" * 5001}
    assert one(labels=many, fingerprint="").fingerprint != one(labels=longer, fingerprint="").fingerprint


@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize("end", [[1], "soon", 5, None])
def test_an_end_that_cannot_be_read_costs_neither_alert_nor_resolve(status: str, end: Any) -> None:
    found = one(status=status, endsAt=end)
    assert (found.status, found.ends_at) == (status, None)


def test_numbers_that_python_refuses_cost_nothing_else() -> None:
    group = parse(b'{"alerts": [{"labels": {"a": 1' + b"0" * 5000 + b'}}, {"labels": {"alertname": "b"}}]}')
    assert [alert.labels for alert in group.alerts] == [{"a": "Infinity"}, {"alertname": "b"}]


def test_a_byte_that_is_no_utf8_costs_its_own_character() -> None:
    (alert,) = parse(b'[{"labels": {"alertname": "caf\xe9"}}]').alerts
    assert alert.name == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
def test_in_a_usual_notification_too(bad: bytes) -> None:
    """Refused with a 500 it would come again for ever, and with it all the others of its group."""
    alert = b'{"labels":{"alertname":"%s"},"status":"firing","startsAt":"2026-11-21T03:14:00Z","fingerprint":"%d"}'
    body = b'{"groupKey":"k","alerts":[' + alert % (b"a", 1) + b"," + alert % (b"b" + bad, 2) + b"]}"
    assert [one.labels["alertname"].rstrip("\N{REPLACEMENT CHARACTER}") for one in parse(body).alerts] == ["a", "b"]


def test_long_fingerprints_are_told_apart() -> None:
    first, second = (one(fingerprint="f" * 200 + end).fingerprint for end in "ab")
    assert first != second
    assert one(fingerprint=" ").fingerprint == fingerprint_of(LABELS)


def test_the_raw_text_of_a_poison_alert_is_capped() -> None:
    assert len(parse(json.dumps([["x" * 20_000]]).encode()).poison[0].raw) == 8192


def test_more_entries_than_memory_can_hold_are_counted_and_said() -> None:
    group = parse(b"[" + b"1," * (MAX_ALERTS + 4) + b"1]")
    assert (len(group.poison), group.truncated) == (MAX_ALERTS + 1, 5)
    assert group.poison[-1].reason == f"5 more entries than the {MAX_ALERTS} that one body may hold"
