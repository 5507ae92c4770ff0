"""Bugs of outside systems and of charts: what gets in, what gets out, what comes twice, what is believed too soon."""

from __future__ import annotations

from tests.planted.bug import Bug

PROMQL = "tests/unit/integrations/test_promql.py"
DOOR = "tests/integration/prometheus/test_door.py"
CAPTURED = "tests/integration/prometheus/test_captured.py"
CHARTS = "tests/integration/delivery/test_charts.py"
CLIENT = "tests/integration/delivery/test_client.py"
SWEEP = "tests/integration/workflow/test_sweep.py"
DRAWN = "tests/unit/slack/test_charts.py"
PLACES = "tests/unit/evidence/test_metrics.py"
LOG_ERRORS = "tests/unit/evidence/test_log_errors.py"
LOKI = "tests/integration/loki/test_captured.py"

PROMQL_PY = "bot/integrations/promql.py"
DOOR_PY = "bot/integrations/door.py"
SWEEP_PY = "bot/workflow/sweep.py"

BUGS = (
    Bug(
        name="label-ends-its-matcher",
        why="An alert's label breaks out of its quotes and asks Prometheus about everything.",
        file=PROMQL_PY,
        old='_PLAIN = frozenset(chr(code) for code in range(0x20, 0x7F)) - {\'"\', "\'", "\\\\"}',
        new='_PLAIN = frozenset(chr(code) for code in range(0x20, 0x7F)) - {"\'"}',
        tests=(PROMQL,),
    ),
    Bug(
        name="label-is-a-pattern",
        why="A label .* in a regular expression takes every pod's metrics for the target's.",
        file=PROMQL_PY,
        old='    return "".join(f"\\\\{character}" if character in _META else character for character in value)\n',
        new="    return value\n",
        tests=(PROMQL,),
    ),
    Bug(
        name="empty-place-matches-all",
        why="A label that is missing becomes an empty matcher, which takes in all series without that label.",
        file=PROMQL_PY,
        old="    if not kept:\n        raise RequestError",
        new="    if found is None:\n        raise RequestError",
        also=(("_escaped(kept[0])", "_escaped(kept[0] if kept else '')"),),
        tests=(PROMQL,),
    ),
    Bug(
        name="pattern-ends-its-string",
        why="A quote in a playbook's words for an error ends the filter, and the rest is asked as a query.",
        file=PROMQL_PY,
        old="    return f'\"{_escaped(text)}\"'\n",
        new="    return f'\"{text}\"'\n",
        tests=(LOG_ERRORS,),
    ),
    Bug(
        name="namespace-unquoted-for-loki",
        why="A label breaks out of the selector, and the logs of other teams stand on the card.",
        file="bot/evidence/log_errors.py",
        old='    return promql.fill(template(query, str(values.get("kind", "")), '
        'known=bool(values.get("pods"))), values)\n',
        new='    text = template(query, str(values.get("kind", "")), known=bool(values.get("pods")))\n'
        '    return promql.fill(text.replace("$namespace", str(values.get("namespace"))), values)\n',
        tests=(LOG_ERRORS,),
    ),
    Bug(
        name="tenant-forgotten",
        why="A Loki of several tenants refuses everything, or answers with another team's logs.",
        file=DOOR_PY,
        old="                headers[TENANT] = access.tenant\n",
        new="                pass\n",
        tests=(LOKI,),
    ),
    Bug(
        name="redirect-takes-the-token-along",
        why="Whoever can make Prometheus redirect gets our bearer token.",
        file=DOOR_PY,
        old="allow_redirects=False, **asked",
        new="**asked",
        tests=(DOOR,),
    ),
    Bug(
        name="answer-without-end-is-read",
        why="One answer of a broken Prometheus takes all the memory there is.",
        file=DOOR_PY,
        old="            if size > largest:\n",
        new="            if False:\n",
        tests=(DOOR,),
    ),
    Bug(
        name="late-query-is-a-wrong-one",
        why="A Prometheus that is slow is shown as a query that is wrong, and nobody looks at Prometheus.",
        file="bot/integrations/prometheus.py",
        old='        if kind in {"timeout", "canceled"} or any(word in told for word in LATE):\n',
        new='        if kind in {"timeout", "canceled"}:\n',
        tests=(CAPTURED,),
    ),
    Bug(
        name="exporter-taken-for-the-target",
        why="The metrics of kube-state-metrics are shown as those of the workload that is ill.",
        file="bot/evidence/places.py",
        old="        if value and (value in known or not exporter):\n",
        new="        if value:\n",
        tests=(PLACES,),
    ),
    Bug(
        name="picture-twice",
        why="A lost answer of Slack's puts the same picture into the thread again and again.",
        file="bot/delivery/send.py",
        old="        if row.posted_ts or (row.uncertain and await self._found(row, draft.thread_ts)):\n",
        new="        if row.posted_ts:\n",
        tests=(f"{CHARTS}::test_no_answer_never_makes_two_pictures",),
    ),
    Bug(
        name="picture-at-each-look",
        why="Each new look at an incident puts another picture into its thread.",
        file="bot/storage/outbox.py",
        old="        _OWE_ONCE if once else _OWE,\n",
        new="        _OWE,\n",
        tests=(f"{CHARTS}::test_a_second_look_at_the_same_incident_draws_no_second_picture",),
    ),
    Bug(
        name="picture-to-any-address",
        why="A forged answer makes Fettle send an incident's logs to a stranger's server.",
        file="bot/slack/client.py",
        old='        if not self._slacks(url, "files.slack.com", "files.slack-gov.com"):\n',
        new="        if not urlsplit(url).netloc:\n",
        tests=(f"{CHARTS}::test_an_address_that_is_not_slacks_gets_no_bytes",),
    ),
    Bug(
        name="no-picture-no-start",
        why="An app that was installed before charts came doesn't start any more.",
        file="bot/slack/preflight.py",
        old="    missing = sorted(set(SCOPES) - set(SPARED) - identity.scopes)\n",
        new="    missing = sorted(set(SCOPES) - identity.scopes)\n",
        tests=(f"{CLIENT}::test_a_permission_without_which_the_rest_works_never_stops_a_start",),
    ),
    Bug(
        name="gap-is-drawn-over",
        why="A curve is shown where nothing was measured: the hour in which the pod was gone looks calm.",
        file="bot/slack/charts/native.py",
        old="        elif values and missing == 0:\n",
        new="        elif values:\n",
        tests=(DRAWN,),
    ),
    Bug(
        name="restarted-alertmanager-is-believed",
        why="Alertmanager is restarted, holds nothing for a minute, and every incident closes.",
        file=SWEEP_PY,
        old="            if look.young or look.at - one.told_at < SETTLED:\n",
        new="            if look.at - one.told_at < SETTLED:\n",
        tests=(SWEEP,),
    ),
    Bug(
        name="strangers-alerts-are-swept",
        why="Alerts of another sender are closed because this Alertmanager doesn't know them.",
        file=SWEEP_PY,
        old="        elif one.fingerprint in known:\n",
        new="        else:\n",
        tests=(SWEEP,),
    ),
    Bug(
        name="one-look-ends-it",
        why="One answer that is incomplete closes an incident that still burns.",
        file=SWEEP_PY,
        old="            if look.at - since >= GONE_AFTER:\n",
        new="            if look.at >= since:\n",
        tests=(SWEEP,),
    ),
    Bug(
        name="next-containers-log-taken-for-the-last-words",
        why="A container is started again between the look and its log, and the cause is told without its last words.",
        file="bot/kube/logs.py",
        old="    if wanted.ended and found.status == 200 and _from(",
        new="    if wanted.ended and found.status != 200 and _from(",
        tests=("tests/integration/evidence/test_logs.py",),
    ),
    Bug(
        name="an-earlier-containers-words-taken-for-the-last",
        why="What ended just now is told with the words of the container before it, which may have ended otherwise.",
        file="bot/kube/logs.py",
        old="            if earlier.status == 200 and _up_to(earlier.text, wanted.began):\n",
        new="            if earlier.status == 200:\n",
        tests=("tests/integration/evidence/test_logs.py",),
    ),
)
