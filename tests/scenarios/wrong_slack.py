"""Each thing at Slack that a newcomer can get wrong: tokens, scopes, channels, approvers, the address."""

from __future__ import annotations

from collections.abc import Callable

from bot.sandbox.ports import free_port

from .wrong_place import Place, Wrong, playbook, put, without

CHANNEL = "C0ONCALL"


def fault(method: str, error: str | int) -> Callable[[Place], object]:
    """What Slack answers to a method."""
    return lambda place: place.world.slack_server.faults.error(method, error)


def swapped(place: Place) -> None:
    slack = place.world.slack_server
    place.settings.update(SLACK_BOT_TOKEN=slack.app_token, SLACK_APP_TOKEN=slack.bot_token)


def lost_scope(place: Place) -> None:
    place.world.slack_server.scopes = (place.world.slack_server.scopes or frozenset()) - {"chat:write"}


def more_scopes(place: Place) -> None:
    place.world.slack_server.scopes = (place.world.slack_server.scopes or frozenset()) | {"files:read", "im:history"}


def other_channel(place: Place) -> None:
    place.world.slack_server.workspace.add_channel("C0GENERAL", "general", members=["U0ANA"])
    place.settings["SLACK_CHANNEL_ID"] = "C0GENERAL"


def two_channels(place: Place) -> None:
    workspace = place.world.slack_server.workspace
    workspace.add_channel("C0OTHER", "other", members=[workspace.bot_user_id])
    del place.settings["SLACK_CHANNEL_ID"]


def no_channel(place: Place) -> None:
    place.world.slack_server.workspace.remove_member(CHANNEL, place.world.slack_server.workspace.bot_user_id)
    del place.settings["SLACK_CHANNEL_ID"]


def channel(**change: bool) -> Callable[[Place], object]:
    """The cards' channel with a change."""
    return lambda place: vars(place.world.slack_server.workspace.channels[CHANNEL]).update(change)


def slack_away(place: Place) -> None:
    place.settings["SLACK_API_URL"] = f"http://127.0.0.1:{free_port()}/api/"


def slack_away_and_no_channel(place: Place) -> None:
    slack_away(place)
    del place.settings["SLACK_CHANNEL_ID"]


def not_slack(place: Place) -> None:
    place.settings["SLACK_API_URL"] = f"{place.world.slack_server.url}/nowhere/"


def guest(place: Place) -> None:
    workspace = place.world.slack_server.workspace
    workspace.add_person("U0GUEST", "guest", kind="guest")
    place.settings["APPROVERS"] = "U0GUEST"


def slack_clock(seconds: float) -> Callable[[Place], None]:
    """Slack's clock ahead of ours."""

    def off(place: Place) -> None:
        place.world.slack_server.faults.clock_off = seconds

    return off


def routed(**change: bool) -> Callable[[Place], None]:
    """A playbook that routes to a channel with a change."""

    def arrange(place: Place) -> None:
        workspace = place.world.slack_server.workspace
        workspace.add_channel("C0SHOP", "shop", members=[workspace.bot_user_id])
        vars(workspace.channels["C0SHOP"]).update(change)
        playbook("routing: {channels: [C0ONCALL, C0SHOP]}\n")(place)

    return arrange


def routed_outside(place: Place) -> None:
    routed()(place)
    place.world.slack_server.workspace.remove_member("C0SHOP", place.world.slack_server.workspace.bot_user_id)


