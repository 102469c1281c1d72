"""Bodies that Python reads and writes itself; equal to the reference's recorded values, and to the front's own texts."""

import base64
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import front as front_module

CONFORMANCE = Path(os.environ.get("OPTML_CONFORMANCE") or Path(__file__).resolve().parents[4] / "conformance")

# What the body was decoded to, in words; and bodies of `result = ...` that are evaluated and returned.
DECODE = """
import numpy
def describe(value):
    if isinstance(value, numpy.ndarray):
        if value.dtype.hasobject or value.dtype.kind in "US":
            return ["array", value.dtype.str, value.shape, repr(value.tolist())]
        return ["array", value.dtype.str, value.shape, value.tobytes().hex()]
    if type(value).__module__.startswith("scipy"):
        return ["sparse", value.toarray().tolist()]
    if isinstance(value, dict):
        return {name: describe(item) for name, item in value.items()}
    return [type(value).__name__, repr(value)]
def predict_fn(data, model): return describe(data)
def output_fn(prediction, accept):
    import json
    return json.dumps(prediction)
"""
ENCODE = """
import base64, io, json, numpy
def input_fn(body, content_type):
    return body if isinstance(body, str) else body.decode()
def predict_fn(data, model):
    if data.startswith("array "):
        return numpy.load(io.BytesIO(base64.b64decode(data[6:])), allow_pickle=True)
    return eval(data, {"np": numpy, "numpy": numpy})
"""


@pytest.fixture
def decoder(worker):
    front = worker(DECODE)

    def decode(body, content_type="application/json"):
        answer = front.ask(body, content_type=content_type)
        return answer if hasattr(answer, "message") else json.loads(answer.body)

    return decode


@pytest.fixture
def encoder(worker):
    front = worker(ENCODE)
    return lambda text, accept="application/json": front.ask(text, accept=accept)


def cases(op):
    with open(CONFORMANCE / "codec" / "cases.jsonl") as file:
        for number, line in enumerate(file, 1):
            case = json.loads(line)
            if case["op"] == op and not (op == "decode" and case["gen"] == "2" and case["content_type"] == "text/csv"):
                yield number, case


def test_conformance_of_decoding(decoder):
    """All of them: what the front decodes, this path decodes alike, for warm-up and where there are no arrays."""
    n_cases = 0
    for number, case in cases("decode"):
        got = decoder(base64.b64decode(case["body"]), case["content_type"])
        n_cases += 1
        if "error" in case:
            assert getattr(got, "status", None) == 400, (number, case, got)
            continue
        expected = case["result"]
        if expected["dtype"] == "|O" and case["content_type"] == "application/x-npy":
            assert got.message == "object arrays are not accepted"
            continue
        assert not hasattr(got, "message"), (number, case, got)
        kind, dtype, shape, data = got
        assert kind == "array" and shape == expected["shape"], (number, case, got)
        if "data" in expected:
            assert (dtype, bytes.fromhex(data)) == (expected["dtype"], base64.b64decode(expected["data"])), (number, case, got)
        elif dtype == "<f8" and case["content_type"] == "text/csv":
            # Ours: an empty cell is NaN, and a byte order mark is no part of the first cell.
            assert "''" in expected["text"] or "ufeff" in expected["text"], (number, case, got)
        else:
            same = expected["text"].replace(r"\ufeff", "")
            squash = lambda text: re.sub(r"\s|array\(|,?dtype=.*?\)|\)$", "", text)  # noqa: E731
            assert squash(data) == squash(same), (number, case, got)
    assert n_cases > 400


def test_conformance_of_encoding(encoder):
    n_cases = 0
    for number, case in cases("encode"):
        given = case["array"]
        if "data" not in given:
            continue
        array = np.frombuffer(base64.b64decode(given["data"]), given["dtype"]).reshape(given["shape"])
        out = io.BytesIO()
        np.save(out, array)
        got = encoder("array " + base64.b64encode(out.getvalue()).decode(), case["accept"])
        n_cases += 1
        if getattr(got, "dtype", None) is not None:
            # The front's to write.
            assert (np.dtype(got.dtype).newbyteorder("<").str.replace("=", "<"), list(got.shape)) == (given["dtype"], given["shape"])
            assert got.body == array.tobytes()
            continue
        if "error" in case and len(given["shape"]) != 0:
            assert getattr(got, "message", None), (number, case, got)
            continue
        if given["dtype"] == "<f2" and case["accept"] == "text/csv" and np.lib.NumpyVersion(np.__version__) < "2.0.0":
            # Older versions have another layout of large ones.
            continue
        if case["accept"] == "text/csv" and len(given["shape"]) != 1 and len(given["shape"]) != 2:
            assert getattr(got, "status", 0) == (200 if not given["shape"] else 406), (number, case, got)
            continue
        assert getattr(got, "body", got) == base64.b64decode(case["body"]), (number, case, got)
    assert n_cases > 400


