use proptest::prelude::*;

use super::*;

fn policy() -> CodecPolicy {
    CodecPolicy {
        default_accept: "application/json".to_owned(),
        mismatch: Mismatch::Refuse,
        non_finite: NonFinite::Keep,
        csv_shape: csv::Shape::Squeezed,
    }
}

fn form(dtype: Dtype, dimensions: &[u64]) -> ArrayForm {
    ArrayForm {
        dtype,
        dimensions: dimensions.iter().map(|n| n.to_le_bytes()).collect(),
    }
}

fn input(content_type: &str, body: &[u8]) -> Result<Input, CodecError> {
    let media_type = MediaType::parse(content_type);
    decode(Format::of(&media_type)?, &media_type, body, &policy())
}

/// The elements that a body becomes.
#[track_caller]
fn check_input(content_type: &str, body: &[u8], expected: &ArrayForm, bytes: &[u8]) {
    let Ok(Input::Elements(elements)) = input(content_type, body) else {
        panic!("{content_type}: {}", body.escape_ascii());
    };
    assert_eq!(elements.form, *expected, "{}", body.escape_ascii());
    assert_eq!(elements.bytes, bytes, "{}", body.escape_ascii());
}

/// What an array is written as.
#[track_caller]
fn output(accept: &str, form: &ArrayForm, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let choice = choose(Some(accept), &policy()).unwrap();
    encode(form, bytes, choice, &policy())
}

