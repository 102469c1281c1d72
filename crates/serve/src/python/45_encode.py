#part encode
"""Results that are written here: objects, text, types of numpy that the front leaves alone."""

import json

need("faults", "media")


def encode(value, form):
    """A result as bytes in that format. The caller has looked whether the front can write it."""
    return ENCODERS[form](value)


def tolist(value):
    """What JSON makes of numpy's things, and of all that has a `tolist`."""
    convert = getattr(value, "tolist", None)
    if convert is not None and not isinstance(value, type):
        return convert()
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


PLAIN = json.JSONEncoder(default=tolist)
COMPACT = json.JSONEncoder(default=tolist, separators=(",", ":"))
STRICT = json.JSONEncoder(default=tolist, allow_nan=False)


def encode_json(value):
    if not WORKER.is_on("strict_json"):
        return PLAIN.encode(value).encode()
    try:
        return STRICT.encode(value).encode()
    except ValueError:
        item = first_not_finite(json.loads(PLAIN.encode(value)))
        raise BadResult("item %d of the result can't be written as `application/json`: not a finite number" % item) from None


def first_not_finite(value):
    """Its number among all items, from 0."""
    waiting, n_items = [value], 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, (list, dict)):
            waiting += reversed(list(item.values()) if isinstance(item, dict) else item)
        elif isinstance(item, float) and item - item != 0:
            return n_items
        else:
            n_items += 1
    return n_items


def compact_json(value):
    return COMPACT.encode(value).encode()


def encode_json_lines(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    items = value if isinstance(value, (list, tuple)) else [value]
    return b"".join([compact_json(item) + b"\n" for item in items])


def encode_csv(value):
    """A line for each row; a vector is a column, a scalar one cell."""
    import csv
    import io

    if isinstance(value, dict) or value is None:
        raise TypeError("a result of type %s can't be written as `text/csv`" % type(value).__name__)
    if use_numpy():
        rows = csv_table(numpy.array(value))
    else:
        items = value if isinstance(value, (list, tuple)) else [value]
        rows = [item if isinstance(item, (list, tuple)) else [item] for item in items]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", strict=True).writerows(rows)
    return out.getvalue().encode()


def csv_table(array):
    if array.ndim > 2:
        raise NotAcceptable("an array of %d axes can't be written as `text/csv`, at most 2 can" % array.ndim)
    return array if array.ndim == 2 else array.reshape(-1, 1)


def plain_array(value, content_type):
    """An array of something else than Python objects."""
    if not use_numpy():
        raise BadResult("writing `%s` needs numpy, which is not installed in the container" % content_type)
    array = numpy.asanyarray(value)
    if array.dtype.hasobject:
        raise BadResult("a result of Python objects (%s) can't be written as `%s`" % (type(value).__name__, content_type))
    return array


def encode_npy(value):
    import io

    out = io.BytesIO()
    numpy_save(out, plain_array(value, NPY))
    return out.getvalue()


def numpy_save(out, array):
    numpy.lib.format.write_array(out, array, version=None, allow_pickle=False)


def encode_npz(value):
    """As `np.savez` writes it, but with any name."""
    import io
    import zipfile

    is_several = isinstance(value, (list, tuple)) and any(hasattr(item, "dtype") for item in value)
    if not isinstance(value, dict):
        value = {"arr_%d" % i: item for i, item in enumerate(value if is_several else [value])}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, item in value.items():
            with archive.open("%s.npy" % name, "w", force_zip64=True) as entry:
                numpy_save(entry, plain_array(item, NPZ))
    return out.getvalue()


def encode_recordio(value):
    raise BadResult("a result of type %s can't be written as `%s`" % (type(value).__name__, RECORDIO))


ENCODERS = {
    JSON: encode_json,
    CSV: encode_csv,
    NPY: encode_npy,
    NPZ: encode_npz,
    JSON_LINES: encode_json_lines,
    RECORDIO: encode_recordio,
}
