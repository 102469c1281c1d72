//! What can be downloaded, and the books on what was uploaded.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs::File,
    io,
    sync::{Mutex, PoisonError},
};

use rustix::time::{ClockId, clock_gettime};

/// All buckets; names are `bucket/key`.
#[derive(Default)]
pub(crate) struct Store {
    served: BTreeMap<String, Served>,
    uploads: Mutex<Uploads>,
}

/// An object that was given at start.
pub(crate) struct Served {
    pub(crate) file: File,
    pub(crate) n_bytes: u64,
    pub(crate) etag: String,
}

#[derive(Default)]
struct Uploads {
    stored: BTreeMap<String, u64>,
    /// Above the number of objects when one was stored more than once.
    n_stored: u64,
    open: BTreeMap<u64, Multipart>,
    n_created: u64,
    first_seconds: Option<f64>,
    last_seconds: Option<f64>,
}

struct Multipart {
    name: String,
    part_bytes: BTreeMap<u64, u64>,
}

impl Store {
    pub(crate) fn serve(&mut self, name: &str, path: &str) -> io::Result<()> {
        let file = File::open(path)?;
        let n_bytes = file.metadata()?.len();
        // As of an object that was uploaded in parts: there is no MD5 in it for a client to compute.
        let etag = format!(
            "\"{:032x}-{}\"",
            n_bytes,
            n_bytes.div_ceil(PART_BYTES).max(1)
        );
        self.served.insert(
            name.to_owned(),
            Served {
                file,
                n_bytes,
                etag,
            },
        );
        Ok(())
    }

    pub(crate) fn served(&self, name: &str) -> Option<&Served> {
        self.served.get(name)
    }

    pub(crate) fn stored_bytes(&self, name: &str) -> Option<u64> {
        self.with(|uploads| uploads.stored.get(name).copied())
    }

    /// Keys and sizes of what the bucket holds, in order.
    pub(crate) fn list(&self, bucket: &str, prefix: &str) -> Vec<(String, u64)> {
        let start = format!("{bucket}/");
        let mut names = self.with(|uploads| uploads.stored.clone());
        names.extend(
            self.served
                .iter()
                .map(|(name, served)| (name.clone(), served.n_bytes)),
        );
        let keys = names
            .iter()
            .filter_map(|(name, n_bytes)| Some((name.strip_prefix(&start)?.to_owned(), *n_bytes)));
        keys.filter(|(key, _)| key.starts_with(prefix)).collect()
    }

    pub(crate) fn put(&self, name: String, n_bytes: u64) {
        self.with(|uploads| uploads.store(name, n_bytes));
    }

    pub(crate) fn create_upload(&self, name: String) -> u64 {
        self.with(|uploads| {
            uploads.n_created += 1;
            uploads.open.insert(
                uploads.n_created,
                Multipart {
                    name,
                    part_bytes: BTreeMap::new(),
                },
            );
            uploads.n_created
        })
    }

    /// None: there is no such upload; so below.
    pub(crate) fn put_part(&self, upload: u64, number: u64, n_bytes: u64) -> Option<()> {
        self.with(|uploads| {
            uploads.touch();
            uploads
                .open
                .get_mut(&upload)?
                .part_bytes
                .insert(number, n_bytes);
            Some(())
        })
    }

    pub(crate) fn complete_upload(&self, upload: u64) -> Option<String> {
        self.with(|uploads| {
            let Multipart { name, part_bytes } = uploads.open.remove(&upload)?;
            uploads.store(name.clone(), part_bytes.values().sum());
            Some(name)
        })
    }

    pub(crate) fn abort_upload(&self, upload: u64) -> Option<()> {
        self.with(|uploads| uploads.open.remove(&upload).map(drop))
    }

    pub(crate) fn reset(&self) {
        self.with(|uploads| *uploads = Uploads::default());
    }

    /// **Shape** `{"n_stored": 2, "n_open": 0, "first_seconds": 12.5, "last_seconds": 13.5, "objects": {"bucket/key": 1000}}`;
    /// the times are null when nothing was uploaded.
    pub(crate) fn stats(&self) -> String {
        let seconds =
            |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.6}"));
        self.with(|uploads| {
            let mut text = format!(
                "{{\"n_stored\": {}, \"n_open\": {}, \"first_seconds\": {}, \"last_seconds\": {}, \"objects\": {{",
                uploads.n_stored,
                uploads.open.len(),
                seconds(uploads.first_seconds),
                seconds(uploads.last_seconds)
            );
            for (number, (name, n_bytes)) in uploads.stored.iter().enumerate() {
                let comma = if number == 0 { "" } else { ", " };
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                // Writing into a text cannot fail.
                let _ = write!(text, "{comma}\"{name}\": {n_bytes}");
            }
            text + "}}\n"
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut Uploads) -> T) -> T {
        action(&mut self.uploads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Uploads {
    fn store(&mut self, name: String, n_bytes: u64) {
        self.touch();
        self.n_stored += 1;
        self.stored.insert(name, n_bytes);
    }

    fn touch(&mut self) {
        let now = clock_gettime(ClockId::Monotonic);
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since the machine started are few"
        )]
        let seconds = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
        self.first_seconds.get_or_insert(seconds);
        self.last_seconds = Some(seconds);
    }
}

const PART_BYTES: u64 = 8 << 20;
