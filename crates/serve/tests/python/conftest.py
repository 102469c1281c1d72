"""A worker for each test, made from the text of a user's module.

Needs pytest, numpy and scipy; starlette and vermin are used where they are there.
"""

import os
import sys
import textwrap

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from front import Front  # noqa: E402


@pytest.fixture
def worker(tmp_path):
    """Makes workers: `worker("def predict_fn ...")` is loaded, and gone after the test."""
    fronts = []

    def make(code=None, loads=True, concurrency=0, files=None, **more):
        folder = tmp_path / ("code%d" % len(fronts))
        folder.mkdir()
        if code is not None:
            text = textwrap.dedent(code)
            if "model_fn" not in text and more.get("kind", "functions") == "functions" and loads:
                text += "\ndef model_fn(model_dir):\n    return 'the model'\n"
            (folder / "inference.py").write_text(text)
        for name, content in (files or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content) if isinstance(content, bytes) else path.write_text(textwrap.dedent(content))
        settings = dict(code_dir=str(folder), model_dir=str(tmp_path), entry="inference")
        settings.update(more)
        front = Front(**settings)
        fronts.append(front)
        front.folder = folder
        return front.loaded(concurrency) if loads else front

    yield make
    for front in fronts:
        front.__exit__()
