//! Downloads: pieces of an object under way at once, in order for a reader, or each to its place in a file.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{StreamExt, TryStreamExt, stream};
use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Backend, Object,
    checksum::Sum,
    client::{Client, Progress},
    error::{StoreError, StoreFault},
    spare::Spare,
};

/// The bytes of an object, in order.
#[derive(Debug)]
pub struct Reader {
    pieces: Receiver<Result<Vec<u8>, StoreFault>>,
    current: Vec<u8>,
    /// Bytes of it that were given away.
    n_given: usize,
    spare: Spare,
    shown: String,
    /// Bytes that are yet to come, as far as the store says how many there are.
    n_missing: Option<u64>,
    sum: Option<SumOf>,
    has_failed: bool,
    /// Dropped with the reader: then nothing is asked for any more.
    _pump: AbortOnDropHandle<()>,
}

struct SumOf(Sum);

impl Reader {
    pub(super) fn start(
        client: &Client,
        backend: &Arc<Backend>,
        object: &Object,
        (shown, progress): (String, &Progress),
    ) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        let spare = Spare::new(MAX_SPARE);
        let pump = pump(
            client.clone(),
            Arc::clone(backend),
            object.clone(),
            (progress.counter(), spare.clone()),
            sender,
        );
        Self {
            pieces,
            current: Vec::new(),
            n_given: 0,
            spare,
            shown,
            n_missing: object.n_bytes,
            sum: object.expected.as_ref().map(|sum| SumOf(sum.start())),
            has_failed: false,
            _pump: AbortOnDropHandle::new(client.runtime().spawn(pump)),
        }
    }

    /// Nothing more comes. After a failure too: then it is still no end.
    fn end(&mut self) -> Result<(), StoreFault> {
        if self.has_failed || self.n_missing.is_some_and(|n_missing| n_missing > 0) {
            return Err(StoreFault::Connection(
                "the transfer ended before the object did".to_owned(),
            ));
        }
        self.sum.take().map_or(Ok(()), |SumOf(sum)| sum.finish())
    }

    fn failed(&mut self, fault: StoreFault) -> io::Error {
        self.has_failed = true;
        io::Error::other(StoreError {
            action: "read",
            place: self.shown.clone(),
            fault,
        })
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.n_given == self.current.len() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => {
                    self.spare.give(std::mem::replace(&mut self.current, piece));
                    self.n_given = 0;
                }
                Some(Err(fault)) => return Err(self.failed(fault)),
                None => return self.end().map(|()| 0).map_err(|fault| self.failed(fault)),
            }
        }
        let rest = &self.current[self.n_given..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.n_given += n;
        if let Some(SumOf(sum)) = &mut self.sum {
            sum.update(&buf[..n]);
        }
        if let Some(n_missing) = &mut self.n_missing {
            *n_missing = n_missing.saturating_sub(n as u64);
        }
        Ok(n)
    }
}

impl std::fmt::Debug for SumOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sum")
    }
}

/// Sends the pieces of an object in order, while the next ones are under way.
async fn pump(
    client: Client,
    backend: Arc<Backend>,
    object: Object,
    (counter, spare): (Arc<AtomicU64>, Spare),
    sender: Sender<Result<Vec<u8>, StoreFault>>,
) {
    let work = async {
        if !object.in_ranges {
            return pump_stream(&backend, &object, &counter, &sender).await;
        }
        let tuning = *client.settings().tuning();
        let object = Arc::new(object);
        let mut pieces = stream::iter(ranges(object.n_bytes.unwrap_or(0), tuning.read_bytes))
            .map(|range| {
                let work = piece(
                    Arc::clone(&backend),
                    Arc::clone(&object),
                    (range, Arc::clone(&counter)),
                    spare.empty(),
                );
                AbortOnDropHandle::new(tokio::spawn(work))
            })
            .buffered(tuning.n_reads);
        while let Some(done) = pieces.next().await {
            let piece = done.unwrap_or_else(|error| Err(StoreFault::Protocol(error.to_string())));
            if sender.send(Ok(piece?)).await.is_err() {
                // Whoever read has seen enough.
                break;
            }
        }
        Ok(())
    };
    let done = tokio::select! {
        biased;
        () = client.cancelled().cancelled() => Err(StoreFault::Stopped),
        done = work => done,
    };
    if let Err(fault) = done {
        // The reader is gone: then nobody wants to know.
        let _ = sender.send(Err(fault)).await;
    }
}

