use proptest::prelude::*;

use super::*;
use crate::array::ArrayError;

/// A file of version 1.0 with that header, padded or not.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut body = b"\x93NUMPY\x01\x00".to_vec();
    body.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
    body.extend_from_slice(header.as_bytes());
    body.extend_from_slice(data);
    body
}

fn floats(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn the_printed_vector_is_equal_both_ways() {
    let data = floats(&[1.0, 2.5, 3.0]);
    let mut expected =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
            .to_vec();
    expected.resize(127, b' ');
    expected.push(b'\n');
    expected.extend_from_slice(&data);
    assert_eq!(expected.len(), 152);
    let array = Array::try_new(Dtype::Float64, vec![3], data).unwrap();
    let mut body = Vec::new();
    encode(&array, &mut body).unwrap();
    assert_eq!(body, expected);
    assert_eq!(decode(&body), Ok(array));
}

#[test]
fn headers_are_written_as_numpy_writes_them() {
    for (dtype, shape, expected) in [
        (
            "<i8",
            &[2, 2][..],
            "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 2), }",
        ),
        (
            "<f4",
            &[],
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        ),
        (
            "|b1",
            &[0, 1],
            "{'descr': '|b1', 'fortran_order': False, 'shape': (0, 1), }",
        ),
        (
            "<U3",
            &[1],
            "{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }",
        ),
        (
            "|S5",
            &[1],
            "{'descr': '|S5', 'fortran_order': False, 'shape': (1,), }",
        ),
    ] {
        let text = header::text(dtype, shape);
        assert_eq!(text.len(), 118, "{text}");
        assert_eq!(text.trim_end(), expected);
    }
    // Twelve axes take more than one unit of 64, and the room to grow counts.
    assert_eq!(header::text("<f8", &[1; 12]).len(), 118);
    assert_eq!(header::text("<f8", &[1; 22]).len(), 182);
}

#[test]
fn a_plain_file_is_a_view() {
    let body = file(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}\n",
        &floats(&[1.0, 2.0]),
    );
    let (_, _, bytes) = decode(&body).unwrap().into_parts();
    assert!(matches!(bytes, Cow::Borrowed(_)));
}

#[test]
fn fortran_order_is_turned() {
    let data: Vec<u8> = [1u8, 4, 2, 5, 3, 6].to_vec();
    let body = file(
        "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}",
        &data,
    );
    assert_eq!(decode(&body).unwrap().as_bytes(), [1, 2, 3, 4, 5, 6]);
    let body = file(
        "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 1, 2)}",
        &[1, 0, 3, 0, 2, 0, 4, 0],
    );
    assert_eq!(decode(&body).unwrap().as_bytes(), [1, 0, 2, 0, 3, 0, 4, 0]);
    let body = file(
        "{'descr': '|u1', 'fortran_order': True, 'shape': (0, 3)}",
        &[],
    );
    assert_eq!(decode(&body).unwrap().shape(), [0, 3]);
}

#[test]
fn three_versions_and_many_types_are_read() {
    let header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
    for version in [2, 3] {
        let mut body = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0, 57, 0, 0, 0];
        body.extend_from_slice(header);
        body.extend_from_slice(&[1, 0, 2, 0]);
        assert_eq!(
            decode(&body).unwrap(),
            Array::try_new(Dtype::Int16, vec![2], vec![1, 0, 2, 0]).unwrap()
        );
    }
    for (name, n_bytes) in [
        ("<f2", 2),
        (">f8", 8),
        ("<c16", 16),
        ("<U3", 12),
        ("|S5", 5),
        ("<M8[ns]", 8),
    ] {
        let body = file(
            &format!("{{'descr': '{name}', 'fortran_order': False, 'shape': ()}}"),
            &vec![0; n_bytes],
        );
        assert_eq!(decode(&body).unwrap().dtype().name(), name);
    }
}

#[test]
fn bytes_after_the_data_and_odd_literals_are_fine() {
    for header in [
        "{'shape': (2,), 'fortran_order': False, 'descr': '|u1',}\n\n",
        "  {\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":(2L,)}",
        "{\n'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 2 , ) }",
    ] {
        assert_eq!(
            decode(&file(header, &[1, 2, 3])).unwrap().as_bytes(),
            [1, 2],
            "{header}"
        );
    }
}

