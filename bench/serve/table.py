"""The table that is printed: a row for each cell, a column for each contestant."""

from dataclasses import dataclass, field

from . import peers


@dataclass
class Row:
    """`figures`: the text of each contestant. `verdicts`: whether each goal, by its text, is reached; None: not measured."""

    cell: str
    figures: dict
    ratio: str = ""
    verdicts: dict = field(default_factory=dict)

    @property
    def holds(self):
        return False not in self.verdicts.values()

    def verdict(self):
        return "; ".join({True: "yes", False: "NO", None: "not measured"}[holds] for holds in self.verdicts.values())


def print_table(rows, names):
    """Markdown, which docs/benchmarks.md takes as it is."""
    columns = [name for name in peers.ALL if name in names]
    lines = [["", *columns, "optml's CPU as a share of", "goal", "holds"]]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        figures = [row.figures.get(name, "") for name in columns]
        lines.append([row.cell, *figures, row.ratio, "; ".join(row.verdicts), row.verdict()])
    for line in lines:
        print("| " + " | ".join(line) + " |")
