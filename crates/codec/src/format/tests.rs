use super::*;
use crate::{Dtype, array::Array, error::Kind, json::NonFinite};

#[track_caller]
fn check_format(content_type: &str, format: Format) {
    assert_eq!(
        Format::of(&MediaType::parse(content_type)),
        Ok(format),
        "{content_type}"
    );
}

#[test]
fn every_name_has_its_format() {
    for format in Format::ALL {
        for name in format.names() {
            check_format(name, format);
            check_format(&name.to_uppercase(), format);
        }
    }
    check_format("", Format::Json);
    check_format("application/json; charset=utf-8", Format::Json);
    check_format("application/vnd.api+json", Format::Json);
}

#[test]
fn other_types_are_unsupported() {
    for content_type in [
        "application/+json",
        "text/x+json",
        "application/xml",
        "multipart/form-data",
        "json",
    ] {
        let err = Format::of(&MediaType::parse(content_type)).unwrap_err();
        assert_eq!(err.kind(), Kind::UnsupportedMediaType);
    }
    let long = Format::of(&MediaType::parse(&"x".repeat(10_000))).unwrap_err();
    assert!(long.to_string().len() < 500);
}

#[track_caller]
fn decoded<'a>(content_type: &str, body: &'a [u8]) -> Result<Decoded<'a>, DecodeError> {
    let content_type = MediaType::parse(content_type);
    Format::of(&content_type)
        .unwrap()
        .decode(&content_type, body, DecodeOptions::default())
}

#[test]
fn the_content_type_says_how() {
    let Ok(Decoded::Array(array)) = decoded("text/csv; header=present", b"a,b\n1,2") else {
        panic!("it is CSV")
    };
    assert_eq!(array.shape(), [2]);
    assert_eq!(
        decoded("text/csv; header=absent", b"a,b\n1,2"),
        Err(Undecodable::CsvText { line: 1 }.into())
    );
    for text in [
        "text/csv",
        "application/json",
        "application/x-ndjson",
        "text/plain",
    ] {
        assert_eq!(
            decoded(&format!("{text}; charset=latin-1"), b"1"),
            Err(Undecodable::Charset.into())
        );
    }
    assert_eq!(
        decoded("application/octet-stream; charset=latin-1", b"\xff"),
        Ok(Decoded::Bytes(b"\xff"))
    );
    assert_eq!(
        decoded("text/plain; charset=utf-8", b"x"),
        Ok(Decoded::Text("x"))
    );
    assert!(decoded("text/plain", b"\xff").is_err());
    assert_eq!(
        decoded("application/jsonlines", b"1"),
        Err(Undecodable::Lines.into())
    );
    assert!(matches!(
        decoded("application/x-recordio-protobuf", b""),
        Ok(Decoded::Dataset(_))
    ));
    assert!(matches!(
        decoded("application/x-npz", b""),
        Err(DecodeError::Faulty(_))
    ));
    assert!(matches!(
        decoded("application/x-npy", b""),
        Err(DecodeError::Faulty(_))
    ));
}

#[test]
fn every_format_of_arrays_writes_one_and_reads_it_again() {
    let array = Array::try_new(Dtype::Float64, vec![2, 2], vec![0; 32]).unwrap();
    for format in Format::OF_ARRAYS {
        let mut body = Vec::new();
        format
            .encode(&array, NonFinite::Keep, &mut body)
            .map(|_| ())
            .unwrap();
        let content_type = MediaType::parse(format.names()[0]);
        let again = match format.decode(&content_type, &body, DecodeOptions::default()) {
            Ok(Decoded::Array(array)) => array,
            Ok(Decoded::Dataset(dataset)) => dataset.features,
            Ok(Decoded::Arrays(npz)) => {
                assert_eq!(npz.arrays()[0].0, "arr_0");
                npz.arrays()[0].1.clone()
            }
            Err(DecodeError::Undecodable(Undecodable::Lines)) => {
                assert_eq!(body, b"[0.0,0.0]\n[0.0,0.0]\n");
                continue;
            }
            other => panic!("{format:?}: {other:?}"),
        };
        assert_eq!(again, array);
    }
    for format in [Format::OctetStream, Format::Text] {
        let result = format.encode(&array, NonFinite::Keep, &mut Vec::new());
        assert!(matches!(result, Err(EncodeError::Unencodable { .. })));
    }
}
