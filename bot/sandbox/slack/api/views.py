"""views.*: modals and home tabs. The content is checked before the trigger id is used up."""

from typing import Any

from bot.sandbox.slack import modals, shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json, View


def checked_view(api: Api, method: str, body: Any) -> Json:
    """A view that passed validation; the problems are kept and raised otherwise."""
    code, problems = modals.problems(body)
    if code:
        raise api.refuse(method, code, problems, body)
    view: Json = body
    return view


def _body(api: Api, method: str, args: Args, kind: str) -> Json:
    body = checked_view(api, method, args.structure("view"))
    if body["type"] != kind:
        problem = f"must be a {kind} view [json-pointer:/view/type]"
        raise api.refuse(method, "invalid_arguments", [problem], body)
    return body


def _trigger(args: Args) -> str:
    return args.text("trigger_id") or args.need("interactivity_pointer")


def open_(api: Api, args: Args) -> Json:
    """views.open."""
    body = _body(api, "views.open", args, "modal")
    trigger = api.triggers.exchange(_trigger(args))
    view = modals.open_modal(api.workspace, trigger.user, body)
    return {"view": shapes.view(api.workspace, view)}


def push(api: Api, args: Args) -> Json:
    """views.push: only from something pressed inside a modal."""
    body = _body(api, "views.push", args, "modal")
    trigger = api.triggers.exchange(_trigger(args))
    if trigger.view_id is None:
        raise ApiError("invalid_trigger_id")
    view = modals.push_modal(api.workspace, trigger.user, body)
    return {"view": shapes.view(api.workspace, view)}


def _find(api: Api, args: Args) -> View:
    view_id, external_id = args.text("view_id"), args.text("external_id")
    for view in api.workspace.views.values():
        if view.id == view_id or (external_id and view.body.get("external_id") == external_id):
            return view
    raise ApiError("not_found")


def update(api: Api, args: Args) -> Json:
    """views.update."""
    body = checked_view(api, "views.update", args.structure("view"))
    view = modals.replace_modal(api.workspace, _find(api, args), body, args.text("hash"))
    return {"view": shapes.view(api.workspace, view)}


def publish(api: Api, args: Args) -> Json:
    """views.publish."""
    body = _body(api, "views.publish", args, "home")
    person = api.person(args.need("user_id"))
    view = modals.publish_home(api.workspace, person.id, body, args.text("hash"))
    return {"view": shapes.view(api.workspace, view)}