# ---- Reading

JSON_FAULTS = [
    ("", "1, column 1: expected a value"), ("[1,", "1, column 4: expected a value"), ("[1 2]", "1, column 4: expected `,` or `]`"),
    ('{"a" 1}', "1, column 6: expected `:`"), ('{"a":1 "b"}', "1, column 8: expected `,` or `}`"), ("{1}", "1, column 2: expected a name in double quotes"),
    ('["a', "1, column 2: the string has no end"), ('["\\q"]', "1, column 3: unknown escape"), ('["\n"]', "1, column 3: control character in a string"),
    ("[1]\n[2]", "2, column 1: expected the end of the body"), ("\ufeff[1]", "1, column 1: a byte order mark is not allowed"),
    ("[1,]", "1, column 4: expected a value"), ('{"a":1, }', "1, column 9: expected a name in double quotes"),
    ("[\n" * 100_000, "nested too deeply"), ("[\"\n", "1, column 3: control character in a string"), ('{"a":[1}', "1, column 8: expected `,` or `]`"),
    ("[1.]", "1, column 3: expected `,` or `]`"), ("nul", "1, column 1: expected a value"), ('["\u00e4" 1]', "1, column 6: expected `,` or `]`"),
]


@pytest.mark.parametrize("body,fault", JSON_FAULTS, ids=range(len(JSON_FAULTS)))
def test_malformed_json(decoder, body, fault):
    failure = decoder(body)
    assert (failure.status, failure.kind, failure.detail) == (400, "BadRequestException", "")
    assert failure.message.startswith("malformed JSON at line ") and failure.message.endswith(fault), failure


def test_the_reference_s_oddities_of_json(decoder):
    assert decoder('{"a": 1}') == ["array", "|O", [], "{'a': 1}"]
    assert decoder('[1, "a"]')[:2] == ["array", "<U21"]
    assert decoder("null") == ["array", "|O", [], "None"]
    assert decoder("[18446744073709551615]")[1] == "<u8"
    assert decoder("[1" + "0" * 30 + "]")[1] == "|O"
    assert decoder("[1, 9223372036854775808]")[1] == "<f8"
    assert decoder("[[], []]")[1:3] == ["<f8", [2, 0]]
    assert decoder('"\\ud800"')[1] == "<U1"
    assert decoder("[[1],[2,3]]").message == "the JSON lists have no common shape"
    assert decoder("[" * 70 + "]" * 70).message == "the JSON lists have no common shape"
    assert decoder("[1" + "0" * 5000 + "]").message == "malformed JSON at line 1, column 2: a whole number of too many digits"
    assert decoder("[1]", "application/vnd.x+json")[2] == [1]
    assert decoder(b"[\"\xff\"]").message == "the body is not UTF-8: byte `0xff` at offset 2"


@pytest.mark.parametrize("body,content_type,expected", [
    ("a,b\nc,d", "text/csv", ["<U1", [2, 2], "[['a', 'b'], ['c', 'd']]"]),
    ('"a,b","c""d"\r\n\r\n"l1\nl2",x\r\n', "text/csv", ["<U5", [2, 2], repr([["a,b", 'c"d'], ["l1\nl2", "x"]])]),
    ("x", "text/csv", ["<U1", [], "'x'"]), ("a,b", "text/csv", ["<U1", [2], "['a', 'b']"]),
    ("h,i\na,b", "text/csv; header=present", ["<U1", [2], "['a', 'b']"]), ("\ufeffa\nb", "text/csv", ["<U1", [2], "['a', 'b']"]),
    ("1,\u00e4", "text/csv", ["<U1", [2], "['1', 'ä']"]), ("1, x", "text/csv", ["<U2", [2], "['1', ' x']"]),
])
def test_csv_of_text(decoder, body, content_type, expected):
    got = decoder(body, content_type)
    assert got == ["array"] + expected


