"""The binary of `optml`, which runs jobs and servers."""

import os
import sys

import optml


def become(word, words=(), variables=None):
    """Replaces this process by `optml WORD WORDS…`. Does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = dict(os.environ, OPTML_PYTHON=os.environ.get("OPTML_PYTHON") or sys.executable)
    environment.update(variables or {})
    path = optml.binary()
    os.execve(path, [path, word, *words], environment)
