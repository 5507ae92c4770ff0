"""The command line inside of this process: a process of its own takes half a second to start, and says the same."""

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest

from bot.__main__ import main


def typed(*words: str, folder: Path, environment: Mapping[str, str], stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, output and errors of `fettle WORDS`, typed in a folder, with this environment and no other."""
    into, out, err = (io.TextIOWrapper(io.BytesIO(given), "utf-8", write_through=True) for given in (stdin, b"", b""))
    with mock.patch.dict(os.environ, environment, clear=True), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["fettle", *words])
        for name, stream in (("stdin", into), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        patch.setattr("gc.set_threshold", lambda *_: None)
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, *(stream.buffer.getvalue().decode() for stream in (out, err))