fn i64s(values: &[i64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn f64s(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const NPY: &str = "application/x-npy";
const RECORDIO: &str = "application/x-recordio-protobuf";

#[test]
fn json_becomes_what_numpy_makes_of_it() {
    let i64_of = |dimensions| form(Dtype::I64, dimensions);
    let f64_of = |dimensions| form(Dtype::F64, dimensions);
    for (body, form, bytes) in [
        ("[1,2,3]", i64_of(&[3]), i64s(&[1, 2, 3])),
        ("[[1,2],[3,4]]", i64_of(&[2, 2]), i64s(&[1, 2, 3, 4])),
        (" 5 ", i64_of(&[]), i64s(&[5])),
        ("[1, 2.5]", f64_of(&[2]), f64s(&[1.0, 2.5])),
        ("[[],[]]", f64_of(&[2, 0]), Vec::new()),
        ("[]", f64_of(&[0]), Vec::new()),
        ("[-0]", i64_of(&[1]), i64s(&[0])),
        ("[1e400]", f64_of(&[1]), f64s(&[f64::INFINITY])),
        ("[true,false]", form(Dtype::Bool, &[2]), vec![1, 0]),
        ("[true, 1]", i64_of(&[2]), i64s(&[1, 1])),
        ("[true, 1.5]", f64_of(&[2]), f64s(&[1.0, 1.5])),
    ] {
        check_input(JSON, body.as_bytes(), &form, &bytes);
    }
    check_input(
        "application/x+json; charset=UTF-8",
        b"[1]",
        &i64_of(&[1]),
        &i64s(&[1]),
    );
    let Ok(Input::Elements(elements)) = input(JSON, b"[1, NaN]") else {
        panic!("NaN is a number");
    };
    assert_eq!(elements.form, f64_of(&[2]));
}

#[test]
fn what_only_python_knows_stays_as_it_came() {
    for body in [
        "{\"a\":1}",
        "null",
        "\"x\"",
        "[1,\"a\"]",
        "[1, null]",
        "[[1],[2,3]]",
        "[9223372036854775808]",
        "[18446744073709551616]",
    ] {
        assert_eq!(input(JSON, body.as_bytes()), Ok(Input::AsItCame), "{body}");
    }
    assert_eq!(
        input("application/json; charset=latin-1", b"[1]"),
        Ok(Input::AsItCame)
    );
    assert_eq!(input(CSV, b"a,b\nc,d\n"), Ok(Input::AsItCame));
    // Deeper than an array's form can say.
    let deep = "[".repeat(33) + "1" + &"]".repeat(33);
    assert_eq!(input(JSON, deep.as_bytes()), Ok(Input::AsItCame));
}

#[test]
fn what_nobody_can_read_is_refused() {
    for (content_type, body) in [
        (JSON, &b""[..]),
        (JSON, b"[1,"),
        (JSON, b"[1] x"),
        (JSON, b"[\xff]"),
        (CSV, b"1,2\n3\n"),
        (CSV, b"\"unterminated"),
        (NPY, b"junk"),
        (RECORDIO, b"junkjunkjunk"),
    ] {
        let error = input(content_type, body).unwrap_err();
        assert_eq!(error.kind(), optml_codec::Kind::BadBody, "{error}");
    }
    let error = input("image/png", b"").unwrap_err();
    assert_eq!(error.kind(), optml_codec::Kind::UnsupportedMediaType);
}

#[test]
fn csv_becomes_floats_squeezed_or_not() {
    let f64_of = |dimensions| form(Dtype::F64, dimensions);
    for (body, form, values) in [
        ("1,2,3", f64_of(&[3]), &[1.0, 2.0, 3.0][..]),
        ("1\n2\n3", f64_of(&[3]), &[1.0, 2.0, 3.0]),
        ("1,2\r\n3,4\r\n", f64_of(&[2, 2]), &[1.0, 2.0, 3.0, 4.0]),
        ("\"1\",\"2\"", f64_of(&[2]), &[1.0, 2.0]),
        ("5", f64_of(&[]), &[5.0]),
        ("", f64_of(&[0]), &[]),
        ("1\n\n2", f64_of(&[2]), &[1.0, 2.0]),
    ] {
        check_input(CSV, body.as_bytes(), &form, &f64s(values));
    }
    check_input(
        "text/csv; header=present",
        b"a,b\n1,2",
        &f64_of(&[2]),
        &f64s(&[1.0, 2.0]),
    );
    let two_d = CodecPolicy {
        csv_shape: csv::Shape::TwoD,
        ..policy()
    };
    let elements = Elements {
        form: f64_of(&[1, 3]),
        bytes: f64s(&[1.0, 2.0, 3.0]),
    };
    let media_type = MediaType::parse(CSV);
    assert_eq!(
        decode(Format::Csv, &media_type, b"1,2,3", &two_d),
        Ok(Input::Elements(elements))
    );
}

#[test]
fn records_become_their_features() {
    let record = b"\x0a\x23\xd7\xce\x18\x00\x00\x00\x0a\x16\x0a\x06values\x12\x0c\x12\x0a\x0a\x08\x00\x00\x80\x3f\x00\x00\x00\x40";
    let bytes: Vec<u8> = [1.0_f32, 2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let form = form(Dtype::F32, &[1, 2]);
    check_input(RECORDIO, record, &form, &bytes);
    assert_eq!(output(RECORDIO, &form, &bytes), Ok(record.to_vec()));
}

#[test]
fn arrays_are_written_as_the_reference_writes_them() {
    let f32s = 0.1_f32.to_le_bytes();
    let square = form(Dtype::F64, &[2, 2]);
    let squares = f64s(&[1.0, 2.0, 3.0, 4.0]);
    let threes = form(Dtype::I64, &[3]);
    for (accept, form, bytes, expected) in [
        (JSON, &threes, i64s(&[1, 2, 3]), "[1, 2, 3]"),
        (CSV, &threes, i64s(&[1, 2, 3]), "1\n2\n3\n"),
        (
            JSON,
            &form(Dtype::F64, &[3]),
            f64s(&[1.0, 2.5, 3.0]),
            "[1.0, 2.5, 3.0]",
        ),
        (
            JSON,
            &form(Dtype::F32, &[1]),
            f32s.to_vec(),
            "[0.10000000149011612]",
        ),
        (CSV, &form(Dtype::F32, &[1]), f32s.to_vec(), "0.1\n"),
        (JSON, &square, squares.clone(), "[[1.0, 2.0], [3.0, 4.0]]"),
        (CSV, &square, squares, "1.0,2.0\n3.0,4.0\n"),
        (JSON, &form(Dtype::F64, &[]), f64s(&[3.5]), "3.5"),
        (CSV, &form(Dtype::I64, &[]), i64s(&[5]), "5\n"),
        (JSON, &form(Dtype::F64, &[1]), f64s(&[f64::NAN]), "[NaN]"),
        (JSON, &form(Dtype::Bool, &[2]), vec![1, 0], "[true, false]"),
        (CSV, &form(Dtype::Bool, &[2]), vec![1, 0], "True\nFalse\n"),
        (JSON, &form(Dtype::F64, &[2, 0]), vec![], "[[], []]"),
        (CSV, &form(Dtype::F64, &[0]), vec![], ""),
        (
            "application/jsonlines",
            &form(Dtype::I64, &[2, 1]),
            i64s(&[1, 2]),
            "[1]\n[2]\n",
        ),
    ] {
        let written = output(accept, form, &bytes).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{accept}");
    }
}

#[test]
fn an_npy_file_is_the_printed_one_in_one_piece_and_in_two() {
    let mut expected =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
            .to_vec();
    expected.resize(127, b' ');
    expected.push(b'\n');
    let header = expected.clone();
    let data = b"\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x04\x40\x00\x00\x00\x00\x00\x00\x08\x40";
    expected.extend_from_slice(data);
    let form = form(Dtype::F64, &[3]);
    assert_eq!(npy_header(&form), Ok(header));
    assert_eq!(output(NPY, &form, data), Ok(expected.clone()));
    check_input(NPY, &expected, &form, data);
    assert_eq!(
        find_npy_elements(&expected, 152),
        Ok(Some((form.clone(), 128..152)))
    );
    // The header is enough, and what follows the data is none of it.
    assert_eq!(
        find_npy_elements(&expected[..128], 9999),
        Ok(Some((form, 128..152)))
    );
}

#[test]
fn an_npy_file_is_for_the_worker_where_its_elements_are_not_ours() {
    let file = |header: &str| {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.as_bytes());
        file
    };
    let find = |header: &str| {
        let file = file(header);
        find_npy_elements(&file, file.len() as u64 + 64)
    };
    for descr in [
        "'<f2'",
        "'>f8'",
        "'<c16'",
        "'<U3'",
        "'<M8[ns]'",
        "[('a', '<i4')]",
    ] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,)}}");
        assert_eq!(find(&header), Ok(None), "{descr}");
    }
    let fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}";
    assert_eq!(find(fortran), Ok(None));
    let deep = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}",
        "1, ".repeat(33)
    );
    assert_eq!(find(&deep), Ok(None));
    let objects = "{'descr': '|O', 'fortran_order': False, 'shape': ()}";
    assert_eq!(find(objects), Err(CodecError::ObjectArray));
    let long = "{'descr': '<f8', 'fortran_order': False, 'shape': (9,)}";
    assert!(matches!(find(long), Err(CodecError::MalformedNpy(_))));
    assert!(matches!(
        find_npy_elements(b"", 0),
        Err(CodecError::MalformedNpy(_))
    ));
}