/// The whole of an object that is not given in parts.
async fn pump_stream(
    backend: &Backend,
    object: &Object,
    counter: &AtomicU64,
    sender: &Sender<Result<Vec<u8>, StoreFault>>,
) -> Result<(), StoreFault> {
    let mut n_bytes = 0;
    let (mut chunks, _) = backend.read(object, None).await?;
    while let Some(chunk) = chunks.try_next().await? {
        n_bytes += chunk.len() as u64;
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if sender.send(Ok(chunk.into())).await.is_err() {
            return Ok(());
        }
    }
    compare_length(object.n_bytes.unwrap_or(n_bytes), n_bytes)
}

async fn piece(
    backend: Arc<Backend>,
    object: Arc<Object>,
    (range, counter): (Range<u64>, Arc<AtomicU64>),
    // In one place: chunks as they come hold more memory than they show.
    mut all: Vec<u8>,
) -> Result<Vec<u8>, StoreFault> {
    let expected_bytes = range.end - range.start;
    let room = usize::try_from(expected_bytes).map_err(|_| io::ErrorKind::OutOfMemory);
    all.reserve_exact(room.map_err(|kind| StoreFault::Local(kind.into()))?);
    let (mut chunks, _) = backend.read(&object, Some(range)).await?;
    while let Some(chunk) = chunks.try_next().await? {
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        all.extend_from_slice(&chunk);
    }
    compare_length(expected_bytes, all.len() as u64)?;
    Ok(all)
}