#[test]
fn objects_are_refused_wherever_they_are() {
    for descr in [
        "'|O'",
        "'O'",
        "'<O8'",
        "'object'",
        "[('a', '<i4'), ('b', '|O')]",
        "[('a', [('b', [(('t', 'n'), '|O', (2,))])])]",
    ] {
        let body = file(
            &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}"),
            b"\x80\x04N.",
        );
        assert_eq!(
            decode(&body),
            Err(CodecError::ObjectArray.into()),
            "{descr}"
        );
    }
}

#[test]
fn structures_are_pythons() {
    for descr in [
        "[('a', '<i4'), ('s', [('x', '<f8', (2, 3))])]",
        "[]",
        "'<f16'",
        "'float64'",
        "'<U0'",
    ] {
        let body = file(
            &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}"),
            &[0; 64],
        );
        assert_eq!(decode(&body), Err(Undecodable::Dtype.into()), "{descr}");
    }
}

#[track_caller]
fn check_fault(body: &[u8], text: &str) {
    assert_eq!(decode(body).unwrap_err().to_string(), text);
}

#[test]
fn headers_that_are_no_such_literal_are_refused() {
    for (header, text) in [
        ("", "malformed NPY: at byte 0 of the header: expected `{`"),
        (
            "{",
            "malformed NPY: at byte 1 of the header: expected a string",
        ),
        (
            "{}",
            "malformed NPY: at byte 2 of the header: expected the keys `descr`, `fortran_order` and `shape`",
        ),
        (
            "{'descr': __import__('os').system('id')}",
            "malformed NPY: at byte 10 of the header: expected a string",
        ),
        (
            "{'descr': '<f8'",
            "malformed NPY: at byte 15 of the header: expected `,` or `}`",
        ),
        (
            "{'descr': '<f8",
            "malformed NPY: at byte 10 of the header: expected the end of the string",
        ),
        (
            "{'descr': '<f8\\",
            "malformed NPY: at byte 10 of the header: expected the end of the string",
        ),
        (
            "{'x': 1}",
            "malformed NPY: at byte 1 of the header: expected one of the keys `descr`, `fortran_order`, `shape`",
        ),
        (
            "{'descr': '<f8', 'descr': '<f8'}",
            "malformed NPY: at byte 17 of the header: expected one of the keys `descr`, `fortran_order`, `shape`",
        ),
        (
            "{'descr': '<f8', 'fortran_order': 0, 'shape': ()}",
            "malformed NPY: at byte 34 of the header: expected `True` or `False`",
        ),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
            "malformed NPY: at byte 51 of the header: expected the length of an axis",
        ),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "malformed NPY: at byte 51 of the header: expected the length of an axis",
        ),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3)}",
            "malformed NPY: at byte 52 of the header: expected `,`",
        ),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': ()} x",
            "malformed NPY: at byte 54 of the header: expected the end",
        ),
    ] {
        check_fault(&file(header, &[0; 8]), text);
    }
    let deep = format!("{{'descr': {}", "[('a', ".repeat(1000));
    assert!(matches!(
        decode(&file(&deep, &[])),
        Err(DecodeError::Faulty(CodecError::MalformedNpy(
            NpyFault::Literal { .. }
        )))
    ));
}

#[test]
fn lengths_are_checked_before_anything_is_made_of_them() {
    let with_shape = |shape: &str| {
        file(
            &format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"),
            &[0; 8],
        )
    };
    check_fault(
        &with_shape("(2,)"),
        "malformed NPY: 8 bytes of data, the shape says 16",
    );
    check_fault(
        &with_shape("(4294967296, 4294967296)"),
        "malformed NPY: the shape and the data disagree: the shape overflows",
    );
    let axes = format!("({})", "1, ".repeat(65));
    check_fault(
        &with_shape(&axes),
        &format!(
            "malformed NPY: the shape and the data disagree: {}",
            ArrayError::Axes { n_axes: 65 }
        ),
    );
    check_fault(b"", "malformed NPY: the magic bytes are missing");
    check_fault(
        b"junkjunkjunk",
        "malformed NPY: the magic bytes are missing",
    );
    check_fault(b"\x93NUMPY", "malformed NPY: the header has no end");
    check_fault(
        b"\x93NUMPY\x01\x00\x76",
        "malformed NPY: the header has no end",
    );
    check_fault(
        b"\x93NUMPY\x01\x00\x76\x00{",
        "malformed NPY: the header has no end",
    );
    check_fault(
        b"\x93NUMPY\x04\x00\x76\x00{",
        "malformed NPY: format version 4.0 is not known",
    );
    check_fault(
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        "malformed NPY: the header has 4294967295 bytes, at most 65536 are accepted",
    );
}

