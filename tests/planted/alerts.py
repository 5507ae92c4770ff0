"""Bugs at the door: alerts that get lost, raise what is over, close what fires, or come from whoever likes."""

from tests.planted.bug import Bug

WEBHOOK = "alerts/webhook.py"
INTAKE = "bot/workflow/intake.py"
ARRIVALS = "bot/workflow/arrivals.py"
HTTP = "tests/integration/intake/test_http.py"
EPISODES = "tests/integration/intake/test_episodes.py"
INCIDENTS = "tests/integration/intake/test_incidents.py"
EFFECTS = "tests/unit/domain/test_alert_effects.py"
AUTH = "tests/unit/alerts/test_auth.py"
PAYLOAD = "tests/unit/alerts/test_payload.py"

BUGS = (
    Bug(
        name="answered-before-the-commit",
        why="200 is said while the delivery still waits in memory; a kill loses it, and nobody sends it again.",
        file=WEBHOOK,
        old="            answer = await self._store.transact_item(take, post, lane=Lane.INTAKE)\n",
        new="            asyncio.ensure_future(self._store.transact_item(take, post, lane=Lane.INTAKE))\n"
        "            answer = Receipt((), 1, 0, 0)\n",
        tests=(f"{HTTP}::test_nothing_is_answered_while_its_commit_is_still_to_come",),
    ),
    Bug(
        name="4xx-when-the-commit-fails",
        why="Alertmanager gives up on a 4xx: the alert is lost for a disk that was full for a minute.",
        file=WEBHOOK,
        old="_problem(send, 503, ",
        new="_problem(send, 400, ",
        tests=(f"{HTTP}::test_a_delivery_that_cannot_be_written_whole_is_503_and_leaves_nothing",),
    ),
    Bug(
        name="poison-alert-fails-its-group",
        why="One broken alert costs the 49 others of its notification, for ever.",
        file="alerts/payload.py",
        old="            poison.append(Poison(index, str(problem), _raw(item)))\n",
        new="            raise RequestError(str(problem)) from problem\n",
        tests=(PAYLOAD,),
    ),
    Bug(
        name="poison-alert-thrown-away",
        why="An alert that can't be read leaves no trace: nobody ever learns that it came.",
        file=INTAKE,
        old="alerts.quarantine(tx, poison, ",
        new="alerts.quarantine(tx, poison[:0], ",
        tests=("tests/integration/intake/test_captures.py",),
    ),
    Bug(
        name="body-cap-not-held-while-streaming",
        why="A sender without Content-Length fills the memory.",
        file=WEBHOOK,
        old="                if size > MAX_BODY:\n",
        new="                if size > MAX_BODY and declared:\n",
        tests=(f"{HTTP}::test_a_body_beyond_the_cap_is_refused_while_it_streams",),
    ),
    Bug(
        name="body-may-take-for-ever",
        why="A few slow senders hold every connection open.",
        file=WEBHOOK,
        old="asyncio.timeout(BODY_WITHIN)",
        new="asyncio.timeout(None)",
        tests=(f"{HTTP}::test_a_sender_that_never_ends_its_body_is_let_go",),
    ),
    Bug(
        name="redirected-instead-of-refused",
        why="A redirect loses the body and counts as taken: alerts vanish behind a wrong slash.",
        file="bot/health.py",
        old="redirect_slashes=False",
        new="redirect_slashes=True",
        tests=(f"{HTTP}::test_nothing_else_answers_and_nothing_redirects",),
    ),
    Bug(
        name="webhook-token-not-compared",
        why="Anybody in the cluster can open incidents and resolve ours.",
        file="alerts/auth.py",
        old="return one_of(rest.strip(), tokens)",
        new="return bool(rest.strip())",
        tests=(AUTH,),
    ),
    Bug(
        name="webhook-without-a-token-open-to-all",
        why="Started without a token, it takes alerts from any address.",
        file="alerts/auth.py",
        old="return is_loopback(client)",
        new="return bool(client)",
        tests=(AUTH,),
    ),
    Bug(
        name="web-page-may-post-alerts",
        why="A page in the browser of whoever tries it out opens incidents.",
        file=WEBHOOK,
        old='browser = b"origin" in headers and settings.webhook_open',
        new='browser = b"origin" in headers and not settings.webhook_open',
        tests=(f"{HTTP}::test_without_a_token_a_page_in_a_browser_on_this_machine_is_refused",),
    ),
    Bug(
        name="stale-firing-reopens",
        why="A notification that was retried for an hour raises an alert that is over.",
        file="bot/domain/alert.py",
        old="    if starts_at < current.starts_at:\n",
        new="    if starts_at < current.starts_at and not firing:\n",
        tests=(EFFECTS,),
    ),
    Bug(
        name="resolve-of-an-older-episode-closes",
        why="A late resolve closes the incident of an alert that fires.",
        file="bot/domain/alert.py",
        old="    if starts_at < current.starts_at:\n",
        new="    if starts_at < current.starts_at and firing:\n",
        tests=(EFFECTS,),
    ),
    Bug(
        name="late-firing-reopens",
        why="Notifications that overtake one another page a second time for what has just ended.",
        file="bot/domain/alert.py",
        old="received_at - arrived <= LATE_WINDOW",
        new="received_at < arrived",
        tests=(EFFECTS,),
    ),
    Bug(
        name="dedupe-key-without-the-end",
        why="A second resolve with another end counts as a repetition of the first.",
        file="bot/storage/alerts.py",
        old='to_text(ends_at) if ends_at and status is _RESOLVED else ""',
        new='""',
        tests=(EPISODES,),
    ),
    Bug(
        name="annotations-not-redacted",
        why="A password in an annotation stands in the store, in its copies and in Slack.",
        file=ARRIVALS,
        old="tables.body(alert.annotations)",
        new="canonical(dict(alert.annotations))",
        tests=(INCIDENTS,),
    ),
    Bug(
        name="quarantine-not-redacted",
        why="What could not be read is kept with the token that stood in it.",
        file=INTAKE,
        old="raw=redact(one.raw)",
        new="raw=one.raw",
        tests=(INCIDENTS,),
    ),
    Bug(
        name="foreign-cluster-taken-for-ours",
        why="An alert of another cluster gets a proposal for the workload of the same name here.",
        file=ARRIVALS,
        old='foreign = cluster if ours and cluster and cluster != ours else ""\n',
        new='foreign = cluster if ours and cluster and cluster == group_key else ""\n',
        tests=(INCIDENTS,),
    ),
    Bug(
        name="watchdog-posts-a-card",
        why="The alert that always fires opens an incident that never ends.",
        file=ARRIVALS,
        old="    silent = alert.name in NEVER_POSTED\n",
        new="    silent = alert.name in NEVER_POSTED and not alert.namespace\n",
        tests=(INCIDENTS,),
    ),
    Bug(
        name="start-in-the-future-kept",
        why="One sender with a wrong clock makes every later firing of that alert stale.",
        file=ARRIVALS,
        old="    latest = now + SKEW\n",
        new="    latest = now + SKEW * 10_000\n",
        tests=(INCIDENTS,),
    ),
    Bug(
        name="storm-without-a-digest",
        why="Two thousand alerts are two thousand cards, posted for half an hour.",
        file=INTAKE,
        old="    if waiting > STORM:\n",
        new="    if waiting > 1000 * STORM:\n",
        tests=(INCIDENTS,),
    ),
    Bug(
        name="together-although-they-share-an-incident",
        why="A repetition that waits beside its original counts as another alert: the incident never ends.",
        file=INTAKE,
        old="        if not seen.isdisjoint(own):\n",
        new="        if not seen.isdisjoint(own) and index > 999:\n",
        tests=("tests/integration/intake/test_together.py::test_a_repetition_that_waits_beside_its_original_is_one",),
    ),
    Bug(
        name="labels-alike-although-one-decides",
        why="Alerts of one delivery are all taken for as bad as the first: a critical one gets no card.",
        file="bot/workflow/tables.py",
        old='"cluster", "priority", "severity", *',
        new='"cluster", "priority", *',
        tests=(f"{INCIDENTS}::test_alerts_of_one_delivery_are_judged_each_by_its_own_labels",),
    ),
    Bug(
        name="incident-closed-under-a-running-action",
        why="The alert clears during the restart: closed, with no verdict, and nobody looks any more.",
        file="bot/workflow/close.py",
        old="    if _busy(tx, incident_id):\n        owing.card(",
        new="    if _busy(tx, incident_id) and incident.declared_by:\n        owing.card(",
        tests=("tests/integration/workflow/test_close.py",),
    ),
)