def test_csv_of_numbers(decoder):
    for body, shape, values in [("1,2\n3,4", [2, 2], [1, 2, 3, 4]), ("1,,\"3\"", [3], [1, np.nan, 3]), ("", [0], []), ("5", [], [5]),
                                ("1\r\n2", [2], [1, 2]), (" 1 ,1_0", [2], [1, 10]), ("\n\n1\n\n2\n", [2], [1, 2]), ("\u0661,1", [2], [1, 1])]:
        kind, dtype, got_shape, data = decoder(body, "text/csv")
        assert (dtype, got_shape) == ("<f8", shape), body
        np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(data)), values)


def test_csv_two_dimensional(worker):
    front = worker(DECODE, csv_shape="2d")
    assert json.loads(front.ask("a", content_type="text/csv").body)[2] == [1, 1]
    assert json.loads(front.ask("", content_type="text/csv").body)[2] == [0, 0]


@pytest.mark.parametrize("body,message", [
    ("a,b\nc", "malformed CSV in line 2: the first row has 2 cells, this one has 1"),
    ('a\n"b', "malformed CSV in line 2: the quoted cell has no end"), ('"b"c', "malformed CSV in line 1: expected `,` after the closing quote"),
    ("1\r2", "malformed CSV in line 1: a carriage return that no line feed follows"),
    ("a,\xff\n".encode("latin-1"), "the body is not UTF-8: byte `0xff` at offset 2"),
    ("h\na,b", "malformed CSV in line 2: the first row has 1 cells, this one has 2"),
    ('"x\ny","z"\n"q""', "malformed CSV in line 3: the quoted cell has no end"),
])
def test_malformed_csv(decoder, body, message):
    failure = decoder(body, "text/csv; header=present" if str(body).startswith("h") else "text/csv")
    assert (failure.status, failure.message) == (400, message)


def test_csv_readers_agree(worker):
    """The fast ways and the careful one."""
    front = worker("""
    import random, sys
    def input_fn(b, c): return None
    def predict_fn(data, model):
        frame = sys._getframe()
        while "split_parts" not in frame.f_globals:
            frame = frame.f_back
        names = frame.f_globals
        names["need"]("decode")
        pick, n_rows, n_faults = random.Random(5), 0, 0
        for _ in range(20000):
            text = "".join(pick.choice(['"', '""', ",", "\\n", "\\r\\n", "\\r", "a", "1", " ", "\\n\\n", "b\\n", '"x"']) for _ in range(pick.randrange(9)))
            try:
                careful = list(names["CsvReader"](text).rows())
            except names["BadBody"] as fault:
                careful = str(fault)
            try:
                fast = names["csv_rows"](text, False)
            except names["BadBody"] as fault:
                fast = str(fault)
            assert fast == careful, (text, fast, careful)
            n_faults += isinstance(fast, str)
        return n_faults
    """)
    answer = front.ask("x")
    assert answer.status == 200 and int(answer.body) > 1000, answer


def test_other_charsets(decoder):
    assert decoder("[\"\u00e4\"]".encode("utf-16"), "application/json; charset=UTF-16")[3] == "['ä']"
    assert decoder("\u00e4,b".encode("latin-1"), 'text/csv; charset="latin-1"')[3] == "['ä', 'b']"
    failure = decoder("x", "application/json; charset=klingon")
    assert (failure.status, failure.message) == (415, "the charset `klingon` is not known")
    assert decoder("x", "application/json; charset=zip").status == 415
    assert decoder(b"\xff", "application/json; charset=ascii").message.startswith("the body is not UTF-8")
    assert decoder(b"\x81\x00", "application/json; charset=cp1252").status == 400


def test_lines_text_and_bytes(decoder):
    assert decoder('{"a": 1}\r\n\n[1]\n2', "application/x-ndjson") == ["list", "[{'a': 1}, [1], 2]"]
    assert decoder("1\n\n[1", "application/jsonlines").message == "malformed JSON at line 3, column 3: expected `,` or `]`"
    assert decoder("\u00e4", "text/plain") == ["str", "'ä'"]
    assert decoder(b"\0\xff", "application/octet-stream") == ["bytes", r"b'\x00\xff'"]
    failure = decoder("x", "image/png")
    assert (failure.status, failure.kind) == (415, "UnsupportedMediaTypeException")
    assert failure.message == ("the content type `image/png` is not supported, these are: `application/json`, `text/csv`, "
                               "`application/x-npy`, `application/x-npz`, `application/jsonlines`, "
                               "`application/x-recordio-protobuf`, `application/octet-stream`, `text/plain`")


