"""Quantities as people read them: ``503 MiB``, ``0.21 cores``, ``34 %``. It refuses to know where they come from."""

from __future__ import annotations

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_THOUSANDS = ("", "k", "M", "G")


def told(value: float, unit: str) -> str:
    """``value`` in ``unit`` (cores, bytes, seconds, ratio, per_second or empty) with three digits at most."""
    if unit == "bytes":
        return _scaled(value, 1024, _BINARY)
    if unit == "ratio":
        return f"{_short(value * 100)} %"
    if unit == "cores":
        return f"{_short(value)} cores"
    if unit == "seconds":
        return _seconds(value)
    if unit == "per_second":
        return f"{_scaled(value, 1000, _THOUSANDS)}/s"
    return _scaled(value, 1000, _THOUSANDS)


def in_bytes(value: float) -> str:
    """``412 MiB``, ``1.9 GiB``."""
    return told(value, "bytes")


def _seconds(value: float) -> str:
    size = abs(value)
    if 0 < size < 1:
        return f"{_short(value * 1000)} ms"
    if size < 120:
        return f"{_short(value)} s"
    return f"{_short(value / 60)} min" if size < 7200 else f"{_short(value / 3600)} h"


def _scaled(value: float, base: int, names: tuple[str, ...]) -> str:
    size, place = abs(value), 0
    while size >= base and place < len(names) - 1:
        size /= base
        place += 1
    text = _short(size if value >= 0 else -size)
    return f"{text}{' ' if base == 1024 else ''}{names[place]}".strip()


def _short(value: float) -> str:
    """Three significant digits, no exponent, no zeros at the end."""
    size = abs(value)
    if size >= 1e7:
        return f"{value:.3g}"
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.0995 else 3
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
