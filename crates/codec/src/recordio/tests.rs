use proptest::prelude::*;

use super::*;
use crate::{
    array::{Array, Dtype},
    error::ItemFault,
};

fn array<const N: usize>(dtype: Dtype, shape: &[usize], items: &[[u8; N]]) -> Array<'static> {
    Array::try_new(dtype, shape.to_vec(), items.concat()).unwrap()
}

fn float32(shape: &[usize], values: &[f32]) -> Array<'static> {
    let items: Vec<_> = values.iter().map(|value| value.to_le_bytes()).collect();
    array(Dtype::Float32, shape, &items)
}

fn float64(shape: &[usize], values: &[f64]) -> Array<'static> {
    let items: Vec<_> = values.iter().map(|value| value.to_le_bytes()).collect();
    array(Dtype::Float64, shape, &items)
}

fn int64(shape: &[usize], values: &[i64]) -> Array<'static> {
    let items: Vec<_> = values.iter().map(|value| value.to_le_bytes()).collect();
    array(Dtype::Int64, shape, &items)
}

fn int32(shape: &[usize], values: &[i32]) -> Array<'static> {
    let items: Vec<_> = values.iter().map(|value| value.to_le_bytes()).collect();
    array(Dtype::Int32, shape, &items)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[track_caller]
fn check(features: &Array<'_>, labels: Option<&Array<'_>>, expected: &str) {
    let mut body = Vec::new();
    encode(features, labels, &mut body).unwrap();
    assert_eq!(body, hex(expected));
}

#[test]
fn the_printed_vectors_are_equal() {
    check(
        &float32(&[1, 2], &[1.0, 2.0]),
        None,
        "0a23d7ce 18000000 0a16 0a06 76616c756573 120c 120a 0a08 0000803f 00000040",
    );
    check(
        &float64(&[1, 2], &[1.0, 2.0]),
        None,
        "0a23d7ce 20000000 0a1e 0a06 76616c756573 1214 1a12 0a10 000000000000f03f 0000000000000040",
    );
    let ints = "0a23d7ce 12000000 0a10 0a06 76616c756573 1206 3a04 0a02 01 02 0000";
    check(&int64(&[1, 2], &[1, 2]), None, ints);
    check(&int64(&[2], &[1, 2]), None, ints);
    // Ours: the reference refuses scalars and int32.
    let (mut scalar, mut one) = (Vec::new(), Vec::new());
    let label = float32(&[], &[2.0]);
    encode(&float32(&[], &[1.0]), Some(&label), &mut scalar).unwrap();
    encode(&float32(&[1, 1], &[1.0]), Some(&label), &mut one).unwrap();
    assert_eq!(scalar, one);
    check(&int32(&[2], &[1, 2]), None, ints);
    check(
        &int64(&[1, 2], &[-1, 2]),
        None,
        "0a23d7ce 1b000000 0a19 0a06 76616c756573 120f 3a0d 0a0b ffffffffffffffffff01 02 00",
    );
    check(
        &float32(&[1, 2], &[1.0, 2.0]),
        Some(&float32(&[1], &[1.0])),
        "0a23d7ce 2c000000 0a16 0a06 76616c756573 120c 120a 0a08 0000803f 00000040
         1212 0a06 76616c756573 1208 1206 0a04 0000803f",
    );
}

#[test]
fn the_printed_sparse_vectors_are_equal() {
    for (values, keys, expected) in [
        (
            &[1.5][..],
            vec![1],
            "0a23d7ce 1a000000 0a18 0a06 76616c756573 120e 120c 0a04 0000c03f 1201 01 1a01 03 0000",
        ),
        (
            &[],
            vec![],
            "0a23d7ce 11000000 0a0f 0a06 76616c756573 1205 1203 1a01 03 000000",
        ),
    ] {
        let tensor = Tensor::sparse(float32(&[values.len()], values), keys, vec![3]).unwrap();
        assert!(tensor.is_sparse());
        let record = Record {
            features: vec![("values", Value::Tensor(tensor))],
            ..Record::default()
        };
        let (mut payload, mut body) = (Vec::new(), Vec::new());
        record.encode(&mut payload);
        frame(&payload, &mut body).unwrap();
        assert_eq!(body, hex(expected));
        assert_eq!(Record::decode(&payload), Ok(record));
        assert_eq!(
            decode(&body, Limits::default()),
            Err(CodecError::MalformedRecord {
                record: 1,
                fault: RecordFault::Sparse
            })
        );
    }
}