SLACK = (
    Wrong(
        "routed to nowhere",
        playbook("routing: {channels: [C0NONE]}\n"),
        r"The channel C0NONE, to which mine routes: .*\(channel_not_found\)",
        "goes on",
    ),
    Wrong("routed outside", routed_outside, r"C0SHOP, to which mine routes: the bot isn't in it. Invite", "goes on"),
    Wrong("routed to an archive", routed(is_archived=True), r"C0SHOP, to which mine routes, is archived", "goes on"),
    Wrong(
        "routed to others", routed(is_ext_shared=True), r"#shop is shared with another organisation", "goes on", "warn"
    ),
    Wrong("routed well", routed(), r"1 of the channels that playbooks name can be posted to", "goes on", "ok"),
    Wrong("bot token empty", without("SLACK_BOT_TOKEN"), r"SLACK_BOT_TOKEN is missing: install the app"),
    Wrong(
        "bot token wrong",
        put("SLACK_BOT_TOKEN", "xoxb-no"),
        r"SLACK_BOT_TOKEN isn't accepted. .* copy it anew .*\(invalid_auth\)",
    ),
    Wrong(
        "bot token revoked",
        lambda place: place.world.slack_server.revoke("bot"),
        r"SLACK_BOT_TOKEN isn't accepted. .* install the app again \(token_revoked\)",
    ),
    Wrong(
        "app removed",
        fault("auth.test", "account_inactive"),
        r"the app was removed .* install it again \(account_inactive\)",
    ),
    Wrong("tokens swapped", swapped, r"SLACK_BOT_TOKEN holds an app-level token, which belongs into SLACK_APP_TOKEN"),
    Wrong("app token is a bot's", swapped, r"SLACK_APP_TOKEN holds a bot token, which belongs into SLACK_BOT_TOKEN"),
    Wrong("app token empty", without("SLACK_APP_TOKEN"), r"SLACK_APP_TOKEN is missing: make an app-level token"),
    Wrong(
        "app token wrong",
        put("SLACK_APP_TOKEN", "xapp-no"),
        r"SLACK_APP_TOKEN isn't accepted. .* make a new one .*\(invalid_auth\)",
    ),
    Wrong(
        "app token revoked",
        lambda place: place.world.slack_server.revoke("app"),
        r"SLACK_APP_TOKEN isn't accepted. .*_revoked",
    ),
    Wrong(
        "app token without scope",
        fault("apps.connections.open", "missing_scope"),
        r"SLACK_APP_TOKEN isn't accepted. .* lacks connections:write; make a new app-level token",
    ),
    Wrong("scope missing", lost_scope, r"The app lacks chat:write; reinstall it from manifest.yml"),
    Wrong(
        "scopes to spare", more_scopes, r"also holds files:read, im:history, which Fettle never uses", "goes on", "warn"
    ),
    Wrong("not in the channel", other_channel, r"SLACK_CHANNEL_ID C0GENERAL \(#general\): the bot isn't in it. Invite"),
    Wrong("channel archived", channel(is_archived=True), r"C0ONCALL \(#oncall\) is archived; unarchive it or set"),
    Wrong(
        "channel unknown",
        put("SLACK_CHANNEL_ID", "C0NONE"),
        r"SLACK_CHANNEL_ID C0NONE: .*/invite \(channel_not_found\)",
    ),
    Wrong(
        "channel by name", put("SLACK_CHANNEL_ID", "#oncall"), r"SLACK_CHANNEL_ID is “#oncall”: write the channel's id"
    ),
    Wrong(
        "channel shared",
        channel(is_ext_shared=True),
        r"shared with another organisation, so nothing is posted",
        "goes on",
        "warn",
    ),
    Wrong("in two channels", two_channels, r"The bot is in 2 channels: .* Set SLACK_CHANNEL_ID to the one for cards"),
    Wrong("in no channel", no_channel, r"The bot is in no channel. Invite it to one with /invite"),
    Wrong(
        "slack away", slack_away, r"Slack didn't answer auth.test: connection refused. Is anything listening", "goes on"
    ),
    Wrong("slack away, no channel", slack_away_and_no_channel, r"Slack didn't answer|SLACK_CHANNEL_ID is missing, and"),
    Wrong(
        "slack elsewhere",
        put("SLACK_API_URL", "https://slack.example.com/api/"),
        r"SLACK_API_URL is “https://slack.example.com/api/”: must be https://slack.com/api/",
    ),
    Wrong(
        "not slack", not_slack, r"What answered auth.test isn't Slack \(HTTP 404\): .* wrong SLACK_API_URL", "goes on"
    ),
    Wrong("slack ill", fault("*", 503), r"Slack failed at auth.test \(503\)", "goes on"),
    Wrong(
        "group unknown",
        put("APPROVERS", "S0NONE"),
        r"S0NONE can't be read, .* there is no such user group; copy its id",
        "goes on",
    ),
    Wrong(
        "free plan",
        fault("usergroups.users.list", "plan_upgrade_required"),
        r"user groups need a paid Slack plan; set APPROVERS to user ids",
        "goes on",
    ),
    Wrong(
        "approver unknown", put("APPROVERS", "U0NOBODY"), r"U0NOBODY of APPROVERS isn't known here", "goes on", "warn"
    ),
    Wrong(
        "glass for nobody",
        put("POLICY", "break_glass: [U0NOBODY]"),
        r"U0NOBODY of POLICY isn't known here",
        "goes on",
        "warn",
    ),
    Wrong("approver a guest", guest, r"U0GUEST of APPROVERS is a guest and can't approve", "goes on", "warn"),
    Wrong("approver by name", put("APPROVERS", "@ana"), r"APPROVERS is “@ana”: write Slack ids"),
    Wrong(
        "app shared",
        lambda place: place.world.slack_server.faults.ghosts(1),
        r"Slack counts 1 connection of this app and no Fettle runs here: another program",
        "goes on",
        "warn",
    ),
    Wrong(
        "clock off", slack_clock(-30.0), r"clock is 3[01] s ahead of Slack's: let it be set by NTP", "goes on", "warn"
    ),
    Wrong("clock far off", slack_clock(400.0), r"clock is (399|400|401) s behind Slack's", "goes on"),
)
