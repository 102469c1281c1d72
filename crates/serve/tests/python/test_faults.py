"""User code that damages things: every request has its answer, and the front hears when a worker is spent."""

import os
import time

import numpy as np
import pytest

PASS = "def input_fn(body, content_type): return body\n"


def failing(code, before=""):
    return "import os, sys\n%s\n%sdef predict_fn(data, model):\n    %s\n    return 1" % (before, PASS, code)


RAISED = [
    ("raise ValueError('bad value')", 500, "ValueError", "bad value", False),
    ("raise KeyError('k')", 500, "KeyError", "'k'", False),
    ("sys.exit('bye')", 500, "SystemExit", "user code tried to end the process: SystemExit(bye)", True),
    ("raise KeyboardInterrupt", 500, "KeyboardInterrupt", "user code tried to end the process: KeyboardInterrupt(None)", True),
    ("raise MemoryError", 503, "MemoryError", "out of memory", True),
    ("raise RuntimeError('CUDA out of memory. Tried')", 503, "RuntimeError", "CUDA out of memory. Tried", True),
    ("raise RuntimeError('CUDA error: misaligned')", 500, "RuntimeError", "CUDA error: misaligned", False),
    ("raise E('m', status_code=422)", 422, "E", "m", False), ("raise E('m', status_code=422, detail='d')", 422, "E", "d", False),
    ("raise E('m', status_code=200)", 500, "E", "m", False), ("raise E('m', status_code='422')", 500, "E", "m", False),
    ("raise E('m', error_code=503, message='mm')", 503, "E", "mm", False), ("raise E('m', code=404, description='dd')", 404, "E", "dd", False),
    ("raise E('m', code=404)", 500, "E", "m", False), ("raise E('m', code=7, description='x')", 500, "E", "m", False),
    ("raise UnsupportedFormatError('u')", 415, "UnsupportedFormatError", "u", False),
    ("raise Bad()", 500, "Bad", "<text of Bad failed with ZeroDivisionError>", False),
    ("raise ValueError('\\udc00')", 500, "ValueError", "\\udc00", False),
    ("def f(): return f()\n    f()", 500, "RecursionError", None, False),
    ("raise GeneratorExit", 500, "GeneratorExit", "", False), ("raise StopIteration(5)", 500, "StopIteration", "5", False),
]
CLASSES = """
class E(Exception):
    def __init__(self, text, **facts):
        super().__init__(text)
        vars(self).update(facts)
class UnsupportedFormatError(Exception): pass
class Bad(Exception):
    def __str__(self): return 1 / 0
"""


@pytest.mark.parametrize("code,status,kind,message,is_spent", RAISED)
@pytest.mark.parametrize("direct", [False, True])
def test_exceptions(worker, code, status, kind, message, is_spent, direct):
    text = failing(code, CLASSES)
    front = worker(text.replace(PASS, "") if direct else text)
    ask = (lambda: front.ask(array=np.arange(3.0))) if direct else (lambda: front.ask("x"))
    failure = ask()
    assert (failure.status, failure.kind, failure.is_spent) == (status, kind, is_spent), failure
    assert message is None or failure.message == message
    assert "inference.py" in failure.detail and "optml worker" not in failure.detail
    # It goes on, until it is replaced.
    assert ask().status == status


def test_unsupported_format_by_stage(worker):
    raising = "class UnsupportedFormatError(Exception): pass\ndef f(*a): raise UnsupportedFormatError('x')\n"
    front = worker(raising + "input_fn = f\ndef predict_fn(d, m): return d")
    assert front.ask("x").status == 415
    front = worker(raising + PASS + "output_fn = f\ndef predict_fn(d, m): return d")
    assert front.ask("x").status == 406


def test_causes_are_in_the_detail(worker):
    front = worker(failing("try:\n        1 / 0\n    except ZeroDivisionError as e:\n        raise ValueError('outer') from e"))
    detail = front.ask("x").detail
    assert "ZeroDivisionError: division by zero" in detail and "direct cause" in detail and "ValueError: outer" in detail


def test_a_long_traceback_is_cut(worker):
    front = worker(failing("raise ValueError('ä' * 200000)"))
    failure = front.ask("x")
    assert len(failure.message.encode()) <= 16 << 10 and "... cut ..." in failure.message and "... cut ..." in failure.detail


def test_memory_runs_out(worker):
    front = worker(failing("import resource\n    resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))\n    bytearray(1 << 33)"))
    failure = front.ask("x")
    assert (failure.status, failure.is_spent) == (503, True)


