"""Who keeps a workload as it is written elsewhere (Git, a chart) and so undoes what is changed here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keeper:
    """``tool`` is its name, ``what`` the thing of it that holds the workload ("Application shop-api"), "" if unknown.

    ``revision`` is what it says it put there (a chart's version), "" where the object doesn't tell. ``advice`` says
    where the change belongs. ``at_once`` is whether it takes a change back by itself; a chart
    waits for its next upgrade.
    """

    tool: str
    what: str = ""
    revision: str = ""
    advice: str = "Revert it in Git."
    at_once: bool = True

    @property
    def words(self) -> str:
        """``Argo CD (Application shop-api)``."""
        known = ", ".join(part for part in (self.what, self.revision) if part)
        return f"{self.tool} ({known})" if known else self.tool
