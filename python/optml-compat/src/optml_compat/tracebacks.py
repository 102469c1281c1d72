"""What a process said before it ended, shortened to what explains the end."""

import re

LIMIT_CHARS = 8192
# Lines of output that are shown when no traceback is found.
LAST_LINES = 20

# How launchers mark the lines of a rank: Open MPI with job, rank and stream, torchrun with the rank on this host.
TAG = re.compile(r"^\[(?:\d+,(\d+)\]<(?:stdout|stderr)>:?|default(\d+)\]:)")
HEADING = "Traceback (most recent call last):"
# What a launcher raises because a rank has failed.
CONSEQUENCES = ("ChildFailedError",)


def by_rank(text):
    """The lines without the marks of launchers, by rank; lines without a mark stand under -1."""
    ranks: dict[int, list[str]] = {}
    for line in text.splitlines():
        tag = TAG.match(line)
        if tag:
            ranks.setdefault(int(tag.group(1) or tag.group(2)), []).append(line[tag.end() :])
        else:
            ranks.setdefault(-1, []).append(line)
    return ranks


def last_traceback(lines):
    """The last exception and its traceback in these lines, and what follows it; None when there is none.

    Of chained exceptions the last is the one that ended the process. Its text comes first, because only the beginning of a
    report is shown to people. What is only the consequence of another exception counts when there is no other.
    """
    consequence = None
    end = len(lines)
    for start in reversed([number for number, line in enumerate(lines) if line.strip() == HEADING]):
        margin = len(lines[start]) - len(lines[start].lstrip())
        for number in range(start + 1, end):
            line = lines[number]
            if line.strip() and len(line) - len(line.lstrip()) <= margin:
                exception = [text[margin:] for text in lines[number:end]]
                found = "\n".join(exception + [""] + [text[margin:] for text in lines[start:number]]).strip()
                if exception_name(found) not in CONSEQUENCES:
                    return found
                consequence = consequence or found
                break
        end = start
    return consequence


def cause(text):
    """What explains the end of a process that printed `text`: the last exception of the lowest rank, else the last lines."""
    ranks = by_rank(text)
    for rank in sorted(ranks, key=lambda rank: (rank < 0, rank)):
        found = last_traceback(ranks[rank])
        if found is not None:
            return found[:LIMIT_CHARS]
    lines = [TAG.sub("", line) for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-LAST_LINES:])[-LIMIT_CHARS:].strip()


def exception_name(text):
    """The name of the exception class that a text of `cause` begins with, without its module; None when it names none."""
    match = re.match(r"([A-Za-z_][\w.]*)(?::|$)", text.split("\n", 1)[0])
    return match.group(1).rpartition(".")[2] if match else None
