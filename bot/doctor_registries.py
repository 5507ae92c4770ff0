"""What ``fettle doctor`` says of each registry: whether it answers, and whether it lets Fettle in.

Whether one repository may be read is seen at the first question alone. A registry that doesn't answer costs no start,
and on a card one line.
"""

from __future__ import annotations

import asyncio

from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import FettleError, ForbiddenError
from bot.domain.mitigation import Action
from bot.integrations.registries import Registries
from bot.settings import DESCRIPTIONS, Settings
from bot.settings_registries import RegistrySetting

WITHIN = 10.0
"""Seconds for each; AWS's credentials may take some of them."""


async def rows(settings: Settings, registries: Registries | None) -> list[Row]:
    """A row for each registry, and one for each password that goes over the network as it is."""
    if registries is None and Action.SET_IMAGE in settings.ALLOWED_ACTIONS:
        said = "Not set, but ALLOWED_ACTIONS names set_image: without a registry to ask no image is ever proposed."
        return [warn("REGISTRIES", f"{said} List the registries of your images, or take set_image out.")]
    if registries is None:
        return [ok("REGISTRIES", f"Not set. {DESCRIPTIONS['REGISTRIES']}")]
    found = await asyncio.gather(*(_row(registries, one) for one in settings.REGISTRIES))
    open_ones = [one for one in settings.REGISTRIES if one.insecure and one.secrets]
    return [*found, *(_open(one) for one in open_ones)]


async def _row(registries: Registries, one: RegistrySetting) -> Row:
    try:
        return ok("registry", await registries.check(one.host, within=WITHIN))
    except ForbiddenError as error:
        # A role may be good for its own repositories alone, and this one was asked for another.
        row = warn if one.ecr and "ecr:ListImages" in str(error) else fail
        more = " That is fine if its policy names repositories." if row is warn else ""
        return row("registry", f"{error}{more}")
    except FettleError as error:
        return fail("registry", f"{error} Cards come without the tags of {one.host} until it answers.")


def _open(one: RegistrySetting) -> Row:
    return warn("registry", f"{one.host} is insecure: its password goes over the network for everybody to read.")
