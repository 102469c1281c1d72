"""The table that is printed: a row for each figure, a column for each contestant."""

from dataclasses import dataclass

from . import runs

MEMORY_LIMIT_MB = 64


@dataclass
class Row:
    cell: str
    figures: dict
    ratio: str
    goal: str
    holds: bool


def memory_row(cell, peaks_mib):
    """`peaks_mib`: of each launcher's own process. The toolkit uploads from a second one, which is not counted."""
    return Row(
        cell,
        {name: "{:.1f} MiB".format(value) for name, value in peaks_mib.items()},
        "",
        "at most {} MB".format(MEMORY_LIMIT_MB),
        peaks_mib[runs.OPTML] * 1.048576 <= MEMORY_LIMIT_MB,
    )


def as_seconds(seconds):
    return "{:.2f} s".format(seconds)


def print_table(rows):
    """Markdown, which docs/benchmarks.md takes as it is."""
    lines = [["", *runs.ALL, "ratio", "goal", "holds"]]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        figures = [row.figures.get(name, "") for name in runs.ALL]
        lines.append([row.cell, *figures, row.ratio, row.goal, "yes" if row.holds else "NO"])
    for line in lines:
        print("| " + " | ".join(line) + " |")
