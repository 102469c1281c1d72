//! Files that need nothing more.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use crate::sync::snapshot::Fingerprint;

/// Files that need nothing more as long as they stay what they are: a hash of the name, and one of the fingerprint.
///
/// 16 bytes a file, and as much again for the table at worst. Two names with the same hash cost an upload too many each
/// time they are looked at, and never one too few.
#[derive(Debug, Default)]
pub(super) struct Closed {
    hasher: RandomState,
    pub(super) entries: HashMap<u64, u64>,
}

impl Closed {
    pub(super) fn insert(&mut self, name: &str, fingerprint: &Fingerprint) {
        let entry = (
            self.hasher.hash_one(name),
            self.hasher.hash_one(fingerprint),
        );
        self.entries.insert(entry.0, entry.1);
    }

    pub(super) fn contains(&self, name: &str, fingerprint: &Fingerprint) -> bool {
        let entry = self.entries.get(&self.hasher.hash_one(name));
        entry.is_some_and(|hash| *hash == self.hasher.hash_one(fingerprint))
    }
}
