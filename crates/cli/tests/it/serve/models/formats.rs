//! The default functions: every format, byte for byte, and which one is chosen.

use super::{Serving, ask, convert, describing, identity, words};
use crate::serve::rig::Served;

#[track_caller]
fn check_words(served: &Served, content_type: &str, table: &[(&str, &str)]) {
    for (body, expected) in table {
        assert_eq!(
            words(served, content_type, body.as_bytes()),
            *expected,
            "{content_type}: {body:?}"
        );
    }
}

/// A server whose `predict_fn` answers with one of these, by the name in its body.
fn naming(values: &str) -> Serving {
    Serving::functions(&format!(
        "import numpy
VALUES = {{{values}}}

def model_fn(model_dir):
    pass

def predict_fn(data, model):
    return VALUES[data]
"
    ))
}

#[track_caller]
fn check_written(served: &Served, accept: &str, table: &[(&str, &str)]) {
    for (name, expected) in table {
        let response = convert(served, "text/plain", accept, name.as_bytes());
        let (status, text) = (response.status, response.text());
        if let Ok(refused) = expected.parse::<u16>().map_err(drop)
            && refused >= 400
        {
            assert_eq!(status, refused, "{accept}: {name}: {text}");
            continue;
        }
        assert_eq!(
            (status, text.as_str()),
            (200, *expected),
            "{accept}: {name}"
        );
        assert_eq!(response.header("content-type"), Some(accept), "{name}");
    }
}

