//! Much more than fits in the memory that a transfer may take.

use std::fs;

use optml_testkit::{ContentHash, DiscardingS3, UploadEnd, pattern_byte};

use super::*;

/// More than one request may store.
const N_BYTES: u64 = 5_100_000_000;
/// A few bytes that are no zeros, at places where parts begin and end.
const MARKS: [(u64, &[u8]); 4] = [
    (0, b"begin"),
    ((8 << 20) - 2, b"edge"),
    (3_000_000_000, b"middle"),
    (N_BYTES - 3, b"end"),
];

#[test]
fn five_gigabytes_are_stored_with_few_megabytes() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(N_BYTES).unwrap();
    for (offset, bytes) in MARKS {
        file.write_all_at(bytes, offset).unwrap();
    }
    let content = Kept {
        file,
        n_bytes: N_BYTES,
        has_changed: AtomicBool::new(false),
    };
    let server = DiscardingS3::start(&[]);
    let client = client(&server.variables(), Tuning::default());
    let store = open(&client, "s3://bucket/output");
    let before = peak_bytes();
    assert_eq!(store.put("model.bin", &content).unwrap(), Put::Stored);
    let grown = peak_bytes() - before;

    let objects = server.objects();
    let [stored] = objects.as_slice() else {
        panic!("{objects:?}");
    };
    assert_eq!(stored.key, "output/model.bin");
    assert_eq!(stored.end, UploadEnd::Completed);
    let part_bytes = 8 << 20;
    let n_parts = N_BYTES.div_ceil(part_bytes);
    assert_eq!(stored.part_bytes.len() as u64, n_parts);
    assert!(
        stored.part_bytes[..stored.part_bytes.len() - 1]
            .iter()
            .all(|n| *n == part_bytes)
    );
    assert_eq!(stored.n_requests, n_parts + 2, "each part once");
    assert_eq!(stored.content, expected());
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
}

#[test]
fn a_gigabyte_is_read_with_few_megabytes() {
    const N_BYTES: u64 = 1 << 30;
    let server = DiscardingS3::start(&[("bucket", "key", N_BYTES)]);
    let client = client(&server.variables(), Tuning::default());
    let store = open(&client, "s3://bucket/key");
    let object = store.look().unwrap();
    // Of whole periods of the pattern.
    let period: Vec<u8> = (0..251 << 12).map(pattern_byte).collect();
    let mut buf = vec![0; period.len()];
    let before = peak_bytes();
    let mut reader = store.reader(&object, &Progress::silent());
    let mut n_bytes = 0;
    while n_bytes < N_BYTES {
        let n = usize::try_from(N_BYTES - n_bytes).map_or(buf.len(), |n| n.min(buf.len()));
        reader.read_exact(&mut buf[..n]).unwrap();
        assert!(buf[..n] == period[..n], "after {n_bytes}");
        n_bytes += n as u64;
    }
    assert_eq!(reader.read(&mut buf).unwrap(), 0);
    let grown = peak_bytes() - before;
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
}

/// The hash of what the file holds.
fn expected() -> ContentHash {
    let mut hash = ContentHash::default();
    let zeros = vec![0; 1 << 20];
    for (offset, bytes) in MARKS {
        while hash.n_bytes() < offset {
            let n = usize::try_from(offset - hash.n_bytes())
                .map_or(zeros.len(), |n| n.min(zeros.len()));
            hash.update(&zeros[..n]);
        }
        hash.update(bytes);
    }
    assert_eq!(hash.n_bytes(), N_BYTES);
    hash
}

/// The most memory that this process had so far.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib << 10
}
