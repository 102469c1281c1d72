use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{
    array::{Array, Dtype},
    error::{CodecError, DecodeError, EncodeError, ItemFault, JsonFault, NotNumeric, Undecodable},
};

#[track_caller]
fn check_floats(body: &str, shape: &[usize], values: &[f64]) {
    check(
        body,
        Dtype::Float64,
        shape,
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    );
}

#[track_caller]
fn check_ints(body: &str, shape: &[usize], values: &[i64]) {
    check(
        body,
        Dtype::Int64,
        shape,
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    );
}

#[track_caller]
fn check(body: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) {
    assert_eq!(
        decode(body.as_bytes()),
        Ok(Array::try_new(dtype, shape.to_vec(), bytes).unwrap())
    );
}

#[test]
fn numbers_and_truth_values_have_numpys_types() {
    check_ints("[1,2,3]", &[3], &[1, 2, 3]);
    check_ints("[[1,2],[3,4]]", &[2, 2], &[1, 2, 3, 4]);
    check_ints("5", &[], &[5]);
    check_ints("[-0]", &[1], &[0]);
    check_ints("[true, 1]", &[2], &[1, 1]);
    check_ints("[1, false]", &[2], &[1, 0]);
    check_ints(
        "[9223372036854775807, -9223372036854775808]",
        &[2],
        &[i64::MAX, i64::MIN],
    );
    check_floats("[1.5, 2]", &[2], &[1.5, 2.0]);
    check_floats("[1, 2.5]", &[2], &[1.0, 2.5]);
    check_floats("[true, 1.5]", &[2], &[1.0, 1.5]);
    check_floats("[true, 2, 1.5, false]", &[4], &[1.0, 2.0, 1.5, 0.0]);
    check_floats(
        "[9007199254740993, 0.5]",
        &[2],
        &[9_007_199_254_740_992.0, 0.5],
    );
    check_floats("NaN", &[], &[f64::NAN]);
    check_floats("[1,NaN]", &[2], &[1.0, f64::NAN]);
    check_floats(
        "[Infinity, -Infinity]",
        &[2],
        &[f64::INFINITY, f64::NEG_INFINITY],
    );
    check_floats("[1e400, -0.0]", &[2], &[f64::INFINITY, -0.0]);
    check("[true,false]", Dtype::Bool, &[2], vec![1, 0]);
    check(" \r\n\t[ [ true ] ] \n", Dtype::Bool, &[1, 1], vec![1]);
}

#[test]
fn empty_lists_are_float64() {
    check_floats("[]", &[0], &[]);
    check_floats("[[]]", &[1, 0], &[]);
    check_floats("[[],[]]", &[2, 0], &[]);
    check_floats("[[[]],[[]]]", &[2, 1, 0], &[]);
}

#[track_caller]
fn check_left(body: &str, what: NotNumeric) {
    assert_eq!(
        decode(body.as_bytes()),
        Err(Undecodable::Json(what).into()),
        "{body}"
    );
}

#[test]
fn everything_else_is_pythons() {
    check_left("{\"a\":1}", NotNumeric::Object);
    check_left("[1,\"a\"]", NotNumeric::Text);
    check_left("[1, null]", NotNumeric::Null);
    check_left("null", NotNumeric::Null);
    check_left("[9223372036854775808]", NotNumeric::Wide);
    check_left("[1, 9223372036854775808]", NotNumeric::Wide);
    check_left("[18446744073709551616]", NotNumeric::Wide);
    for ragged in [
        "[[1],[2,3]]",
        "[[1,2],[3]]",
        "[1,[2]]",
        "[[1],2]",
        "[[],1]",
        "[1,[]]",
        "[[],[1]]",
        "[[1],[]]",
        "[[],[[]]]",
        "[[[]],[]]",
        "[[[1]],[1]]",
        "[[[1],[2]],[[3]]]",
    ] {
        check_left(ragged, NotNumeric::Ragged);
    }
}

#[test]
fn lists_are_as_deep_as_said() {
    let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    check_ints(&nested(MAX_DEPTH), &[1; MAX_DEPTH], &[1]);
    check_left(&nested(MAX_DEPTH + 1), NotNumeric::Deep);
    check_left(&nested(1_000_000), NotNumeric::Deep);
}

#[track_caller]
fn check_fault(body: impl AsRef<[u8]>, line: usize, column: usize, fault: JsonFault) {
    assert_eq!(
        decode(body.as_ref()),
        Err(CodecError::MalformedJson {
            line,
            column,
            fault
        }
        .into())
    );
}

