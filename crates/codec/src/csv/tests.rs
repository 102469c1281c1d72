use proptest::prelude::*;

use super::*;
use crate::{
    array::{Array, Dtype},
    error::{CodecError, CsvFault, EncodeError, Kind, Undecodable},
};

fn floats(shape: &[usize], values: &[f64]) -> Array<'static> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Array::try_new(Dtype::Float64, shape.to_vec(), bytes).unwrap()
}

#[track_caller]
fn check(body: &str, shape: &[usize], values: &[f64]) {
    assert_eq!(
        decode(body.as_bytes(), Options::default()),
        Ok(floats(shape, values)),
        "{body:?}"
    );
}

#[test]
fn rows_of_numbers_are_squeezed_as_the_reference_does() {
    check("1,2,3", &[3], &[1.0, 2.0, 3.0]);
    check("1\n2\n3", &[3], &[1.0, 2.0, 3.0]);
    check("1,2\n3,4\n", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    check("1.0,2\n3,4\n", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    check("\"1\",\"2\"", &[2], &[1.0, 2.0]);
    check("1,2\r\n3,4\r\n", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    check("5", &[], &[5.0]);
    check("", &[0], &[]);
    check(
        " 1 , +2e0,1_000 ,inf",
        &[4],
        &[1.0, 2.0, 1000.0, f64::INFINITY],
    );
}

#[test]
fn ours_reads_more_than_the_reference() {
    check("1,,3", &[3], &[1.0, f64::NAN, 3.0]);
    check(
        "1,2,\n3,4,",
        &[2, 3],
        &[1.0, 2.0, f64::NAN, 3.0, 4.0, f64::NAN],
    );
    check("1,\"\"", &[2], &[1.0, f64::NAN]);
    check(",", &[2], &[f64::NAN, f64::NAN]);
    check("\u{feff}1,2", &[2], &[1.0, 2.0]);
    check("1,2\n\n3,4\n\r\n\n", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    check("\n\n", &[0], &[]);
    check("\u{feff}", &[0], &[]);
    check("\"1\n\",2\r\r\n3,4\r", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
}

#[track_caller]
fn check_left(body: &str, line: usize) {
    assert_eq!(
        decode(body.as_bytes(), Options::default()),
        Err(Undecodable::CsvText { line }.into()),
        "{body:?}"
    );
}

#[test]
fn rows_of_text_are_pythons() {
    check_left("a,b\nc,d", 1);
    check_left("1,a\n2,b", 1);
    check_left("\"a,b\",c", 1);
    check_left("h1,h2\n1,2", 1);
    check_left("1,2\n3,true", 2);
    check_left("true,false", 1);
    check_left("# c\n1,2", 1);
    check_left("\n1,2\n\n3,x", 4);
    check_left("=1+2,3", 1);
    check_left("1;2", 1);
    check_left("1,\0", 1);
    check_left(" ", 1);
    check_left("1,\"2\"\"\"", 1);
    check_left("1,٣", 1);
    check_left("1\"2,3", 1);
}

#[track_caller]
fn check_fault(body: &str, line: usize, fault: CsvFault) {
    assert_eq!(
        decode(body.as_bytes(), Options::default()),
        Err(CodecError::MalformedCsv { line, fault }.into()),
        "{body:?}"
    );
}

#[test]
fn faults_have_a_line() {
    check_fault(
        "1,2\n3\n",
        2,
        CsvFault::Ragged {
            n_cells: 1,
            expected: 2,
        },
    );
    check_fault(
        "1\n\n\n2,3",
        4,
        CsvFault::Ragged {
            n_cells: 2,
            expected: 1,
        },
    );
    check_fault("1,2\n\"unterminated\n,\n", 2, CsvFault::UnclosedQuote);
    check_fault("\"1\"2,3", 1, CsvFault::AfterQuote);
    check_fault("1,2\r3,4", 1, CsvFault::CarriageReturn);
    check_fault("1\n\r2", 2, CsvFault::CarriageReturn);
}

#[test]
fn options_change_shape_and_header() {
    let two_d = Options {
        shape: Shape::TwoD,
        ..Options::default()
    };
    assert_eq!(decode(b"5", two_d), Ok(floats(&[1, 1], &[5.0])));
    assert_eq!(decode(b"1\n2", two_d), Ok(floats(&[2, 1], &[1.0, 2.0])));
    assert_eq!(decode(b"", two_d), Ok(floats(&[0, 0], &[])));
    let header = Options {
        header: Header::Present,
        ..Options::default()
    };
    assert_eq!(
        decode(b"\n\"h,\"\"1\",h2\n1,2\n3,4", header),
        Ok(floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]))
    );
    assert_eq!(decode(b"h1,h2\n", header), Ok(floats(&[0, 2], &[])));
    assert_eq!(decode(b"", header), Ok(floats(&[0], &[])));
    assert_eq!(
        decode(b"h1,h2\n1", header),
        Err(CodecError::MalformedCsv {
            line: 2,
            fault: CsvFault::Ragged {
                n_cells: 1,
                expected: 2
            }
        }
        .into())
    );
}

#[test]
fn a_million_columns_are_read() {
    let body = "1,".repeat(1_000_000) + "1";
    let array = decode(body.as_bytes(), Options::default()).unwrap();
    assert_eq!(array.shape(), [1_000_001]);
}

#[track_caller]
fn check_text(array: &Array<'_>, expected: &str) {
    let mut out = Vec::new();
    assert_eq!(encode(array, &mut out), Ok(()));
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn arrays_are_written_as_the_reference_does() {
    let ints = |shape: &[usize], values: &[i64]| {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Array::try_new(Dtype::Int64, shape.to_vec(), bytes).unwrap()
    };
    check_text(&ints(&[3], &[1, 2, 3]), "1\n2\n3\n");
    check_text(&ints(&[2, 2], &[1, 2, 3, 4]), "1,2\n3,4\n");
    check_text(
        &floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        "1.0,2.0\n3.0,4.0\n",
    );
    check_text(
        &Array::try_new(Dtype::Bool, vec![2], vec![1, 0]).unwrap(),
        "True\nFalse\n",
    );
    check_text(&floats(&[0], &[]), "");
    check_text(&floats(&[2, 0], &[]), "\n\n");
    check_text(&floats(&[0, 3], &[]), "");
    check_text(
        &Array::try_new(Dtype::Float32, vec![1], 0.1f32.to_le_bytes().to_vec()).unwrap(),
        "0.1\n",
    );
    check_text(
        &floats(&[3], &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        "nan\ninf\n-inf\n",
    );
    let nan = Array::try_new(
        Dtype::Float32,
        vec![1],
        f32::NEG_INFINITY.to_le_bytes().to_vec(),
    )
    .unwrap();
    check_text(&nan, "-inf\n");
    // Ours: the reference fails.
    check_text(&ints(&[], &[5]), "5\n");
}

#[test]
fn more_than_two_axes_are_not_acceptable() {
    let err = encode(&floats(&[1, 1, 1], &[1.0]), &mut Vec::new()).unwrap_err();
    let EncodeError::Faulty(err) = err else {
        panic!("{err}")
    };
    assert_eq!(err.kind(), Kind::NotAcceptable);
    assert_eq!(
        err.to_string(),
        "an array of 3 axes can't be written as `text/csv`, at most 2 can"
    );
}

proptest! {
    #[test]
    fn no_body_panics(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(prop::sample::select(b"0123456789.,,,\n\n\r\"\" +-e_naif\xef\xbb\xbf".to_vec()), 0..64),
    ], header: bool, two_d: bool) {
        let options = Options {
            header: if header { Header::Present } else { Header::Absent },
            shape: if two_d { Shape::TwoD } else { Shape::Squeezed },
        };
        if let Ok(array) = decode(&body, options) {
            prop_assert!(array.as_bytes().len() <= 8 * (body.len() + 1));
        }
    }

    #[test]
    fn numbers_come_back(rows in 2usize..5, columns in 2usize..5, bits in prop::collection::vec(any::<u64>(), 16)) {
        let values: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).map(|value| if value.is_nan() { 0.0 } else { value }).collect();
        let array = floats(&[rows, columns], &values[..rows * columns]);
        let mut body = Vec::new();
        encode(&array, &mut body).unwrap();
        prop_assert_eq!(decode(&body, Options::default()), Ok(array));
    }
}

#[track_caller]
fn check_plain(types: Types, body: &str, expected: Option<&Array<'_>>) {
    let decoded = decode_plain(body.as_bytes(), types).ok();
    assert_eq!(decoded.as_ref(), expected, "{types:?} {body:?}");
}

#[test]
fn plain_tables_are_float_in_the_first_generation() {
    let check = |body, shape: &[usize], values: &[f64]| {
        check_plain(Types::Float, body, Some(&floats(shape, values)));
    };
    check("1,2,3", &[3], &[1.0, 2.0, 3.0]);
    check("1\n2.5\r\n3\n", &[3], &[1.0, 2.5, 3.0]);
    check("+1.,-.5\n3e2,0", &[2, 2], &[1.0, -0.5, 300.0, 0.0]);
    check("-0", &[], &[-0.0]);
    for left in [
        "",
        "\n",
        "1,\n",
        ",1",
        "1,,2",
        "1\n\n2",
        "\n1",
        "1\n2,3",
        "1,2\n3",
        "1\r2",
        "\"1\"",
        " 1",
        "nan",
        "1_0",
        "\u{feff}1",
        "1,a",
        "1\r",
    ] {
        check_plain(Types::Float, left, None);
    }
}

#[test]
fn plain_tables_keep_whole_columns_in_the_second() {
    let ints = |shape: &[usize], values: &[i64]| {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Array::try_new(Dtype::Int64, shape.to_vec(), bytes).unwrap()
    };
    check_plain(
        Types::Column,
        "1,2\n3,4\n",
        Some(&ints(&[2, 2], &[1, 2, 3, 4])),
    );
    check_plain(Types::Column, "-5", Some(&ints(&[], &[-5])));
    check_plain(
        Types::Column,
        "1,2.5\n3.0,4",
        Some(&floats(&[2, 2], &[1.0, 2.5, 3.0, 4.0])),
    );
    for left in [
        "1,2.5",
        "1.5,2\n3.5,4",
        "-0",
        "007",
        "+1",
        ".5",
        "1.",
        "9223372036854775808",
        "1,2\n3.5",
    ] {
        check_plain(Types::Column, left, None);
    }
}
