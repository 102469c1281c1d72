"""Frames in whatever pieces a socket brings them."""

import random
import threading

import numpy as np
import pytest

CODE = """
%sdef predict_fn(data, model):
    return data if data.size < 50000 else float(data.sum())
"""
KINDS = [("", 1), ("", 3), ("async ", 0)]


@pytest.mark.parametrize("kind,concurrency", KINDS)
def test_any_pieces(worker, kind, concurrency):
    pick = random.Random(7)
    front = worker(CODE % kind, concurrency=concurrency)
    stream, expected = b"", {}
    for _ in range(150):
        array = np.arange(pick.choice([0, 1, 7, 300, 9000, 32768]), dtype=pick.choice(["f8", "i4", "u1"]))
        more = dict(headers=[("A", "b" * pick.randrange(2000))], announce=pick.random() < 0.7)
        if pick.random() < 0.3:
            body = ("[%s]" % ", ".join(map(str, array.tolist()))).encode()[: 200 << 10]
            body = body if body.endswith(b"]") else b"[]"
            stream += front.send(body, write=False, **more)
            array = np.array(eval(body))
        else:
            stream += front.send(array=array, write=False, **more)
        if pick.random() < 0.1:
            stream += b"OPT\x01\x99\0\0\0" + (3).to_bytes(8, "little") + b"abc"
        expected[front.n_sent] = array
    pieces, at = [], 0
    while at < len(stream):
        n_bytes = pick.choice([1, 3, 15, 16, 17, 100, 5000, 80 << 10, 200_000])
        pieces.append(stream[at : at + n_bytes])
        at += n_bytes
    writer = threading.Thread(target=lambda: [front.data.socket.sendall(piece) for piece in pieces])
    writer.start()
    for _ in range(len(expected)):
        answer = front.answer()
        array = expected.pop(answer.id)
        assert (answer.dtype, answer.shape) == (array.dtype.name, array.shape), answer.id
        assert (answer.array() == array).all()
    writer.join()


@pytest.mark.parametrize("kind,concurrency", KINDS)
def test_no_cross_talk(worker, kind, concurrency):
    """Many requests of all forms at once; each answer has the sum of its own body."""
    pick = random.Random(3)
    front = worker("%sdef predict_fn(data, model):\n    return [float(data[0]), float(data.sum())]" % kind, slots=8, concurrency=concurrency)
    free, expected, n_answers = set(range(8)), {}, 0
    for i in range(400):
        array = np.full(pick.choice([3, 1000, 30000]), float(i))
        slot = pick.choice(sorted(free)) if free and pick.random() < 0.6 else None
        if slot is not None:
            free.discard(slot)
        expected[front.send(array=array, slot=slot, announce=True)] = [float(i), float(array.sum())]
        while len(expected) - n_answers > 4:
            answer = front.answer()
            assert eval(answer.body) == expected[answer.id]
            n_answers += 1
        free |= {slot for kind, slot in front.slot_news if kind == "SLOT_FREE"}
        front.slot_news.clear()
    while n_answers < len(expected):
        answer = front.answer()
        assert eval(answer.body) == expected[answer.id]
        n_answers += 1