fn any_array() -> impl Strategy<Value = Array<'static>> {
    let dtype = prop::sample::select(vec![
        "|b1", "|u1", "<i4", "<f8", "<f2", ">f8", "<U2", "<M8[ns]",
    ]);
    (dtype, prop::collection::vec(0usize..4, 0..4)).prop_map(|(name, shape)| {
        let dtype = Dtype::parse(name).unwrap();
        let n_bytes = array::n_bytes(&dtype, &shape).unwrap();
        Array::try_new(
            dtype,
            shape,
            (0..=255).cycle().take(n_bytes).collect::<Vec<u8>>(),
        )
        .unwrap()
    })
}

proptest! {
    #[test]
    fn arrays_come_back(array in any_array(), rest in prop::collection::vec(any::<u8>(), 0..4)) {
        let mut body = Vec::new();
        encode(&array, &mut body).unwrap();
        body.extend_from_slice(&rest);
        prop_assert_eq!(decode(&body), Ok(array.clone()));
        prop_assert_eq!(decode_owned(body), Ok(array));
    }

    #[test]
    fn no_body_panics(
        array in any_array(),
        cut in 0usize..200,
        place in 0usize..140,
        bytes in prop::collection::vec(prop::sample::select(b"{}()[]',:\\ 0123456789LTrueFalse<|>Of8\xff\x00".to_vec()), 0..20),
    ) {
        let mut body = Vec::new();
        encode(&array, &mut body).unwrap();
        let place = place.min(body.len());
        let end = (place + bytes.len()).min(body.len());
        body.splice(place..end, bytes);
        body.truncate(cut);
        if let Ok(array) = decode(&body) {
            prop_assert!(array.as_bytes().len() <= body.len());
        }
    }

    #[test]
    fn no_header_panics(text in prop::collection::vec(prop::sample::select(b"{}()[]'\",:\\ 09LTrueFalsedescrfortran_ordershape<f8O\xff".to_vec()), 0..80)) {
        let _either = header::Header::parse(&text);
    }
}

/// What a preview of the beginning says is what decoding the whole gives.
#[track_caller]
fn check_preview(body: &[u8]) {
    let decoded = decode(body);
    let previewed = preview(body, body.len());
    match (decoded, previewed) {
        (Ok(array), Ok(Some(preview))) => {
            assert_eq!(
                (&preview.dtype, &preview.shape[..]),
                (array.dtype(), array.shape())
            );
            assert_eq!(&body[preview.data], array.as_bytes());
        }
        // In Fortran order: there is an array, and its items are somewhere else.
        (Ok(array), Ok(None)) => assert!(array.shape().len() > 1),
        (decoded, previewed) => assert_eq!(decoded.err(), previewed.err()),
    }
}

#[test]
fn a_preview_is_equal_to_the_whole() {
    let mut bodies = vec![
        b"".to_vec(),
        b"junk".to_vec(),
        b"\x93NUMPY\x04\x00".to_vec(),
    ];
    for descr in [
        "'<f8'",
        "'|b1'",
        "'>f8'",
        "'<U2'",
        "'|O'",
        "[('a', '<i4')]",
        "'<f16'",
        "x",
    ] {
        for shape in [
            "()",
            "(0,)",
            "(2,)",
            "(2, 2)",
            "(9, 9)",
            "(0, 3)",
            "(2",
            "(99999999999, 99999999999)",
        ] {
            for order in ["False", "True"] {
                let header =
                    format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}");
                bodies.push(file(&header, &[7; 40]));
            }
        }
    }
    for body in bodies {
        check_preview(&body);
    }
}

