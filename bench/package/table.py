"""The table that is printed: a row for each figure."""

from dataclasses import dataclass


@dataclass
class Row:
    cell: str
    reference: str
    optml: str
    ratio: str
    goal: str
    holds: bool


def print_table(rows):
    """Markdown, which docs/benchmarks.md takes as it is."""
    print("| | reference | optml | ratio | goal | holds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = [row.cell, row.reference, row.optml, row.ratio, row.goal, "yes" if row.holds else "NO"]
        print("| " + " | ".join(cells) + " |")
