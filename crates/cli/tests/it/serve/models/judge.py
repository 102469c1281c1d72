# Sends made-up bodies to two servers, and compares what they do with what numpy and the standard library do.
#
# The first server gives back what it decoded (its answer is the encoders' work), the second one describes it (so that nothing
# but the decoders decides). The seed is fixed: a failure names the number of its case, and comes again.

import base64
import csv
import itertools

SEED, N_CASES = 20260701, 2000
DESCRIBER = http.client.HTTPConnection(sys.argv[2], timeout=40)
JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"


class Refused(Exception):
    """The reference, or one of our own rules, has no result."""


# ---- What must come out


def decoded(content_type, body):
    return {JSON: decoded_json, CSV: decoded_csv, NPY: decoded_npy}[content_type](body)


def decoded_json(body):
    try:
        return numpy.array(json.loads(body.decode()))
    except (ValueError, RecursionError) as error:
        raise Refused(error)


def decoded_csv(body):
    """Generation 1 with our differences: blank lines and a byte order mark are skipped, an empty cell is NaN."""
    try:
        text = body.decode()
    except ValueError as error:
        raise Refused(error)
    lines = [line + "\n" for line in text.removeprefix("\ufeff").split("\n")]
    try:
        rows = [row for row in csv.reader(lines, strict=True) if row]
    except csv.Error as error:
        raise Refused(error)
    if len({len(row) for row in rows}) > 1:
        raise Refused("ragged")
    try:
        rows = [[float(cell) if cell else float("nan") for cell in row] for row in rows]
    except ValueError:
        pass
    return numpy.array(rows).squeeze() if rows else numpy.zeros(0)