/// Places as Python's `JSONDecodeError` gives them.
#[test]
fn faults_have_a_place() {
    check_fault("", 1, 1, JsonFault::ExpectedValue);
    check_fault(" \n ", 2, 2, JsonFault::ExpectedValue);
    check_fault("[1,", 1, 4, JsonFault::ExpectedValue);
    check_fault("[1,]", 1, 4, JsonFault::ExpectedValue);
    check_fault("[", 1, 2, JsonFault::ExpectedValue);
    check_fault("[1\n 2]", 2, 2, JsonFault::ExpectedComma);
    check_fault("[01]", 1, 3, JsonFault::ExpectedComma);
    check_fault("[1.]", 1, 3, JsonFault::ExpectedComma);
    check_fault("[1}", 1, 3, JsonFault::ExpectedComma);
    check_fault("[1] x", 1, 5, JsonFault::ExpectedEnd);
    check_fault("[1]]", 1, 4, JsonFault::ExpectedEnd);
    check_fault("[+1]", 1, 2, JsonFault::ExpectedValue);
    check_fault("[nul]", 1, 2, JsonFault::ExpectedValue);
    check_fault("[-]", 1, 2, JsonFault::ExpectedValue);
    check_fault("[-Inf]", 1, 2, JsonFault::ExpectedValue);
    check_fault("[[1],\n[2],\né]", 3, 1, JsonFault::ExpectedValue);
    check_fault("\u{feff}[1]", 1, 1, JsonFault::ByteOrderMark);
}

#[test]
fn what_is_not_utf8_is_said_so() {
    for (body, offset, byte) in [
        (&b"\xff"[..], 0, 0xff),
        (b"[1, \x80]", 4, 0x80),
        (b"[1,, \xc3", 5, 0xc3),
    ] {
        assert_eq!(
            decode(body),
            Err(CodecError::NotUtf8 { offset, byte }.into())
        );
    }
    // UTF-16, with and without a mark.
    assert!(matches!(
        decode(b"\xff\xfe[\0"),
        Err(DecodeError::Faulty(CodecError::NotUtf8 { .. }))
    ));
    check_fault("[\u{0}1", 1, 2, JsonFault::ExpectedValue);
}

#[test]
fn room_is_bounded_by_the_body() {
    for body in [
        format!("[{}1]", "1,".repeat(10_000)),
        format!("[{}1]", "true,".repeat(10_000)),
        format!("[{}1.5]", "true,".repeat(10_000)),
        format!("[1{}", ",".repeat(10_000)),
        format!("[[1],{}", "[],".repeat(10_000)),
    ] {
        if let Ok(array) = decode(body.as_bytes()) {
            let (_, _, bytes) = array.into_parts();
            let Cow::Owned(bytes) = bytes else {
                panic!("decoded JSON is owned")
            };
            assert!(
                bytes.capacity() <= 4 * body.len() + 8,
                "{} for {}",
                bytes.capacity(),
                body.len()
            );
        }
    }
}

#[track_caller]
fn check_text(array: &Array<'_>, expected: &str) {
    let mut out = Vec::new();
    assert_eq!(encode(array, NonFinite::Keep, &mut out).map(|_| ()), Ok(()));
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

fn floats(shape: &[usize], values: &[f64]) -> Array<'static> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Array::try_new(Dtype::Float64, shape.to_vec(), bytes).unwrap()
}

fn ints(shape: &[usize], values: &[i64]) -> Array<'static> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Array::try_new(Dtype::Int64, shape.to_vec(), bytes).unwrap()
}