#[test]
fn dense_arrays_come_back() {
    for features in [
        float32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        float64(&[3, 1], &[1.0, 2.0, 3.0]),
        int32(&[1, 3], &[1, -2, i32::MIN]),
    ] {
        let mut body = Vec::new();
        encode(&features, None, &mut body).unwrap();
        assert_eq!(
            decode(&body, Limits::default()),
            Ok(Dataset {
                features,
                labels: None
            })
        );
    }
    let (features, labels) = (float32(&[2, 1], &[1.0, 2.0]), int32(&[2], &[7, 8]));
    let mut body = Vec::new();
    encode(&features, Some(&labels), &mut body).unwrap();
    assert_eq!(
        decode(&body, Limits::default()),
        Ok(Dataset {
            features,
            labels: Some(labels)
        })
    );
    let empty = Dataset {
        features: float32(&[0, 0], &[]),
        labels: None,
    };
    assert_eq!(decode(b"", Limits::default()), Ok(empty));
}

#[test]
fn arrays_without_a_place_in_a_record_are_refused() {
    let encoded = |features: &Array<'_>, labels: Option<&Array<'_>>| {
        encode(features, labels, &mut Vec::new()).unwrap_err()
    };
    assert_eq!(
        encoded(&int64(&[2, 1], &[0, 1 << 31]), None),
        CodecError::Unwritable {
            item: 1,
            content_type: CONTENT_TYPE,
            fault: ItemFault::OutsideInt32
        }
        .into()
    );
    // The reference takes two labels for one row of two columns.
    assert_eq!(
        encoded(
            &float32(&[1, 2], &[1.0, 2.0]),
            Some(&float32(&[2], &[1.0, 2.0]))
        ),
        CodecError::Labels {
            n_labels: 2,
            n_rows: 1
        }
        .into()
    );
    let too_many = encoded(&float32(&[1, 1, 1], &[1.0]), None);
    assert!(matches!(
        too_many,
        EncodeError::Faulty(CodecError::TooManyAxes { n_axes: 3, .. })
    ));
    let flags = Array::try_new(Dtype::Bool, vec![1], vec![1]).unwrap();
    assert_eq!(
        encoded(&flags, None),
        EncodeError::Unencodable {
            dtype: "|b1".to_owned()
        }
    );
}

#[test]
fn divided_records_are_joined_around_the_magic_number() {
    let part = |flag: u32, payload: &[u8]| {
        let mut body = Vec::new();
        frame(payload, &mut body).unwrap();
        let word = flag << 29 | u32::try_from(payload.len()).unwrap();
        body[4..8].copy_from_slice(&word.to_le_bytes());
        body
    };
    let read = |parts: &[Vec<u8>]| {
        let body = parts.concat();
        frames(&body, Limits { record_bytes: 20 })
            .map(|frame| frame.map(Cow::into_owned))
            .collect::<Result<Vec<_>, _>>()
    };
    let joined = b"ab\x0a\x23\xd7\xcec\x0a\x23\xd7\xce".to_vec();
    assert_eq!(
        read(&[
            part(0, b"x"),
            part(1, b"ab"),
            part(2, b"c"),
            part(3, b""),
            part(0, b"")
        ]),
        Ok(vec![b"x".to_vec(), joined, Vec::new()])
    );
    let fault = |record, fault| Err(CodecError::MalformedRecord { record, fault });
    assert_eq!(
        read(&[part(0, b"x"), part(3, b"y")]),
        fault(2, RecordFault::Parts)
    );
    assert_eq!(read(&[part(2, b"y")]), fault(1, RecordFault::Parts));
    assert_eq!(read(&[part(1, b"y")]), fault(1, RecordFault::Parts));
    assert_eq!(
        read(&[part(1, b"y"), part(0, b"y")]),
        fault(1, RecordFault::Parts)
    );
    assert_eq!(
        read(&[part(1, b"y"), part(1, b"y")]),
        fault(1, RecordFault::Parts)
    );
    assert_eq!(read(&[part(4, b"y")]), fault(1, RecordFault::Parts));
    assert_eq!(
        read(&[part(0, &[0; 21])]),
        fault(1, RecordFault::TooLong { limit: 20 })
    );
    assert_eq!(
        read(&[part(1, &[0; 10]), part(3, &[0; 10])]),
        fault(1, RecordFault::TooLong { limit: 20 })
    );
}

