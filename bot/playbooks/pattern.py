"""Regular expressions of label matchers, matched whole and in linear time, as Alertmanager's RE2 does.

Label values are hostile and Python's own engine backtracks: a pattern such as ``(a+)+`` could stop the loop for hours.
So the pattern becomes a small machine whose states are all followed at once. It takes what RE2 and Python agree on
(alternatives, groups, classes, repeats, ``(?i)``, ``(?s)``) and refuses the rest with a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

MAX_LENGTH = 1000
"""Characters of a pattern."""
MAX_STATES = 1000
"""States of its machine; ``{1000}`` of something longer than a letter is beyond."""
MAX_NESTED = 50

Ranges = tuple[tuple[str, str], ...]

_DIGIT: Ranges = (("0", "9"),)
_WORD: Ranges = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACE: Ranges = (("\t", "\n"), ("\f", "\r"), (" ", " "))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_ANY: Ranges = (("\x00", "\U0010ffff"),)


class PatternError(ValueError):
    """The pattern can't be taken; the message says why."""


@dataclass
class _State:
    """One state: a set of characters that leads on, a fork, an anchor, or the end."""

    ranges: Ranges = ()
    negated: bool = False
    folded: bool = False
    out: list[int] = field(default_factory=list)
    kind: str = "char"

    def takes(self, char: str) -> bool:
        found = any(low <= char <= high for low, high in self.ranges)
        if not found and self.folded:
            found = any(low <= other <= high for other in (char.lower(), char.upper()) for low, high in self.ranges)
        return found is not self.negated


_Fragment = tuple[int, int]
"""First and last state; the last one leads nowhere yet."""


