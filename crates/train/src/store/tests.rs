//! Against real servers: moto, one that forgets what it is given, and a proxy that makes faults on the way to them.

mod aws;
mod clouds;
mod faults;
mod large;
mod stopping;
mod transfers;
mod uploads;
mod web;

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use optml_contract::source::Memory;
use optml_testkit::pattern_byte;

use super::*;

/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(20);

/// Pieces and parts so small that a test has several.
fn small() -> Tuning {
    Tuning {
        read_bytes: PIECE_BYTES,
        n_reads: 4,
        part_bytes: PART_BYTES,
        ..Tuning::default()
    }
}

const PIECE_BYTES: u64 = 64 << 10;
/// The least that S3 allows.
const PART_BYTES: u64 = 5 << 20;

fn client(variables: &[(&str, String)], tuning: Tuning) -> Client {
    let mut source = Memory::new().with_var("HOME", "/nonexistent");
    for (name, value) in variables {
        source = source.with_var(*name, value);
    }
    let settings = Settings::read(&source, "").with_tuning(tuning);
    Client::start(settings).unwrap()
}

fn open(client: &Client, url: &str) -> Store {
    client.open(&StoreUrl::parse(url).unwrap()).unwrap()
}

/// Bytes that tell where they are.
fn pattern(n_bytes: u64) -> Vec<u8> {
    (0..n_bytes).map(pattern_byte).collect()
}

/// The object of a store, read in order.
fn read(store: &Store) -> Result<Vec<u8>, StoreError> {
    let object = store.look()?;
    let mut all = Vec::new();
    let mut reader = store.reader(&object, &Progress::silent());
    match reader.read_to_end(&mut all) {
        Ok(_) => Ok(all),
        Err(error) => Err(error.downcast().unwrap()),
    }
}

/// The object of a store, as a file.
fn download(store: &Store) -> Result<Vec<u8>, StoreError> {
    let object = store.look()?;
    let progress = Progress::silent();
    let mut file = tempfile::tempfile().unwrap();
    store.download(&object, &file, &progress)?;
    let mut all = Vec::new();
    file.read_to_end(&mut all).unwrap();
    assert_eq!(progress.n_bytes(), all.len() as u64);
    Ok(all)
}

/// Something to be stored, which can change.
#[derive(Debug)]
struct Kept {
    file: File,
    n_bytes: u64,
    has_changed: AtomicBool,
}

impl Kept {
    fn of(bytes: &[u8]) -> Self {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        Self {
            file,
            n_bytes: bytes.len() as u64,
            has_changed: AtomicBool::new(false),
        }
    }

    fn change(&self) {
        self.has_changed.store(true, Ordering::SeqCst);
    }
}

impl Content for Kept {
    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn is_unchanged(&self) -> bool {
        !self.has_changed.load(Ordering::SeqCst)
    }
}
