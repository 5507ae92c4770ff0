"""Charts as one PNG, readable on a phone: panels over one axis of time, limits dashed, the alert and rollouts marked.

Runs in a process of its own (``press``), so that the bot never holds matplotlib's memory. It knows no pyplot and
no screen. It refuses to read anything: what is drawn comes in, bytes go out.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a read-only home is no news

from matplotlib.axes import Axes  # noqa: E402 - the level is set above
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator  # noqa: E402

from bot.domain.chart import Chart, Level, Mark, MarkKind  # noqa: E402
from bot.domain.units import told  # noqa: E402

WIDTH, PANEL, DPI = 3.9, 1.65, 200
"""Inches and dots: 780 points wide, two for each of a phone's 390."""
COLOURS = ("#1f6feb", "#d1661c", "#1a7f37", "#8250df", "#bf3989", "#0598bc", "#7d4e00", "#57606a")
LIMIT, REQUEST, ALERT, CHANGE, TEXT, GRID = "#cf222e", "#9a6700", "#cf222e", "#57606a", "#1f2328", "#d8dee4"
SMALL, NORMAL = 7.5, 9.0
LONGEST = 40
"""Characters of any word that is drawn; longer ones would take the place of the curves."""
CLOSE = 0.04
"""Of a panel's width: marks nearer than that share a row of words."""


def png(charts: Sequence[Chart]) -> bytes:
    """All charts as panels of one picture, the first on top; at least one chart."""
    several = [line.label for chart in charts if len(chart.lines) > 1 for line in chart.lines]
    named = dict(zip(dict.fromkeys(several), cycle(COLOURS), strict=False))
    height = PANEL * len(charts) + 0.3 + 0.14 * ((len(named) + 1) // 2)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    begin, end = min(chart.begin for chart in charts), max(chart.end for chart in charts)
    panels = figure.subplots(len(charts), 1, sharex=True, squeeze=False)[:, 0]
    for position, (axes, chart) in enumerate(zip(panels, charts, strict=True)):
        _panel(axes, chart, end - begin, named, words=position == 0)
    _time_axis(panels[-1], begin, end)
    if named:
        # Below, once for all panels: inside a panel it would lie on the curves.
        curves = [Line2D([], [], color=colour, linewidth=1.5) for colour in named.values()]
        legend = figure.legend(
            curves, [_plain(label) for label in named], loc="outside lower left", fontsize=SMALL, ncols=2,
            frameon=False, handlelength=1.2, borderpad=0, labelspacing=0.25, columnspacing=1.0,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)  # a label may hold a dollar sign
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a box stands for what the font lacks
        figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _panel(axes: Axes, chart: Chart, span: float, named: Mapping[str, str], *, words: bool) -> None:
    top = _top(chart)
    axes.set_title(_title(chart, top), loc="left", fontsize=NORMAL, color=TEXT, weight="bold",
                   pad=14 if words and _seen(chart) else 5, parse_math=False)  # fmt: skip
    for line in chart.lines:
        times, values = zip(*line.points, strict=True)
        colour = named[line.label] if len(chart.lines) > 1 else COLOURS[0]
        axes.plot(times, values, color=colour, linewidth=1.5, solid_capstyle="round",
                  marker="o" if len(values) < 8 else None, markersize=2.5)  # fmt: skip
    for level in chart.levels:
        _level(axes, level, chart, top)
    for mark in _seen(chart):
        style = (ALERT, (0, (1, 0))) if mark.kind is MarkKind.ALERT else (CHANGE, (0, (4, 2)))
        axes.axvline(mark.at, color=style[0], linestyle=style[1], linewidth=1.1, zorder=1)
    if words:
        _mark_words(axes, chart, span)
    low, high = min(_floor(chart), 0.0), max(top, 0.0)
    reach = (high - low) or 1.0
    axes.set_ylim(low - (0.05 * reach if low < 0 else 0.0), high + 0.08 * reach)
    if chart.unit == "bytes":
        axes.yaxis.set_major_locator(MultipleLocator(2.0 ** math.ceil(math.log2(max(reach, 4.0) / 4))))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=chart.unit == "" and top >= 4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, chart.unit).removesuffix(" cores")))
    axes.tick_params(labelsize=SMALL, colors=TEXT, length=2)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _title(chart: Chart, top: float) -> str:
    """``Memory (working set): 504 MiB``, with the levels that lie outside of what is drawn."""
    newest = max(line.points[-1][1] for line in chart.lines)
    low = min(_floor(chart), 0.0)
    far = [f"{_plain(one.label)} {told(one.value, chart.unit)}" for one in chart.levels if not low <= one.value <= top]
    return f"{_plain(chart.title)}: {told(newest, chart.unit)}" + (f" ({', '.join(far)})" if far else "")


