"""The refusals of an API server, worded as recorded from the real one.

It refuses to decide when to refuse: that is told by the modules that raise these.
"""

from collections.abc import Sequence

from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.wire import Json

SERVER_REJECTED = "the server rejected our request due to an error in our request"
GENERIC_NOT_FOUND = "the server could not find the requested resource"
WRONG_METHOD = "the server does not allow this method on the requested resource"
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


class StatusError(Exception):
    """A refusal: `body` is the Status object, `code` its HTTP status, `headers` extra ones."""

    def __init__(self, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(body["message"])
        self.body = body
        self.code: int = body["code"]
        self.headers = headers or {}


def failure(
    code: int, reason: str | None, message: str, details: Json | None = None, metadata: Json | None = None
) -> Json:
    """A Status object; `reason` None leaves the key out, as for errors without a class."""
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = details
    body["code"] = code
    return body


def success(kind: Kind, name: str, uid: str) -> Json:
    """The Status that answers a finished deletion."""
    details: Json = {"name": name}
    if kind.group:
        details["group"] = kind.group
    details |= {"kind": kind.plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def _details(kind: Kind, name: str | None) -> Json:
    details: Json = {}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    return details


def not_found(kind: Kind, name: str) -> StatusError:
    """404 for an object that isn't there."""
    message = f'{kind.qualified} "{name}" not found'
    return StatusError(failure(404, "NotFound", message, _details(kind, name)))


def no_such_resource() -> StatusError:
    """404 for a resource or subresource that the group doesn't serve."""
    return StatusError(failure(404, "NotFound", GENERIC_NOT_FOUND, {}))


def exists(kind: Kind, name: str, *, ending: bool = False) -> StatusError:
    """409 for a name that is taken, by what is being deleted still where `ending`."""
    message = f'{"object is being deleted: " if ending else ""}{kind.qualified} "{name}" already exists'
    return StatusError(failure(409, "AlreadyExists", message, _details(kind, name)))


def conflict(kind: Kind, name: str, message: str = MODIFIED) -> StatusError:
    """409 for a stale resourceVersion."""
    text = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {message}'
    return StatusError(failure(409, "Conflict", text, _details(kind, name)))


def uid_conflict(kind: Kind, name: str, asked: str, real: str) -> StatusError:
    """409 for a deletion whose uid precondition names another object; it says the Kind."""
    text = (
        f'Operation cannot be fulfilled on {kind.kind} "{name}": the UID in the precondition'
        f" ({asked}) does not match the UID in record ({real}). The object might have been deleted"
        " and then recreated"
    )
    details = {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.kind}
    return StatusError(failure(409, "Conflict", text, details))


def bad_request(message: str) -> StatusError:
    """400 with a sentence."""
    return StatusError(failure(400, "BadRequest", message))


def cause(field: str, message: str, reason: str = "FieldValueInvalid") -> Json:
    """One reason why an object is invalid."""
    return {"reason": reason, "message": message, "field": field}


def invalid(kind_name: str, group: str, name: str, causes: Sequence[Json]) -> StatusError:
    """422 with its causes; one cause stands alone in the message, several in brackets."""
    said = [f"{one['field']}: {one['message']}" for one in causes]
    listed = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    full = f"{kind_name}.{group}" if group else kind_name
    details: Json = {"name": name} if name else {}
    if group:
        details["group"] = group
    if kind_name:
        details["kind"] = kind_name
    details["causes"] = list(causes)
    return StatusError(failure(422, "Invalid", f'{full} "{name}" is invalid: {listed}', details))


def rejected() -> StatusError:
    """422 for a JSON Patch whose `test` or path doesn't hold: it names nothing."""
    return StatusError(failure(422, "Invalid", SERVER_REJECTED, {}))


def unsupported_media() -> StatusError:
    """415 for a patch in an unknown format."""
    message = "415: Unsupported Media Type"
    return StatusError(failure(415, "UnsupportedMediaType", message, {}))


def not_emulated(sentence: str) -> StatusError:
    """501 for what a real server does and this one doesn't."""
    return StatusError(failure(501, "NotImplemented", sentence, {}))


def wrong_method() -> StatusError:
    """405 for a verb that the resource doesn't have."""
    return StatusError(failure(405, "MethodNotAllowed", WRONG_METHOD, {}))


def unauthorized() -> StatusError:
    """401 for a token that nobody issued."""
    return StatusError(failure(401, "Unauthorized", "Unauthorized"))


def forbidden(what: str, details: Json) -> StatusError:
    """403; `what` is the whole sentence."""
    return StatusError(failure(403, "Forbidden", what, details))


def continue_expired(token: str) -> StatusError:
    """410 for a list whose snapshot is gone; it carries a token to go on inconsistently."""
    return StatusError(failure(410, "Expired", CONTINUE_EXPIRED, None, {"continue": token}))


def list_expired() -> StatusError:
    """410 for a list at an exact version that is gone."""
    message = "The resourceVersion for the provided list is too old."
    return StatusError(failure(410, "Expired", message))


def version_ahead(asked: int, current: int) -> StatusError:
    """504 for a list at a version that doesn't exist yet."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    body = failure(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
    return StatusError(body, {"Retry-After": "1"})


def several_budgets() -> StatusError:
    """500 for an eviction of a pod under more than one disruption budget."""
    said = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    return StatusError(failure(500, "InternalError", f"Internal error occurred: {said}", {}))


def too_disrupted(budget: str, needs: int, has: int) -> StatusError:
    """429 for an eviction that a disruption budget forbids; there is no Retry-After."""
    said = f"The disruption budget {budget} needs {needs} healthy pods and has {has} currently"
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    details = {"causes": [{"reason": "DisruptionBudget", "message": said}]}
    return StatusError(failure(429, "TooManyRequests", message, details))
