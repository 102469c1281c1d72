"""The text of the worker: readable by the oldest Python there is, and invisible to user code."""

import ast
import re
import subprocess
import sys

from front import SOURCES, boot, source


def test_python_38_can_read_it():
    ast.parse(source().decode(), feature_version=(3, 8))
    ast.parse(boot(), feature_version=(3, 8))


def test_nothing_newer_than_38_is_used():
    try:
        import vermin
    except ImportError:
        # The syntax is tested above; this looks at modules and functions too.
        return
    text = source().decode()
    visitor = vermin.visit(text) if hasattr(vermin, "visit") else None
    assert visitor is None or visitor.minimum_versions()[1] <= (3, 8)


def test_each_file_is_a_part_of_its_own_name():
    for path in sorted(SOURCES.glob("[0-9]*.py")):
        text = path.read_text()
        assert re.match(r"#part %s\n\"\"\"" % path.stem[3:], text), path.name
        assert text.count("\n#part ") == 0 and text.endswith("\n")
        assert len(text.splitlines()) < 500, path.name


def test_every_part_compiles_alone_at_its_own_lines(worker):
    code = """
    import sys
    def predict_fn(data, model):
        frame = sys._getframe()
        while "split_parts" not in frame.f_globals:
            frame = frame.f_back
        names = frame.f_globals
        lines = names["SOURCE"].split("\\n")
        parts = list(names["PARTS"])
        names["need"](*parts)
        wrong = []
        for name, value in list(names.items()):
            code = getattr(value, "__code__", None)
            if code is not None and code.co_filename == "<optml worker>" and code.co_name != "<lambda>":
                if not lines[code.co_firstlineno - 1].lstrip().startswith(("def ", "async def ", "@")):
                    wrong.append(name)
        return {"wrong": wrong, "n_parts": len(parts)}
    def input_fn(body, content_type): return body
    """
    answer = worker(code).ask("[1]")
    assert answer.status == 200, answer
    assert b'"wrong": []' in answer.body


def test_user_code_sees_no_trace_of_it(worker):
    answer = worker("""
    import json, os, sys
    AT_IMPORT = sorted(sys.modules)
    PATH = list(sys.path)
    def input_fn(body, content_type): return None
    def predict_fn(data, model):
        return {"modules": AT_IMPORT, "path": PATH, "main": sorted(vars(sys.modules["__main__"])),
                "variables": [name for name in os.environ if name.startswith("OPTML_")]}
    """).ask("x")
    import json

    seen = json.loads(answer.body)
    assert not [name for name in seen["modules"] if "optml" in name or name in ("front", "worker", "life", "frames")]
    assert "" not in seen["path"] and seen["path"][0].endswith("code0")
    assert [name for name in seen["main"] if not name.startswith("__")] == []
    assert seen["variables"] == []
    # What would make each worker's start slower, and few need.
    assert not {"asyncio", "inspect", "csv", "numpy", "traceback", "ctypes"} & set(seen["modules"])


def test_a_trivial_module_is_loaded_soon(worker):
    times = []
    for _ in range(5):
        front = worker("def predict_fn(data, model): return data\ndef input_fn(b, c): return b\ndef output_fn(p, a): return p")
        times.append(front.load_ms)
    # About 40 ms on an idle machine; the machine isn't.
    assert min(times) < 150, times


def test_children_by_spawn_don_t_run_the_worker(worker):
    front = worker("""
    import multiprocessing, pickle
    import inference_work
    class Thing:
        pass
    def predict_fn(data, model):
        pickle.loads(pickle.dumps(Thing()))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(inference_work.double, [1, 2])
    def input_fn(b, c): return b
    """, files={"inference_work.py": "def double(x): return 2 * x\n"})
    answer = front.ask("x")
    assert answer.body == b"[2, 4]", answer
