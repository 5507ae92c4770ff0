"""Bugs of 📌: a message noted twice, not at all, by somebody who may not, or kept after it was taken off."""

from tests.planted.bug import Bug

PINNING = "bot/workflow/pinning.py"
PUSHPIN = "commands/pushpin.py"
LAWS = "tests/integration/workflow/test_pinning.py"
SLACK = "tests/integration/workflow/test_pushpin_in_slack.py"
MENU = "tests/integration/workflow/test_shortcuts_in_slack.py"
CRASHES = "tests/anomalies/test_pins.py"

BUGS = (
    Bug(
        name="one-event-counts-twice",
        why="Slack sends an event again, and a guest is refused, told and written down twice.",
        file="bot/storage/notes.py",
        old="    if news.event_id in row.events:\n",
        new="    if not news.event_id:\n",
        tests=(f"{LAWS}::test_a_refusal_is_told_once_though_its_event_comes_again",),
    ),
    Bug(
        name="event-acknowledged-before-it-is-kept",
        why="The disk is full for a second, and what somebody pinned then is never noted.",
        file=PUSHPIN,
        old="                return BoltResponse(status=503)\n            except Exception:",
        new="            except Exception:",
        tests=(f"{SLACK}::test_what_can_not_be_kept_is_not_acknowledged_and_comes_again",),
    ),
    Bug(
        name="newest-event-is-believed",
        why="Events come in another order, and what is pinned isn't in the timeline.",
        file=PINNING,
        old="    if seen.on == bool(pin.note_id):\n",
        new="    seen = replace(seen, on=pin.on)\n    if seen.on == bool(pin.note_id):\n",
        tests=(f"{LAWS}::test_events_out_of_order_leave_what_slack_shows", SLACK),
    ),
    Bug(
        name="first-to-take-it-off-retracts",
        why="Two people hold a message in the timeline, and it goes when one of them lets go.",
        file=PINNING,
        old="    if notes.held(tx, note.id):\n",
        new="    if False:\n",
        tests=(f"{LAWS}::test_two_people_hold_up_one_note_until_the_last_takes_it_off",),
    ),
    Bug(
        name="guest-writes-the-timeline",
        why="Somebody from a connected workspace writes into the incident's story.",
        file=PINNING,
        old="    if not outsider.allowed:\n        why",
        new="    if not outsider.allowed and not seen.on:\n        why",
        tests=(f"{LAWS}::test_outsiders_note_and_retract_nothing",),
    ),
    Bug(
        name="stranger-before-slack-said-who-the-bot-is",
        why="After a restart without Slack whoever pinned is told that they belong to another organisation.",
        file=PUSHPIN,
        old="    if front.slack.identity is None:\n",
        new="    if False:\n",
        tests=(f"{SLACK}::test_before_slack_said_who_the_bot_is_nobody_is_taken_for_a_stranger",),
    ),
    Bug(
        name="two-looks-make-two-notes",
        why="A look whose lease ran out comes to its end after the one that took its place.",
        file=PINNING,
        old="    if not due.done(tx, work):\n",
        new="    if not due.done(tx, work) and not seen.on:\n",
        tests=(f"{LAWS}::test_heard_of_again_while_it_is_looked_at_the_later_look_counts",),
    ),
    Bug(
        name="noted-with-its-secret",
        why="A password that somebody posted and took away again stays in the timeline and in the audit.",
        file="bot/workflow/verbs.py",
        old="settle(self._ctx, work, principal, replace(seen, text=redact(seen.text)))",
        new="settle(self._ctx, work, principal, seen)",
        tests=(f"{LAWS}::test_secrets_in_a_message_are_hidden_before_they_are_stored",),
    ),
    Bug(
        name="reply-below-a-card-is-asked-about",
        why="In the thread of an incident's card somebody is asked which incident they mean.",
        file="bot/slack/said.py",
        old="    if not named:\n",
        new="    if False:\n",
        tests=(f"{SLACK}::test_a_reply_below_a_card_belongs_to_its_incident_and_is_answered_there",),
    ),
    Bug(
        name="erased-words-stay-in-notes",
        why="A person was forgotten, and what they wrote still stands in a timeline.",
        file="bot/storage/people.py",
        old="    changed += _notes_erased(tx, principal, slack_id)\n",
        new="",
        tests=(f"{LAWS}::test_retention_and_erasure_take_the_words_and_leave_the_chain",),
    ),
    Bug(
        name="half-a-secret-is-noted",
        why="A long message is cut in the middle of a password, which has no shape any more and stays in the timeline.",
        file="bot/slack/said.py",
        old="    text = redact(text)\n",
        new="",
        tests=(f"{SLACK}::test_a_secret_is_hidden_wherever_a_long_message_is_cut",),
    ),
    Bug(
        name="choice-outlives-its-pin",
        why="Somebody takes 📌 off while their choice is on its way, and the note stands though nobody holds it up.",
        file=PINNING,
        old="    due.owe(tx, Stage.PIN, pin.id, ctx.clock())\n",
        new="",
        tests=(f"{LAWS}::test_taken_off_while_the_choice_is_on_its_way_retracts",),
    ),
    Bug(
        name="question-dies-with-the-process",
        why="Fettle is stopped before it has asked which incident is meant, and the 📌 is ignored in silence.",
        file=PINNING,
        old="    due.owe(tx, Stage.PIN, pin.id, ctx.clock() + ASKED_AGAIN)\n",
        new="",
        tests=(f"{SLACK}::test_who_was_not_asked_because_the_process_ended_is_asked_by_the_next",),
    ),
    Bug(
        name="erased-id-stays-in-what-others-said",
        why="A person was forgotten, and the id by which Slack knows them stands in what others wrote.",
        file="bot/storage/people.py",
        old=' | NoteRow.text.contains(f"@{slack_id}")\n',
        new="\n",
        tests=(f"{LAWS}::test_who_is_named_in_a_note_stands_there_by_name_until_erased",),
    ),
    Bug(
        name="one-form-notes-twice",
        why="A form arrives again after its note was retracted, and the message is back in the timeline.",
        file="bot/storage/notes.py",
        old="    if brought.form in row.events:\n",
        new="    if not brought.form:\n",
        tests=(f"{MENU}::test_a_form_that_arrives_twice_counts_once",),
    ),
    Bug(
        name="one-form-declares-twice",
        why="A form arrives twice, and the channel has two incidents about one thing.",
        file="bot/workflow/requests.py",
        old="{form or now.isoformat()}",
        new="{now.isoformat()}",
        tests=(f"{MENU}::test_an_incident_is_declared_from_a_message_which_is_noted_in_it",),
    ),
    Bug(
        name="guest-notes-by-the-menu",
        why="Somebody from a connected workspace writes into the incident's story by a message's menu.",
        file="bot/workflow/noting.py",
        old="    if not outsider.allowed:\n        return requests.refuse(tx, ctx, principal, ASKED",
        new="    if False:\n        return requests.refuse(tx, ctx, principal, ASKED",
        tests=(
            f"{MENU}::test_whoever_is_no_member_is_told_in_the_form_and_written_down",
            f"{MENU}::test_whoever_became_a_guest_since_adds_and_retracts_nothing",
        ),
    ),
    Bug(
        name="note-of-others-goes-with-the-first",
        why="Somebody joins a note by the menu, and it goes when the one who added it retracts.",
        file="bot/workflow/noting.py",
        old="    notes.hold(tx, pin.id, known.id)\n",
        new="",
        tests=(f"{MENU}::test_a_note_stands_until_nobody_holds_it_whichever_way_they_do",),
    ),
)
