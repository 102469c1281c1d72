"""Times the calls of one module on bodies of 1 MB; prints the median seconds of each as JSON. Runs in a contestant's environment."""

import importlib
import io
import json
import statistics
import sys
import time

import numpy

MB = 1_000_000
LIMIT_S = 2.0
MOST_CALLS = 60


def main():
    decode, encode = functions(sys.argv[1])
    numbers = numpy.random.default_rng(1).normal(size=MB // 8 // 10 * 10).reshape(-1, 10)
    text_rows = numbers[: MB // 200]
    out = io.BytesIO()
    numpy.save(out, numbers)
    csv = "".join(",".join(map(repr, row)) + "\n" for row in text_rows.tolist())
    cells = {
        "read json": lambda body=json.dumps(text_rows.tolist()): decode(body, "application/json"),
        "read csv": lambda: decode(csv, "text/csv"),
        "read npy": lambda body=out.getvalue(): decode(body, "application/x-npy"),
        "write json": lambda: encode(text_rows, "application/json"),
        "write csv": lambda: encode(text_rows, "text/csv"),
        "write npy": lambda: encode(numbers, "application/x-npy"),
    }
    print(json.dumps({name: median(call) for name, call in cells.items()}))


def functions(module):
    if module == "sagemaker_inference":
        from sagemaker_inference import decoder, encoder

        return decoder.decode, encoder.encode
    found = importlib.import_module(module)
    return found.decode, found.encode


def median(call):
    call()
    seconds = []
    started = time.perf_counter()
    while len(seconds) < MOST_CALLS and time.perf_counter() - started < LIMIT_S:
        before = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