#[track_caller]
fn check_fault(body: &[u8], text: &str) {
    assert_eq!(
        decode(body, Limits::default()).unwrap_err().to_string(),
        text
    );
}

#[test]
fn faults_have_a_record_number() {
    let mut body = Vec::new();
    encode(&float32(&[1, 1], &[1.0]), None, &mut body).unwrap();
    let second = |rest: &[u8]| [&body[..], rest].concat();
    check_fault(
        &second(b"abcdefgh"),
        "in record 2: the magic number is `0x64636261`, not `0xced7230a`",
    );
    check_fault(
        &second(b"abc"),
        "in record 2: 8 bytes are announced, 3 are there",
    );
    check_fault(
        &second(b"\x0a\x23\xd7\xce\xff\xff"),
        "in record 2: 8 bytes are announced, 6 are there",
    );
    check_fault(
        &second(b"\x0a\x23\xd7\xce\xff\xff\xff\x1f123"),
        "in record 2: 536870911 bytes are announced, 3 are there",
    );
    check_fault(
        &second(b"\x0a\x23\xd7\xce\0\0\0\0"),
        "in record 2: no tensor `values` in `features`",
    );
    let other = |features: &Array<'_>, labels: Option<&Array<'_>>| {
        let mut body = body.clone();
        encode(features, labels, &mut body).unwrap();
        body
    };
    check_fault(
        &other(&float64(&[1], &[1.0]), None),
        "in record 2: the type differs from the first record's",
    );
    check_fault(
        &other(&float32(&[2], &[1.0, 2.0]), None),
        "in record 2: the number of values differs from the first record's",
    );
    check_fault(
        &other(&float32(&[1], &[1.0]), Some(&float32(&[1], &[1.0]))),
        "in record 2: the number of labels differs from the first record's",
    );
    let mut labelled = Vec::new();
    encode(
        &float32(&[1], &[1.0]),
        Some(&float32(&[1], &[1.0])),
        &mut labelled,
    )
    .unwrap();
    labelled.extend_from_slice(&body);
    check_fault(&labelled, "in record 2: no tensor `values` in `label`");
}

