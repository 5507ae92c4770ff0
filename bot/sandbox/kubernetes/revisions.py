"""ControllerRevisions: the remembered templates of StatefulSets and DaemonSets.

It refuses to delete any: history limits of these kinds are not emulated.
"""

from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import free_hash
from bot.sandbox.kubernetes.wire import Json, clone
from bot.sandbox.kubernetes.world import World, owner_reference
from bot.sandbox.kubernetes.writes import CONTROLLER

LABEL = "controller-revision-hash"


def ensure(world: World, owner: Json) -> Json:
    """The revision of the owner's present template; a known one becomes the newest again."""
    kind = by_kind("ControllerRevision")
    template = owner["spec"]["template"]
    data = {"spec": {"template": {**clone(template), "$patch": "replace"}}}
    known = world.owned(kind, owner)
    newest = max((one["revision"] for one in known), default=0)
    same = next((one for one in known if one["data"] == data), None)
    if same is not None:
        if same["revision"] < newest:
            same = world.store.put(kind, {**clone(same), "revision": newest + 1})
        return same
    digest = free_hash(world, kind, owner, template)
    meta = {
        "name": f"{owner['metadata']['name']}-{digest}",
        "labels": {**(template["metadata"].get("labels") or {}), LABEL: digest},
        "ownerReferences": [owner_reference(owner)],
    }
    body = {"metadata": meta, "data": data, "revision": newest + 1}
    return world.writes.create(kind, owner["metadata"]["namespace"], body, CONTROLLER)


def template_of(revision: Json) -> Json:
    """The pod template that a revision remembers."""
    template: Json = clone(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template