/// Writes an object to a file.
pub(super) async fn download(
    client: &Client,
    backend: &Arc<Backend>,
    object: &Object,
    (file, progress): (&File, &Progress),
) -> Result<(), StoreFault> {
    let counter = progress.counter();
    if object.in_ranges {
        let tuning = client.settings().tuning();
        let n_bytes = object.n_bytes.unwrap_or(0);
        reserve(file, n_bytes)?;
        let file = Arc::new(file.try_clone().map_err(StoreFault::Local)?);
        let object = Arc::new(object.clone());
        let mut pieces = stream::iter(ranges(n_bytes, tuning.read_bytes))
            .map(|range| {
                let work = piece_to_file(
                    Arc::clone(backend),
                    Arc::clone(&object),
                    (range, Arc::clone(&counter)),
                    Arc::clone(&file),
                );
                AbortOnDropHandle::new(tokio::spawn(work))
            })
            .buffer_unordered(tuning.n_reads);
        while let Some(done) = pieces.next().await {
            done.unwrap_or_else(|error| Err(StoreFault::Protocol(error.to_string())))?;
        }
    } else {
        let (mut chunks, _) = backend.read(object, None).await?;
        let mut n_bytes = 0;
        while let Some(chunk) = chunks.try_next().await? {
            write(file, &chunk, n_bytes)?;
            n_bytes += chunk.len() as u64;
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        compare_length(object.n_bytes.unwrap_or(n_bytes), n_bytes)?;
    }
    match &object.expected {
        Some(expected) => compare_file(file, expected.start()),
        None => Ok(()),
    }
}

/// Writes many objects to files of their own.
pub(super) async fn download_all<F: Fn(&Object) -> io::Result<File> + Sync>(
    client: &Client,
    backend: &Arc<Backend>,
    objects: &[Object],
    (open, progress): (&F, &Progress),
) -> Result<(), (String, StoreFault)> {
    let n_objects = client.settings().tuning().n_objects;
    let small = client.settings().tuning().read_bytes;
    let is_small = |object: &&Object| object.n_bytes.is_some_and(|n_bytes| n_bytes <= small);
    let fetch = |object: &Object| {
        let opened = open(object).map_err(StoreFault::Local);
        let object = object.clone();
        let progress = progress.counter();
        async move {
            let key = object.key.clone();
            let work = async {
                let file = Arc::new(opened?);
                let n_bytes = object.n_bytes.unwrap_or(0);
                if n_bytes > 0 {
                    let whole = (0..n_bytes, progress);
                    piece_to_file(Arc::clone(backend), Arc::new(object), whole, file).await?;
                }
                Ok(())
            };
            work.await.map_err(|fault| (key, fault))
        }
    };
    // Many small ones side by side; each large one by itself, in pieces side by side.
    let mut small_ones =
        stream::iter(objects.iter().filter(is_small).map(fetch)).buffer_unordered(n_objects);
    while let Some(done) = small_ones.next().await {
        done?;
    }
    for object in objects.iter().filter(|object| !is_small(object)) {
        let failed = |fault| (object.key.clone(), fault);
        let file = open(object).map_err(|err| failed(StoreFault::Local(err)))?;
        // A list does not say what the bytes have to come to.
        let object = backend.look_again(object).await.map_err(failed)?;
        download(client, backend, &object, (&file, progress))
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn piece_to_file(
    backend: Arc<Backend>,
    object: Arc<Object>,
    (range, counter): (Range<u64>, Arc<AtomicU64>),
    file: Arc<File>,
) -> Result<(), StoreFault> {
    let expected_bytes = range.end - range.start;
    let mut n_bytes = 0;
    let (mut chunks, expected) = backend.read(&object, Some(range.clone())).await?;
    // Where it is all in one piece, that is as good a place to compare as any.
    let is_whole = Some(expected_bytes) == object.n_bytes;
    let mut sum = expected
        .filter(|_| is_whole)
        .map(|expected| expected.start());
    while let Some(chunk) = chunks.try_next().await? {
        write(&file, &chunk, range.start + n_bytes)?;
        if let Some(sum) = &mut sum {
            sum.update(&chunk);
        }
        n_bytes += chunk.len() as u64;
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
    compare_length(expected_bytes, n_bytes)?;
    sum.map_or(Ok(()), Sum::finish)
}

/// The kernel takes it into its cache; a disk that can't keep up holds back this transfer alone.
fn write(file: &File, chunk: &[u8], offset: u64) -> Result<(), StoreFault> {
    file.write_all_at(chunk, offset).map_err(StoreFault::Local)
}

/// A disk that is too small says so before anything was fetched.
fn reserve(file: &File, n_bytes: u64) -> Result<(), StoreFault> {
    if n_bytes == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::empty(), 0, n_bytes) {
        Err(Errno::NOSPC) => Err(StoreFault::Local(io::ErrorKind::StorageFull.into())),
        // Not every file system can; then the write says so.
        _ => Ok(()),
    }
}

/// Pieces came in any order: the file is read once more, from memory mostly.
fn compare_file(file: &File, mut sum: Sum) -> Result<(), StoreFault> {
    let mut buf = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        let n = file.read_at(&mut buf, offset).map_err(StoreFault::Local)?;
        if n == 0 {
            return sum.finish();
        }
        sum.update(&buf[..n]);
        offset += n as u64;
    }
}

fn compare_length(expected_bytes: u64, got_bytes: u64) -> Result<(), StoreFault> {
    if got_bytes == expected_bytes {
        return Ok(());
    }
    Err(StoreFault::Length {
        expected_bytes,
        got_bytes,
    })
}

fn ranges(n_bytes: u64, piece_bytes: u64) -> impl Iterator<Item = Range<u64>> + Send {
    let n_pieces = n_bytes.div_ceil(piece_bytes);
    (0..n_pieces).map(move |piece| {
        let start = piece * piece_bytes;
        start..n_bytes.min(start + piece_bytes)
    })
}

/// More than are ever under way.
const MAX_SPARE: usize = 4;
