"""Bugs on the way to Slack and back: said twice, not said, said in a stranger's markup, or not heard."""

from tests.planted.bug import Bug

CLIENT_PY = "bot/slack/client.py"
SEND = "bot/delivery/send.py"
CLIENT = "tests/integration/delivery/test_client.py"
FAULTS = "tests/integration/delivery/test_faults.py"
DISPATCHER = "tests/integration/delivery/test_dispatcher.py"
RENDER = "tests/integration/delivery/test_render.py"
HOSTILE = "tests/unit/slack/test_hostile_text.py"
ERRORS = "tests/unit/slack/test_errors.py"
PACE = "tests/unit/delivery/test_pace.py"
BUTTONS = "tests/integration/commands/test_buttons.py"
REGISTERED = "tests/unit/commands/test_registered.py"

BUGS = (
    Bug(
        name="no-read-back-before-second-post",
        why="The answer to the post was lost, so the card is posted again beside the first.",
        file=SEND,
        old="        if row.uncertain:\n",
        new="        if row.uncertain and row.posted_ts:\n",
        tests=(FAULTS,),
    ),
    Bug(
        name="lost-post-looked-for-by-our-clock",
        why="The machine's clock is hours off and the answer to a post is lost: a second card stands beside the first.",
        file=SEND,
        old="row.owed_at + ((self._slack.now() or now) - now)",
        new="row.owed_at",
        tests=(FAULTS,),
    ),
    Bug(
        name="sdk-default-retries-on-posts",
        why="The SDK posts again by itself after a reset connection: two cards, two pages.",
        file=CLIENT_PY,
        old="retry_handlers=[]",
        new="retry_handlers=None",
        tests=(CLIENT,),
    ),
    Bug(
        name="reset-after-post-retried-blindly",
        why="Slack resets after it took the message; taken for unsent, it is sent again.",
        file="bot/slack/errors.py",
        old="OutcomeUnknownError(told) if writes and not refused else",
        new="OutcomeUnknownError(told) if writes and refused else",
        tests=(ERRORS,),
    ),
    Bug(
        name="half-failed-post-retried-blindly",
        why="Slack says fatal_error after parts succeeded; taken for a refusal, the message is posted again.",
        file="bot/slack/errors.py",
        old="    if status >= 500 or code in MAYBE_DONE:\n",
        new="    if status >= 500:\n",
        tests=(ERRORS,),
    ),
    Bug(
        name="metadata-key-missing",
        why="What may have been posted can't be found again.",
        file=CLIENT_PY,
        old='            metadata={"event_type": ids.METADATA_EVENT, "event_payload": {ids.METADATA_KEY: key}},\n',
        new="",
        tests=(CLIENT,),
    ),
    Bug(
        name="read-back-finds-other-apps-messages",
        why="Another app copies the key: our card is never posted, its message is edited instead.",
        file=CLIENT_PY,
        old="== key or named) and self._ours(found):",
        new="== key or named):",
        tests=(CLIENT,),
    ),
    Bug(
        name="chat-update-without-blocks",
        why="Every edit keeps the old drawing: the card says running for ever.",
        file=CLIENT_PY,
        old="text=message.text, blocks=list(message.blocks)\n",
        new="text=message.text\n",
        tests=(DISPATCHER,),
    ),
    Bug(
        name="deleted-card-never-comes-back",
        why="Somebody deleted the message; the incident goes on unseen.",
        file=SEND,
        old="            if error.code not in backoff.GONE:\n                raise\n",
        new="            if error.code:\n                raise\n",
        tests=(f"{FAULTS}::test_a_deleted_card_is_posted_anew_and_says_so",),
    ),
    Bug(
        name="refused-drawing-is-silence",
        why="Slack refuses one block, and the page never goes out at all.",
        file=SEND,
        old="            ts = await self._slack.post(row.channel, _plain(message, error), key=row.key,"
        " thread_ts=draft.thread_ts)\n",
        new="            raise\n",
        tests=(f"{FAULTS}::test_a_drawing_that_slack_refuses_goes_out_as_text",),
    ),
    Bug(
        name="posted-into-shared-channels",
        why="Another organisation reads pod names, events and who is on call.",
        file="bot/delivery/channels.py",
        old="        if warning:\n",
        new="        if warning and self._allow_shared:\n",
        tests=(f"{FAULTS}::test_nothing_goes_into_a_channel_that_strangers_read",),
    ),
    Bug(
        name="rate-limit-not-heard",
        why="Slack says wait for 30 s; every message knocks at once, and the app gets blocked.",
        file="bot/delivery/pace.py",
        old="        self._blocked[door] = max(until, self._blocked.get(door, 0.0))\n",
        new="        self._blocked[door] = self._blocked.get(door, 0.0)\n",
        tests=(PACE,),
    ),
    Bug(
        name="answer-to-any-address",
        why="A forged payload makes Fettle post incident details to a stranger's server.",
        file=CLIENT_PY,
        old='        if not self._slacks(response_url, "hooks.slack.com"):\n',
        new="        if not response_url:\n",
        tests=(CLIENT,),
    ),
    Bug(
        name="rationale-not-escaped",
        why="An alert's name with <!channel> in it pages everybody, or shows a link to a stranger's page.",
        file="bot/slack/cards/proposal.py",
        old="        lines.append(safe(text.rationale, 350))\n    if text.facts:\n",
        new="        lines.append(text.rationale[:350])\n    if text.facts:\n",
        tests=(HOSTILE,),
    ),
    Bug(
        name="thread-text-not-escaped",
        why="The same in the thread, where it is also shown in the channel.",
        file="bot/delivery/render.py",
        old='    text = safe(str(row.params.get("text", "")), 3500, lines=True)\n',
        new='    text = str(row.params.get("text", ""))[:3500]\n',
        tests=(RENDER,),
    ),
    Bug(
        name="measured-text-not-escaped",
        why="The same in a row of the checks, which quotes the cluster.",
        file="bot/slack/cards/verdict.py",
        old="    measured = safe(row.measured, 110)\n",
        new="    measured = row.measured[:110]\n",
        tests=(HOSTILE,),
    ),
    Bug(
        name="page-title-not-escaped",
        why="The same in the line that the phone shows.",
        file="bot/slack/cards/header.py",
        old='    return f"{safe(title(view.incident), 300)} · {_wanted(view)}"\n',
        new='    return f"{title(view.incident)} · {_wanted(view)}"\n',
        tests=(HOSTILE,),
    ),
    Bug(
        name="links-made-by-slack",
        why="Slack links whatever looks like an address or a channel in text from outside.",
        file="bot/slack/cards/blocks.py",
        old='"text": cut_markup(text, limit), "verbatim": True}',
        new='"text": cut_markup(text, limit)}',
        tests=(HOSTILE,),
    ),
    Bug(
        name="script-links-allowed",
        why="A runbook_url of another scheme becomes a link on the card.",
        file="bot/slack/mrkdwn.py",
        old='    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:\n',
        new="    if not parts.scheme:\n",
        tests=(HOSTILE,),
    ),
    Bug(
        name="acknowledged-after-the-work",
        why="A slow cluster: Slack tells the person that Fettle failed, though the press was taken.",
        file="commands/front.py",
        old="                await acknowledge(ack)\n                await self.handled(handler, who)\n",
        new="                await self.handled(handler, who)\n                await acknowledge(ack)\n",
        tests=(BUTTONS,),
    ),
    Bug(
        name="listener-lets-errors-through",
        why="A bug in one listener ends in Bolt, and the person sees a spinner.",
        file="commands/front.py",
        old="                await self.tell(who, answers.said(errors.sentence(error, error_id=error_id)))\n",
        new="                raise\n",
        tests=(f"{BUTTONS}::test_a_failing_verb_is_told_and_bolt_never_sees_it",),
    ),
    Bug(
        name="old-buttons-are-silent",
        why="After an upgrade a press on an old card does nothing and says nothing.",
        file="commands/listen.py",
        old="    app.action(ANY)(front.listener(buttons.out_of_date))\n",
        new="    app.action(ANY)(heard)\n",
        tests=(f"{BUTTONS}::test_a_control_of_an_older_version_is_never_ignored_in_silence",),
    ),
    Bug(
        name="button-without-a-listener",
        why="Measure again is on the card, and nobody hears it.",
        file="commands/buttons.py",
        old='    ids.MEASURE_AGAIN: _on("i", lambda verbs, number, who: verbs.measure_again(number, who)),\n',
        new="",
        tests=(REGISTERED,),
    ),
    Bug(
        name="unknown-person-gets-on",
        why="Slack doesn't say who pressed, and the press counts as somebody's.",
        file="commands/identity.py",
        old="            raise RequestError(NOBODY) from error\n",
        new="            person = SlackPerson(who.user_id, who.user_id)\n",
        tests=(f"{BUTTONS}::test_a_press_while_slack_knows_nobody_says_that_nothing_was_done",),
    ),
    Bug(
        name="person-remembered-for-a-day",
        why="Dismissed in the morning, approving until the evening.",
        file="commands/identity.py",
        old="KEPT = 60.0\n",
        new="KEPT = 86400.0\n",
        tests=(f"{BUTTONS}::test_what_slack_said_of_a_person_counts_for_a_minute_and_no_longer",),
    ),
    Bug(
        name="dead-connection-kept",
        why="Socket Mode hangs on an old ticket: no press arrives until somebody restarts the bot.",
        file="bot/slack/socket_mode.py",
        old="        if now - connection.dead_since < DEAD_AFTER:\n",
        new="        if connection.dead_since:\n",
        tests=("tests/unit/slack/test_socket_mode.py",),
    ),
)
