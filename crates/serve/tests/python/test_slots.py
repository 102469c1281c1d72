"""Shared memory: a request never sees the bytes of another one."""

import numpy as np
import pytest

ARRAY = np.arange(100.0).reshape(10, 10)

def test_an_array_in_a_slot(worker):
    front = worker("def predict_fn(data, model):\n    data += 1\n    return data.sum()", slots=3)
    answer = front.ask(array=ARRAY, slot=2, offset=128)
    assert float(answer.body) == ARRAY.sum() + 100
    assert front.slot_said() == ("SLOT_FREE", 2)
    assert front.arena[2 * front.slot_bytes + 128 : 2 * front.slot_bytes + 136] == np.float64(1).tobytes()


def test_the_array_itself_as_the_answer(worker):
    front = worker("def predict_fn(data, model): return data", slots=1)
    assert (front.ask(array=ARRAY, slot=0).array() == ARRAY).all()
    assert front.slot_said() == ("SLOT_FREE", 0)
    large = np.random.rand(400, 300)
    assert (front.ask(array=large, slot=0).array() == large).all()
    assert front.slot_said() == ("SLOT_FREE", 0)


def test_raw_bytes_in_a_slot_are_copied(worker):
    front = worker("kept = []\ndef input_fn(body, c):\n    kept.append(body)\n    return None\ndef predict_fn(d, m): return str(kept)",
                   slots=1)
    for i in range(3):
        answer = front.ask(b"body %d" % i, slot=0, content_type="text/plain")
        assert front.slot_said() == ("SLOT_FREE", 0)
    assert answer.body.decode() == '"%s"' % [b"body 0", b"body 1", b"body 2"]


WAYS = [
    "kept.append(data)", "kept.append(data[1:, 2])", "kept.append(data.T[::2])", "kept.append(data.reshape(-1)[5:])",
    "kept.append(np.asarray(data))", "kept.append(memoryview(data)[1:])", "kept.append(memoryview(data).cast('B')[7:9])",
    "kept.append(data.base)", "kept.append(data.base.base)", "kept.append(data.base.base[3:])", "kept.append(np.frombuffer(data))",
    "kept.append(np.frombuffer(data.base))", "kept.append(np.lib.stride_tricks.as_strided(data, (5,), (8,)))",
    "kept.append(data.view(np.matrix)[1:])", "kept.append(data.ctypes)", "kept.append(data.flat)", "kept.append(iter(data))",
    "kept.append(data.real)", "kept.append(data.view('i8').T)", "kept.append((c for c in [data]))",
    "import ctypes; kept.append(ctypes.c_char.from_buffer(data))", 
    "kept.append(np.ma.array(data, copy=False))", "kept.append(np.nditer(data))", "kept.append(np.from_dlpack(data) if hasattr(np, 'from_dlpack') else data)",
    "import sys; kept.append(sys._getframe())",
]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_user_code_keeps_is_seen(worker, way):
    front = worker("""
    import numpy as np
    kept = []
    def predict_fn(data, model):
        if data.ndim == 1:
            kept.clear()
            return 1
        %s
        return 0
    """ % way, slots=2)
    assert front.ask(array=ARRAY, slot=1).body == b"0"
    assert front.slot_said() == ("SLOT_HELD", 1)
    front.ask(array=np.zeros(1))
    # At the next request with a slot, or a second later.
    assert front.slot_said() == ("SLOT_FREE", 1)


@pytest.mark.parametrize("way", ["kept.append(data.copy())", "kept.append(data + 1)", "kept.append(data.sum())",
                                 "kept.append(data[data > 5])", "kept.append(data.tobytes())", "a = data; b = a.T; del a"])
def test_copies_don_t_hold_a_slot(worker, way):
    front = worker("kept = []\ndef predict_fn(data, model):\n    %s\n    return 0" % way, slots=1)
    for _ in range(3):
        front.ask(array=ARRAY, slot=0)
        assert front.slot_said() == ("SLOT_FREE", 0)


