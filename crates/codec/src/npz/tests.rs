use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};
use proptest::prelude::*;

use super::*;
use crate::{Dtype, error::NpyFault};

/// `np.savez_compressed(file, a=np.zeros(100))` of numpy 2.4: sizes of 64 bits in the local header, as zipfile streams.
const NUMPYS: &str = "\
    504b03042d0000000800000021007c7d9d1affffffffffffffff05001400612e6e707901001000a0030000000000004e0000\
    00000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a1aea3a09e965f54529498179f5f94920a12774bcc\
    294e058a17672416a402f91a8606063a9a3a0ab50a64032e8651300a46014e0000504b01022d032d0000000800000021007c\
    7d9d1a4e000000a0030000050000000000000000000000800100000000612e6e7079504b0506000000000100010033000000\
    850000000000";

fn numpys() -> Vec<u8> {
    NUMPYS
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn bytes(n: u8) -> Array<'static> {
    Array::try_new(Dtype::UInt8, vec![n.into()], (0..n).collect::<Vec<u8>>()).unwrap()
}

fn archive(arrays: &[(&str, &Array<'_>)]) -> Vec<u8> {
    let mut body = Vec::new();
    encode(arrays, &mut body).unwrap();
    body
}

/// An archive of one entry of any name, method and sizes.
fn forged(name: &str, method: u8, data: &[u8], n_bytes: u32, crc: u32) -> Vec<u8> {
    let mut common = vec![20, 0, 0, 0, method, 0, 0, 0, 0, 0];
    common.extend_from_slice(&crc.to_le_bytes());
    common.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    common.extend_from_slice(&n_bytes.to_le_bytes());
    common.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
    common.extend_from_slice(&[0, 0]);
    let mut body = b"PK\x03\x04".to_vec();
    body.extend_from_slice(&common);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    let start = u32::try_from(body.len()).unwrap();
    body.extend_from_slice(b"PK\x01\x02\x14\x00");
    body.extend_from_slice(&common);
    body.extend_from_slice(&[0; 14]);
    body.extend_from_slice(name.as_bytes());
    let n_directory = u32::try_from(body.len()).unwrap() - start;
    body.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    body.extend_from_slice(&n_directory.to_le_bytes());
    body.extend_from_slice(&start.to_le_bytes());
    body.extend_from_slice(&[0, 0]);
    body
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

#[track_caller]
fn check_fault(body: &[u8], text: &str) {
    assert_eq!(
        decode(body, Limits::default()).unwrap_err().to_string(),
        text
    );
}

#[test]
fn numpys_archives_are_read() {
    let body = numpys();
    let npz = decode(&body, Limits::default()).unwrap();
    let zeros = Array::try_new(Dtype::Float64, vec![100], vec![0; 800]).unwrap();
    assert_eq!(npz.arrays(), [("a".to_owned(), zeros)]);
    assert!(!npz.is_sparse());
}

#[test]
fn stored_arrays_are_views_and_come_back() {
    let (a, b) = (bytes(3), bytes(0));
    let body = archive(&[("arr_0", &a), ("x/y", &b)]);
    let npz = decode(&body, Limits::default()).unwrap();
    assert_eq!(
        npz.arrays(),
        [("arr_0".to_owned(), a), ("x/y".to_owned(), b)]
    );
    let (_, array) = npz.into_arrays().swap_remove(0);
    assert!(matches!(array.into_parts().2, Cow::Borrowed(_)));
    assert_eq!(
        decode(&archive(&[]), Limits::default()).unwrap().arrays(),
        []
    );
}

#[test]
fn sparse_archives_are_known_by_their_format() {
    let body = archive(&[("indices", &bytes(1)), ("format", &bytes(3))]);
    assert!(decode(&body, Limits::default()).unwrap().is_sparse());
}

#[test]
fn an_archive_behind_something_else_is_appended_rightly() {
    let mut body = archive(&[("a", &bytes(2))]);
    let n = body.len();
    encode(&[("a", &bytes(2))], &mut body).unwrap();
    assert_eq!(body[..n], body[n..]);
}

#[test]
fn bombs_are_refused_before_they_are_decompressed() {
    let zeros = vec![0; 3 << 20];
    let body = forged("a.npy", 8, &deflated(&zeros), 3 << 20, crc(&zeros));
    assert!(body.len() < 4000);
    let err = decode(&body, Limits::default()).unwrap_err().to_string();
    assert_eq!(
        err,
        "malformed NPZ: it decompresses to more than 1048576 bytes"
    );
    let limits = Limits {
        inflated_bytes: 1 << 20,
        ratio: u64::MAX,
        ..Limits::default()
    };
    let err = decode(&body, limits).unwrap_err().to_string();
    assert_eq!(
        err,
        "malformed NPZ: it decompresses to more than 1048576 bytes"
    );
    // A lie about the size doesn't help.
    for n_bytes in [1, (3 << 20) - 1, (3 << 20) + 1] {
        let limits = Limits {
            ratio: u64::MAX,
            ..Limits::default()
        };
        let body = forged("a.npy", 8, &deflated(&zeros), n_bytes, crc(&zeros));
        let err = decode(&body, limits).unwrap_err().to_string();
        assert_eq!(err, "malformed NPZ: the data of entry 1 is damaged");
    }
}

#[test]
fn too_many_entries_are_refused() {
    let array = bytes(1);
    let names: Vec<String> = (0..65).map(|i| i.to_string()).collect();
    let arrays: Vec<_> = names.iter().map(|name| (name.as_str(), &array)).collect();
    check_fault(
        &archive(&arrays),
        "malformed NPZ: 65 entries, at most 64 are accepted",
    );
    assert_eq!(
        decode(&archive(&arrays[..64]), Limits::default())
            .unwrap()
            .arrays()
            .len(),
        64
    );
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "../a.npy",
        "/a.npy",
        "a/../b.npy",
        "a//b.npy",
        "./a.npy",
        "..\\a.npy",
        "C:a.npy",
        "a\0.npy",
        "a.txt",
        ".npyx",
        "a/",
        "/.npy",
        ".npy",
    ] {
        check_fault(
            &forged(name, 0, b"", 0, 0),
            "malformed NPZ: entry 1 has a name that is not accepted",
        );
    }
    let body = archive(&[("a", &bytes(1)), ("a", &bytes(1))]);
    check_fault(
        &body,
        "malformed NPZ: entry 2 has a name that is not accepted",
    );
    let err = encode(&[("../a", &bytes(1))], &mut Vec::new()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "malformed NPZ: entry 1 has a name that is not accepted"
    );
}

#[test]
fn archives_that_contradict_themselves_are_refused() {
    check_fault(b"", "malformed NPZ: not a zip archive");
    check_fault(b"PK\x03\x04", "malformed NPZ: not a zip archive");
    check_fault(&vec![0; 100_000], "malformed NPZ: not a zip archive");
    let good = forged("a.npy", 0, b"12", 2, crc(b"12"));
    let with = |place: usize, byte: u8| {
        let mut body = good.clone();
        body[place] = byte;
        body
    };
    check_fault(
        &with(0, b'Q'),
        "malformed NPZ: entry 1 contradicts itself: its place",
    );
    check_fault(
        &with(8, 8),
        "malformed NPZ: entry 1 contradicts itself: its two headers differ",
    );
    check_fault(
        &with(30, b'b'),
        "malformed NPZ: entry 1 contradicts itself: its two headers differ",
    );
    let directory = 37;
    let mut long = good.clone();
    (long[directory + 20], long[directory + 24]) = (3, 3);
    check_fault(
        &long,
        "malformed NPZ: entry 1 contradicts itself: its length",
    );
    check_fault(
        &with(directory + 8, 1),
        "malformed NPZ: entry 1 needs encryption, which is not accepted",
    );
    check_fault(
        &with(directory + 10, 12),
        "malformed NPZ: entry 1 needs another compression than deflate, which is not accepted",
    );
    check_fault(
        &forged("a.npy", 0, b"12", 3, 0),
        "malformed NPZ: entry 1 contradicts itself: its two sizes differ, and it is not compressed",
    );
    check_fault(
        &forged("a.npy", 0, b"12", 2, 1),
        "malformed NPZ: the data of entry 1 is damaged",
    );
    check_fault(
        &forged("a.npy", 8, b"\xff\xff", 2, 1),
        "malformed NPZ: the data of entry 1 is damaged",
    );
    check_fault(
        &forged("a.npy", 0, b"12", 2, crc(b"12")),
        "in `a` of the NPZ: malformed NPY: the magic bytes are missing",
    );
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let mut body = archive(&[("a", &bytes(9)), ("b", &bytes(9))]);
    // The second entry of the directory points at the first.
    let directory = body
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    let second = directory + 46 + 5;
    body[second + 42..second + 46].fill(0);
    body[second + 46] = b'a';
    check_fault(
        &body,
        "malformed NPZ: entry 2 has a name that is not accepted",
    );
    let mut body = archive(&[("a", &bytes(200)), ("b", &bytes(9))]);
    let (start, end) = (100, 100 + 30 + 5);
    let directory = body
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    let second = directory + 46 + 5;
    let local = u32::from_le_bytes(body[second + 42..second + 46].try_into().unwrap()) as usize;
    let header = body[local..local + 35].to_vec();
    body[start..end].copy_from_slice(&header);
    body[second + 42..second + 46].copy_from_slice(&100u32.to_le_bytes());
    check_fault(
        &body,
        "malformed NPZ: entry 2 contradicts itself: it overlaps another",
    );
}

#[test]
fn objects_within_are_refused_by_name() {
    let header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&[u8::try_from(header.len()).unwrap(), 0]);
    file.extend_from_slice(header.as_bytes());
    let body = forged(
        "evil.npy",
        8,
        &deflated(&file),
        u32::try_from(file.len()).unwrap(),
        crc(&file),
    );
    check_fault(
        &body,
        "in `evil` of the NPZ: object arrays are not accepted",
    );
    let err = decode(&body, Limits::default()).unwrap_err();
    let DecodeError::Faulty(CodecError::NpzEntry { cause, .. }) = err else {
        panic!("{err}")
    };
    assert_eq!(*cause, CodecError::ObjectArray);
    assert_ne!(*cause, CodecError::MalformedNpy(NpyFault::Magic));
}

proptest! {
    #[test]
    fn no_body_panics(
        lengths in prop::collection::vec(0u8..20, 0..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole: bool,
        use_numpys: bool,
    ) {
        let arrays: Vec<_> = lengths.iter().map(|&n| bytes(n)).collect();
        let names = ["a", "b", "c", "d"];
        let named: Vec<_> = names.into_iter().zip(&arrays).collect();
        let mut body = if use_numpys { numpys() } else { archive(&named) };
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if !whole {
            body.truncate(cut.index(body.len()));
        }
        let limits = Limits { inflated_bytes: 10_000, ..Limits::default() };
        if let Ok(npz) = decode(&body, limits) {
            let n_bytes: usize = npz.arrays().iter().map(|(_, array)| array.as_bytes().len()).sum();
            prop_assert!(n_bytes <= 10_000);
        }
    }
}
