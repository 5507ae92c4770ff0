"""What is wrong in a playbook is said in sentences with the line and the nearest right word, all at once."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.playbooks import loader
from bot.playbooks.schema import Playbook

HEAD = "name: mine\ntitle: Mine\nevidence: [pods]\n"


def _sentences(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        loader.parse(text, "mine.yaml")
    return refused.value.sentences


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("colour: red\n", 4, "colour is no key of a playbook"),
        ("finding: {}\n", 4, "finding is no key of a playbook: did you mean findings?"),
        ("match:\n  alert: [A]\n", 5, "match.alert is no key of a playbook: did you mean alerts?"),
        ("findings:\n  crash_loop:\n    - acton: restart\n", 6, "acton is no key of a playbook: did you mean action?"),
        ("findings: {crash_lop: []}\n", 4, "“crash_lop” is no cause that Fettle finds: did you mean crash_loop?"),
        ("findings: {crash_loop: [restat]}\n", 4, "“restat” isn't known here: did you mean restart?"),
        ("guards: {deny: [rolback]}\n", 4, "“rolback” isn't known here: did you mean rollback?"),
        ("guards: {only_kinds: [Deployments]}\n", 4, "did you mean Deployment?"),
        ("guards:\n  min_replicas: two\n", 5, "should be a valid integer, not “two”"),
        ("guards: {min_replicas: 0}\n", 4, "greater than or equal to 1"),
        ("guards: {min_replicas: '2'}\n", 4, "should be a valid integer"),
        ("guards: {min_replicas: true}\n", 4, "should be a valid integer"),
        ("findings: {quota: [{action: restart, unsuggested: 'yes'}]}\n", 4, "should be a valid boolean"),
        ("findings: {quota: [{action: restart, guards: {deny: [scale]}}]}\n", 4, "deny is no key of a playbook"),
        ("findings: {quota: restart}\n", 4, "should be a valid"),
        ("evidence: pods\n", 4, "has the key evidence twice"),
        ("guards: {min_confidence: sure}\n", 4, "“sure” isn't known here"),
        ("match: {labels: [severity]}\n", 4, "“severity” is no matcher"),
        ("match: {labels: ['a=~\"(x\"']}\n", 4, "RE2 says: missing ): (x"),
        ("match: {severity: [SEV0]}\n", 4, "did you mean SEV"),
        ("severity: SEV1\n", 4, "“SEV1” isn't known here"),
        ("queries: [node_cpu]\n", 1, "add metrics to evidence"),
        ("logs: {}\n", 1, "add log_errors to evidence"),
        ("logs:\n  error: 'level=$namspace'\n", 5, "logs.error: $namspace is no place: did you mean $namespace?"),
        ("logs:\n  error: 'x ${pod}'\n", 5, "logs.error: Write places without braces"),
        ("logs:\n  error: '(x'\n", 5, "logs.error: RE2 says: missing ): (x"),
        ("logs:\n  error: '(?=x)'\n", 5, "logs.error: RE2 says"),
        (
            "logs:\n  selector: '{app=\"$workloat\"}'\n",
            5,
            "logs.selector: $workloat is no place: did you mean $workload?",
        ),
        ("logs:\n  selector: alert {a=$pod}\n", 5, "$pod stands outside quotes"),
        (
            "queries:\n  - name: a\n    expr: 'up{a=\"$nod\"}'\n",
            6,
            "queries.expr: $nod is no place: did you mean $node?",
        ),
        ("queries:\n  - name: a\n    expr: 'up{a=~\"$podz\"}'\n", 6, "$podz is no place: did you mean $pod?"),
        ("findings: {crash_loop: [{action: restart, params: {speed: 2}}]}\n", 4, "restart has no parameter speed"),
        ("findings: {saturation: [{action: scale, params: {replica: 2}}]}\n", 4, "did you mean replicas?"),
        ("findings: {saturation: [{action: scale, params: {replicas: '2'}}]}\n", 4, "is a whole number"),
        ("findings: {saturation: [{action: scale, params: {replicas: {from: alert}}}]}\n", 4, "“alert” isn't known"),
        ("routing: {channels: ['#shop']}\n", 4, "a channel's id, such as C0123456789"),
        ("routing: {mentions: ['@ana']}\n", 4, "“@ana” is no Slack id"),
        ("routing: {quiet: {from: 22:00, to: 7:00, zone: Europe/Berlin}}\n", 4, "a time of day, such as 22:00"),
        ("routing: {quiet: {from: 22:00, to: 07:00, zone: CET+1}}\n", 4, "“CET+1” is no zone of the IANA database"),
        ("routing: {quiet: {from: 22:00, to: 07:00}}\n", 4, "zone is missing"),
        ("approval: {approvers: [ana]}\n", 4, "“ana” is no Slack id"),
        ("approval: {quorum: 0}\n", 4, "greater than or equal to 1"),
        ("approval: {quorum: 2, approvers: [U0ANA]}\n", 4, "2 people have to approve, and approvers names 1"),
        ("approval: {none: {delay: 1m}}\n", 4, "hourly is missing"),
        ("approval: {none: {hourly: 0}}\n", 4, "greater than or equal to 1"),
        ("approval: {none: {hourly: 11}}\n", 4, "less than or equal to 10"),
        ("approval: {none: {hourly: 1, delay: 10s}}\n", 4, "30"),
        ("approval: {none: {hourly: 1, delay: 2h}}\n", 4, "30"),
        ("approval: {none: {hourly: 1}, quorum: 2}\n", 4, "quorum wants 2 people: leave one out"),
        ("approval: {none: {hourly: 1, delay: 10m}, expires: 5m}\n", 4, "would never act"),
        ("approval: {expires: soon}\n", 4, "write a duration such as 90s"),
        ("verification: {metrics: [{query: errors}]}\n", 4, "a number alone says nothing"),
        ("verification: {metrics: [{query: error, below: 1}]}\n", 1, "did you mean errors?"),
        ("verification: {metrics: [{query: cpu, below: 1}, {query: cpu, above: 1}]}\n", 1, "measured twice"),
        ("links: [{title: x, url: 'javascript:alert(1)'}]\n", 4, "write a whole address"),
        ("links: [{title: x, url: 'https://x/{{ pod }}'}]\n", 4, "nothing is filled in"),
        ("priority: 101\n", 4, "less than or equal to 100"),
        ("title: Twice\n", 4, "has the key title twice"),
        ("match: &all {alerts: [A]}\nguards: *all\n", 5, "has an alias; write the value out"),
        ("match: !!set {a}\n", 4, "has a tag"),
        ("match: [unclosed\n", 5, "is no YAML"),
        ('match: {alerts: ["\\ud83d"]}\n', 4, "holds half a character"),
        ("match: {alerts: [a\x1fb]}\n", 4, "holds a character that text doesn't have"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_line(text: str, line: int, words: str) -> None:
    sentences = _sentences(HEAD + text)
    assert len(sentences) == 1, sentences
    assert sentences[0].startswith(f"mine.yaml, line {line}: ")
    assert words in sentences[0]
    assert sentences[0].endswith((".", "?"))


@pytest.mark.parametrize("key", ["quorum: 2", "verify: [rollout]", "approval: none", "verification: {rollout: false}"])
def test_what_nothing_executes_is_refused_not_ignored(key: str) -> None:
    """Nobody without limits, the choice of checks: not in the schema until something does it."""
    assert len(_sentences(f"{HEAD}{key}\n")) == 1


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = "name: X\nevidence: [pod]\nfindings: {crash_loop: [restat]}\nguards: {deny: [x]}\n"
    sentences = _sentences(text)
    assert [one.split(":")[0] for one in sentences] == [
        "mine.yaml, line 1", "mine.yaml, line 1", "mine.yaml, line 2", "mine.yaml, line 3", "mine.yaml, line 4",
    ]  # fmt: skip
    assert any("title is missing" in one for one in sentences)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "42\n"])
def test_a_file_without_a_table_is_refused(text: str) -> None:
    assert "holds no table" in _sentences(text)[0]


def test_a_file_that_is_nested_without_end_or_larger_than_a_person_writes_is_refused() -> None:
    assert "too deeply" in _sentences("a: " + "[" * 50000)[0]
    assert "too deeply" in _sentences(f"{HEAD}links: {'[' * 60}{']' * 60}\n")[0]
    assert "larger than 1 MiB" in _sentences("# " + "x" * (1024 * 1024))[0]


def test_words_are_read_as_yaml_1_2_reads_them() -> None:
    """22:00 is a time, not 1320; on, no and yes are words, not switches; a date is text."""
    made = loader.parse(
        f"{HEAD}routing: {{quiet: {{from: 22:00, to: 07:00, zone: UTC}}}}\n"
        "match: {alerts: [on, no, 'yes', 2026-11-21, 010]}\n",
        "mine.yaml",
    )
    assert made.routing.quiet is not None
    assert (made.routing.quiet.since, made.routing.quiet.until) == ("22:00", "07:00")
    assert made.match.alerts == ("on", "no", "yes", "2026-11-21", "010")


def test_a_playbook_cannot_be_changed_once_it_is_read() -> None:
    made = loader.parse(HEAD, "mine.yaml")
    with pytest.raises(ValueError, match="frozen"):
        made.title = "Other"


def test_what_a_playbook_says_is_read_back_as_the_same() -> None:
    """Its content, as stored in the database, makes the playbook that it came from: also durations and references."""
    text = (
        f"{HEAD.replace('[pods]', '[pods, metrics]')}queries: [node_memory, {{name: q, expr: up, window: 90m}}]\n"
        "findings: {bad_rollout: [{action: rollback, params: {revision: {from: finding}}}]}\n"
        "approval: {expires: 10m}\nrouting: {quiet: {from: 22:00, to: 07:00, zone: UTC}}\n"
    )
    made = loader.parse(text, "mine.yaml")
    again = loader.restored({"playbooks": {"mine": made.content()}, "own": ["mine"]}).playbooks[0]
    assert again == made
    assert isinstance(again, Playbook)


KEYS = st.sampled_from([
    "name", "title", "match", "alerts", "labels", "severity", "evidence", "queries", "findings", "crash_loop",
    "oom_killed/leak", "action", "params", "from", "unsuggested", "guards", "deny", "min_replicas", "routing",
    "quiet", "zone", "approval", "expires", "links", "url", "expr", "window", "logs", "<<", "odd key", "",
])  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(
        ["restart", "SEV2", 'a=~"("', 'up{a="$b"}', "22:00", "1h", "U1A", "pods", "finding", "$namespace", "alert"]
    ),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
TABLES = st.builds(
    lambda more: {"name": "mine", "title": "Mine", "evidence": ["pods", "metrics"], **more},
    st.dictionaries(KEYS, VALUES, max_size=6),
)


@given(text=st.one_of(st.text(max_size=200), TABLES.map(yaml.safe_dump)))
def test_whatever_a_file_says_it_is_a_playbook_or_sentences(text: str) -> None:
    """Nothing else is ever raised, and every sentence names the file and ends."""
    sentences = []
    try:
        loader.parse(text, "mine.yaml")
    except ConfigError as refused:
        sentences = refused.sentences or ["nothing was said"]
    assert all(one.startswith("mine.yaml") and one.endswith((".", "?")) for one in sentences), sentences