def test_a_held_slot_keeps_its_bytes(worker):
    """The front leaves it alone; when user code lets go of it, the front hears of it at the next request."""
    front = worker("""
    kept = []
    def predict_fn(data, model):
        kept.append(data)
        if len(kept) > 2:
            del kept[0]
        return [int(array[0]) for array in kept]
    """, slots=4)
    bodies = []
    for i in range(4):
        bodies.append(front.ask(array=np.full(3, i), slot=i).body)
    assert bodies == [b"[0]", b"[0, 1]", b"[1, 2]", b"[2, 3]"]
    news = [front.slot_said() for _ in range(6)]
    # What was held is looked at before the request's own slot is.
    assert news == [("SLOT_HELD", 0), ("SLOT_HELD", 1), ("SLOT_FREE", 0), ("SLOT_HELD", 2), ("SLOT_FREE", 1), ("SLOT_HELD", 3)]


def test_an_exception_doesn_t_hold_a_slot(worker):
    front = worker("def predict_fn(data, model):\n    raise ValueError(data)", slots=1)
    assert front.ask(array=ARRAY, slot=0).status == 500
    assert front.slot_said() == ("SLOT_FREE", 0)


def test_an_exception_that_is_kept_does(worker):
    front = worker("""
    kept = []
    def predict_fn(data, model):
        try:
            1 / 0
        except ZeroDivisionError as error:
            kept.append(error)
        return 0
    """, slots=1)
    front.ask(array=ARRAY, slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)


def test_a_cycle_holds_until_it_is_collected(worker):
    front = worker("""
    import gc
    gc.disable()
    class Node: pass
    def predict_fn(data, model):
        node = Node()
        node.self, node.data = node, data
        return 0
    """, slots=2)
    front.ask(array=ARRAY, slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)


def test_the_body_view(worker):
    code = """
    kept = []
    def transform_fn(model, body, content_type, accept, context):
        view = context.body_view
        if %s:
            kept.append(view[1:])
        return bytes(view[:4])
    """
    front = worker(code % "True", slots=2)
    assert front.ask(b"view of it", slot=1).body == b"view"
    assert front.slot_said() == ("SLOT_HELD", 1)
    front = worker(code % "False", slots=2)
    assert front.ask(b"view of it", slot=1).body == b"view"
    assert front.slot_said() == ("SLOT_FREE", 1)
    assert front.ask(b"view of it").body == b"view"


def test_inline_arrays_are_the_user_s_own(worker):
    front = worker("kept = []\ndef predict_fn(data, model):\n    kept.append(data)\n    data += 1\n    return [a.tolist() for a in kept]")
    front.ask(array=np.array([1.0]))
    assert front.ask(array=np.array([5.0])).body == b"[[2.0], [6.0]]"


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.float32(2), np.array([True, False]), np.arange(24, dtype="u2").reshape(2, 3, 4),
                                   np.zeros((3, 0))])
@pytest.mark.parametrize("slot", [None, 0])
def test_shapes_and_types(worker, array, slot):
    array = np.asarray(array)
    front = worker("def predict_fn(data, model):\n    assert data.flags.writeable\n    return data", slots=1)
    answer = front.ask(array=array, slot=slot)
    assert (answer.dtype, answer.shape) == (array.dtype.name, array.shape) and (answer.array() == array).all()


# ---- Slots for answers


def test_large_answers_use_slots_of_their_own(worker):
    front = worker("import numpy as np\ndef input_fn(b, c): return int(b)\ndef predict_fn(n, m): return np.arange(n, dtype='f8')[::-1]",
                   slots=2, response_slots="3:1")
    answer = front.ask(b"10000")
    assert answer.form == 1 and answer.slot == 3 and answer.array()[0] == 9999
    # It came back: `Response` sends SLOT_FREE.
    assert front.ask(b"10000").slot == 3
    assert front.ask(b"8192").form == 0
    # Larger than a slot.
    answer = front.ask(b"200000")
    assert answer.form == 2 and answer.n_bytes == 1600000 and len(answer.body) == 1600000 and answer.array()[0] == 199999


