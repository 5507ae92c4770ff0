"""What the API server lets a volume claim become: larger, where it is bound and its class allows it.

It refuses to do anything about it; that is for the controllers.
"""

import json

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import Kind, by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.wire import Json, clone, dig

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def asked(claim: Json) -> str:
    """The size that a claim asks for."""
    return str(dig(claim, "spec", "resources", "requests", "storage", default="0"))


def has(claim: Json) -> str:
    """The size that its volume has."""
    return str(dig(claim, "status", "capacity", "storage", default="0"))


def classed(store: Store, claim: Json) -> None:
    """A claim that names no class gets the default one, where there is one; in place."""
    spec = claim.setdefault("spec", {})
    usual = [
        one["metadata"]["name"]
        for one in store.list(by_kind("StorageClass"))
        if (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]
    if usual and spec.get("storageClassName") is None:
        spec["storageClassName"] = usual[0]


def admit(store: Store, kind: Kind, before: Json, after: Json) -> None:
    """Raise as validation (422) and then the resize admission (403) do, or return."""
    name = before["metadata"]["name"]
    binds = not dig(before, "spec", "volumeName")
    if _bare(before, binds=binds) != _bare(after, binds=binds):
        raise status.invalid(
            kind.kind, kind.group, name, [status.cause("spec", f"Forbidden: {_IMMUTABLE}", "FieldValueForbidden")]
        )
    if asked(before) == asked(after):
        return
    if quantity(asked(after)) < quantity(has(before)):
        why = "Forbidden: field can not be less than status.capacity"
        cause = status.cause("spec.resources.requests.storage", why, "FieldValueForbidden")
        raise status.invalid(kind.kind, kind.group, name, [cause])
    if quantity(asked(after)) > quantity(asked(before)):
        if dig(before, "status", "phase") != "Bound":
            raise _forbidden(kind, name, "Only bound persistent volume claims can be expanded")
        found = store.get(by_kind("StorageClass"), "", dig(before, "spec", "storageClassName", default=""))
        if not (found or {}).get("allowVolumeExpansion"):
            said = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize"
            )
            raise _forbidden(kind, name, said)


def _forbidden(kind: Kind, name: str, why: str) -> status.StatusError:
    return status.forbidden(f'{kind.qualified} "{name}" is forbidden: {why}', {"name": name, "kind": kind.plural})


def _bare(claim: Json, *, binds: bool) -> str:
    """What of a spec may not change; which volume it is may be said once."""
    spec = clone(claim.get("spec") or {})
    if binds:
        spec.pop("volumeName", None)
    dig(spec, "resources", default={}).pop("requests", None)
    spec.pop("volumeAttributesClassName", None)
    return json.dumps(spec, sort_keys=True)