#[test]
fn a_preview_needs_only_the_header() {
    let body = file(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}\n",
        &[1; 30],
    );
    let start = body.len() - 30;
    let expected = Ok(Some(Preview {
        dtype: Dtype::Float32,
        shape: vec![2, 3],
        data: start..start + 24,
    }));
    for n_there in start..=body.len() {
        assert_eq!(preview(&body[..n_there], body.len()), expected);
    }
    // Without the end of the header there is no telling.
    for n_there in 0..start {
        assert!(preview(&body[..n_there], body.len()).is_err(), "{n_there}");
    }
}

#[test]
fn a_preview_knows_that_the_file_is_short() {
    let body = file(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}",
        &[],
    );
    let short = |n_bytes| preview(&body, n_bytes).unwrap_err().to_string();
    let text = |n| format!("malformed NPY: {n} bytes of data, the shape says 24");
    assert_eq!(short(body.len() + 23), text(23));
    assert_eq!(short(body.len()), text(0));
    // Less than what is at hand can't be.
    assert_eq!(short(0), text(0));
    assert!(preview(&body, body.len() + 24).is_ok());
    assert!(preview(&body, usize::MAX).is_ok());
}

#[test]
fn a_preview_leaves_fortran_order_to_the_decoder() {
    let of = |order: &str, shape: &str| {
        let header = format!("{{'descr': '|u1', 'fortran_order': {order}, 'shape': {shape}}}");
        preview(&file(&header, &[0; 6]), usize::MAX).unwrap()
    };
    assert_eq!(of("True", "(2, 3)"), None);
    assert_eq!(of("True", "(0, 3)"), None);
    // With one axis or none, both orders are the same.
    for shape in ["(6,)", "()"] {
        assert!(of("True", shape).is_some());
    }
    assert!(of("False", "(2, 3)").is_some());
}

#[test]
fn a_header_alone_is_what_stands_before_the_items() {
    let data = floats(&[1.0, 2.5, 3.0]);
    let array = Array::try_new(Dtype::Float64, vec![3], &data).unwrap();
    let mut whole = b"before".to_vec();
    encode(&array, &mut whole).unwrap();
    let mut parts = b"before".to_vec();
    encode_header(array.dtype(), array.shape(), &mut parts).unwrap();
    assert_eq!(parts.len(), 6 + 128);
    parts.extend_from_slice(&data);
    assert_eq!(parts, whole);
}

proptest! {
    #[test]
    fn a_header_and_the_items_are_the_file(array in any_array()) {
        let mut whole = Vec::new();
        encode(&array, &mut whole).unwrap();
        let mut header = Vec::new();
        encode_header(array.dtype(), array.shape(), &mut header).unwrap();
        prop_assert_eq!(header.len() % 64, 0);
        let found = preview(&header, whole.len()).unwrap().unwrap();
        prop_assert_eq!(found.data, header.len()..whole.len());
        prop_assert_eq!((&found.dtype, &found.shape[..]), (array.dtype(), array.shape()));
        header.extend_from_slice(array.as_bytes());
        prop_assert_eq!(header, whole);
    }

    #[test]
    fn no_beginning_panics(
        array in any_array(),
        cut in 0usize..200,
        place in 0usize..140,
        bytes in prop::collection::vec(prop::sample::select(b"{}()[]',:\\ 0123456789LTrueFalse<|>Of8\xff\x00".to_vec()), 0..20),
        n_bytes in prop_oneof![0usize..300, any::<usize>()],
    ) {
        let mut body = Vec::new();
        encode(&array, &mut body).unwrap();
        let place = place.min(body.len());
        let end = (place + bytes.len()).min(body.len());
        body.splice(place..end, bytes);
        body.truncate(cut);
        check_preview(&body);
        if let Ok(Some(found)) = preview(&body, n_bytes) {
            prop_assert!(found.data.start <= found.data.end && found.data.end <= n_bytes.max(body.len()));
        }
    }

    #[test]
    fn no_bytes_panic(
        version in 0u8..5,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        n_bytes in any::<usize>(),
    ) {
        let mut body = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
        body.extend_from_slice(&bytes);
        check_preview(&body);
        check_preview(&bytes);
        let _either = preview(&body, n_bytes);
    }
}
