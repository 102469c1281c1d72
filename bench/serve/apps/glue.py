"""What the reference puts around the user's functions, for servers that bring nothing of the kind.

The steps and the numpy calls are those of sagemaker-inference's default functions; its look at each function's signature, at every
call, is left out. `CSV_GLUE=containers` reads and writes CSV as sagemaker-containers does, at about a sixth of the cost.
"""

import csv
import io
import json
import os

import inference
import numpy as np

JSON, CSV, NPY, ANY = "application/json", "text/csv", "application/x-npy", "*/*"
DEFAULT_ACCEPT = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)


def transform(body, content_type, accept):
    """The answer's body and content type."""
    if not accept or accept == ANY:
        accept = DEFAULT_ACCEPT
    if content_type in (JSON, CSV):
        body = body.decode("utf-8")
    prediction = inference.predict_fn(input_fn(body, content_type), MODEL)
    answer, content_type = output_fn(prediction, accept)
    return answer.encode("utf-8") if isinstance(answer, str) else answer, content_type


def decode(body, content_type):
    return DECODERS[content_type](body)


def encode(prediction, accept):
    for content_type in accept.replace(" ", "").split(","):
        if content_type in ENCODERS:
            return ENCODERS[content_type](prediction), content_type
    raise ValueError("none of {} can be written".format(accept))


def from_json(text):
    return np.array(json.loads(text))


def from_csv(text):
    return np.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")


def from_csv_rows(text):
    return np.array(list(csv.reader(io.StringIO(text), strict=True))).squeeze().astype(None)


def from_npy(body):
    return np.load(io.BytesIO(body), allow_pickle=True)


def to_json(prediction):
    return json.dumps(prediction, default=lambda value: value.tolist())


def to_csv(prediction):
    stream = io.StringIO()
    np.savetxt(stream, prediction, delimiter=",", fmt="%s")
    return stream.getvalue()


def to_csv_rows(prediction):
    array = np.array(prediction)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", strict=True).writerows(array if array.ndim != 1 else array.reshape(-1, 1))
    return stream.getvalue()


def to_npy(prediction):
    stream = io.BytesIO()
    np.save(stream, prediction)
    return stream.getvalue()


DECODERS = {JSON: from_json, CSV: from_csv, NPY: from_npy}
ENCODERS = {JSON: to_json, CSV: to_csv, NPY: to_npy}
if os.environ.get("CSV_GLUE") == "containers":
    DECODERS[CSV], ENCODERS[CSV] = from_csv_rows, to_csv_rows

MODEL = inference.model_fn(os.path.join(os.environ["SAGEMAKER_BASE_DIR"], "model"))
input_fn = getattr(inference, "input_fn", decode)
output_fn = getattr(inference, "output_fn", encode)
