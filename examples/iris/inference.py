"""Serve the model that train.py has written, with the standard library alone.

A body holds one flower or several, four measurements each, as CSV or JSON. The answer is a list with the name of each one's
species.
"""

import json
import math
import os


class BadRequest(Exception):
    """What the client did wrong: answered with this status, and the text of the exception."""

    status_code = 400


def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        return json.load(file)


def predict_fn(data, model):
    return [species(flower, model) for flower in flowers(data, len(model["features"]))]


def flowers(data, n_features):
    """Lists of numbers, whether the body came as an array of numpy's, or as plain lists where there is no numpy."""
    data = data.tolist() if hasattr(data, "tolist") else data
    is_one = isinstance(data, list) and len(data) > 0 and not isinstance(data[0], list)
    rows = [data] if is_one else data
    if not isinstance(rows, list):
        raise BadRequest("expected a list of {} numbers, or a list of such lists".format(n_features))
    for number, row in enumerate(rows, 1):
        n_found = len(row) if isinstance(row, list) else 1
        if n_found != n_features:
            raise BadRequest("flower {} has {} numbers, expected {}".format(number, n_found, n_features))
        if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in row):
            raise BadRequest("flower {} has something that is not a number".format(number))
    return rows


def species(flower, model):
    """The class with the highest score: its weights times the standardised features, plus its bias."""
    features = [(value - mean) / scale for value, mean, scale in zip(flower, model["means"], model["scales"])]
    scores = [
        sum(weight * feature for weight, feature in zip(weights, features)) + bias
        for weights, bias in zip(model["weights"], model["biases"])
    ]
    return model["classes"][scores.index(max(scores))]
