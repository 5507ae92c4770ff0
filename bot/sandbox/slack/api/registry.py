"""Every Web API method the sandbox knows: its function, scopes and rate tier.

A method that is not in this table is `unknown_method`. `scopes` is any-of; methods whose scope
depends on the channel ask for it themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.slack.api import apps, chat, conversations, files, marks, people, views
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.models import Json


@dataclass(frozen=True)
class Method:
    """How a method is run. `token` is "bot", "app" or "" for none; tier 0 is unlimited."""

    run: Callable[[Api, Args], Json]
    tier: int
    scopes: tuple[str, ...] = ()
    token: str = "bot"  # noqa: S105 - a kind of token, not a token
    per_channel: bool = False


METHODS: dict[str, Method] = {
    "api.test": Method(apps.api_test, 4, token=""),
    "auth.test": Method(apps.auth_test, 0),
    "apps.connections.open": Method(
        apps.connections_open,
        3,
        token="app",  # noqa: S106 - a kind of token, not a token
    ),
    "bookmarks.add": Method(marks.bookmarks_add, 2, ("bookmarks:write",)),
    "bookmarks.list": Method(marks.bookmarks_list, 3, ("bookmarks:read",)),
    "bots.info": Method(people.bots_info, 3, ("users:read",)),
    "chat.delete": Method(chat.delete, 3, ("chat:write",)),
    "chat.getPermalink": Method(chat.get_permalink, 0),
    "chat.postEphemeral": Method(chat.post_ephemeral, 4, ("chat:write",)),
    "chat.postMessage": Method(chat.post_message, 4, ("chat:write",), per_channel=True),
    "chat.update": Method(chat.update, 3, ("chat:write",)),
    "conversations.archive": Method(conversations.archive, 2),
    "conversations.create": Method(conversations.create, 2),
    "conversations.history": Method(conversations.history, 3),
    "conversations.info": Method(conversations.info, 3),
    "conversations.invite": Method(conversations.invite, 3),
    "conversations.join": Method(conversations.join, 3, ("channels:join",)),
    "conversations.list": Method(conversations.list_, 2),
    "conversations.members": Method(conversations.members, 4),
    "conversations.open": Method(conversations.open_, 3, ("im:write", "mpim:write")),
    "conversations.replies": Method(conversations.replies, 3),
    "conversations.setPurpose": Method(conversations.set_purpose, 2),
    "conversations.setTopic": Method(conversations.set_topic, 2),
    "files.completeUploadExternal": Method(files.complete_upload, 4, ("files:write",)),
    "files.getUploadURLExternal": Method(files.get_upload_url, 4, ("files:write",)),
    "files.info": Method(files.info, 4, ("files:read",)),
    "pins.add": Method(marks.pins_add, 2, ("pins:write",)),
    "pins.list": Method(marks.pins_list, 2, ("pins:read",)),
    "pins.remove": Method(marks.pins_remove, 2, ("pins:write",)),
    "reactions.add": Method(marks.reactions_add, 3, ("reactions:write",)),
    "reactions.get": Method(marks.reactions_get, 3, ("reactions:read",)),
    "reactions.remove": Method(marks.reactions_remove, 2, ("reactions:write",)),
    "team.info": Method(people.team_info, 3, ("team:read",)),
    "usergroups.list": Method(people.usergroups_list, 2, ("usergroups:read",)),
    "usergroups.users.list": Method(people.usergroups_users_list, 2, ("usergroups:read",)),
    "users.conversations": Method(people.users_conversations, 3),
    "users.info": Method(people.users_info, 4, ("users:read",)),
    "users.list": Method(people.users_list, 2, ("users:read",)),
    "users.lookupByEmail": Method(people.users_lookup_by_email, 3, ("users:read.email",)),
    "views.open": Method(views.open_, 4),
    "views.publish": Method(views.publish, 4),
    "views.push": Method(views.push, 4),
    "views.update": Method(views.update, 4),
}
