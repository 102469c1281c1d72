#part decode
"""Bodies that reach Python as they came: text, objects, other charsets, and all of them where numpy is missing."""

import io
import json
import re

need("faults", "media")


def decode(body, content_type):
    """What a default `input_fn` makes of a body."""
    kind = media_type(content_type)
    form = kind.format()
    if form is None:
        raise unsupported(kind.essence, READABLE)
    return DECODERS[form](body, kind)


def text_body(body, kind):
    """The text of a body, by its charset."""
    codec = kind.codec()
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        if codec == "utf-8":
            raise not_utf8(error) from None
        raise BadBody("the body is not `%s`: byte at offset %d" % (excerpt(kind.charset), error.start)) from None
    except (UnicodeError, ValueError) as error:  # Some codecs have their own kind.
        raise BadBody("the body is not `%s`: %s" % (excerpt(kind.charset), error)) from None


def decode_json(body, kind):
    value = parse_json(text_body(body, kind))
    return as_array(value) if use_numpy() else value


def parse_json(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise json_fault(text, error) from None
    except RecursionError:
        raise malformed_json(*place(text, deepest(text)), "nested too deeply") from None
    except ValueError:
        # The one other thing it raises, since 3.11: more digits than it converts.
        found = re.search(r"-?[0-9]{4300,}", text)
        at = found.start() if found else 0
        raise malformed_json(*place(text, at), "a whole number of too many digits") from None


def json_fault(text, error):
    at, message = error.pos, error.msg
    if message.startswith("Unexpected UTF-8 BOM"):
        return malformed_json(1, 1, "a byte order mark is not allowed")
    if message.startswith("Illegal trailing comma"):
        # Since 3.13 the comma is blamed; older ones blame what follows it.
        message = "Expecting value" if message.endswith("array") else "Expecting property name"
        at += 1
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
    if message.startswith("Expecting ',' delimiter"):
        fault = "expected `,` or `%s`" % ("]" if innermost(text, at) == "[" else "}")
    else:
        fault = next((fault for start, fault in JSON_FAULTS if message.startswith(start)), "expected a value")
    return malformed_json(*place(text, at), fault)


JSON_FAULTS = (
    ("Expecting property name", "expected a name in double quotes"),
    ("Expecting ':'", "expected `:`"),
    ("Unterminated string", "the string has no end"),
    ("Invalid \\", "unknown escape"),
    ("Invalid control character", "control character in a string"),
    ("Extra data", "expected the end of the body"),
)


def place(text, at):
    """Line and column, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def brackets(text, end):
    """Brackets that open and close before `end`, but for those in strings."""
    return re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', text[:end], re.DOTALL)


def innermost(text, at):
    open_brackets = []
    for found in brackets(text, at):
        if found.group() in "[{":
            open_brackets.append(found.group())
        elif found.group() in "]}" and open_brackets:
            open_brackets.pop()
    return open_brackets[-1] if open_brackets else "["


def deepest(text):
    depth = most = at = 0
    for found in brackets(text, len(text)):
        depth += 1 if found.group() in "[{" else -1 if found.group() in "]}" else 0
        if depth > most:
            most, at = depth, found.start()
    return at


def as_array(value):
    """`np.array`, with lists that have no common shape refused by older versions too."""
    try:
        if not hasattr(numpy, "VisibleDeprecationWarning"):
            return numpy.array(value)
        import warnings

        with warnings.catch_warnings():
            # Before 1.24 it is a warning, and the result an array of lists.
            warnings.simplefilter("error", numpy.VisibleDeprecationWarning)
            return numpy.array(value)
    except (ValueError, Warning, RecursionError):
        raise BadBody("the JSON lists have no common shape") from None


def decode_csv(body, kind):
    text = text_body(body, kind)
    rows = csv_rows(text[1:] if text[:1] == "\ufeff" else text, kind.parameters.get("header", "").lower() == "present")
    n_columns = len(rows[0]) if rows else 0
    try:
        rows = [[float(cell) if cell else NAN for cell in row] for row in rows]
    except ValueError:  # A cell of text makes all of them text.
        pass
    is_2d = WORKER.setting("csv_shape") == "2d"
    if use_numpy():
        array = numpy.array(rows).reshape(len(rows), n_columns) if rows else numpy.zeros((0, 0))
        return array if is_2d else array.squeeze() if rows else numpy.zeros(0)
    if is_2d or len(rows) > 1 and n_columns > 1:
        return rows
    cells = [cell for row in rows for cell in row]
    return cells[0] if len(cells) == 1 else cells


NAN = float("nan")


def csv_rows(text, has_header):
    """All rows that aren't blank, each with as many cells as the first."""
    rows = None
    if '"' not in text and "\r" not in text:
        rows = [line.split(",") for line in text.split("\n") if line]
    elif "\0" not in text:
        rows = quoted_rows(text)
    # What is odd is read again by the reader that can say what, and where.
    if rows is None or any(len(row) != len(rows[0]) for row in rows):
        rows = list(CsvReader(text).rows())
    return rows[1:] if has_header else rows


def quoted_rows(text):
    import csv

    lines = [line + "\n" for line in text.split("\n")]
    try:
        return [row for row in csv.reader(lines, strict=True) if row]
    except csv.Error:
        return None


class CsvReader:
    """Reads CSV with a place for each fault: quotes, doubled quotes, CRLF or LF, blank lines skipped."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        # From 1, counted in line feeds.
        self.line = 1

    def rows(self):
        n_cells = None
        while self.find_row():
            line, row = self.line, self.row()
            if n_cells is None:
                n_cells = len(row)
            elif len(row) != n_cells:
                raise malformed_csv(line, "the first row has %d cells, this one has %d" % (n_cells, len(row)))
            yield row

    def find_row(self):
        while self.at < len(self.text) and self.text[self.at] in "\r\n":
            self.line_end()
        return self.at < len(self.text)

    def row(self):
        cells = [self.cell()]
        while self.at < len(self.text):
            if self.text[self.at] != ",":
                self.line_end()
                break
            self.at += 1
            cells.append(self.cell())
        return cells

    def cell(self):
        start = self.at
        if self.text[start : start + 1] != '"':
            self.at = CELL_END.search(self.text, start).start()
            return self.text[start : self.at]
        found = QUOTED.match(self.text, start)
        if found is None:
            raise malformed_csv(self.line, "the quoted cell has no end")
        self.line += found.group().count("\n")
        self.at = found.end()
        if self.text[self.at : self.at + 1] not in ("", ",", "\r", "\n"):
            raise malformed_csv(self.line, "expected `,` after the closing quote")
        return found.group(1).replace('""', '"')

    def line_end(self):
        self.at = NOT_RETURN.search(self.text, self.at).start()
        if self.at < len(self.text):
            if self.text[self.at] != "\n":
                raise malformed_csv(self.line, "a carriage return that no line feed follows")
            self.at += 1
            self.line += 1


CELL_END = re.compile(r"[,\r\n]|\Z")
NOT_RETURN = re.compile(r"[^\r]|\Z", re.DOTALL)
QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"(?!")')


def decode_json_lines(body, kind):
    values = []
    for number, line in enumerate(text_body(body, kind).split("\n"), 1):
        line = line.strip(" \t\r\n\x0c")
        if line:
            try:
                values.append(parse_json(line))
            except BadBody as fault:
                raise BadBody(str(fault).replace("at line 1,", "at line %d," % number, 1)) from None
    return values


def decode_npy(body, kind):
    if not use_numpy():
        raise numpy_missing(kind.essence)
    reader = io.BytesIO(body)
    form = numpy.lib.format
    try:
        version = form.read_magic(reader)
    except ValueError:
        raise BadBody("malformed NPY: the magic bytes are missing") from None
    try:
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, is_fortran, dtype = read(reader)
    except Exception as error:  # What it raises differs from version to version.
        raise BadBody("malformed NPY: %s" % excerpt(str(error))) from None
    if dtype.hasobject:
        raise BadBody("object arrays are not accepted")
    n_items = 1
    for length in shape:
        n_items *= length
    data = bytearray(memoryview(body)[reader.tell() :])
    n_bytes = n_items * dtype.itemsize
    # Before anything of that size is allocated.
    if len(data) < n_bytes or n_items < 0:
        raise BadBody("malformed NPY: %d bytes of data, the shape says %d" % (len(data), n_bytes))
    if is_fortran:
        return numpy.ndarray(shape, dtype, data, order="F")
    return numpy.ndarray(shape, dtype, data)


def decode_npz(body, kind):
    """Arrays by name; or the one sparse matrix that `scipy.sparse.save_npz` has written."""
    if not use_numpy():
        raise numpy_missing(kind.essence)
    try:
        with numpy.load(io.BytesIO(body), allow_pickle=False) as archive:
            if "format" not in archive.files:
                return {name: archive[name] for name in archive.files}
    except Exception as error:  # zipfile, zlib, numpy: each has its own.
        if "allow_pickle" in str(error):
            raise BadBody("object arrays are not accepted") from None
        raise BadBody("malformed NPZ: %s" % excerpt(str(error))) from None
    try:
        from scipy import sparse
    except ImportError:
        raise UnsupportedMediaType(
            "reading a sparse `%s` needs scipy, which is not installed in the container" % kind.essence) from None
    try:
        return sparse.load_npz(io.BytesIO(body))
    except Exception as error:
        raise BadBody("malformed NPZ: %s" % excerpt(str(error))) from None


def decode_recordio(body, kind):
    # The front reads it; it comes here only when there are no arrays.
    raise numpy_missing(kind.essence)


DECODERS = {
    JSON: decode_json,
    CSV: decode_csv,
    NPY: decode_npy,
    NPZ: decode_npz,
    JSON_LINES: decode_json_lines,
    RECORDIO: decode_recordio,
    OCTETS: lambda body, kind: bytes(body),
    TEXT: text_body,
}