class Pattern:
    """A compiled pattern. ``matches`` takes whole values only."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PatternError(f"the pattern is longer than {MAX_LENGTH} characters")
        parser = _Parser(text)
        self._start = parser.whole()
        self._states = parser.states

    def matches(self, value: str) -> bool:
        """Whether the whole value matches."""
        current = self._follow({self._start}, at_start=True, at_end=not value)
        last = len(value) - 1
        for index, char in enumerate(value):
            onward = {
                target
                for number in current
                if (state := self._states[number]).kind == "char" and state.takes(char)
                for target in state.out
            }
            if not onward:
                return False
            current = self._follow(onward, at_start=False, at_end=index == last)
        return any(self._states[number].kind == "end" for number in current)

    def _follow(self, numbers: set[int], *, at_start: bool, at_end: bool) -> set[int]:
        """All states that are reached without taking a character."""
        seen: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            state = self._states[number]
            passes = state.kind == "fork" or (state.kind == "start" and at_start) or (state.kind == "stop" and at_end)
            if passes:
                waiting.extend(state.out)
        return seen


@lru_cache(maxsize=512)
def compiled(text: str) -> Pattern:
    """The pattern for this text; raises ``PatternError``."""
    return Pattern(text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._folded = False
        self._dotall = False
        self._depth = 0
        self.states: list[_State] = []

    def whole(self) -> int:
        self._flags_of_all()
        first, last = self._either()
        if self._at < len(self._text):
            raise PatternError("a ) stands without its (")
        self.states[last].out.append(self._state(kind="end"))
        return first

    def _flags_of_all(self) -> None:
        if self._text.startswith("(?") and (end := self._text.find(")")) > 0:
            flags = self._text[2:end]
            if flags and set(flags) <= {"i", "s"}:
                self._folded, self._dotall = "i" in flags, "s" in flags
                self._at = end + 1

    def _state(self, **fields: object) -> int:
        if len(self.states) >= MAX_STATES:
            raise PatternError(f"the pattern is too complex (more than {MAX_STATES} states)")
        self.states.append(_State(**fields))  # type: ignore[arg-type]
        return len(self.states) - 1

    def _fork(self, *out: int) -> int:
        return self._state(kind="fork", out=list(out))

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise PatternError("the pattern ends too early")
        self._at += 1
        return char

    def _either(self) -> _Fragment:
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise PatternError("the pattern is nested too deeply")
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        self._depth -= 1
        if len(branches) == 1:
            return branches[0]
        end = self._fork()
        for _, last in branches:
            self.states[last].out.append(end)
        return self._fork(*(first for first, _ in branches)), end

    def _sequence(self) -> _Fragment:
        parts: list[_Fragment] = []
        while (char := self._peek()) and char not in "|)":
            start = self._at
            parts.append(self._repeated(self._atom(), start))
        if not parts:
            empty = self._fork()
            return empty, empty
        for (_, last), (begin, _) in pairwise(parts):
            self.states[last].out.append(begin)
        return parts[0][0], parts[-1][1]

    def _repeated(self, made: _Fragment, start: int) -> _Fragment:
        """The atom that stands at ``start``, repeated as it says; counted repeats are written out."""
        char = self._peek()
        if char not in {"*", "+", "?", "{"} or not char:
            return made
        least, most = self._bounds(self._next())
        stop = self._at
        if self._peek() == "?":  # lazy: which way is tried first doesn't matter for a whole match
            stop = self._at = self._at + 1
        if self._peek() in {"*", "+", "?", "{"} and self._peek():
            raise PatternError("a repeat stands directly after a repeat")
        copies: list[_Fragment] = [made]
        for _ in range(max(least, most or 0, 1) - 1):
            self._at = start
            copies.append(self._atom())
        self._at = stop
        return self._joined(copies, least, most)

    def _joined(self, copies: list[_Fragment], least: int, most: int | None) -> _Fragment:
        end = self._fork()
        if most == 0:
            return self._fork(end), end
        first = last = self._fork(end) if least == 0 else self._fork()
        for index, (begin, stop) in enumerate(copies):
            self.states[last].out.append(begin)
            if index + 1 >= least:
                self.states[stop].out.append(end)
            if most is None and index == len(copies) - 1:
                self.states[stop].out.append(begin)
            last = stop
        return first, end

    def _bounds(self, char: str) -> tuple[int, int | None]:
        if char != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        end = self._text.find("}", self._at)
        inside = self._text[self._at : end] if end > 0 else ""
        least, comma, most = inside.partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()) or len(inside) > 9:
            raise PatternError("a { must be followed by a count such as {2} or {2,5}; write \\{ for the sign itself")
        self._at = end + 1
        low, high = int(least), int(most) if most else (None if comma else int(least))
        if high is not None and high < low:
            raise PatternError(f"the repeat {{{inside}}} ends before it begins")
        return low, high

    def _atom(self) -> _Fragment:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._one(*self._set())
        if char == ".":
            return self._one(_ANY) if self._dotall else self._one((("\n", "\n"),), negated=True)
        if char in "^$":
            anchor = self._state(kind="start" if char == "^" else "stop")
            return anchor, anchor
        if char == "\\":
            return self._one(*self._escape())
        if char in "*+?{":
            raise PatternError(f"a {char} stands where there is nothing to repeat")
        return self._one(((char, char),))

    def _one(self, ranges: Ranges, negated: bool = False) -> _Fragment:
        made = self._state(ranges=ranges, negated=negated, folded=self._folded)
        return made, made

    def _group(self) -> _Fragment:
        folded, dotall = self._folded, self._dotall
        if self._peek() == "?":
            self._at += 1
            self._opened()
        made = self._either()
        if self._peek() != ")":
            raise PatternError("a ( stands without its )")
        self._at += 1
        self._folded, self._dotall = folded, dotall
        return made

    def _opened(self) -> None:
        """What follows ``(?``: a name, flags, or nothing; never a look around."""
        rest = self._text[self._at :]
        if rest.startswith("P<") and ">" in rest:
            self._at += rest.index(">") + 1
            return
        flags, colon, _ = rest.partition(":")
        if not colon or not set(flags) <= {"i", "s"}:
            raise PatternError("look-arounds, back references and flags inside a pattern aren't taken, as in RE2")
        self._folded, self._dotall = self._folded or "i" in flags, self._dotall or "s" in flags
        self._at += len(flags) + 1

    def _escape(self) -> tuple[Ranges, bool]:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char], False
        if char.lower() in _CLASSES and char.isupper():
            return _CLASSES[char.lower()], True
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),), False
        if char.isascii() and not char.isalnum():
            return ((char, char),), False
        raise PatternError(f"\\{char} isn't taken here")

    def _set(self) -> tuple[Ranges, bool]:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        while (char := self._next()) != "]" or not ranges:
            if char == "[" and self._peek() == ":":
                raise PatternError("named classes such as [:alpha:] aren't taken; write the range out")
            low = self._member(char, ranges)
            if low and self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                high = self._member(self._next(), ranges)
                if not high or high < low:
                    raise PatternError("a range of a class ends before it begins")
                ranges.append((low, high))
            elif low:
                ranges.append((low, low))
        return tuple(ranges), negated

    def _member(self, char: str, ranges: list[tuple[str, str]]) -> str:
        """One character of a class; a class within it is added by itself and gives no character."""
        if char != "\\":
            return char
        found, negated = self._escape()
        if negated:
            raise PatternError("\\D, \\W and \\S aren't taken inside of a class")
        if len(found) == 1 and found[0][0] == found[0][1]:
            return found[0][0]
        ranges.extend(found)
        return ""