def test_no_free_slot(worker):
    front = worker("def input_fn(b, c): return b\ndef predict_fn(n, m): return n\ndef output_fn(p, a): return b'x' * int(p)",
                   slots=1)
    front.send(b"100000")
    front.send(b"100000")
    first, second = front.news(), front.news()
    assert (first.flags & 3, second.flags & 3) == (1, 0)
    front.send_data(0x30, slot=1)
    assert front.ask(b"300000").form == 1


def test_a_slot_that_is_not_its_own(worker):
    front = worker("def input_fn(b, c): return b\ndef predict_fn(n, m): return n", slots=2, response_slots="2:1")
    front.send_data(0x30, slot=3)
    assert front.process.wait(5) == 70


def test_a_body_outside_of_its_slot(worker):
    front = worker("def predict_fn(n, m): return n", slots=2)
    frame = bytearray(front.send(array=np.zeros(4), slot=0, write=False))
    frame[6:8] = (7).to_bytes(2, "little")
    front.data.socket.sendall(frame)
    assert front.process.wait(5) == 70


def test_without_numpy_there_are_slots_too(worker):
    front = worker("import sys\nsys.modules['numpy'] = None\ndef input_fn(b, c): return b\ndef predict_fn(n, m): return n", slots=1)
    assert front.capabilities & 3 == 1
    assert front.ask(b"abc", slot=0).body == b'"abc"'
    assert front.slot_said() == ("SLOT_FREE", 0)


@pytest.mark.parametrize("concurrency", [4])
def test_slots_and_threads(worker, concurrency):
    front = worker("import time\ndef predict_fn(data, model):\n    time.sleep(0.05)\n    return data.sum()", slots=4, concurrency=concurrency)
    for i in range(4):
        front.send(array=np.full(1000, float(i)), slot=i)
    sums = {}
    for _ in range(4):
        answer = front.answer()
        sums[answer.id] = float(answer.body)
    assert sums == {i + 1: 1000.0 * i for i in range(4)}
    news = [front.slot_said() for _ in range(4)]
    while len({slot for kind, slot in news if kind == "SLOT_FREE"}) < 4:
        news.append(front.slot_said())


def test_a_context_that_is_kept_shows_no_other_request(worker):
    front = worker("""
    kept = []
    def transform_fn(model, body, content_type, accept, context):
        if kept:
            try:
                return bytes(kept[0].body_view)
            except ValueError as error:
                return str(error)
        kept.append(context)
        return bytes(context.body_view)
    """, slots=1)
    assert front.ask(b"first", slot=0).body == b"first"
    assert front.slot_said() == ("SLOT_FREE", 0)
    assert front.ask(b"other", slot=0).body == b"the request is answered, its body is gone"


def test_views_and_arrays_of_one_request(worker):
    code = """
    kept = []
    def predict_fn(data, model, context):
        views = [context.body_view, context.body_view]
        assert bytes(views[0][:8]) == data.tobytes()[:8]
        %s
        return 0
    """
    front = worker(code % "kept.append(views[1])", slots=2)
    front.ask(array=ARRAY, slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)
    front = worker(code % "kept.append(data[1:])", slots=2)
    front.ask(array=ARRAY, slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)
    front = worker(code % "pass", slots=2)
    for _ in range(5):
        front.ask(array=ARRAY, slot=1)
        assert front.slot_said() == ("SLOT_FREE", 1)


def test_a_signal_that_user_code_took_away(worker):
    front = worker("""
    import signal
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    def predict_fn(data, model): return 1
    """)
    front.ask(array=ARRAY)
    assert front.stop() == 0
