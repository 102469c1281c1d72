"""The user's functions, the same for every server: `MODE` says what `predict_fn` does."""

import os
import time

MODE = os.environ["MODE"]


def model_fn(model_dir):
    return None


if MODE == "double":

    def predict_fn(data, model):
        return data * 2

elif MODE == "sleep":

    def predict_fn(data, model):
        time.sleep(0.005)
        return [1, 2, 3]

elif MODE == "compute":
    LOOPS = int(os.environ["COMPUTE_LOOPS"])

    def predict_fn(data, model):
        total = 0
        for number in range(LOOPS):
            total += number & 7
        return [total]

elif MODE == "echo":
    # The default functions of the reference know no bytes, so here the user has all three.

    def input_fn(body, content_type):
        return body

    def predict_fn(data, model):
        return data

    def output_fn(prediction, accept):
        return prediction, accept
