"""How long to wait after a failure, by its type; nothing owed is ever dropped for failing.

Every wait stays within 60 s, so that once a fault stops, each due message is tried within a minute.
"""

from __future__ import annotations

from bot.domain.errors import FettleError, OutcomeUnknownError, RejectedError

LONGEST = 60.0
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "cant_edit"})
"""Answers to an edit after which the message can't be edited any more: it is posted anew."""
UNDRAWABLE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "invalid_attachments"}
)
"""Answers that mean our drawing, not the channel: the page itself goes out as plain text instead."""
CHANNEL = frozenset(
    {
        "channel_not_found", "is_archived", "not_in_channel", "restricted_action", "shared_channel",
        "restricted_action_read_only_channel", "messages_tab_disabled", "ekm_access_denied",
    }
)  # fmt: skip
"""Answers that hold for every post to that channel until a person changes something."""


def wait(error: BaseException, failures: int) -> float:
    """Seconds until the next try; ``failures`` counts those of this message so far, the present one included."""
    doubled = 2.0 ** min(failures - 1, 8)
    if isinstance(error, FettleError) and error.retry:
        named = getattr(error, "retry_after", None)
        return min(max(named, 0.5), LONGEST * 5) if named else min(1.0 * doubled, LONGEST / 2)
    if isinstance(error, OutcomeUnknownError):
        return min(0.5 * doubled, LONGEST / 2)
    if isinstance(error, RejectedError) and error.code in CHANNEL:
        return min(15.0 * doubled, LONGEST)
    return min(5.0 * doubled, LONGEST)