def decoded_npy(body):
    try:
        return numpy.load(io.BytesIO(body), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        raise Refused(error)


def encoded(accept, array):
    return {JSON: encoded_json, CSV: encoded_csv, NPY: encoded_npy}[accept](array)


def encoded_json(array):
    try:
        return json.dumps(array.tolist()).encode()
    except TypeError as error:
        raise Refused(error)


def encoded_csv(array):
    """Generation 1, but with one cell for a scalar, and nothing for more than two axes."""
    if array.ndim > 2:
        raise Refused("no table")
    out = io.StringIO()
    rows = array if array.ndim == 2 else array.reshape(-1, 1)
    csv.writer(out, lineterminator="\n", strict=True).writerows(rows)
    try:
        return out.getvalue().encode()
    except ValueError as error:
        raise Refused(error)


def encoded_npy(array):
    if array.dtype.hasobject:
        raise Refused("pickle")
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()


def described(array):
    """The same text as the second server's."""
    if array.dtype.hasobject:
        return "%s %s %r" % (array.dtype.str, array.shape, array.tolist())
    return "%s %s %s" % (array.dtype.str, array.shape, base64.b64encode(array.tobytes()).decode())


# ---- What is sent


def made_json(chance):
    text = spelled(made_value(chance, chance.choice((0, 1, 1, 1, 2, 2, 3))), chance)
    if chance.random() < 0.1:
        text = damaged(text, chance, '[]{},:"\\ 0123456789.eE+-ntfNI\x00\x1f\u00e9\ufeff')
    return text.encode()


def made_value(chance, depth):
    if depth == 0:
        return made_item(chance, chance.choice(ITEM_KINDS))
    if chance.random() < 0.03:
        return {made_text(chance): made_value(chance, depth - 1) for _ in range(chance.randrange(3))}
    if chance.random() < 0.9:
        return made_rectangle(chance, [chance.choice((0, 1, 1, 2, 3, 5)) for _ in range(depth)])
    return [made_value(chance, chance.randrange(depth)) for _ in range(chance.randrange(4))]


def made_rectangle(chance, shape):
    kinds = [chance.choice(ITEM_KINDS)] if chance.random() < 0.7 else ITEM_KINDS if chance.random() < 0.3 else ["int", "float", "truth"]

    def fill(shape):
        return [fill(shape[1:]) for _ in range(shape[0])] if shape else made_item(chance, chance.choice(kinds))

    return fill(shape)


ITEM_KINDS = ["int", "float", "int", "float", "wide", "truth", "odd", "text", "null"]


def made_item(chance, kind):
    if kind == "int":
        return chance.choice((0, 1, -1, chance.randrange(-1000, 1000), chance.randrange(-(2**40), 2**40)))
    if kind == "float":
        return chance.choice((chance.random(), chance.gauss(0, 1e5), chance.random() * 10.0 ** chance.randrange(-320, 300), 0.1, 1e16, -0.0))
    if kind == "wide":
        return chance.choice((2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**25, 2**53 + 1))
    if kind == "truth":
        return chance.random() < 0.5
    if kind == "odd":
        return chance.choice((float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308))
    return made_text(chance) if kind == "text" else None


def made_text(chance):
    return "".join(chance.choice('ab1 ,"\\\n\t\u00e9\u4e2d\U0001f600') for _ in range(chance.randrange(5)))


def spelled(value, chance):
    """JSON with blanks anywhere, and numbers in other ways than Python's own."""
    blank = chance.choice(("", "", " ", "\n", "\t \r\n"))
    if isinstance(value, list):
        return "[%s%s]" % (blank, (blank + "," + blank).join(spelled(item, chance) for item in value))
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s%s:%s" % (json.dumps(name), blank, spelled(item, chance)) for name, item in value.items())
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return chance.choice(("%r", "%.17e", "%E", "%.3f", "%.25f", "%.1e"))  % value
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return chance.choice(("-0", "1e400", "-1E+400", "0e5", "1e-5")) if chance.random() < 0.02 else json.dumps(value)


def made_csv(chance):
    n_columns, end = chance.choice((1, 1, 2, 3, 4)), chance.choice(("\n", "\n", "\r\n"))
    cells = CELLS[: chance.choice((6, 6, 6, 12, len(CELLS)))]
    rows = [[chance.choice(cells)(chance) for _ in range(n_columns)] for _ in range(chance.choice((0, 1, 1, 2, 3, 6)))]
    lines = [",".join(row) for row in rows]
    if chance.random() < 0.1:
        lines.insert(chance.randrange(len(lines) + 1), "")
    if lines and chance.random() < 0.04:
        lines[-1] += ",1"
    text = chance.choice(("", "", "", "", "\ufeff")) + end.join(lines) + chance.choice(("", end))
    if chance.random() < 0.1:
        text = damaged(text, chance, '",\r\n 1a.-_\x00\u00e9')
    return text.encode()


CELLS = (
    lambda chance: str(chance.randrange(-1000, 1000)),
    lambda chance: repr(chance.gauss(0, 100)),
    lambda chance: repr(chance.random() * 10.0 ** chance.randrange(-320, 300)),
    lambda chance: "%d" % 10 ** chance.randrange(30),
    lambda chance: "%.20f" % chance.random(),
    lambda chance: '"%d"' % chance.randrange(10),
    lambda chance: chance.choice(("nan", "-nan", "NaN", "inf", "-Infinity", "+1", ".5", "5.", "1_000", " 7 ", "\t8", "1e400", "-0")),
    lambda chance: "",
    lambda chance: '""',
    lambda chance: chance.choice(("1e5", "1E-7", "0001", "1e", "0x10", "1__0", "_1", "infinit", "- 1", "1 2")),
    lambda chance: "\u0661\u0662",
    lambda chance: "\xa07",
    lambda chance: "".join(chance.choice("ab \u00e9\u4e2d'#=") for _ in range(3)),
    lambda chance: '"%s"' % "".join(chance.choice(('""', ",", "\n", "\r\n", "a", " ")) for _ in range(3)),
    lambda chance: 'a"b',
    lambda chance: "True",
)


def made_npy(chance):
    dtype = chance.choice(DTYPES)
    shape = tuple(chance.choice((0, 1, 2, 3, 4)) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 5))))
    n_items = int(numpy.prod(shape, dtype=int))
    array = numpy.frombuffer(chance.randbytes(n_items * numpy.dtype(dtype).itemsize), dtype)
    if array.dtype.kind == "b":
        array = numpy.frombuffer(bytes(chance.randrange(2) for _ in range(n_items)), "?")
    if array.dtype.kind == "U":
        array = numpy.array([made_text(chance) for _ in range(n_items)], dtype)
    array = array.reshape(shape)
    if chance.random() < 0.2:
        array = numpy.asfortranarray(array)
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, version=chance.choice(((1, 0), (1, 0), (2, 0), (3, 0))))
    body = out.getvalue()
    fate = chance.random()
    if fate < 0.05:
        return body[: chance.randrange(len(body))]
    return body + bytes(chance.randrange(9)) if fate < 0.1 else body