#[test]
fn the_longest_header_is_within_the_beginning() {
    let mut header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}".to_owned();
    header.push_str(&" ".repeat(npy::MAX_HEADER_BYTES - header.len()));
    let mut file = b"\x93NUMPY\x02\x00".to_vec();
    file.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    assert_eq!(file.len() as u64, NPY_BEGINNING_BYTES);
    let start = file.len();
    let found = find_npy_elements(&file, start as u64 + 1).unwrap();
    assert_eq!(found, Some((form(Dtype::U8, &[1]), start..start + 1)));
}

#[test]
fn the_clients_wish_counts_first() {
    let supported = "`application/json`, `text/csv`, `application/x-npy`, `application/x-npz`, `application/jsonlines`, `application/x-recordio-protobuf`, `application/octet-stream`, `text/plain`";
    for (accept, expected) in [
        (None, JSON),
        (Some(""), JSON),
        (Some("*/*"), JSON),
        (Some("TEXT/CSV; header=absent"), CSV),
        (Some("text/csv;q=0.1, application/x-npy;q=0.9"), NPY),
        (Some("text/*"), CSV),
        (Some("application/x-ndjson"), "application/x-ndjson"),
        (Some("application/json;q=0, */*;q=0.1"), CSV),
        (Some("image/png, text/plain;q=0.5"), "text/plain"),
        (
            Some("*/*;q=0.1, application/octet-stream"),
            "application/octet-stream",
        ),
    ] {
        let choice = choose(accept, &policy()).unwrap();
        assert_eq!(choice.content_type, expected, "{accept:?}");
    }
    let refused = CodecError::NotAcceptable {
        accept: "image/png".to_owned(),
        supported: supported.to_owned(),
    };
    assert_eq!(choose(Some("image/png"), &policy()), Err(refused));
}

#[test]
fn the_operators_wish_counts_where_the_client_has_none() {
    let csv = CodecPolicy {
        default_accept: CSV.to_owned(),
        mismatch: Mismatch::UseDefault,
        ..policy()
    };
    for accept in [None, Some("*/*"), Some("image/png")] {
        assert_eq!(
            choose(accept, &csv).unwrap().content_type,
            CSV,
            "{accept:?}"
        );
    }
    assert_eq!(choose(Some(JSON), &csv).unwrap().content_type, JSON);
}

