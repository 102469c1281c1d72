"""Made-up bodies and arrays, with numpy, `json` and `csv` as the judges."""

import csv
import io
import json

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from optml.codec import first, second

pytestmark = pytest.mark.filterwarnings("ignore:genfromtxt")

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.booleans())
NESTED = st.recursive(st.one_of(NUMBERS, st.none(), st.text(max_size=3)), lambda inner: st.lists(inner, max_size=4), max_leaves=20)
TABLES = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1, max_size=5))
DTYPES = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
ARRAYS = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
# What people write, and what nobody should.
CELLS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["", "nan", "-inf", " 1", "1 ", "1_0", "a", "#", '"1"', '"a,b"', "True", "-0", "007", ".5", "1."]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=4),
)
MORE = settings(max_examples=300, deadline=None)


def outcome(call, *args):
    """A result in a form that can be compared, or that it failed."""
    try:
        result = call(*args)
    except (ValueError, TypeError):
        return "refused"
    if isinstance(result, (str, bytes)):
        return result
    return result.dtype.str, result.shape, repr(result.tolist())


@MORE
@given(st.one_of(NESTED, TABLES))
def test_json_is_read_as_numpy_makes_it(value):
    text = json.dumps(value)
    assert outcome(first.json_to_numpy, text) == outcome(lambda: numpy.array(json.loads(text)))


@MORE
@given(ARRAYS)
def test_json_is_written_as_python_does(array):
    assert first.array_to_json(array) == json.dumps(array.tolist())
    assert first.array_to_json({"a": array}) == json.dumps({"a": array.tolist()})


@MORE
@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_csv_is_read_as_the_first_generation_does(rows, end):
    text = end.join(",".join(row) for row in rows)

    def judge():
        table = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
        if len({len(row) for row in table}) > 1:
            raise ValueError
        array = numpy.array(table).squeeze()
        try:
            return array.astype(float)
        except ValueError:
            return array

    try:
        expected = outcome(judge)
    except csv.Error:
        expected = "refused"
    assert outcome(first.csv_to_numpy, text) == expected


@MORE
@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_csv_is_read_as_genfromtxt_does(rows, end):
    text = end.join(",".join(row) for row in rows)
    judge = lambda: numpy.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")  # noqa: E731
    assert outcome(second.csv_to_numpy, text) == outcome(judge)


@MORE
@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_csv_of_numbers_is_read_as_genfromtxt_does(rows):
    text = "\n".join(",".join(map(str, row)) for row in rows)
    judge = lambda: numpy.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")  # noqa: E731
    assert outcome(second.csv_to_numpy, text) == outcome(judge)


@MORE
@given(ARRAYS)
def test_csv_is_written_as_both_generations_do(array):
    def by_csv():
        out = io.StringIO()
        rows = array.reshape(-1, 1) if array.ndim == 1 else array
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue()

    def by_numpy():
        out = io.StringIO()
        numpy.savetxt(out, array, delimiter=",", fmt="%s")
        return out.getvalue()

    assert outcome(first.array_to_csv, array) == outcome(by_csv)
    assert outcome(second.array_to_csv, array) == outcome(by_numpy)


@MORE
@given(ARRAYS)
def test_npy_goes_there_and_back(array):
    out = io.BytesIO()
    numpy.save(out, array)
    assert first.array_to_npy(array) == out.getvalue()
    back = first.npy_to_numpy(out.getvalue())
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()
    assert back.flags.writeable


@MORE
@given(st.binary(max_size=200))
def test_no_body_does_any_harm(body):
    for module in (first, second):
        outcome(module.npy_to_numpy, body)
        outcome(module.npy_to_numpy, b"\x93NUMPY\x01\x00" + body)
        outcome(module.csv_to_numpy, body)
        outcome(module.json_to_numpy, body)
