"""The outside systems that are configured, as one object: opened lazily, closed together, None where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.integrations.alertmanager import Alertmanager
from bot.integrations.artifacts import Artifacts
from bot.integrations.door import Access
from bot.integrations.loki import Loki
from bot.integrations.prometheus import Prometheus
from bot.integrations.registries import Registries
from bot.settings_sources import SourceSettings


@dataclass(frozen=True)
class Sources:
    """Whom evidence and sweeps may ask, and where dumps are kept."""

    prometheus: Prometheus | None = None
    alertmanager: Alertmanager | None = None
    loki: Loki | None = None
    registries: Registries | None = None
    artifacts: Artifacts | None = None
    debug_images: Mapping[str, str] = field(default_factory=dict)
    """Which image a debug container has, by digest: ``jvm``, ``python``."""

    @classmethod
    def of(
        cls, settings: SourceSettings, artifacts: Artifacts | None = None, debug_images: Mapping[str, str] | None = None
    ) -> Sources:
        """Those that have an address; nothing is asked yet, not even whether it resolves."""
        prometheus, alertmanager, loki = (access(settings, one) for one in ("PROMETHEUS", "ALERTMANAGER", "LOKI"))
        return cls(
            Prometheus(prometheus) if prometheus else None,
            Alertmanager(alertmanager) if alertmanager else None,
            Loki(loki) if loki else None,
            Registries(settings.REGISTRIES) if settings.REGISTRIES else None,
            artifacts,
            debug_images or {},
        )

    async def close(self) -> None:
        """Closes the connections of all."""
        for one in (self.prometheus, self.alertmanager, self.loki, self.registries, self.artifacts):
            if one is not None:
                await one.close()


def access(settings: SourceSettings, source: str) -> Access | None:
    """How one of them lets us in by its settings (``PROMETHEUS``, ``LOKI``); None without an address."""
    url = getattr(settings, f"{source}_URL")
    if not url:
        return None
    token, basic = (settings.secret(f"{source}_{what}") for what in ("TOKEN", "BASIC"))
    ca_file, tenant = (getattr(settings, f"{source}_{what}") for what in ("CA_FILE", "TENANT"))
    return Access(source.capitalize(), source, url, token, basic, ca_file, tenant)