#[test]
fn json_is_read_as_numpy_reads_it() {
    check_words(
        &describing().ready(),
        "application/json",
        &[
            ("[1,2,3]", "int64 (3,) [1, 2, 3]"),
            ("[[1,2],[3,4]]", "int64 (2, 2) [[1, 2], [3, 4]]"),
            ("[1.5, 2]", "float64 (2,) [1.5, 2.0]"),
            ("7", "int64 () 7"),
            (r#"{"a":1}"#, "object () {'a': 1}"),
            ("null", "object () None"),
            (r#""x""#, "<U1 () 'x'"),
            (r#"[1,"a"]"#, "<U21 (2,) ['1', 'a']"),
            ("NaN", "float64 () nan"),
            ("[1,NaN]", "float64 (2,) [1.0, nan]"),
            ("[true,false]", "bool (2,) [True, False]"),
            ("[true,1]", "int64 (2,) [1, 1]"),
            ("[true,1.5]", "float64 (2,) [1.0, 1.5]"),
            ("[]", "float64 (0,) []"),
            ("[[],[]]", "float64 (2, 0) [[], []]"),
            ("[-0]", "int64 (1,) [0]"),
            ("[1e400]", "float64 (1,) [inf]"),
            ("[1, null]", "object (2,) [1, None]"),
            ("[9223372036854775808]", "uint64 (1,) [9223372036854775808]"),
            (
                "[1, 9223372036854775808]",
                "float64 (2,) [1.0, 9.223372036854776e+18]",
            ),
            (
                "[18446744073709551616]",
                "object (1,) [18446744073709551616]",
            ),
            ("[[1],[2,3]]", "400 the JSON lists have no common shape"),
            (
                "",
                "400 malformed JSON at line 1, column 1: expected a value",
            ),
            (
                "[1,\n 2",
                "400 malformed JSON at line 2, column 3: expected `,` or `]`",
            ),
        ],
    );
}

#[test]
fn json_is_written_as_the_reference_writes_it() {
    let served = naming(
        "'ints': numpy.array([1, 2, 3]), 'floats': numpy.array([1, 2.5, 3]), 'single': numpy.float32([0.1]),
    'square': numpy.array([[1.0, 2], [3, 4]]), 'scalar': numpy.float64(3.5), 'dict': {'a': numpy.array([1, 2])},
    'numbered': {1: 2}, 'none': None, 'nan': float('nan'), 'not finite': numpy.array([numpy.nan, -numpy.inf]),
    'text': 'caf\\u00e9', 'truth': numpy.array([True, False]), 'empty': numpy.zeros((0, 2)), 'zero': numpy.array(5),
    'half': numpy.float16([0.1]), 'bytes': {'a': b'x'}, 'complex': numpy.array([1j]), 'texts': numpy.array(['a', 'b'])",
    )
    .ready();
    check_written(
        &served,
        "application/json",
        &[
            ("ints", "[1, 2, 3]"),
            ("floats", "[1.0, 2.5, 3.0]"),
            ("single", "[0.10000000149011612]"),
            ("square", "[[1.0, 2.0], [3.0, 4.0]]"),
            ("scalar", "3.5"),
            ("dict", r#"{"a": [1, 2]}"#),
            ("numbered", r#"{"1": 2}"#),
            ("none", "null"),
            ("nan", "NaN"),
            ("not finite", "[NaN, -Infinity]"),
            ("text", "\"caf\\u00e9\""),
            ("truth", "[true, false]"),
            ("empty", "[]"),
            ("zero", "5"),
            ("half", "[0.0999755859375]"),
            ("texts", r#"["a", "b"]"#),
            ("bytes", "500"),
            ("complex", "500"),
        ],
    );
}

#[test]
fn strict_json_has_no_number_that_is_none() {
    let served =
        naming("'array': numpy.array([1, numpy.inf]), 'list': [1, float('nan')], 'fine': [1.5]")
            .variable("OPTML_STRICT_JSON", "on")
            .ready();
    check_written(
        &served,
        "application/json",
        &[("array", "500"), ("list", "500"), ("fine", "[1.5]")],
    );
}

#[test]
fn csv_is_read_by_the_rules_of_docs_codecs() {
    check_words(
        &describing().ready(),
        "text/csv",
        &[
            ("1,2,3", "float64 (3,) [1.0, 2.0, 3.0]"),
            ("1\n2\n3", "float64 (3,) [1.0, 2.0, 3.0]"),
            ("1,2\n3,4\n", "float64 (2, 2) [[1.0, 2.0], [3.0, 4.0]]"),
            ("1,2\r\n3,4\r\n", "float64 (2, 2) [[1.0, 2.0], [3.0, 4.0]]"),
            ("a,b\nc,d", "<U1 (2, 2) [['a', 'b'], ['c', 'd']]"),
            ("1,a\n2,b", "<U1 (2, 2) [['1', 'a'], ['2', 'b']]"),
            ("\"1\",\"2\"", "float64 (2,) [1.0, 2.0]"),
            ("\"a,b\",c", "<U3 (2,) ['a,b', 'c']"),
            ("\"a\"\"b\",c", "<U3 (2,) ['a\"b', 'c']"),
            ("1,,3", "float64 (3,) [1.0, nan, 3.0]"),
            ("# c,2\n1,2", "<U3 (2, 2) [['# c', '2'], ['1', '2']]"),
            ("h1,h2\n1,2", "<U2 (2, 2) [['h1', 'h2'], ['1', '2']]"),
            ("true,false", "<U5 (2,) ['true', 'false']"),
            ("1,2\n\n3,4", "float64 (2, 2) [[1.0, 2.0], [3.0, 4.0]]"),
            ("\u{feff}1,2", "float64 (2,) [1.0, 2.0]"),
            ("5", "float64 () 5.0"),
            ("", "float64 (0,) []"),
            ("1_000, 2 ,inf", "float64 (3,) [1000.0, 2.0, inf]"),
            (
                "1,2\n3\n",
                "400 malformed CSV in line 2: the first row has 2 cells, this one has 1",
            ),
            (
                "\"unterminated",
                "400 malformed CSV in line 1: the quoted cell has no end",
            ),
        ],
    );
}

#[test]
fn csv_parameters_skip_a_header_and_keep_rows_and_columns() {
    let served = describing().variable("OPTML_CSV_SHAPE", "2d").ready();
    check_words(
        &served,
        "text/csv",
        &[
            ("1,2,3", "float64 (1, 3) [[1.0, 2.0, 3.0]]"),
            ("1\n2", "float64 (2, 1) [[1.0], [2.0]]"),
            ("5", "float64 (1, 1) [[5.0]]"),
            ("a,b", "<U1 (1, 2) [['a', 'b']]"),
        ],
    );
    check_words(
        &served,
        "text/csv; header=present",
        &[("h1,h2\n1,2", "float64 (1, 2) [[1.0, 2.0]]")],
    );
}

#[test]
fn csv_is_written_with_the_quotes_that_it_needs() {
    let served = naming(
        "'ints': numpy.array([1, 2, 3]), 'table': numpy.array([[1, 2], [3, 4]]), 'floats': numpy.array([[1.0, 2], [3, 4]]),
    'texts': ['a,b', 'c\"d'], 'truth': numpy.array([True, False]), 'none': [[True, None]], 'blank': [''], 'scalar': 5,
    'lines': ['l1\\nl2'], 'single': numpy.float32([0.1]), 'empty': [], 'deep': numpy.zeros((1, 2, 2)), 'dict': {'a': 1}",
    )
    .ready();
    check_written(
        &served,
        "text/csv",
        &[
            ("ints", "1\n2\n3\n"),
            ("table", "1,2\n3,4\n"),
            ("floats", "1.0,2.0\n3.0,4.0\n"),
            ("texts", "\"a,b\"\n\"c\"\"d\"\n"),
            ("truth", "True\nFalse\n"),
            ("none", "True,\n"),
            ("blank", "\"\"\n"),
            ("scalar", "5\n"),
            ("lines", "\"l1\nl2\"\n"),
            ("single", "0.1\n"),
            ("empty", ""),
            ("deep", "406"),
            ("dict", "500"),
        ],
    );
}

#[test]
fn npy_is_written_to_the_byte() {
    let served = identity().ready();
    let response = convert(
        &served,
        "application/json",
        "application/x-npy",
        b"[1.0, 2.5, 3.0]",
    );
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }";
    let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    expected.extend(format!("{header:<117}\n").bytes());
    for item in [1.0_f64, 2.5, 3.0] {
        expected.extend(item.to_le_bytes());
    }
    assert_eq!(expected.len(), 152);
    assert_eq!(response.body, expected);
}

#[test]
fn what_npy_would_have_to_pickle_is_refused() {
    let served = identity().ready();
    for body in [r#"{"a": 1}"#, "null", "[1, null]"] {
        let response = convert(
            &served,
            "application/json",
            "application/x-npy",
            body.as_bytes(),
        );
        assert_eq!(response.status, 500, "{body}: {}", response.text());
    }
}

#[test]
fn archives_of_arrays_are_read_and_written() {
    ask(
        &describing().ready(),
        r"
import scipy.sparse

def words(save, *arrays, **named):
    body = io.BytesIO()
    save(body, *arrays, **named)
    status, _, text = post(body.getvalue(), 'application/x-npz', 'text/plain')
    return status, text.decode()

several = words(numpy.savez, a=numpy.arange(3), b=numpy.float32([[0.5]]))
assert several == (200, 'a: int64 (3,) [0, 1, 2]; b: float32 (1, 1) [[0.5]]'), several
compressed = words(numpy.savez_compressed, numpy.zeros(1000, 'i1'))
assert compressed == (200, 'arr_0: int8 (1000,) %r' % ([0] * 1000)), compressed
sparse = words(scipy.sparse.save_npz, scipy.sparse.csr_matrix([[0, 1.5], [0, 0]]))
assert sparse == (200, 'csr_matrix float64 (2, 2) [[0.0, 1.5], [0.0, 0.0]]'), sparse
",
        &[],
    );
    ask(
        &naming("'dict': {'x': [1, 2], 'y z': numpy.zeros((2, 0))}, 'array': numpy.arange(2), 'list': [numpy.arange(2), numpy.ones(1)]")
            .ready(),
        r"
def arrays(name):
    status, _, body = post(name, 'text/plain', 'application/x-npz')
    assert status == 200, body
    with numpy.load(io.BytesIO(body)) as archive:
        return {name: (str(archive[name].dtype), archive[name].tolist()) for name in archive.files}

assert arrays('dict') == {'x': ('int64', [1, 2]), 'y z': ('float64', [[], []])}, arrays('dict')
assert arrays('array') == {'arr_0': ('int64', [0, 1])}, arrays('array')
assert arrays('list') == {'arr_0': ('int64', [0, 1]), 'arr_1': ('float64', [1.0])}, arrays('list')
",
        &[],
    );
}

/// Each an array, and its records in hexadecimal: those of the reference's own encoder.
const RECORDS: [(&str, &str); 4] = [
    (
        "float32 (1, 2) [[1.0, 2.0]]",
        "0a23d7ce180000000a160a0676616c756573120c120a0a080000803f00000040",
    ),
    (
        "float64 (1, 2) [[1.0, 2.0]]",
        "0a23d7ce200000000a1e0a0676616c75657312141a120a10000000000000f03f0000000000000040",
    ),
    (
        "int32 (1, 2) [[1, 2]]",
        "0a23d7ce120000000a100a0676616c75657312063a040a0201020000",
    ),
    (
        "int32 (1, 2) [[-1, 2]]",
        "0a23d7ce1b0000000a190a0676616c756573120f3a0d0a0bffffffffffffffffff010200",
    ),
];

const RECORDIO: &str = "application/x-recordio-protobuf";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn records_are_read_and_written_as_the_reference_writes_them() {
    let describing = describing().ready();
    let identity = identity().ready();
    for (expected, hexadecimal) in RECORDS {
        let body = bytes(hexadecimal);
        assert_eq!(words(&describing, RECORDIO, &body), expected);
        let response = convert(&identity, RECORDIO, RECORDIO, &body);
        assert_eq!(response.body, body, "{expected}: {}", response.text());
    }
    // Two records are two rows; a vector is one.
    let two = [bytes(RECORDS[0].1), bytes(RECORDS[0].1)].concat();
    assert_eq!(
        words(&describing, RECORDIO, &two),
        "float32 (2, 2) [[1.0, 2.0], [1.0, 2.0]]"
    );
    let response = convert(&identity, "application/json", RECORDIO, b"[1.0, 2.0]");
    assert_eq!(response.body, bytes(RECORDS[1].1));
}

#[test]
fn bytes_text_and_lines_are_what_they_are() {
    let served = describing().ready();
    check_words(
        &served,
        "application/octet-stream",
        &[("a\0b", r"bytes b'a\x00b'"), ("", "bytes b''")],
    );
    check_words(
        &served,
        "text/plain",
        &[("café", "str 'café'"), ("", "str ''")],
    );
    for name in [
        "application/jsonlines",
        "application/x-jsonlines",
        "application/x-ndjson",
        "application/jsons",
    ] {
        check_words(
            &served,
            name,
            &[
                ("{\"a\": 1}\n\n[2]\r\nnull", "list [{'a': 1}, [2], None]"),
                (
                    "1\n2 3\n",
                    "400 malformed JSON at line 2, column 3: expected the end of the body",
                ),
            ],
        );
    }
    let served = naming("'lines': [{'a': 1}, [2, 3], None], 'array': numpy.array([[1, 2], [3, 4]]), 'bytes': b'raw'").ready();
    check_written(
        &served,
        "application/x-ndjson",
        &[
            ("lines", "{\"a\":1}\n[2,3]\nnull\n"),
            ("array", "[1,2]\n[3,4]\n"),
        ],
    );
    check_written(&served, "application/octet-stream", &[("bytes", "raw")]);
}
