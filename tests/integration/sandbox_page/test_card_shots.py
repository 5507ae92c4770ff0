"""Pictures of cards can be made from their JSON alone."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from tests.integration.sandbox_page.card_shots import CHROMIUM, page_html, shoot_all

SAMPLES = json.loads((Path(__file__).parent / "card_samples.json").read_text())


def test_a_card_alone_is_a_page_that_needs_nothing_else() -> None:
    html = page_html(SAMPLES[0])
    assert "Approve restart" in html
    assert "/page/static" not in html


@pytest.mark.chromium
@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason=f"NO BROWSER: {CHROMIUM} is missing, no picture was made")
async def test_each_message_becomes_a_light_and_a_dark_picture_of_the_asked_width(tmp_path: Path) -> None:
    written = await shoot_all(SAMPLES[:1], tmp_path, width=390)
    assert written == [tmp_path / "proposed"]
    for scheme in ("light", "dark"):
        picture = (tmp_path / f"proposed-{scheme}.png").read_bytes()
        assert struct.unpack(">I", picture[16:20]) == (780,)
