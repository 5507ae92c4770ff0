"""Artifacts: files that a mitigation brought out of the cluster, kept outside of it for a while.

They may hold secrets (a heap dump holds every password the process knows): they never go to Slack, and whoever reads
one shows their own login to the store that keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Draft:
    """What is about to be kept. ``name`` is unique for the execution; size and digest are known before the first byte.

    ``sha256`` is in hex. ``execution`` is the execution's uid: the mark by which Fettle knows what it made. ``facts``
    are a few words for people (pod, incident), stored beside the file where the store can.
    """

    name: str
    size: int
    sha256: str
    execution: str
    facts: Mapping[str, str] = field(default_factory=dict)


FOLDER = "folder"
"""The first word of a store's place that is a folder: ``folder /data/artifacts``."""


@dataclass(frozen=True)
class Kept:
    """A file that a store holds whole, by the store's own word.

    ``store`` is the store's name and place (``s3://bucket/prefix``), ``ref`` what finds it there again. ``link`` leads
    to it with the reader's own login; for a folder it is the path.
    """

    store: str
    ref: str
    name: str
    size: int
    sha256: str
    execution: str
    link: str

    @property
    def in_folder(self) -> bool:
        """Whether it is a file on Fettle's own machine."""
        return self.store.partition(" ")[0] == FOLDER


@dataclass(frozen=True)
class Artifact:
    """One kept file as recorded. ``gone_at`` is set once it was deleted, ``problem`` says why it couldn't be."""

    id: int
    execution_id: int
    incident_id: int
    kind: str
    kept: Kept
    made_at: datetime
    expires_at: datetime
    gone_at: datetime | None = None
    problem: str = ""
