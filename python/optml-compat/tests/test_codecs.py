"""The recorded bodies and arrays of conformance/codec, through the encoders and decoders of all three packages."""

import base64
import json
import os

import numpy
import pytest

from conftest import CONFORMANCE

from sagemaker_containers import _encoders as containers
from sagemaker_inference import decoder, encoder
from sagemaker_training import encoders as training

with open(os.path.join(CONFORMANCE, "codec", "cases.jsonl"), encoding="utf-8") as lines:
    CASES = [json.loads(line) for line in lines]

CODECS = {
    "containers": ("1", containers.decode, containers.encode),
    "training": ("1", training.decode, training.encode),
    "inference": ("2", decoder.decode, encoder.encode),
}
OLDER = tuple(int(part) for part in numpy.__version__.split(".")[:2]) < (2, 3)
TEXT = ("application/json", "text/csv")


def array_of(facts):
    data = base64.b64decode(facts["data"])
    return numpy.frombuffer(data, dtype=facts["dtype"]).reshape(facts["shape"])


def body_of(case):
    """What a decoder is given: text where the toolkits make text of a body."""
    body = base64.b64decode(case["body"])
    return body.decode("utf-8") if case["content_type"] in TEXT else body


def check_decode(case, decode):
    try:
        body = body_of(case)
    except UnicodeDecodeError:
        assert "error" in case
        return
    if "error" in case:
        with pytest.raises(Exception):
            decode(body, case["content_type"])
        return
    wanted = case["result"]
    if wanted["dtype"] == "|O" and case["content_type"] == "application/x-npy":
        # A pickle. Never read.
        with pytest.raises(ValueError):
            decode(body, case["content_type"])
        return
    found = decode(body, case["content_type"])
    assert list(found.shape) == wanted["shape"]
    if "data" in wanted:
        assert found.dtype == numpy.dtype(wanted["dtype"])
        assert found.tobytes() == base64.b64decode(wanted["data"])
    else:
        assert str(found.tolist()) == wanted["text"] or str(found) == wanted["text"]


def check_encode(case, encode):
    if case["array"]["dtype"] == "|O":
        return
    if OLDER and case["accept"] == "text/csv" and (case["array"]["dtype"] == "<f2" or len(case["array"]["shape"]) > 2):
        # Recorded with numpy 2.4; before, large numbers of these were spelled without exponent.
        return
    array = array_of(case["array"])
    if "error" in case:
        with pytest.raises(Exception):
            encode(array, case["accept"])
        return
    found = encode(array, case["accept"])
    found = found.encode("utf-8") if isinstance(found, str) else found
    assert found == base64.b64decode(case["body"])


@pytest.mark.parametrize("name", CODECS)
def test_recorded_bodies_and_arrays(name):
    generation, decode, encode = CODECS[name]
    failures = []
    n_checked = 0
    for number, case in enumerate(CASES):
        if case["gen"] != generation:
            continue
        n_checked += 1
        try:
            check_decode(case, decode) if case["op"] == "decode" else check_encode(case, encode)
        except BaseException as error:
            failures.append("{}: {!r}: {}".format(number + 1, error, json.dumps(case)[:300]))
    assert not failures, "{} of {}\n{}".format(len(failures), n_checked, "\n".join(failures[:10]))
    assert n_checked > 500


def test_content_types_that_nobody_knows():
    from sagemaker_containers import _errors
    from sagemaker_inference import errors as inference_errors
    from sagemaker_training import errors

    for function, error in (
        (containers.decode, _errors.UnsupportedFormatError),
        (containers.encode, _errors.UnsupportedFormatError),
        (training.decode, errors.UnsupportedFormatError),
        (training.encode, errors.UnsupportedFormatError),
        (decoder.decode, inference_errors.UnsupportedFormatError),
        (encoder.encode, inference_errors.UnsupportedFormatError),
    ):
        with pytest.raises(error, match="Content type application/octet-stream is not supported by this framework."):
            function(b"", "application/octet-stream")


def test_a_key_error_inside_a_decoder_is_not_an_unknown_content_type(monkeypatch):
    def fails(_body):
        raise KeyError("inner")

    monkeypatch.setitem(training._decoders_map, "application/json", fails)
    with pytest.raises(KeyError, match="inner"):
        training.decode("{}", "application/json")


def test_csv_that_is_none_is_the_error_of_the_user():
    from sagemaker_training import errors

    with pytest.raises(errors.ClientError, match="Error while decoding csv"):
        training.csv_to_numpy('"open')


def test_records_are_those_of_protobuf_and_can_be_read_back():
    import io

    from sagemaker_training import recordio
    from sagemaker_training.record_pb2 import Record

    for array, field in (
        (numpy.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32"), "float32_tensor"),
        (numpy.array([[1.0, 2.0], [3.0, 4.0]]), "float64_tensor"),
        (numpy.array([[1, -2], [3, 4]]), "int32_tensor"),
    ):
        for package in (training, containers):
            body = package.array_to_recordio_protobuf(array, numpy.array([7.0, 8.0]))
            rows = list(recordio._read_recordio(io.BytesIO(body)))
            assert len(rows) == 2
            for row, values, label in zip(rows, array, (7.0, 8.0)):
                record = Record.FromString(row)
                assert list(getattr(record.features["values"], field).values) == list(values)
                assert list(record.label["values"].float64_tensor.values) == [label]


def test_sparse_matrices_keep_their_places():
    import io

    from scipy.sparse import csr_matrix

    from sagemaker_training import recordio
    from sagemaker_training.record_pb2 import Record

    body = training.array_to_recordio_protobuf(csr_matrix(numpy.array([[0, 1.5, 0]], dtype="float32")))
    (row,) = recordio._read_recordio(io.BytesIO(body))
    tensor = Record.FromString(row).features["values"].float32_tensor
    assert (list(tensor.values), list(tensor.keys), list(tensor.shape)) == ([1.5], [1], [3])


def test_a_record_that_is_cut_off_is_an_error():
    import io

    from sagemaker_training import recordio

    file = io.BytesIO()
    recordio._write_recordio(file, b"12345")
    assert list(recordio._read_recordio(io.BytesIO(file.getvalue()))) == [b"12345"]
    with pytest.raises(ValueError, match="ends after 2"):
        list(recordio._read_recordio(io.BytesIO(file.getvalue()[:10])))


def test_messages_do_not_meet_those_of_others_in_the_common_pool():
    from google.protobuf import descriptor_pool

    from sagemaker_containers import record_pb2

    assert record_pb2.Record.DESCRIPTOR.full_name == "aialgs.data.Record"
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("aialgs.data.Record")
    with pytest.raises(AttributeError):
        record_pb2.Nothing  # noqa: B018
