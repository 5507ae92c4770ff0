"""People using Slack: pressing, choosing, typing commands, filling in and closing modals.

A person can only use what is in front of them: everything else raises NotThere. What the bot
makes of a press is the bot's affair; no permission but seeing is checked here.
"""

from typing import Any

from bot.sandbox.slack import modals, payloads, responses, typing_text
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.controls import (
    EXTERNAL,
    WITHOUT_STATE,
    Control,
    action_of,
    controls,
    find,
    initial_values,
    input_problems,
    state_of,
)
from bot.sandbox.slack.errors import ApiError, NotThere
from bot.sandbox.slack.manifest import Manifest
from bot.sandbox.slack.models import Channel, Json, Message, Reply, View
from bot.sandbox.slack.validation import check

Place = Message | View


class Acting:
    """The hands of everybody in the workspace."""

    def __init__(self, api: Api, manifest: Manifest) -> None:
        self._api = api
        self._space = api.workspace
        self._manifest = manifest
        self._typed: dict[tuple[str, str, str], Json] = {}
        self._offered: dict[tuple[str, str, str], list[Json]] = {}

    # -- what is in front of a person -----------------------------------------------------------

    def _room(self, user: str, channel: str) -> Channel:
        person = self._space.person(user)
        room = self._space.find_channel(channel)
        if room is None:
            raise NotThere(f"There is no channel {channel} in this workspace.")
        if not self._space.may_see(person.id, room.id):
            raise NotThere(f"{person.name} ({person.kind}) cannot see #{room.name}.")
        return room

    def _message(self, user: str, channel: str, ts: str) -> Message:
        room = self._room(user, channel)
        said = self._space.message(room.id, ts)
        if said is None or said.ephemeral_to not in (None, self._space.person(user).id):
            raise NotThere(f"There is no message {ts} in #{room.name} for {user}.")
        return said

    def _view(self, user: str, view_id: str) -> View:
        person = self._space.person(user)
        home = self._space.homes.get(person.id)
        if home is not None and home.id == view_id:
            return home
        stack = self._space.open_views(person.id)
        if not stack or stack[-1].id != view_id:
            raise NotThere(f"The view {view_id} is not what {person.name} has in front of them.")
        return stack[-1]

    def _place(self, user: str, channel: str | None, ts: str | None, view_id: str | None) -> Place:
        if view_id is not None:
            return self._view(user, view_id)
        if channel is None or ts is None:
            raise NotThere("Name a message (channel and ts) or a view (view_id).")
        return self._message(user, channel, ts)

    @staticmethod
    def _key(place: Place) -> str:
        return place.id if isinstance(place, View) else f"{place.channel}/{place.ts}"

    def _values(self, user: str, place: Place) -> Json:
        """`state.values` of this place for this person: what it starts with and what they set."""
        if isinstance(place, View):
            return place.values
        values = initial_values(place.blocks)
        for block_id, actions in values.items():
            for action_id in actions:
                kept = self._typed.get((user, self._key(place), f"{block_id}/{action_id}"))
                actions[action_id] = kept or actions[action_id]
        return values

    # -- controls -------------------------------------------------------------------------------

    async def press(
        self,
        user: str,
        channel: str | None = None,
        ts: str | None = None,
        *,
        action_id: str | None = None,
        text: str | None = None,
        block_id: str | None = None,
        confirm: bool = True,
        view_id: str | None = None,
        values: Json | None = None,
    ) -> Reply:
        """Press a button, named by its action id or its words, in a message or a view.

        `confirm=False` answers a confirmation dialog with "no": nothing is sent. `values` are
        typed into the inputs beside the button first ({block_id: value | {action_id: value}}).
        """
        user = self._space.person(user).id
        place = self._place(user, channel, ts, view_id)
        control = find(place.blocks, action_id=action_id, text=text, block_id=block_id)
        if control.kind not in ("button", "workflow_button"):
            raise NotThere(f"{control.action_id} is a {control.kind}, not a button.")
        if values:
            self._type(user, place, values)
        return await self._act(user, place, control, None, confirm=confirm)

    async def choose(
        self,
        user: str,
        channel: str | None = None,
        ts: str | None = None,
        action_id: str | None = None,
        value: Any = None,
        *,
        block_id: str | None = None,
        confirm: bool = True,
        view_id: str | None = None,
    ) -> Reply:
        """Set a select, overflow, datepicker, checkbox group or input that reports its changes.

        In an input block without `dispatch_action` the value is only kept, as in Slack; the reply
        then has neither `acked` nor `error`.
        """
        user = self._space.person(user).id
        place = self._place(user, channel, ts, view_id)
        control = find(place.blocks, action_id=action_id, text=None, block_id=block_id)
        return await self._act(user, place, control, value, confirm=confirm)

    async def _act(self, user: str, place: Place, control: Control, value: Any, *, confirm: bool) -> Reply:
        if control.element.get("confirm") and not confirm:
            return Reply(error="not_confirmed")
        offered = self._offered_to(user, place, control)
        if control.kind not in WITHOUT_STATE:
            self._keep(user, place, control, state_of(control.element, value, offered))
        if control.block.get("type") == "input" and not control.block.get("dispatch_action"):
            return Reply()
        if not self._manifest.interactivity:
            raise NotThere("Interactivity is off in the app's manifest.")
        action = action_of(control, self._space.new_ts(), value, offered)
        if isinstance(place, View):
            payload = payloads.view_actions(self._api, user, place, action)
        else:
            values = self._values(user, place)
            payload = payloads.message_actions(self._api, user, place, action, values)
        return await self._send("interactive", payload)

    def _keep(self, user: str, place: Place, control: Control, entry: Json) -> None:
        if isinstance(place, View):
            place.values.setdefault(control.block_id, {})[control.action_id] = entry
        else:
            where = f"{control.block_id}/{control.action_id}"
            self._typed[(user, self._key(place), where)] = entry

    def _type(self, user: str, place: Place, values: Json) -> None:
        for block_id, given in values.items():
            inside = {c.action_id: c for c in controls(place.blocks) if c.block_id == block_id}
            named = given if isinstance(given, dict) and set(given) <= set(inside) else None
            if named is None:
                first = find(place.blocks, action_id=None, text=None, block_id=block_id)
                named = {first.action_id: given}
            for action_id, value in named.items():
                control = inside[action_id]
                offered = self._offered_to(user, place, control)
                self._keep(user, place, control, state_of(control.element, value, offered))

    async def options(
        self,
        user: str,
        action_id: str,
        query: str = "",
        *,
        channel: str | None = None,
        ts: str | None = None,
        view_id: str | None = None,
        block_id: str | None = None,
    ) -> Reply:
        """Type into an external select; `payload` has the `options` the app offers.

        `block_id` tells controls with the same action id apart. Without a place the person's top modal is meant. The
        options can be chosen afterwards.
        """
        user = self._space.person(user).id
        if view_id is None and ts is None:
            stack = self._space.open_views(user)
            view_id = stack[-1].id if stack else None
        place = self._place(user, channel, ts, view_id)
        control = find(place.blocks, action_id=action_id, text=None, block_id=block_id)
        if control.kind not in EXTERNAL:
            raise NotThere(f"{action_id} is a {control.kind}; its options are in the message.")
        if len(query) < int(control.element.get("min_query_length", 3)):
            return Reply(payload={"options": []}, error="query_too_short")
        view, said = (place, None) if isinstance(place, View) else (None, place)
        payload = payloads.suggestion(self._api, user, control, query, view, said)
        reply = await self._send("interactive", payload, accepts_payload=True)
        if reply.acked:
            problems = check.options(reply.payload)
            if problems:
                self._api.refuse("block_suggestion", "invalid_options", problems, reply.payload)
                reply.error = "invalid_options"
                return reply
            # One of several may have been found by a search before.
            found = _flat_options(reply.payload or {})
            offered = [*found, *(one for one in self._offered_to(user, place, control) if one not in found)]
            for place_in_it in (action_id, f"{control.block_id}/{action_id}"):
                self._offered[(user, self._key(place), place_in_it)] = offered
        return reply

    def _offered_to(self, user: str, place: Place, control: Control) -> list[Json]:
        """What searches in this control found; by its action id alone where an update renamed its block."""
        where = (user, self._key(place))
        of_any = self._offered.get((*where, control.action_id), [])
        return self._offered.get((*where, f"{control.block_id}/{control.action_id}"), of_any)

    # -- commands, shortcuts ----------------------------------------------------------------------

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Reply:
        """Type a slash command; a message in the ack is posted as Slack does."""
        user = self._space.person(user).id
        room = self._room(user, channel)
        commands = self._manifest.commands
        if commands is not None and command not in commands:
            raise NotThere(f"{command} is not a valid command; there are: {', '.join(commands)}.")
        escape = commands is None or bool(commands[command].get("should_escape"))
        said = typing_text.in_command(self._space, text.strip(), escape=escape)
        payload = payloads.slash(self._api, user, room, command, said)
        reply = await self._send("slash_commands", payload, accepts_payload=True)
        if reply.acked:
            try:
                responses.ack_message(self._api, user, room.id, reply.payload)
            except ApiError as error:
                reply.error = error.code
        return reply

    async def shortcut(self, user: str, callback_id: str, channel: str | None = None, ts: str | None = None) -> Reply:
        """Use a global shortcut, or with channel and ts a message's."""
        user = self._space.person(user).id
        wanted = "message" if ts else "global"
        known = self._manifest.shortcuts
        if known is not None and known.get(callback_id) != wanted:
            raise NotThere(f"There is no {wanted} shortcut {callback_id} in the app's manifest.")
        said = self._message(user, channel or "", ts) if ts else None
        payload = payloads.shortcut(self._api, user, callback_id, said)
        return await self._send("interactive", payload)

    # -- modals -------------------------------------------------------------------------------------

    async def submit(self, user: str, view_id: str, values: Json | None = None) -> Reply:
        """Fill in and submit the modal on top; `{block_id: value}` or `{block_id: {action: value}}`.

        Inputs not named keep what they have. What Slack's client would hold back (a required
        input left empty) is not sent: `error` is "invalid_input", the sentences are in `errors`.
        """
        user = self._space.person(user).id
        view = self._view(user, view_id)
        if view.type != "modal" or not view.body.get("submit"):
            raise NotThere("This view has no submit button.")
        self._type(user, view, values or {})
        problems = input_problems(view.blocks, view.values)
        if problems:
            return Reply(error="invalid_input", errors=problems)
        payload = payloads.view_submission(self._api, user, view)
        reply = await self._send("interactive", payload, accepts_payload=True)
        if reply.acked:
            self._after_submit(user, view, reply)
        return reply

    def _after_submit(self, user: str, view: View, reply: Reply) -> None:
        """Close, replace or keep the modal, as the ack's `response_action` says."""
        answer = reply.payload or {}
        action = answer.get("response_action")
        if view.id not in self._space.views:
            return  # the app closed or replaced the stack while it answered
        if action is None:
            modals.close_top(self._space, user)
        elif action == "clear":
            modals.clear_stack(self._space, user)
        elif action == "errors":
            self._show_errors(view, answer, reply)
        elif action in ("update", "push"):
            body = answer.get("view")
            code, problems = modals.problems(body)
            try:
                if code or not isinstance(body, dict):
                    raise self._api.refuse("view_submission", code, problems, body)
                if action == "push":
                    modals.push_modal(self._space, user, body)
                else:
                    modals.replace_modal(self._space, view, body)
            except ApiError as error:
                reply.error = error.code
        else:
            problems = [f"unknown response_action {action}"]
            reply.error = self._api.refuse("view_submission", "invalid", problems, answer).code

    def _show_errors(self, view: View, answer: Json, reply: Reply) -> None:
        errors = answer.get("errors")
        inputs = {b["block_id"] for b in view.blocks if b.get("type") == "input"}
        if not isinstance(errors, dict) or not errors or set(errors) - inputs:
            problems = [f"errors must name input blocks of the view: {sorted(inputs)}"]
            reply.error = self._api.refuse("view_submission", "invalid", problems, answer).code
            return
        reply.errors = {str(block_id): str(words) for block_id, words in errors.items()}
        self._space.changed("view", user=view.user, view_id=view.id)

    async def close_view(self, user: str, view_id: str) -> Reply:
        """Close the modal on top; the app hears of it only if it set `notify_on_close`."""
        user = self._space.person(user).id
        view = self._view(user, view_id)
        if view.type != "modal":
            raise NotThere("A home tab cannot be closed.")
        cleared = bool(view.body.get("clear_on_close"))
        if cleared:
            modals.clear_stack(self._space, user)
        else:
            modals.close_top(self._space, user)
        if not view.body.get("notify_on_close"):
            return Reply()
        payload = payloads.view_closed(self._api, user, view, cleared=cleared)
        return await self._send("interactive", payload)

    # -- sending ------------------------------------------------------------------------------------

    async def _send(self, kind: str, payload: Json, *, accepts_payload: bool = False) -> Reply:
        answer = await self._api.sockets.deliver(kind, payload, accepts_payload=accepts_payload)
        if isinstance(answer, str):
            return Reply(error=answer, sent=payload)
        return Reply(acked=True, ack_ms=answer.ms, payload=answer.payload, sent=payload)


def _flat_options(payload: Json) -> list[Json]:
    options = list(payload.get("options") or [])
    for group in payload.get("option_groups") or []:
        options += group.get("options") or []
    return options