def test_npy(decoder):
    def saved(array, **more):
        out = io.BytesIO()
        np.save(out, array, **more)
        return out.getvalue()

    for array in (np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.float16(1.5),
                  np.array(["a", "bc"]), np.zeros((0, 3)), np.array([(1, 2.0)], "i4,f8")):
        got = decoder(saved(np.asarray(array)), "application/x-npy")
        assert got[:3] == ["array", np.asarray(array).dtype.str, list(np.shape(array))], got
    assert decoder(saved(np.array([{}]), allow_pickle=True), "application/x-npy").message == "object arrays are not accepted"
    assert decoder(b"no", "application/x-npy").message == "malformed NPY: the magic bytes are missing"
    huge = saved(np.zeros(1)).replace(b"(1,)", b"(1125899906842624,)")
    assert "of data, the shape says 9007199254740992" in decoder(huge, "application/x-npy").message


def test_npy_can_be_written_to(worker):
    front = worker("def predict_fn(data, model):\n    data += 1\n    return data")
    out = io.BytesIO()
    np.save(out, np.arange(3, dtype=">f8"))
    assert front.ask(out.getvalue(), content_type="application/x-npy").body == b"[1.0, 2.0, 3.0]"


def test_npz(decoder):
    from scipy import sparse

    out = io.BytesIO()
    np.savez_compressed(out, a=np.arange(2), b=np.zeros(1))
    got = decoder(out.getvalue(), "application/x-npz")
    assert list(got) == ["a", "b"] and got["a"][1:3] == ["<i8", [2]]
    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_matrix([[0, 1.5], [2, 0]]))
    assert decoder(out.getvalue(), "application/x-npz") == ["sparse", [[0.0, 1.5], [2.0, 0.0]]]
    out = io.BytesIO()
    np.savez(out, a=np.array([{}], object))
    assert decoder(out.getvalue(), "application/x-npz").message == "object arrays are not accepted"
    assert decoder(b"PK no", "application/x-npz").status == 400


# ---- Writing


@pytest.mark.parametrize("value,accept,body", [
    ("{'a': np.arange(2)}", "application/json", b'{"a": [0, 1]}'), ("[1, 2.5, None, float('nan')]", "application/json", b"[1, 2.5, null, NaN]"),
    ("np.float32(3.5)", "application/json", b"3.5"), ("{1: 2}", "application/json", b'{"1": 2}'), ("'text'", "application/json", b'"text"'),
    ("b'raw'", "application/json", b"raw"), ("None", "application/json", b"null"), ("np.array(['a'])", "application/json", b'["a"]'),
    ("np.array([1], 'float16')", "application/json", b"[1.0]"), ("np.array([1], '>i4')", "application/json", b"[1]"),
    ("np.array([1j])", "application/json", None), ("object()", "application/json", None), ("[1, [2]]", "text/csv", None),
    ("['a,b', 'c\"d']", "text/csv", b'"a,b"\n"c""d"\n'), ("[[1, 'l1\\nl2']]", "text/csv", b'1,"l1\nl2"\n'), ("5", "text/csv", b"5\n"),
    ("[[True, None]]", "text/csv", b"True,\n"), ("[]", "text/csv", b""), ("{'a': 1}", "text/csv", None), ("[1, 2]", "text/csv", b"1\n2\n"),
    ("[[1, 2]]", "text/csv", b"1,2\n"), ("[[1.5, 2]]", "text/csv", b"1.5,2.0\n"), ("['']", "text/csv", b'""\n'),
    ("[{'a': 1}, [1, 2]]", "application/jsonlines", b'{"a":1}\n[1,2]\n'), ("{'a': 1}", "application/x-ndjson", b'{"a":1}\n'),
    ("{}", "application/x-npy", None), ("'x'", "application/x-recordio-protobuf", None),
])
def test_objects(encoder, value, accept, body):
    answer = encoder(value, accept)
    if body is None:
        assert answer.status == 500, answer
    else:
        assert (answer.body, answer.content_type) == (body, accept)


