"""The recorded snapshots are what the recordings make of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.unit.findings.recorded import FOLDER, recorded


def _maker() -> object:
    spec = importlib.util.spec_from_file_location("snapshots_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_file_is_as_it_would_be_written_now() -> None:
    maker = _maker()
    made = {f"{name}.json": maker.text(found) for name, found in maker.files().items()}  # type: ignore[attr-defined]
    there = {path.name: path.read_text(encoding="utf-8") for path in Path(FOLDER).glob("*.json")}
    assert there == made


def test_every_source_reads_back_as_rows() -> None:
    for path in Path(FOLDER).glob("*.json"):
        snapshot = recorded(path.stem)
        assert snapshot.pods
        assert snapshot.since is not None