#[test]
fn what_can_not_be_written_is_said_to_be_so() {
    let strict = CodecPolicy {
        non_finite: NonFinite::Refuse,
        ..policy()
    };
    let choice = choose(None, &strict).unwrap();
    let nan = encode(&form(Dtype::F64, &[1]), &f64s(&[f64::NAN]), choice, &strict).unwrap_err();
    assert_eq!(
        nan.body(optml_contract::serving::ErrorDetail::Message).code,
        500
    );
    for (accept, form, bytes) in [
        (CSV, form(Dtype::U8, &[1, 1, 1]), vec![1]),
        ("text/plain", form(Dtype::U8, &[1]), vec![1]),
        ("application/octet-stream", form(Dtype::U8, &[1]), vec![1]),
    ] {
        let problem = output(accept, &form, &bytes).unwrap_err();
        assert_eq!(
            problem
                .body(optml_contract::serving::ErrorDetail::Message)
                .code,
            406,
            "{accept}"
        );
    }
}

#[test]
fn a_worker_that_lies_about_its_array_is_found_out() {
    let huge = [u64::MAX, u64::MAX];
    for (form, bytes) in [
        (form(Dtype::F64, &[2]), &[0; 15][..]),
        (form(Dtype::F64, &[2]), &[0; 17]),
        (form(Dtype::U8, &huge), &[0; 1]),
        (form(Dtype::F16, &[1]), &[0; 2]),
    ] {
        assert_eq!(output(JSON, &form, bytes), Err(LIES));
        assert_eq!(output(NPY, &form, bytes), Err(LIES));
    }
    assert_eq!(npy_header(&form(Dtype::F16, &[1])), Err(LIES));
    // Endless text from no bytes at all.
    assert!(output(JSON, &form(Dtype::F64, &[1 << 40, 0]), &[]).is_err());
}

#[test]
fn formats_of_the_worker_stay_as_they_came() {
    for format in Format::ALL {
        let is_ours = !matches!(
            format,
            Format::JsonLines | Format::OctetStream | Format::Text
        );
        assert_eq!(is_decoded_here(format), is_ours);
    }
    for content_type in [
        "text/plain",
        "application/octet-stream",
        "application/jsonlines",
    ] {
        assert_eq!(input(content_type, b"1"), Ok(Input::AsItCame));
    }
}

const DTYPES: [(Dtype, usize); 11] = [
    (Dtype::Bool, 1),
    (Dtype::I8, 1),
    (Dtype::I16, 2),
    (Dtype::I32, 4),
    (Dtype::I64, 8),
    (Dtype::U8, 1),
    (Dtype::U16, 2),
    (Dtype::U32, 4),
    (Dtype::U64, 8),
    (Dtype::F32, 4),
    (Dtype::F64, 8),
];

proptest! {
    #[test]
    fn every_array_comes_back_from_npy(
        dtype in prop::sample::select(&DTYPES[..]),
        dimensions in prop::collection::vec(0..4_u64, 0..5),
        seed in any::<u8>(),
    ) {
        let n_items: u64 = dimensions.iter().product();
        let n_bytes = usize::try_from(n_items).unwrap() * dtype.1;
        let bytes: Vec<u8> = (0..n_bytes).map(|n| seed.wrapping_add(u8::try_from(n % 251).unwrap())).collect();
        let form = form(dtype.0, &dimensions);
        let file = output(NPY, &form, &bytes).unwrap();
        let header = npy_header(&form).unwrap();
        prop_assert_eq!(&file[..header.len()], &header[..]);
        let found = find_npy_elements(&file, file.len() as u64).unwrap();
        prop_assert_eq!(found, Some((form.clone(), header.len()..file.len())));
        prop_assert_eq!(input(NPY, &file), Ok(Input::Elements(Elements { form, bytes })));
    }

    /// Whatever the worker says of its bytes, the answer is an error or a whole text.
    #[test]
    fn no_form_panics(
        dtype in prop::sample::select(&DTYPES[..]),
        dimensions in prop::collection::vec(prop_oneof![0..4_u64, Just(u64::MAX), Just(1 << 32)], 0..70),
        n_bytes in 0..40_usize,
        accept in prop::sample::select(vec![JSON, CSV, NPY, RECORDIO, "application/x-npz", "application/jsonlines"]),
    ) {
        let form = form(dtype.0, &dimensions);
        let _either = output(accept, &form, &vec![0; n_bytes]);
        let _either = npy_header(&form);
    }

    #[test]
    fn no_body_panics(
        body in prop::collection::vec(prop::sample::select(b"[]{},0123.5eE-\"tnNrufalsiy \n\r\xff\x00".to_vec()), 0..60),
        content_type in prop::sample::select(vec![JSON, CSV, NPY, RECORDIO, "application/x-npz", "text/plain"]),
    ) {
        let _either = input(content_type, &body);
    }
}
