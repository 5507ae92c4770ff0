"""What this server says of itself to a Prometheus, at ``/metrics``: what it was asked, and how much it holds.

Few of the names that a real API server has, and each of them is true. It refuses to invent any.
"""

from collections import Counter

from bot.sandbox.kubernetes.discovery import VERSION
from bot.sandbox.kubernetes.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Requests:
    """Every request that was answered, counted by what was asked and how it was answered."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str, str]] = Counter()

    def count(self, verb: str, resource: str, code: int) -> None:
        """One more; paths that are no resources have none."""
        self._counted[(verb.upper(), resource, str(code))] += 1

    def lines(self) -> list[str]:
        """In the text format."""
        return [
            _line("apiserver_request_total", number, code=code, resource=resource, verb=verb)
            for (verb, resource, code), number in sorted(self._counted.items())
        ]


def _line(name: str, value: int, **labels: str) -> str:
    told = ",".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
    return f"{name}{{{told}}} {value}"


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def page(requests: Requests, store: Store) -> bytes:
    """All of it."""
    version = {"major": VERSION["major"], "minor": VERSION["minor"], "git_version": VERSION["gitVersion"]}
    objects = [
        _line("apiserver_storage_objects", len(bucket), resource=name)
        for name, bucket in sorted(store.objects.items())
        if bucket
    ]
    lines = [
        *_head("apiserver_request_total", "counter", "Requests that this server has answered."),
        *requests.lines(),
        *_head("apiserver_storage_objects", "gauge", "Objects that this server holds, by resource."),
        *objects,
        *_head("kubernetes_build_info", "gauge", "The version that this server has the manners of."),
        _line("kubernetes_build_info", 1, **version),
    ]
    return ("\n".join(lines) + "\n").encode()
