//! An S3 that checks the shape of what is uploaded and forgets what was in it.
//!
//! It stands in for a real one where bytes are too many to keep: a model of more than 5 GB, say. Of every object it
//! knows sizes and a [`ContentHash`]. Its other objects are patterns of any size that nobody has to store. It checks
//! no signature, and lists nothing. Its entity tags look like those of uploads in parts: nobody can take them for an
//! MD5.

mod request;
mod store;

use std::sync::{Arc, Mutex};

use crate::{content_hash::ContentHash, listener::Listener, s3};

/// The server.
#[derive(Debug)]
pub struct DiscardingS3 {
    listener: Listener,
    store: Arc<Mutex<store::Store>>,
}

/// What is known of one upload, whole or in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// Its bucket.
    pub bucket: String,
    /// Its key, as it came in the path (escapes are kept).
    pub key: String,
    /// How far it got.
    pub end: UploadEnd,
    /// Of each part in order; a single one for an upload in one piece.
    pub part_bytes: Vec<u64>,
    /// Of all parts in order.
    pub content: ContentHash,
    /// How many requests it took.
    pub n_requests: u64,
}

/// How far an upload got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadEnd {
    /// Parts may still come.
    Open,
    /// It is an object.
    Completed,
    /// Its parts are gone.
    Aborted,
}

impl DiscardingS3 {
    /// Starts one that has only these objects, `(bucket, key, size)`, filled by [`pattern_byte`].
    pub fn start(patterns: &[(&str, &str, u64)]) -> Self {
        let store = Arc::new(Mutex::new(store::Store::new(patterns)));
        let own = Arc::clone(&store);
        Self {
            listener: Listener::start(move |peer| request::serve(&own, peer)),
            store,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.listener.endpoint()
    }

    /// What a client's environment says about it: credentials, region, endpoint.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        s3::client_variables(&self.endpoint())
    }

    /// All uploads, in the order in which they began.
    pub fn objects(&self) -> Vec<Discarded> {
        self.store.lock().expect("no panic while it is held").all()
    }
}

/// The byte of a pattern at this offset. It repeats after 251 bytes, which divides no size of a block.
pub fn pattern_byte(offset: u64) -> u8 {
    u8::try_from(offset % PATTERN_BYTES).expect("a remainder below 251")
}

const PATTERN_BYTES: u64 = 251;
