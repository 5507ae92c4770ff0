"""Parameters of a mitigation: resolved when it is proposed, part of what is approved, JSON-able."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Params = Mapping[str, Any]
NO_PARAMS: Params = MappingProxyType({})
