"""Every guard, whatever it asks of."""

from .general import GUARDS as GENERAL
from .of_people import GUARDS as OF_PEOPLE
from .of_things import GUARDS as OF_THINGS
from .of_workloads import GUARDS as OF_WORKLOADS
from .room import Guard

GUARDS: tuple[Guard, ...] = (*GENERAL, *OF_WORKLOADS, *OF_THINGS, *OF_PEOPLE)
