"""Every action, callback and block id that Fettle sends, and the opaque values that buttons carry.

A button's value is an id and nothing else (``p:12``, ``i:42``): what it means is read from the store at the press, so
nobody can press their way to another target by editing a payload. A test holds that each emitted id has a listener.
This module refuses logic beyond writing and reading those values.
"""

from __future__ import annotations

import hashlib

APPROVE = "proposal_approve"
REJECT = "proposal_reject"
STOP = "proposal_stop"
CHANGE = "proposal_change"
REQUEST_AGAIN = "proposal_request_again"
BREAK_GLASS = "proposal_break_glass"
ACKNOWLEDGE = "incident_acknowledge"
MEASURE_AGAIN = "incident_measure_again"
RESOLVE = "incident_resolve"
RESOLVE_WITH_REASON = "incident_resolve_reason"
KEEP_OPEN = "incident_keep_open"
CHOOSE_TARGET = "incident_choose_target"  # a picker among candidates, on the card
FIND_TARGET = "incident_find_target"  # opens the modal with pickers fed from the cluster
OPEN_CARD = "incident_open_card"
MORE = "incident_more"
SILENCE = "incident_silence"
UNSILENCE = "incident_unsilence"
ARTIFACT_LINK = "artifact_link"
PIN_INCIDENT = "pin_incident"

CARD_ACTIONS = (
    APPROVE,
    REJECT,
    STOP,
    CHANGE,
    REQUEST_AGAIN,
    BREAK_GLASS,
    ACKNOWLEDGE,
    MEASURE_AGAIN,
    RESOLVE,
    RESOLVE_WITH_REASON,
    KEEP_OPEN,
    CHOOSE_TARGET,
    FIND_TARGET,
    OPEN_CARD,
    MORE,
    SILENCE,
    UNSILENCE,
    ARTIFACT_LINK,
)
"""Every action a message can carry."""

PIN_ACTIONS = (PIN_INCIDENT,)
"""Every action that an answer to a 📌 can carry."""

NOTE_MESSAGE = "note_message"
DECLARE_FROM_MESSAGE = "declare_from_message"
SHORTCUTS = (NOTE_MESSAGE, DECLARE_FROM_MESSAGE)
"""Shortcuts in the menu of a message. Slack tells apps apart, so a suffix changes nothing in them."""

FREEZE = "home_freeze"
THAW = "home_thaw"
SWITCH = "switch"
HOME_ACTIONS = (FREEZE, THAW)
"""Every action that App Home can carry; their value says nothing, there is one switch."""

PICK_NAMESPACE = "pick_namespace"
PICK_WORKLOAD = "pick_workload"
PICK_INCIDENT = "pick_incident"
PICK_SEVERITY = "pick_severity"
PICK_DURATION = "pick_duration"
ENTER_COMMENT = "enter_comment"
ENTER_REASON = "enter_reason"
ENTER_VALUE = "enter_value"
ENTER_TITLE = "enter_title"
ENTER_SERVICE = "enter_service"

VIEW_ACTIONS = (PICK_NAMESPACE,)
"""Elements of modals that send an action by themselves; the others only count at submission."""
OPTION_ACTIONS = (PICK_NAMESPACE, PICK_WORKLOAD)
"""External selects: Slack asks for their options while the person types."""

VIEW_APPROVE = "view_approve"
VIEW_REJECT = "view_reject"
VIEW_BREAK_GLASS = "view_break_glass"
VIEW_RESOLVE = "view_resolve"
VIEW_DECLARE = "view_declare"
VIEW_RESTART = "view_restart"
VIEW_FIND_TARGET = "view_find_target"
VIEW_PICK_INCIDENT = "view_pick_incident"
VIEW_CHANGE = "view_change"
VIEW_FREEZE = "view_freeze"
VIEW_MORE = "view_more"
VIEW_MESSAGE = "view_message"
VIEW_SILENCE = "view_silence"
VIEW_NOTE = "view_note"
VIEW_RETRACT = "view_retract"

SUBMISSIONS = (
    VIEW_APPROVE,
    VIEW_BREAK_GLASS,
    VIEW_REJECT,
    VIEW_RESOLVE,
    VIEW_DECLARE,
    VIEW_RESTART,
    VIEW_FIND_TARGET,
    VIEW_PICK_INCIDENT,
    VIEW_FREEZE,
    VIEW_CHANGE,
    VIEW_SILENCE,
    VIEW_NOTE,
    VIEW_RETRACT,
)
"""Modals that can be submitted."""

BLOCK_PROPOSAL = "proposal_buttons"
BLOCK_INCIDENT = "incident_buttons"
BLOCK_ARTIFACT = "artifact_buttons"
BLOCK_PIN = "pin_choice"
BLOCK_SWITCH = "switch_buttons"
BLOCK_REASON = "block_reason"
BLOCK_VALUE = "block_value"
BLOCK_TITLE = "block_title"
BLOCK_SEVERITY = "block_severity"
BLOCK_NAMESPACE = "block_namespace"
BLOCK_WORKLOAD = "block_workload"
BLOCK_SERVICE = "block_service"
BLOCK_INCIDENT_PICK = "block_incident"
BLOCK_DURATION = "block_duration"
BLOCK_COMMENT = "block_comment"

METADATA_EVENT = "fettle_message"
METADATA_KEY = "fettle_key"
"""Where a message's outbox key stands in its metadata; readable by the whole workspace, so it holds no secret."""


def proposal_value(proposal_id: int) -> str:
    """``p:12``."""
    return f"p:{proposal_id}"


def incident_value(incident_id: int) -> str:
    """``i:42``."""
    return f"i:{incident_id}"


def artifact_value(artifact_id: int) -> str:
    """``a:3``."""
    return f"a:{artifact_id}"


def target_value(target_key: str) -> str:
    """``t:`` and 16 hex digits of the key's hash: names can be longer than an option's value may be."""
    return f"t:{hashlib.sha256(target_key.encode()).hexdigest()[:16]}"


def incident_target_value(incident_id: int, target_key: str) -> str:
    """``i:42:t:…``: a candidate of that incident."""
    return f"{incident_value(incident_id)}:{target_value(target_key)}"


def pin_value(incident_id: int, pin_id: int) -> str:
    """``i:42:n:7``: an incident for the pinned message that pin 7 is on."""
    return f"{incident_value(incident_id)}:n:{pin_id}"


def read_pin(value: str) -> int:
    """The number in ``…:n:7``; 0 for anything else."""
    _, mark, rest = value.partition(":n:")
    return read_id(f"n:{rest}", "n") if mark else 0


def read_id(value: str, kind: str) -> int:
    """The number in ``p:12`` (kind ``p``), ``i:42…`` (kind ``i``) or ``a:3``; 0 for anything else."""
    prefix, _, rest = value.partition(":")
    number = rest.partition(":")[0]
    fits = prefix == kind and number.isascii() and number.isdecimal() and len(number) <= 18
    return int(number) if fits else 0


def read_target(value: str) -> str:
    """The ``t:…`` part of an option's value, empty when there is none."""
    _, mark, rest = value.partition("t:")
    return mark + rest if mark else ""


def command(name: str, suffix: str) -> str:
    """A slash command as the workspace knows it: ``/incident`` with the suffix ``eu`` is ``/incident-eu``."""
    return f"{name}-{suffix}" if suffix else name
