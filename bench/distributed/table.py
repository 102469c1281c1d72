"""The table that is printed: a row for each figure, a column for each contestant."""

import statistics

from . import runs

# How many times faster than the toolkit.
GOAL = 5

ROWS = {
    "start to the first line of a rank": "first_line",
    "end of the last rank to the end of the last host": "last_end",
    "overall": "overall",
}


def print_table(measured):
    """Markdown, which docs/benchmarks.md takes as it is; returns whether the goal is reached."""
    lines = [["", *runs.ALL, "ratio", "goal", "holds"]]
    lines.append(["---"] * len(lines[0]))
    reached = True
    for cell, figure in ROWS.items():
        seconds = {name: statistics.median(getattr(run, figure) for run in those) for name, those in measured.items() if those}
        ratio, goal, holds = "", "", ""
        if runs.TOOLKIT in seconds and runs.OPTML in seconds:
            faster = seconds[runs.TOOLKIT] / seconds[runs.OPTML]
            ratio = "toolkit / {:.1f}".format(faster)
            if figure == "overall":
                reached = faster >= GOAL
                goal, holds = "toolkit / {}".format(GOAL), "yes" if reached else "NO"
        figures = ["{:.2f} s".format(seconds[name]) if name in seconds else "" for name in runs.ALL]
        lines.append([cell, *figures, ratio, goal, holds])
    for line in lines:
        print("| " + " | ".join(line) + " |")
    return reached
