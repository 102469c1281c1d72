"""The bodies that are sent, and what must come back for each."""

import json
import random
import struct
from dataclasses import dataclass, replace
from typing import Callable

JSON, CSV, NPY, RAW = "application/json", "text/csv", "application/x-npy", "application/octet-stream"

RAW_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True)
class Payload:
    """`mode` is what the user's function does with it; `matches` says whether an answer is the right one."""

    name: str
    mode: str
    body: bytes
    content_type: str
    matches: Callable

    def echoed(self):
        """The same body for a server that gives back what it gets."""
        return replace(self, matches=lambda answer: answer == self.body)


def all_payloads(compute_loops):
    chooser = random.Random(1)
    few = [[round(chooser.uniform(0, 10), 3) for _ in range(7)] for _ in range(2)]
    many = [[round(chooser.uniform(0, 1), 6) for _ in range(10)] for _ in range(100)]
    line = [round(chooser.uniform(0, 10), 4) for _ in range(100)]
    matrix = [chooser.uniform(-1, 1) for _ in range(131_072)]
    raw = random.Random(2).randbytes(RAW_BYTES)
    total = sum(number & 7 for number in range(compute_loops))
    small = json.dumps(few).encode("ascii")
    payloads = [
        Payload("json", "double", small, JSON, json_is(doubled(few))),
        Payload("json10k", "double", json.dumps(many).encode("ascii"), JSON, json_is(doubled(many))),
        Payload("csv", "double", ",".join(map(str, line)).encode("ascii") + b"\n", CSV, csv_is([2 * x for x in line])),
        Payload("npy", "double", npy(matrix), NPY, npy_is([2 * x for x in matrix])),
        Payload("raw", "echo", raw, RAW, lambda answer: answer == raw),
        Payload("sleep", "sleep", small, JSON, json_is([1, 2, 3])),
        Payload("compute", "compute", small, JSON, json_is([total])),
    ]
    return {payload.name: payload for payload in payloads}


def doubled(rows):
    return [[2 * value for value in row] for row in rows]


def json_is(expected):
    return lambda answer: json.loads(answer) == expected


def csv_is(expected):
    """One row or one column: the reference makes a column of a single row, and its two generations agree in that."""
    return lambda answer: [float(cell) for cell in answer.decode("ascii").replace("\n", ",").rstrip(",").split(",")] == expected


def npy_is(expected):
    """The array data stand at the end, whatever the header looks like."""
    data = struct.pack("<{}d".format(len(expected)), *expected)
    return lambda answer: answer.startswith(b"\x93NUMPY") and b"'<f8'" in answer[:128] and answer[128:] == data


def npy(values):
    """One mebibyte as a matrix of 1,024 rows."""
    text = "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}".format(1024, len(values) // 1024)
    header = text.encode("ascii").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<{}d".format(len(values)), *values)
