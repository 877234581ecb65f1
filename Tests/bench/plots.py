#!/usr/bin/env python3
"""Plots of how cost grows, as SVG: plots.py DIR FILE...

Each FILE is what the bench wrote with --json, or any other JSON object whose "curves" is a list of objects with
"chart" (the name of the SVG file), "title", "x" and "y" (what the axes are), "xunit" and "yunit" (s, B or empty),
"series" (what the line is called) and "points" (pairs of numbers; several of the same x are runs, drawn as median and
range). Curves of the same chart are drawn together, whatever file they are from.
"""
import json
import math
import os
import statistics
import sys
from html import escape

from common import human

CHARTS = {
    "files-look": dict(title="The origin's first look", x="files", y="time", xunit="", yunit="s"),
    "files-copy": dict(title="The first copy", x="files", y="time", xunit="", yunit="s"),
    "files-rate": dict(title="The first copy, files per second", x="files", y="files per second", xunit="", yunit=""),
    "files-restart": dict(title="Both ends restarted, until in sync", x="files", y="time", xunit="", yunit="s"),
    "files-change": dict(title="One saved file, until it is there", x="files", y="median", xunit="", yunit="s"),
    "files-memory": dict(title="Memory in the first copy, peak", x="files", y="memory", xunit="", yunit="B"),
    "files-resident": dict(title="Memory after a restart", x="files", y="memory", xunit="", yunit="B"),
    "size-copy": dict(title="One file's first copy", x="size", y="time", xunit="B", yunit="s"),
    "size-edit": dict(title="1 KiB of it overwritten", x="size", y="time", xunit="B", yunit="s"),
    "size-edit-bytes": dict(title="1 KiB of it overwritten, on the link", x="size", y="bytes", xunit="B", yunit="B"),
    "size-memory": dict(title="Memory in the first copy of one file, peak", x="size", y="memory", xunit="B", yunit="B"),
    "peers-change": dict(title="One saved file of 1 KiB, until the last peer has it", x="peers", y="median", xunit="", yunit="s"),
    "peers-cpu": dict(title="The hub's processor time for it", x="peers", y="median", xunit="", yunit="s"),
    "peers-memory": dict(title="The hub's memory at rest", x="peers", y="memory", xunit="", yunit="B"),
    "peers-return": dict(title="A hub killed and started, until all are in sync", x="peers", y="time", xunit="", yunit="s"),
}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 400, 78, 150, 44, 54
# Middle tones, which can be read on white and on black alike.
INK, GRID = "#808890", "#80889040"
COLOURS = "#3f83d8", "#d9742b", "#3f9e5a", "#b45fc4", "#c7504e", "#3a9ea5", "#a08a2c", "#7d7fd0"


def short(value, unit):
    """A tick's label: 10k, 1 MiB, 30 ms."""
    if unit:
        return human(value, unit)
    for size, ending in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{ending}"
    return f"{value:g}"


def ticks(low, high, unit):
    """Round numbers within; of bytes, round in powers of two."""
    if unit == "B":
        powers = [2 ** power for power in range(0, 60)]
        step = max(1, round(math.log2(high / low) / 6))
        found = [power for index, power in enumerate(powers) if index % step == 0 and low <= power <= high]
        return found if len(found) > 2 else [power * part // 4 for power in powers for part in (4, 5, 6, 7)
                                             if low <= power * part // 4 <= high]
    tens = [10.0 ** power for power in range(-9, 12)]
    found = [ten for ten in tens if low <= ten <= high]
    return found if len(found) > 2 else [ten * part for ten in tens for part in (1, 2, 5) if low <= ten * part <= high]


class Axis:
    """A logarithmic axis from one place on the picture to another."""

    def __init__(self, values, unit, start, end):
        low, high = min(values), max(values)
        margin = max(1.15, 1.6 / math.sqrt(high / low))  # a flat line lies in the middle of something
        low, high = low / margin, high * margin
        self.unit, self.low, self.high, self.start, self.end = unit, low, high, start, end

    def __call__(self, value):
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        return ticks(self.low, self.high, self.unit)


def summary(points):
    """Each x with the least, the median and the most of its values."""
    values = {}
    for x, y in points:
        if x > 0 and y > 0:  # nothing else has a place on these axes
            values.setdefault(x, []).append(y)
    return [(x, min(runs), statistics.median(runs), max(runs)) for x, runs in sorted(values.items())]


def labels_apart(wanted, least=15):
    """Where labels go, so that none lies on another."""
    placed = {}
    for name, y in sorted(wanted.items(), key=lambda item: item[1]):
        placed[name] = max([y, *(other + least for other in placed.values())])
    excess = max(placed.values(), default=0) - (HEIGHT - BOTTOM)
    return {name: y - max(0, excess) for name, y in placed.items()}


def axes(x_axis, y_axis, chart):
    parts = []
    for value in x_axis.ticks():
        at = x_axis(value)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" stroke="{GRID}"/>'
                     f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                     f'{escape(short(value, x_axis.unit))}</text>')
    for value in y_axis.ticks():
        at, label = y_axis(value), escape(short(value, y_axis.unit))
        parts.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="{GRID}"/>'
                     f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{LEFT}" y="22" font-size="15" font-weight="600">{escape(chart["title"])}</text>'
                 f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{escape(chart["x"])}</text>'
                 f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
                 f'{escape(chart["y"])}</text>')
    return parts


def line(points, x_axis, y_axis, colour):
    path = " ".join(f"{x_axis(x):.1f},{y_axis(middle):.1f}" for x, _, middle, _ in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for x, low, middle, high in points:
        at = x_axis(x)
        if high > low:
            parts.append(f'<line x1="{at:.1f}" y1="{y_axis(low):.1f}" x2="{at:.1f}" y2="{y_axis(high):.1f}" '
                         f'stroke="{colour}" stroke-width="1.5" stroke-opacity="0.6"/>')
        parts.append(f'<circle cx="{at:.1f}" cy="{y_axis(middle):.1f}" r="3.5" fill="{colour}"/>')
    return parts


def svg(chart, curves):
    """One picture: its lines are named where they end."""
    lines = {curve["series"]: points for curve in curves if (points := summary(curve["points"]))}
    every = [point for points in lines.values() for point in points]
    x_axis = Axis([point[0] for point in every], chart.get("xunit", ""), LEFT, WIDTH - RIGHT)
    y_axis = Axis([value for point in every for value in point[1:]], chart.get("yunit", ""), HEIGHT - BOTTOM, TOP)
    places = labels_apart({name: y_axis(points[-1][2]) for name, points in lines.items()})
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif" font-size="12" '
             f'fill="{INK}" role="img">'
             f'<title>{escape(chart["title"])}</title>', *axes(x_axis, y_axis, chart)]
    for colour, (name, points) in zip(COLOURS * (1 + len(lines) // len(COLOURS)), lines.items()):
        parts += line(points, x_axis, y_axis, colour)
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{places[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def draw(curves, folder):
    """Writes each chart that has a point; gives the files' names."""
    os.makedirs(folder, exist_ok=True)
    charts, written = {}, []
    for curve in curves:
        if summary(curve["points"]):
            charts.setdefault(curve["chart"], []).append(curve)
    for name, found in charts.items():
        written.append(os.path.join(folder, os.path.basename(name) + ".svg"))
        with open(written[-1], "w", encoding="utf-8") as file:
            file.write(svg(found[0], found))
    return written


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    curves = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            curves += json.load(file).get("curves", [])
    print(*draw(curves, sys.argv[1]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
