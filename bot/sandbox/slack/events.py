"""Things people do that the app hears of as events: writing, reacting, opening the home tab.

An event is sent only if the manifest subscribes to it, and, for channels, if the bot is in there.
"""

from bot.sandbox.slack import payloads, shapes, typing_text
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.manifest import Manifest
from bot.sandbox.slack.models import Channel, Json, Message


class Events:
    """Writes what people say into the workspace and tells the app."""

    def __init__(self, api: Api, manifest: Manifest) -> None:
        self._api = api
        self._space = api.workspace
        self._manifest = manifest
        api.listeners.append(self.heard)

    def _room(self, user: str, channel: str) -> Channel:
        person = self._space.person(user)
        room = self._space.find_channel(channel)
        if room is None or not self._space.may_see(person.id, room.id):
            raise NotThere(f"{person.name} sees no channel {channel}.")
        if person.id not in room.members:
            raise NotThere(f"{person.name} is not in #{room.name}.")
        if room.is_archived:
            raise NotThere(f"#{room.name} is archived.")
        return room

    def post_as(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """A person writes a message; mentions are linked and the rest is escaped."""
        user = self._space.person(user).id
        room = self._room(user, channel)
        if thread_ts is not None and self._space.message(room.id, thread_ts) is None:
            raise NotThere(f"There is no thread {thread_ts} in #{room.name}.")
        words = typing_text.in_message(self._space, text)
        said = Message(room.id, self._space.new_ts(), user, text=words, thread_ts=thread_ts)
        self._space.post(said)
        shown = shapes.message(self._space, said, self._api.base_url())
        self.heard("message", {**shown, "channel": room.id})
        if f"<@{self._space.bot_user_id}" in words:
            self._emit("app_mention", {**shown, "type": "app_mention", "channel": room.id}, room)
        return said

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """A person adds an emoji to a message."""
        user, room, said = self._to_react(user, channel, ts)
        users = said.reactions.setdefault(name.strip(":"), [])
        if user in users:
            raise NotThere(f"{user} already reacted with {name}.")
        users.append(user)
        self._reacted("reaction_added", user, room, said, name.strip(":"))

    def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """A person takes their emoji off a message again."""
        user, room, said = self._to_react(user, channel, ts)
        name = name.strip(":")
        if user not in said.reactions.get(name, []):
            raise NotThere(f"{user} has no reaction {name} there to take away.")
        said.reactions[name].remove(user)
        if not said.reactions[name]:
            del said.reactions[name]
        self._reacted("reaction_removed", user, room, said, name)

    def _to_react(self, user: str, channel: str, ts: str) -> tuple[str, Channel, Message]:
        user = self._space.person(user).id
        room = self._room(user, channel)
        said = self._space.message(room.id, ts)
        if said is None or said.ephemeral_to:
            raise NotThere(f"There is no message {ts} in #{room.name} to react to.")
        return user, room, said

    def _reacted(self, kind: str, user: str, room: Channel, said: Message, name: str) -> None:
        self._space.changed("reaction", channel=room.id, ts=said.ts, user=user)
        item = {"type": "message", "channel": room.id, "ts": said.ts}
        self.heard(kind, {"type": kind, "user": user, "reaction": name, "item": item, "item_user": said.user})

    def open_home(self, user: str) -> None:
        """A person opens the app's home tab."""
        user = self._space.person(user).id
        room = self._space.direct_message(user)
        body: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": room.id,
            "tab": "home",
            "event_ts": self._space.new_ts(),
        }
        home = self._space.homes.get(user)
        if home is not None:
            body["view"] = shapes.view(self._space, home)
        self._emit("app_home_opened", body, room)

    def heard(self, kind: str, body: Json) -> None:
        """A message was written in a channel by a person or by the app itself, or the app reacted to one."""
        if kind.startswith("reaction_"):
            room = self._space.channels[str(body["item"]["channel"])]
            self._emit(kind, {**body, "event_ts": self._space.new_ts()}, room)
            return
        room = self._space.channels[str(body["channel"])]
        channel_type = "im" if room.is_im else "group" if room.is_private else "channel"
        names = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}
        full = {**body, "channel_type": channel_type, "event_ts": body["ts"]}
        self._emit(names[channel_type] if kind == "message" else kind, full, room)

    def _emit(self, name: str, body: Json, room: Channel) -> None:
        if self._manifest.wants(name) and self._space.bot_user_id in room.members:
            self._api.sockets.deliver_event(payloads.event(self._api, body))