#[test]
fn arrays_are_written_as_python_writes_lists() {
    check_text(&ints(&[3], &[1, 2, 3]), "[1, 2, 3]");
    check_text(&floats(&[3], &[1.0, 2.5, 3.0]), "[1.0, 2.5, 3.0]");
    check_text(
        &floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        "[[1.0, 2.0], [3.0, 4.0]]",
    );
    check_text(&floats(&[], &[3.5]), "3.5");
    check_text(&floats(&[], &[f64::NAN]), "NaN");
    check_text(
        &floats(&[2], &[f64::INFINITY, f64::NEG_INFINITY]),
        "[Infinity, -Infinity]",
    );
    check_text(&floats(&[1, 1, 2], &[1e16, 1e-5]), "[[[1e+16, 1e-05]]]");
    check_text(&floats(&[0], &[]), "[]");
    check_text(&floats(&[2, 0], &[]), "[[], []]");
    check_text(&floats(&[0, 2], &[]), "[]");
    check_text(
        &Array::try_new(Dtype::Float32, vec![1], 0.1f32.to_le_bytes().to_vec()).unwrap(),
        "[0.10000000149011612]",
    );
    check_text(
        &Array::try_new(Dtype::Bool, vec![3], vec![1, 0, 2]).unwrap(),
        "[true, false, true]",
    );
    check_text(
        &Array::try_new(Dtype::Int8, vec![2], vec![0x80, 1]).unwrap(),
        "[-128, 1]",
    );
    check_text(
        &Array::try_new(Dtype::UInt8, vec![1], vec![255]).unwrap(),
        "[255]",
    );
    check_text(
        &Array::try_new(Dtype::Int16, vec![1], vec![0, 0x80]).unwrap(),
        "[-32768]",
    );
    check_text(
        &Array::try_new(Dtype::UInt16, vec![1], vec![255; 2]).unwrap(),
        "[65535]",
    );
    check_text(
        &Array::try_new(Dtype::Int32, vec![1], vec![255; 4]).unwrap(),
        "[-1]",
    );
    check_text(
        &Array::try_new(Dtype::UInt32, vec![1], vec![255; 4]).unwrap(),
        "[4294967295]",
    );
    check_text(
        &Array::try_new(Dtype::UInt64, vec![1], vec![255; 8]).unwrap(),
        "[18446744073709551615]",
    );
}

#[test]
fn strict_json_refuses_what_is_not_finite() {
    let array = floats(&[3], &[1.0, 2.0, f64::NAN]);
    let mut out = Vec::new();
    assert_eq!(
        encode(&array, NonFinite::Refuse, &mut out),
        Err(CodecError::Unwritable {
            item: 2,
            content_type: "application/json",
            fault: ItemFault::NotFinite
        }
        .into())
    );
    assert!(out.is_empty());
    assert_eq!(
        encode(&array, NonFinite::Keep, &mut out),
        Ok(Finiteness::SomeNot)
    );
    assert_eq!(
        encode(&floats(&[1], &[1.0]), NonFinite::Refuse, &mut out),
        Ok(Finiteness::AllFinite)
    );
}

#[test]
fn other_types_are_pythons_to_write() {
    let half = Array::try_new(Dtype::parse("<f2").unwrap(), vec![1], vec![0; 2]).unwrap();
    assert_eq!(
        encode(&half, NonFinite::Keep, &mut Vec::new()),
        Err(EncodeError::Unencodable {
            dtype: "<f2".to_owned()
        })
    );
}

#[test]
fn endless_brackets_are_refused() {
    let array = Array::try_new(Dtype::Int64, vec![1 << 50, 0], vec![]).unwrap();
    let err = encode(&array, NonFinite::Keep, &mut Vec::new()).unwrap_err();
    assert!(
        matches!(err, EncodeError::Faulty(CodecError::EmptyLists { .. })),
        "{err}"
    );
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(
            prop::sample::select(b"[[[]]],,,  \n0123456789.eE+-truefalsnNIiy\"{}\xc3\xa9".to_vec()),
            0..64
        ),
    ]
}

proptest! {
    #[test]
    fn no_body_panics(body in any_bytes()) {
        if let Ok(array) = decode(&body) {
            prop_assert!(array.as_bytes().len() <= 4 * body.len() + 8);
        }
    }

    #[test]
    fn floats_come_back(rows in 1usize..5, columns in 0usize..5, bits in prop::collection::vec(any::<u64>(), 16)) {
        let values: Vec<f64> = bits
            .into_iter()
            .map(f64::from_bits)
            .map(|value| if value.is_nan() { 0.5 } else { value })
            .take(rows * columns)
            .collect();
        let array = floats(&[rows, columns], &values);
        let mut body = Vec::new();
        encode(&array, NonFinite::Keep, &mut body).map(|_| ()).unwrap();
        prop_assert_eq!(decode(&body), Ok(array));
    }

    #[test]
    fn whole_numbers_come_back(values in prop::collection::vec(any::<i64>(), 1..20)) {
        let array = ints(&[values.len()], &values);
        let mut body = Vec::new();
        encode(&array, NonFinite::Keep, &mut body).map(|_| ()).unwrap();
        prop_assert_eq!(decode(&body), Ok(array));
    }
}