#[test]
fn messages_are_read_as_protobuf_wants_it() {
    // Numbers one by one, an unknown field, text fields, and a name that is there twice.
    let payload = hex(
        "1a01 75 2201 6d 2a01 63 30 05 39 0000000000000000 3d 00000000
         0a0f 0a01 61 120a 1208 0d 0000803f 0a04 00000040 ff01",
    );
    assert!(
        Record::decode(&payload).is_err(),
        "the entry ends within a field"
    );
    let payload = hex(
        "1a01 75 2201 6d 2a01 63 30 05 39 0000000000000000 3d 00000000
         0a12 0a01 61 120d 120b 0d 0000803f 0a04 00000040
         0a0b 0a01 62 1206 3a04 08 01 08 02
         0a0c 0a01 62 1207 4a05 0a01 78 1200
         0a03 0a01 65",
    );
    let record = Record::decode(&payload).unwrap();
    assert_eq!(
        (record.uid, record.metadata, record.configuration),
        (Some("u"), Some("m"), Some("c"))
    );
    assert_eq!(
        record.feature("a"),
        Some(&Value::Tensor(
            Tensor::dense(float32(&[2], &[1.0, 2.0])).unwrap()
        ))
    );
    assert_eq!(
        record.feature("b"),
        Some(&Value::Bytes {
            values: vec![b"x"],
            content_type: Some("")
        })
    );
    assert_eq!(
        record.features[1].1,
        Value::Tensor(Tensor::dense(int32(&[2], &[1, 2])).unwrap())
    );
    assert_eq!(record.feature("e"), Some(&Value::Empty));
    assert_eq!(record.label("a"), None);
    let mut again = Vec::new();
    record.encode(&mut again);
    assert_eq!(Record::decode(&again), Ok(record));
}

#[test]
fn malformed_messages_have_a_place() {
    for (payload, text) in [
        (
            "0a",
            "malformed protobuf at byte 1: the end, within a field",
        ),
        (
            "0a05 00",
            "malformed protobuf at byte 2: the end, within a field",
        ),
        (
            "0b",
            "malformed protobuf at byte 1: a field of an unknown kind",
        ),
        (
            "ffffffffffffffffffff01",
            "malformed protobuf at byte 10: a number of more than ten bytes",
        ),
        (
            "08 01",
            "malformed protobuf at byte 2: a number in the place of bytes",
        ),
        (
            "1a01 ff",
            "malformed protobuf at byte 2: text that is not UTF-8",
        ),
        (
            "0a09 1207 1205 0a03 000000",
            "malformed protobuf at byte 8: a number of the wrong size",
        ),
    ] {
        assert_eq!(
            Record::decode(&hex(payload)).unwrap_err().to_string(),
            text,
            "{payload}"
        );
    }
}

#[test]
fn the_number_of_named_values_is_bounded() {
    let payload = hex(&"0a00".repeat(Record::MAX_NAMED));
    assert_eq!(
        Record::decode(&payload).unwrap().features.len(),
        Record::MAX_NAMED
    );
    let payload = hex(&"0a00".repeat(Record::MAX_NAMED + 1));
    assert_eq!(
        Record::decode(&payload).unwrap_err().to_string(),
        "malformed protobuf at byte 131074: more than 65,536 named values"
    );
}

proptest! {
    #[test]
    fn whole_numbers_come_back(values in prop::collection::vec(any::<i32>(), 1..20)) {
        let features = int32(&[1, values.len()], &values);
        let mut body = Vec::new();
        encode(&features, None, &mut body).unwrap();
        prop_assert_eq!(decode(&body, Limits::default()), Ok(Dataset { features, labels: None }));
    }

    #[test]
    fn no_body_panics(
        values in prop::collection::vec(any::<i32>(), 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = Vec::new();
        let n_values = values.len();
        encode(&int32(&[n_values], &values), Some(&float32(&[1], &[1.0])), &mut body).unwrap();
        encode(&float64(&[1], &[1.0]), None, &mut body).unwrap();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        body.truncate(cut.index(body.len() + 1));
        if let Ok(dataset) = decode(&body, Limits::default()) {
            prop_assert!(dataset.features.as_bytes().len() <= 4 * body.len());
        }
    }

    #[test]
    fn no_message_panics(payload in prop::collection::vec(prop::sample::select(b"\x0a\x12\x1a\x3a\x4a\x02\x04\x06\x08\x00\x01\xff\x80a".to_vec()), 0..60)) {
        if let Ok(record) = Record::decode(&payload) {
            let mut again = Vec::new();
            record.encode(&mut again);
            prop_assert_eq!(Record::decode(&again), Ok(record));
        }
    }
}