def _level(axes: Axes, level: Level, chart: Chart, top: float) -> None:
    if not min(_floor(chart), 0.0) <= level.value <= top:
        return  # its line would press the curves flat, its words would leave the picture; the title tells its value
    colour = REQUEST if level.asked else LIMIT
    axes.axhline(level.value, color=colour, linestyle=(0, (5, 2)), linewidth=1.1, zorder=2)
    words = f"{_plain(level.label)} {told(level.value, chart.unit)}"
    axes.annotate(
        words, (1.0, level.value), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
        ha="right", va="bottom", fontsize=SMALL - 0.5, color=colour, parse_math=False,
    )  # fmt: skip


def _mark_words(axes: Axes, chart: Chart, span: float) -> None:
    """Words above the first panel; those whose lines stand close together go into one, so that none covers another."""
    groups: list[tuple[float, str, str]] = []
    for mark in sorted(_seen(chart), key=lambda one: one.at):
        colour = ALERT if mark.kind is MarkKind.ALERT else CHANGE
        if groups and mark.at - groups[-1][0] < 5 * CLOSE * span:
            at, text, before = groups[-1]
            groups[-1] = (at, f"{text}, {_plain(mark.label)}", ALERT if ALERT in {before, colour} else colour)
        else:
            groups.append((mark.at, _plain(mark.label), colour))
    for at, text, colour in groups:
        late = chart.end - at < 0.25 * span
        axes.annotate(
            text, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            ha="right" if late else "left", va="bottom", fontsize=SMALL, color=colour, parse_math=False,
        )  # fmt: skip


def _seen(chart: Chart) -> list[Mark]:
    return [mark for mark in chart.marks if chart.begin <= mark.at <= chart.end]


def _top(chart: Chart) -> float:
    """The highest that is shown: the curves, and a level unless it lies far above them."""
    highest = max(value for line in chart.lines for _, value in line.points)
    near = [level.value for level in chart.levels if level.value <= 4 * highest]
    return max([highest, *near]) or 1.0


def _floor(chart: Chart) -> float:
    return min(value for line in chart.lines for _, value in line.points)


def _time_axis(axes: Axes, begin: float, end: float) -> None:
    span = max(end - begin, 60.0)
    axes.set_xlim(begin - 0.01 * span, begin + span * 1.01)
    steps = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
    step = next((one for one in steps if span / one <= 5), 86400 * max(int(span / 86400 / 5), 1))
    first = (begin // step + 1) * step if begin % step else begin
    ticks = [first + step * number for number in range(int((begin + span - first) // step) + 1)]
    form = "%d %b %H:%M" if span > 20 * 3600 else "%H:%M"
    axes.set_xticks(ticks, [datetime.fromtimestamp(at, tz=UTC).strftime(form) for at in ticks])
    axes.set_xlabel("UTC", fontsize=SMALL, color=TEXT, loc="right", labelpad=1)


def _plain(text: str) -> str:
    """One short line without what can't be drawn."""
    return "".join(character if character.isprintable() else " " for character in text).strip()[:LONGEST]
