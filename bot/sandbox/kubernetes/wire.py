"""How objects travel: JSON values and their copies. It refuses to know what they mean."""

import json
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
# Classes with a method called `list` can't use the name as a type.
Objects: TypeAlias = list[Json]
Names: TypeAlias = list[str]


def clone(value: Any) -> Any:
    """A deep copy; objects in the store are shared and never changed in place."""
    return json.loads(json.dumps(value))


def dump(value: Any) -> bytes:
    """Compact JSON with the newline that the real server puts behind every body."""
    return (json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def dig(obj: Any, *path: str, default: Any = None) -> Any:
    """The value at a path of keys, or the default where something on the way is missing."""
    for key in path:
        if not isinstance(obj, dict) or obj.get(key) is None:
            return default
        obj = obj[key]
    return obj