def test_os_exit(worker):
    front = worker(failing("os._exit(3)"))
    front.send(b"x")
    assert front.news() is None
    assert front.process.wait(5) == 3


@pytest.mark.parametrize("code", [
    "sys.stdout = None", "sys.stdout.close()", "os.close(1)", "sys.stdout = sys.stderr = object()", "os.close(1); os.close(2)",
    "import signal; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)]",
    "import signal; signal.signal(signal.SIGALRM, lambda *a: None); signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
    "os.close(3)", "[os.close(fd) for fd in range(3, 20) if os.path.exists('/proc/self/fd/%d' % fd)]",
    "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
    "sys.setrecursionlimit(200)", "import gc; gc.disable()", "os.chdir('/')",
    "import os as o; o.environ.clear()", "print('x' * (10 << 10))", "sys.stdout.buffer.write(bytes(range(256)))",
    "import builtins; del builtins.sum", "sys.excepthook = None", "import warnings; warnings.simplefilter('error')",
])
def test_it_survives(worker, code):
    front = worker(failing("try:\n        %s\n    except (OSError, AttributeError): pass" % code.replace("\n", "\n        ")))
    for _ in range(3):
        answer = front.ask("x")
        assert answer.status == 200 and answer.body == b"1", answer
    time.sleep(0.05)
    front.drain()
    front.process.stdout.read()
    assert front.bye() == 0


@pytest.mark.parametrize("code", ["os.closerange(3, 1 << 16)", "[os.close(fd) for fd in range(3, 2000) if os.path.exists('/proc/self/fd/%d' % fd)]"])
def test_sockets_that_user_code_closes_are_its_end(worker, code):
    front = worker(failing(code))
    front.send(b"x")
    assert front.news() is None
    assert front.process.wait(5) is not None


@pytest.mark.parametrize("child", ["return 5", "raise ValueError", "sys.exit(3)", "os._exit(0)", "yield 1"])
def test_a_fork_in_a_handler(worker, child):
    front = worker(failing("pid = os.fork()\n    if pid == 0:\n        %s\n    os.waitpid(pid, 0)" % child))
    for _ in range(3):
        answer = front.ask("x", accept="application/json")
        if child.startswith("yield"):
            # It is a generator: an answer of no items in the parent.
            assert answer.status == 200
        else:
            assert answer.body == b"1", answer
    assert front.stop() == 0


def test_a_child_doesn_t_hide_the_worker_s_death(worker):
    front = worker(failing("pid = os.fork()\n    if pid == 0:\n        import time\n        time.sleep(5)\n        os._exit(0)"))
    assert front.ask("x").body == b"1"
    front.process.kill()
    assert front.data.frame(2) is None and front.control.frame(2) is None


def test_multiprocessing_by_fork(worker):
    front = worker("""
    import multiprocessing
    def double(x): return 2 * x
    def input_fn(b, c): return b
    def predict_fn(data, model):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(double, [1, 2, 3])
    """)
    assert front.ask("x").body == b"[2, 4, 6]"
    assert front.stop() == 0


def test_a_signal_handler_that_raises_between_requests_is_its_end(worker):
    front = worker(failing("import signal\n    signal.signal(signal.SIGALRM, boom); signal.setitimer(signal.ITIMER_REAL, 0.2)",
                           "def boom(*a): raise RuntimeError('boom')"))
    assert front.ask("x").body == b"1"
    assert front.process.wait(5) == 70
    assert "RuntimeError: boom" in front.output()[1]


def test_import_prints_and_binary_garbage(worker):
    front = worker("import os\nos.write(1, b'\\xff\\x00')\nprint('at import')\n" + failing("os.write(1, b'OPT\\x01')"))
    assert front.ask("x").body == b"1"
    front.stop()
    assert front.process.stdout.read() == b"\xff\x00at import\nOPT\x01"


def test_many_requests_leak_nothing(worker):
    front = worker(failing("pass"), slots=2)
    status = "/proc/%d/status" % front.process.pid

    def resident_kib():
        with open(status) as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    def some(n):
        for _ in range(n):
            front.ask(b"x" * 1000, slot=0)
            front.slot_news.clear()
            front.ask(b"x" * 1000)

    some(300)
    before, fds = resident_kib(), len(os.listdir("/proc/%d/fd" % front.process.pid))
    some(3000)
    assert resident_kib() - before < 600
    assert len(os.listdir("/proc/%d/fd" % front.process.pid)) == fds