def test_what_has_no_room(encoder):
    failure = encoder("np.zeros((1, 1, 1), 'float16')", "text/csv")
    assert (failure.status, failure.kind) == (406, "NotAcceptableException")
    assert failure.message == "an array of 3 axes can't be written as `text/csv`, at most 2 can"
    failure = encoder("[1]", "image/png")
    assert failure.status == 406 and failure.message.startswith("none of `image/png` can be produced, these can: `application/json`, `text/csv`")
    failure = encoder("np.array([{}], object)", "application/x-npy")
    assert (failure.status, failure.kind) == (500, "InternalServerException") and "ndarray" in failure.message


def test_npy_and_npz_of_objects(encoder):
    load = lambda value, accept: np.load(io.BytesIO(encoder(value, accept).body), allow_pickle=False)  # noqa: E731
    assert load("[1.5, 2]", "application/x-npy").tolist() == [1.5, 2]
    assert load("['a']", "application/x-npy").dtype == "<U1"
    archive = load("{'file': np.arange(2), 'b': [1]}", "application/x-npz")
    assert archive.files == ["file", "b"] and archive["file"].tolist() == [0, 1]
    assert load("[np.arange(2), np.zeros(1)]", "application/x-npz").files == ["arr_0", "arr_1"]
    assert load("[1, 2]", "application/x-npz")["arr_0"].tolist() == [1, 2]


def test_rows_for_recordio_go_to_the_front(encoder):
    answer = encoder("[[1.0, 2.0]]", "application/x-recordio-protobuf")
    assert (answer.dtype, answer.shape) == ("float64", (1, 2))


@pytest.mark.parametrize("value", ["np.arange(6).reshape(2, 3).T", "np.array(5.5)", "np.zeros((2, 0))", "np.array([True])",
                                   "np.arange(4, dtype='u2')[::2]", "np.arange(3.0)", "np.arange(10000.0)[::-1]", "np.ones((1,) * 32)"])
def test_arrays_for_the_front(encoder, value):
    answer = encoder(value, "text/csv")
    expected = eval(value)
    assert answer.content_type is None
    assert answer.dtype == expected.dtype.name and (answer.array() == expected).all() and answer.shape == expected.shape


def test_masked_arrays_are_not_the_front_s(encoder):
    assert encoder("np.ma.array([1, 2], mask=[0, 1])").body == b"[1, null]"


def test_strict_json(worker):
    front = worker(ENCODE, strict_json="1")
    assert front.ask("[1.5]").body == b"[1.5]"
    failure = front.ask("[1, [2, float('inf')]]")
    assert failure.status == 500
    assert failure.message == "item 2 of the result can't be written as `application/json`: not a finite number"


def test_without_numpy(worker):
    block = "import sys\nsys.modules['numpy'] = None\n"
    front = worker(block + "def predict_fn(data, model): return {'is': repr(data)}")
    assert front.capabilities & 0x02 == 0
    seen = lambda body, content_type: json.loads(front.ask(body, content_type=content_type).body)["is"]  # noqa: E731
    assert seen('{"a": [1]}', "application/json") == "{'a': [1]}"
    assert seen("1,2\n3,4", "text/csv") == "[[1.0, 2.0], [3.0, 4.0]]"
    assert seen("1\n2", "text/csv") == "[1.0, 2.0]" and seen("1,a", "text/csv") == "['1', 'a']" and seen("5", "text/csv") == "5.0"
    failure = front.ask(b"x", content_type="application/x-npy")
    assert (failure.status, failure.message) == (
        415, "reading `application/x-npy` needs numpy, which is not installed in the container")
    assert front.ask(b"x", content_type="application/x-recordio-protobuf").status == 415
    front = worker(block + "def input_fn(b, c): return b\ndef predict_fn(data, model): return [[1, 2.5], [None, 'a']]")
    assert front.ask("x", accept="text/csv").body == b"1,2.5\n,a\n"
    assert front.ask("x", accept="application/x-npy").status == 500


def test_the_table_of_texts_is_the_front_s():
    """Every text that both paths have is in the front's table."""
    table = (Path(__file__).resolve().parents[3] / "codec" / "src" / "error.rs").read_text()
    faults = front_module.source().decode()
    for text in ["the JSON lists have no common shape", "object arrays are not accepted", "nested too deeply", "expected the end of the body",
                 "the quoted cell has no end", "the magic bytes are missing", "not a finite number", "the string has no end",
                 "a whole number of too many digits", "control character in a string", "a byte order mark is not allowed"]:
        assert text in table and text in faults, text
