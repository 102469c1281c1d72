"""The recorded bodies of both generations, and what is ours: no pickles, no numpy, records."""

import base64
import io
import json
import pickle
import subprocess
import sys

import numpy
import pytest
import scipy.sparse
from conftest import lines

import optml
from optml import codec
from optml.codec import first, recordio, second

pytestmark = pytest.mark.filterwarnings("ignore:genfromtxt")

GENERATIONS = {"1": first, "2": second}
CASES = [json.loads(line) for line in lines("codec/cases.jsonl")]
assert len(CASES) == 1200


def name_of(case):
    return "{gen}-{op}-{type}".format(type=case.get("content_type") or case["accept"], **case)


def body_of(case):
    body = base64.b64decode(case["body"])
    content_type = case.get("content_type") or case["accept"]
    return body if content_type == codec.content_types.NPY else body.decode()


@pytest.mark.parametrize("case", [case for case in CASES if case["op"] == "decode"], ids=name_of)
def test_bodies_are_read_as_the_reference_reads_them(case):
    decode = GENERATIONS[case["gen"]].decode
    if "error" in case:
        with pytest.raises(ValueError):
            decode(body_of(case), case["content_type"])
        return
    array = decode(body_of(case), case["content_type"])
    result = case["result"]
    assert array.shape == tuple(result["shape"])
    if "data" in result:
        assert array.dtype.str == result["dtype"]
        assert array.tobytes() == base64.b64decode(result["data"])
    else:
        assert array.dtype.str == result["dtype"] and str(array.tolist()) == str(expected_list(result["text"]))
    assert array.size == 0 or array.flags.writeable


def expected_list(text):
    """The values in a recorded `repr` of an array."""
    from numpy import array  # noqa: F401
    from numpy import float64, int64, str_  # noqa: F401

    names = {"array": array, "nan": float("nan"), "inf": float("inf"), "object": object}
    value = eval(text, names)  # The text is recorded data of this repository.
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("case", [case for case in CASES if case["op"] == "encode"], ids=name_of)
def test_arrays_are_written_as_the_reference_writes_them(case):
    encode = GENERATIONS[case["gen"]].encode
    given = case["array"]
    array = numpy.frombuffer(base64.b64decode(given["data"]), given["dtype"]).reshape(given["shape"])
    if "error" in case:
        with pytest.raises((ValueError, TypeError)):
            encode(array, case["accept"])
        return
    assert encode(array, case["accept"]) == body_of(case)
    if case["accept"] == codec.content_types.JSON:
        assert encode(array.tolist(), case["accept"]) == body_of(case)


@pytest.mark.parametrize("body", [5, None, [1, 2]])
def test_what_is_no_body_is_refused(body):
    for module in (first, second):
        for content_type in ("application/json", "text/csv", "application/x-npy"):
            with pytest.raises(TypeError):
                module.decode(body, content_type)


def test_bytes_are_read_like_text():
    assert first.decode(b"[1, 2]", "application/json").tolist() == [1, 2]
    assert first.decode(bytearray(b"1,2"), "text/csv").tolist() == [1.0, 2.0]
    assert second.decode(memoryview(b"1,2"), "text/csv").tolist() == [1, 2]
    with pytest.raises(optml.CodecError, match="not UTF-8: byte `0xff` at offset 2"):
        first.decode(b"a,\xff", "text/csv")


@pytest.mark.parametrize("module", [first, second])
def test_a_type_can_be_asked_for(module):
    assert module.json_to_numpy("[1, 2]", dtype="float32").dtype == numpy.float32
    assert module.csv_to_numpy("1,2", dtype="float32").dtype == numpy.float32


def test_csv_faults_have_a_line():
    with pytest.raises(optml.CodecError, match="malformed CSV in line 2: the first row has 2 cells, this one has 1") as found:
        first.csv_to_numpy("1,2\n3\n")
    assert found.value.kind == "BadBody"
    with pytest.raises(optml.CodecError, match="the quoted cell has no end"):
        first.csv_to_numpy('1,"2')
    with pytest.raises(optml.CodecError, match="different numbers"):
        first.csv_to_numpy("a,b\nc")
    with pytest.raises(optml.CodecError, match="no int64"):
        first.csv_to_numpy("a,b", dtype="int64")
    assert first.csv_to_numpy("1,2\n\n3,4\n").tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("module", [first, second])
def test_unknown_types_are_named(module):
    with pytest.raises(optml.UnsupportedFormatError, match="`image/png` is not supported, these are: `application/json`") as found:
        module.decode(b"", "image/png")
    assert found.value.content_type == "image/png" and found.value.kind == "UnsupportedMediaType"
    with pytest.raises(optml.CodecError):
        module.encode([1], "image/png")
    assert isinstance(pickle.loads(pickle.dumps(found.value)), optml.UnsupportedFormatError)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("module", [first, second])
def test_nothing_is_unpickled(module):
    out = io.BytesIO()
    numpy.save(out, numpy.array([Bomb()], dtype=object), allow_pickle=True)
    for body in (out.getvalue(), pickle.dumps(Bomb())):
        with pytest.raises(optml.CodecError):
            module.npy_to_numpy(body)
    with pytest.raises(optml.CodecError, match="Python objects"):
        module.array_to_npy([{}])
    out = io.BytesIO()
    numpy.savez(out, format=numpy.array([Bomb()], dtype=object))
    with pytest.raises(optml.CodecError):
        second.npz_to_sparse(out.getvalue())


