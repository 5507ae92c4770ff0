"""users.*, usergroups.*, team.info and bots.info: who is who."""

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api, page
from bot.sandbox.slack.api.conversations import wanted_channels
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json, Person


def _shown(api: Api, person: Person) -> Json:
    out = shapes.user(api.workspace, person)
    if not api.granted("users:read.email"):
        out["profile"].pop("email", None)
    return out


def users_info(api: Api, args: Args) -> Json:
    """users.info."""
    return {"user": _shown(api, api.person(args.need("user", "user_not_found")))}


def users_list(api: Api, args: Args) -> Json:
    """users.list: strangers are not in it."""
    ours = [p for p in api.workspace.people.values() if p.kind != "stranger"]
    people, more = page(ours, args)
    return {"members": [_shown(api, p) for p in people], "response_metadata": more}


def users_lookup_by_email(api: Api, args: Args) -> Json:
    """users.lookupByEmail: active people of this team only."""
    email = args.need("email", "users_not_found").lower()
    for person in api.workspace.people.values():
        if person.email.lower() == email and person.kind in ("member", "guest"):
            return {"user": _shown(api, person)}
    raise ApiError("users_not_found")


def users_conversations(api: Api, args: Args) -> Json:
    """users.conversations: the channels of a user, of the bot itself by default."""
    user = args.text("user") or api.workspace.bot_user_id
    api.person(user)
    rooms, more = page([c for c in wanted_channels(api, args) if user in c.members], args)
    shown = [shapes.channel(api.workspace, room) for room in rooms]
    return {"channels": shown, "response_metadata": more}


def _paid(api: Api) -> None:
    if api.workspace.plan == "free":
        raise ApiError("plan_upgrade_required")


def usergroups_list(api: Api, args: Args) -> Json:
    """usergroups.list."""
    _paid(api)
    with_users = args.flag("include_users")
    groups = [
        shapes.usergroup(api.workspace, group, include_users=with_users) for group in api.workspace.usergroups.values()
    ]
    return {"usergroups": groups}


def usergroups_users_list(api: Api, args: Args) -> Json:
    """usergroups.users.list."""
    _paid(api)
    group = api.workspace.usergroups.get(args.need("usergroup", "no_such_subteam"))
    if group is None:
        raise ApiError("no_such_subteam")
    people = api.workspace.people
    users = [u for u in group.users if u in people and people[u].kind != "deleted"]
    return {"users": users}


def team_info(api: Api, args: Args) -> Json:  # noqa: ARG001 - every method has the same shape
    """team.info."""
    space = api.workspace
    return {
        "team": {
            "id": space.team_id,
            "name": space.team_name,
            "domain": space.team_domain,
            "url": f"{api.base_url()}/",
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }


def bots_info(api: Api, args: Args) -> Json:
    """bots.info: the one bot of this workspace."""
    space = api.workspace
    if args.text("bot") not in ("", space.bot_id):
        raise ApiError("bot_not_found")
    bot = {
        "id": space.bot_id,
        "app_id": space.app_id,
        "user_id": space.bot_user_id,
        "name": space.people[space.bot_user_id].name,
        "deleted": False,
        "updated": 0,
        "icons": {},
    }
    return {"bot": bot}
