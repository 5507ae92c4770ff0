"""api.test, auth.test and apps.connections.open: is anyone there, who am I, where do I connect."""

from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json


def api_test(api: Api, args: Args) -> Json:  # noqa: ARG001 - every method has the same shape
    """api.test: echoes its arguments, or the `error` it was given."""
    if "error" in args:
        raise ApiError(args.text("error"), args=args.values)
    return {"args": args.values} if args.values else {}


def auth_test(api: Api, args: Args) -> Json:  # noqa: ARG001 - every method has the same shape
    """auth.test."""
    space = api.workspace
    return {
        "url": f"{api.base_url()}/",
        "team": space.team_name,
        "user": space.people[space.bot_user_id].name,
        "team_id": space.team_id,
        "user_id": space.bot_user_id,
        "bot_id": space.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(api: Api, args: Args) -> Json:  # noqa: ARG001 - every method has the same shape
    """apps.connections.open: a WebSocket address good for one handshake."""
    base = api.base_url().replace("http://", "ws://", 1)
    return {"url": f"{base}/link?ticket={api.sockets.new_ticket()}&app_id={api.workspace.app_id}"}