def test_arrays_that_only_numpy_knows_go_its_way():
    for array in (
        numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
        numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        numpy.arange(6.0)[::2],
        numpy.arange(3, dtype=">f8"),
        numpy.array(["a", "bc"]),
        numpy.array(["2020-01-01"], dtype="M8[D]"),
        numpy.zeros((0, 3)),
        numpy.array(5),
        numpy.longdouble(3),
    ):
        expected = io.BytesIO()
        numpy.save(expected, array)
        assert first.array_to_npy(array) == expected.getvalue()
        back = first.npy_to_numpy(expected.getvalue())
        assert back.dtype == array.dtype and numpy.array_equal(back, array)
        back[...] = back
    masked = numpy.ma.masked_array([1, 2], [False, True])
    assert first.array_to_json(masked) == "[1, null]"


def test_sparse_archives_are_the_second_generation_s():
    matrix = scipy.sparse.csr_matrix([[0, 1.5, 0], [0, 0, 0]])
    out = io.BytesIO()
    scipy.sparse.save_npz(out, matrix)
    assert (second.decode(out.getvalue(), "application/x-npz") != matrix).nnz == 0
    out = io.BytesIO()
    numpy.savez(out, a=[1])
    for body in (out.getvalue(), b"no archive"):
        with pytest.raises(optml.CodecError, match="malformed NPZ"):
            second.npz_to_sparse(body)


FRAME = "0a23d7ce"
RECORDS = [
    (numpy.float32([[1, 2]]), None, "18000000 0a16 0a0676616c756573 120c 120a 0a08 0000803f00000040"),
    (numpy.float64([1, 2]), None, "20000000 0a1e 0a0676616c756573 1214 1a12 0a10 000000000000f03f0000000000000040"),
    (numpy.int64([[1, 2]]), None, "12000000 0a10 0a0676616c756573 1206 3a04 0a02 0102 0000"),
    (
        numpy.float32([[1, 2]]),
        numpy.float32([1]),
        "2c000000 0a16 0a0676616c756573 120c 120a 0a08 0000803f00000040 1212 0a0676616c756573 1208 1206 0a04 0000803f",
    ),
    (scipy.sparse.csr_matrix(numpy.float32([[0, 1.5, 0]])), None, "1a000000 0a18 0a0676616c756573 120e 120c 0a04 0000c03f 120101 1a0103 0000"),
    (scipy.sparse.csr_matrix((1, 3), dtype="float32"), None, "11000000 0a0f 0a0676616c756573 1205 1203 1a0103 000000"),
]


@pytest.mark.parametrize("features, labels, frame", RECORDS)
def test_records_are_the_recorded_ones(features, labels, frame):
    assert codec.array_to_recordio_protobuf(features, labels).hex() == FRAME + frame.replace(" ", "")


def test_records_are_read_back():
    features, labels = numpy.arange(6, dtype="float32").reshape(2, 3), numpy.array([1, 2])
    body = recordio.dense(features, labels)
    assert len(recordio.read_records(body)) == 2
    assert b"".join(map(recordio.write_record, recordio.read_records(body))) == body
    back, back_labels = recordio.read_dense(body)
    assert numpy.array_equal(back, features) and back.dtype == features.dtype and back_labels.tolist() == [1, 2]
    assert recordio.read_dense(recordio.dense(features))[1] is None
    for values, labels in ((["a"], None), ([[1], [2]], [1]), ([2**40], None), (numpy.zeros((1, 1, 1)), None)):
        with pytest.raises(optml.CodecError):
            recordio.dense(values, labels)
    with pytest.raises(optml.CodecError):
        recordio.sparse(scipy.sparse.csr_matrix([[2**40]]))
    with pytest.raises(optml.CodecError):
        recordio.sparse(scipy.sparse.csr_matrix([[1.0]]), [1.0, 2.0])
    with pytest.raises(optml.CodecError, match="in record 1"):
        recordio.read_records(b"no record")


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
import optml
from optml.codec import first, second
assert first.decode("[[1, 2], [3, 4]]", "application/json") == [[1, 2], [3, 4]]
assert first.decode("1,2\\n3,4\\n", "text/csv") == [[1.0, 2.0], [3.0, 4.0]]
assert first.decode("a,1", "text/csv") == ["a", "1"]
assert first.decode("5", "text/csv") == 5.0
assert second.decode("1,2", "text/csv") == [1.0, 2.0]
assert first.encode([[1, 2]], "application/json") == "[[1, 2]]"
assert first.encode([[1, "a,b"], [2, None]], "text/csv") == '1,"a,b"\\n2,\\n'
assert first.encode([1, 2], "text/csv") == "1\\n2\\n"
for call in (lambda: first.decode(b"", "application/x-npy"), lambda: first.encode([1], "application/x-npy")):
    try:
        call()
    except optml.CodecError as error:
        assert str(error) == "`application/x-npy` needs numpy, which is not installed" and error.hint
    else:
        raise AssertionError
"""


def test_lists_do_without_numpy():
    subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], check=True, timeout=60)
