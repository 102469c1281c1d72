use super::*;
use crate::{Dtype, error::JsonFault};

#[test]
fn blank_lines_are_skipped_and_counted() {
    let found: Vec<_> = lines(b"[1]\r\n\n  \n{\"a\": 1}\n2")
        .map(|line| (line.number, str::from_utf8(line.text).unwrap()))
        .collect();
    assert_eq!(found, [(1, "[1]"), (4, "{\"a\": 1}"), (5, "2")]);
    assert_eq!(lines(b"").count() + lines(b"\n\n").count(), 0);
}

#[test]
fn a_bad_line_is_named() {
    let errors: Vec<_> = lines(b"[1]\n\n[1,]")
        .filter_map(|line| line.decode().err())
        .collect();
    let expected = CodecError::MalformedJson {
        line: 3,
        column: 4,
        fault: JsonFault::ExpectedValue,
    };
    assert_eq!(errors, [DecodeError::from(expected)]);
}

#[track_caller]
fn check(dtype: Dtype, shape: &[usize], bytes: &[u8], expected: &str) {
    let array = Array::try_new(dtype, shape.to_vec(), bytes).unwrap();
    let mut out = Vec::new();
    encode(&array, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn each_row_is_a_compact_line() {
    check(Dtype::UInt8, &[2, 2], &[1, 2, 3, 4], "[1,2]\n[3,4]\n");
    check(Dtype::UInt8, &[2], &[1, 2], "1\n2\n");
    check(Dtype::UInt8, &[], &[1], "1\n");
    check(Dtype::UInt8, &[1, 1, 2], &[1, 2], "[[1,2]]\n");
    check(Dtype::UInt8, &[0, 2], &[], "");
    check(Dtype::UInt8, &[2, 0], &[], "[]\n[]\n");
    check(Dtype::Float64, &[1, 1], &1.5f64.to_le_bytes(), "[1.5]\n");
    check(Dtype::Bool, &[2], &[1, 0], "true\nfalse\n");
}
