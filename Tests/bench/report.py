"""What was measured, as a table for people, as markdown, and as JSON."""
import json
import statistics
from collections import namedtuple

from common import brief, human, scale
from goals import AGAINST, ROWS, TITLES, UNCOMPARED
from plots import short, summary
from tools import TOOLS

# ratio and the limit set for it: numbers or None; goal: both goals as text; met: None where there is nothing to meet.
Verdict = namedtuple("Verdict", "ratio limit goal met", defaults=(None, None, "", None))


def medians(figure, names):
    return {name: statistics.median(figure["tools"][name]) for name in names if figure["tools"].get(name)}


def judge(row, figure, full_scale):
    """nosocks against the best of the peers, and against the row's goal."""
    if (row.scenario, row.key) in UNCOMPARED:
        return Verdict()
    unit, peers = figure["unit"], [name for name, tool in TOOLS.items() if not (tool.floor or tool.own)]
    against, limit = AGAINST.get((row.scenario, row.key), (None, row.best and row.goal / row.best))
    ours, theirs = medians(figure, ["nosocks"]).get("nosocks"), medians(figure, [against] if against else peers)
    best = min(theirs.values(), default=0)
    ratio = ours / best if ours is not None and best else None
    goal = [f"{human(row.goal, unit)}"] if row.goal else []
    if limit:
        goal.append(f"≤ {limit:.2g} ×" + (f" {TOOLS[against].title}" if against else ""))
    met = None
    if ratio is not None and limit:
        met = ratio <= limit
    elif ours is not None and row.goal and not limit and (full_scale or not row.scaled):
        met = ours <= row.goal
    return Verdict(ratio, limit, ", ".join(goal), met)


def spread(values, unit):
    """The range, in the unit that its median has."""
    size, _ = scale(statistics.median(values), unit)
    return f"{brief(min(values) / size)}–{brief(max(values) / size)}"


class Report:
    def __init__(self, bench, scenarios, tools, setting):
        self.bench, self.scenarios, self.setting = bench, scenarios, setting
        self.tools = [tool for tool in TOOLS.values() if tool.name in tools]

    def rows(self):
        """Each scenario that has figures or failures, with its rows."""
        for scenario in self.scenarios:
            rows = [(row, self.bench.figures[scenario, row.key]) for row in ROWS
                    if row.scenario == scenario and (scenario, row.key) in self.bench.figures]
            failed = {failure["tool"] for failure in self.bench.failures if scenario in failure["scenarios"]}
            if rows or failed:
                yield scenario, rows, failed

    def cell(self, tool, figure, failed):
        """The median and the range, as two texts."""
        values = figure["tools"].get(tool.name)
        if not values:
            return ("failed" if tool.name in failed else "-"), ""
        return human(statistics.median(values), figure["unit"]), (
            f"({spread(values, figure['unit'])})" if len(values) > 1 else "")

    def verdict(self, row, figure):
        found = judge(row, figure, self.setting["scale"] == 1)
        word = {None: "", True: "met", False: "missed"}[found.met]
        return f"{brief(found.ratio)} ×" if found.ratio is not None else "", found.goal, word

    def text(self):
        """All that there is to tell, for a terminal that is wide enough."""
        parts = [self.table()] if any(True for _ in self.rows()) else []
        return "\n".join([*parts, *self.growth(), *self.footer()])

    def growth(self):
        """The curves, in figures."""
        charts, lines = {}, []
        for curve in self.bench.curves:
            charts.setdefault(curve["chart"], []).append(curve)
        for curves in charts.values():
            points = {curve["series"]: {x: middle for x, _, middle, _ in summary(curve["points"])} for curve in curves}
            columns = sorted({x for found in points.values() for x in found})
            lines += ["", f"{curves[0]['title']}, {curves[0]['y']}", "  " + f"{curves[0]['x']:<22}" + "".join(
                f"{short(x, curves[0]['xunit']):>11}" for x in columns)]
            for series, found in points.items():
                lines.append(f"  {series:<22}" + "".join(
                    f"{human(found[x], curves[0]['yunit']) if x in found else '-':>11}" for x in columns))
        return lines

    def table(self):
        head = ["", *(tool.title for tool in self.tools), "ratio", "goal", ""]
        lines = []
        for scenario, rows, failed in self.rows():
            lines.append(f"{scenario}: {TITLES[scenario]}")
            if not rows:
                lines.append(["  time", *("failed" if tool.name in failed else "-" for tool in self.tools), "", "", ""])
            for row, figure in rows:
                cells = [self.cell(tool, figure, failed) for tool in self.tools]
                lines.append(["  " + row.label, *(median for median, _ in cells), *self.verdict(row, figure)])
                if self.setting["runs"] > 1:
                    lines.append(["", *(around for _, around in cells), "", "", ""])
        table = [head, *(line for line in lines if isinstance(line, list))]
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]

        def aligned(line):
            first, *others = (f"{text:{'<' if column in (0, len(head) - 2, len(head) - 1) else '>'}{width}}"
                              for column, (text, width) in enumerate(zip(line, widths)))
            return "  ".join([first, *others]).rstrip()

        return "\n".join([aligned(head), *(aligned(line) if isinstance(line, list) else line for line in lines)])

    def footer(self):
        lines = [""] if self.setting["scale"] == 1 else ["", "Sizes and counts are those of scale 1."]
        lines += ["Medians, below them the range of all runs; ratio: nosocks to the best of the peers in this run."]
        lines += [f"{', '.join(scenarios)}: {reason}" for scenarios, reason in self.bench.remarks]
        runs = {}
        for failure in self.bench.failures:
            what = TOOLS[failure["tool"]].title, ", ".join(failure["scenarios"]), failure["reason"]
            runs.setdefault(what, []).append(str(failure["run"]))
        return lines + [f"{title} failed in {scenarios}, run {', '.join(numbers)}: {reason}"
                        for (title, scenarios, reason), numbers in runs.items()]

    def markdown(self):
        lines = ["| | " + " | ".join([*(tool.title for tool in self.tools), "ratio", "goal"]) + " |",
                 "|---" * (len(self.tools) + 3) + "|"]
        for scenario, rows, failed in self.rows():
            for row, figure in rows:
                cells = [" ".join(self.cell(tool, figure, failed)).strip() for tool in self.tools]
                ratio, goal, word = self.verdict(row, figure)
                cells = ["" if cell == "-" else cell for cell in cells] + [ratio, f"{goal}: {word}" if word else goal]
                label = f"**{scenario}**: {TITLES[scenario]}, {row.label}" if row is rows[0][0] else f"… {row.label}"
                lines.append(f"| {label} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def json(self):
        figures = []
        for (scenario, key), figure in self.bench.figures.items():
            row = next((row for row in ROWS if (row.scenario, row.key) == (scenario, key)), None)
            found = judge(row, figure, self.setting["scale"] == 1) if row else Verdict()
            figures.append(dict(scenario=scenario, key=key, unit=figure["unit"], runs=figure["tools"],
                                ratio=found.ratio, ratio_limit=found.limit, goal=row and row.goal, met=found.met))
        return json.dumps(dict(self.setting, figures=figures, samples=self.bench.samples, curves=self.bench.curves,
                               remarks=[dict(scenarios=names, reason=reason) for names, reason in self.bench.remarks],
                               failures=self.bench.failures), indent=1, ensure_ascii=False)