DTYPES = ("<f8", "<f8", "<f4", "<f4", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1", "<f2", ">f8", ">i4", "<c16", "<U3", "|S4")


def damaged(text, chance, letters):
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(("", chance.choice(letters))) + text[at + chance.randrange(2) :]


def large(chance):
    """Bodies for the other thread and for shared memory: a few, of every kind."""
    numbers = [chance.gauss(0, 1000) for _ in range(20000)]
    grid = numpy.array(numbers).reshape(100, 200)
    yield JSON, json.dumps(numbers).encode()
    yield JSON, json.dumps(grid.tolist()).encode()
    yield JSON, json.dumps([int(number) for number in numbers] * 3).encode()
    yield JSON, json.dumps(numbers + ["text"]).encode()
    yield JSON, json.dumps(numbers).encode()[:-1]
    yield CSV, "\n".join(",".join(map(repr, row)) for row in grid.tolist()).encode()
    yield CSV, "\n".join(",".join(map(repr, row)) for row in grid.tolist()).encode() + b"\nx"
    yield CSV, ("a,1\n" * 30000).encode()
    for array in (grid, grid.astype("f4"), numpy.asfortranarray(grid), grid.astype(">f8"), grid > 0, grid.astype("i2")):
        yield NPY, encoded_npy(array)


# ---- Both together


def check(number, content_type, body, accept):
    try:
        expected = decoded(content_type, body)
    except Refused as refused:
        expected = refused
    where = "case %d of seed %d: %s, %s, %r" % (number, SEED, content_type, accept, body[:300])
    status, _, text = post(body, content_type, accept)
    DESCRIBER.request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": "text/plain"})
    response = DESCRIBER.getresponse()
    description = response.read().decode()
    if isinstance(expected, Refused):
        assert status == response.status == 400, (where, status, text[:300], response.status, description[:300], expected)
        return "refused"
    assert response.status == 200, (where, response.status, description)
    assert description == described(expected), (where, description[:500], described(expected)[:500])
    try:
        answer = encoded(accept, expected)
    except Refused:
        assert status in (406, 500), (where, status, text[:300])
        return "unwritable"
    assert status == 200, (where, status, text[:300])
    assert text == answer or is_same_npy(text, answer, accept), (where, text[:500], answer[:500])
    return "written"


def is_same_npy(ours, theirs, accept):
    """Fortran order is turned into C order where Rust reads: the same array, in another file."""
    if accept != NPY:
        return False
    ours, theirs = numpy.load(io.BytesIO(ours)), numpy.load(io.BytesIO(theirs))
    return theirs.flags.f_contiguous and ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()


def main():
    chance = random.Random(SEED)
    counts = {}
    makers = {JSON: made_json, CSV: made_csv, NPY: made_npy}
    small = ((kind, makers[kind](chance)) for kind in (chance.choice(tuple(makers)) for _ in range(N_CASES)))
    for number, (content_type, body) in enumerate(itertools.chain(small, large(chance))):
        result = content_type, check(number, content_type, body, chance.choice((JSON, CSV, NPY)))
        counts[result] = counts.get(result, 0) + 1
    print(counts)
    # A generator that makes only one kind of case would prove little.
    for kind in makers:
        assert counts[kind, "written"] > 300 and counts[kind, "refused"] > 20, counts
        assert sum(counts.get((kind, "unwritable"), 0) for kind in makers) > 50, counts


main()
