"""Resource quantities as numbers. It refuses to know which resource is meant."""

_UNITS = {
    "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


def quantity(text: object) -> float:
    """A resource quantity as a number: `250m`, `1Gi`, `2`."""
    written = str(text)
    for length in (2, 1):
        if written[-length:] in _UNITS:
            return float(written[:-length]) * _UNITS[written[-length:]]
    return float(written)
