//! What the server knows of its uploads, and which of them S3 would refuse.

use std::collections::BTreeMap;

use super::{Discarded, UploadEnd};
use crate::{content_hash::ContentHash, s3};

/// Everything.
#[derive(Debug)]
pub(super) struct Store {
    /// Sizes by path: `/bucket/key`.
    patterns: BTreeMap<String, u64>,
    /// An upload's id is its place.
    uploads: Vec<Upload>,
}

#[derive(Debug)]
struct Upload {
    path: String,
    end: UploadEnd,
    parts: BTreeMap<u32, ContentHash>,
    n_requests: u64,
}

/// The status and code of an error.
pub(super) type Refusal = (u16, &'static str);

/// An object that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Pattern(u64),
    Forgotten(ContentHash),
}

/// Limits of the real one.
const PART_MIN_BYTES: u64 = 5 << 20;
const PART_MAX_BYTES: u64 = 5 << 30;
const N_PARTS_MAX: u32 = 10_000;

impl Store {
    pub(super) fn new(patterns: &[(&str, &str, u64)]) -> Self {
        let path = |(bucket, key, size): &(&str, &str, u64)| (format!("/{bucket}/{key}"), *size);
        Self {
            patterns: patterns.iter().map(path).collect(),
            uploads: Vec::new(),
        }
    }

    pub(super) fn all(&self) -> Vec<Discarded> {
        self.uploads.iter().map(Upload::known).collect()
    }

    pub(super) fn find(&self, path: &str) -> Option<Stored> {
        if let Some(size_bytes) = self.patterns.get(path) {
            return Some(Stored::Pattern(*size_bytes));
        }
        let completed =
            |upload: &&Upload| upload.path == path && upload.end == UploadEnd::Completed;
        let upload = self.uploads.iter().rev().find(completed)?;
        Some(Stored::Forgotten(upload.content()))
    }

    /// An object came whole.
    pub(super) fn put(&mut self, path: &str, content: ContentHash) -> Result<String, Refusal> {
        if content.n_bytes() > PART_MAX_BYTES {
            return Err((400, "EntityTooLarge"));
        }
        self.uploads.push(Upload {
            path: path.to_owned(),
            end: UploadEnd::Completed,
            parts: BTreeMap::from([(1, content)]),
            n_requests: 1,
        });
        Ok(etag(content))
    }

    /// The id of a new upload in parts.
    pub(super) fn create(&mut self, path: &str) -> String {
        self.uploads.push(Upload {
            path: path.to_owned(),
            end: UploadEnd::Open,
            parts: BTreeMap::new(),
            n_requests: 1,
        });
        format!("upload-{}", self.uploads.len() - 1)
    }

    pub(super) fn put_part(
        &mut self,
        path: &str,
        id: &str,
        number: &str,
        content: ContentHash,
    ) -> Result<String, Refusal> {
        let upload = self.open(path, id)?;
        let number = number.parse().unwrap_or(0);
        if number == 0 || number > N_PARTS_MAX {
            return Err((400, "InvalidArgument"));
        }
        if content.n_bytes() > PART_MAX_BYTES {
            return Err((400, "EntityTooLarge"));
        }
        upload.parts.insert(number, content);
        Ok(etag(content))
    }

    /// An upload ends with the parts that a document lists.
    pub(super) fn complete(
        &mut self,
        path: &str,
        id: &str,
        document: &str,
    ) -> Result<String, Refusal> {
        let upload = self.open(path, id)?;
        let mut listed = BTreeMap::new();
        for part in s3::elements(document, "Part") {
            let number = s3::elements(part, "PartNumber").next();
            let number: u32 = number
                .and_then(|text| text.trim().parse().ok())
                .ok_or((400, "MalformedXML"))?;
            let tag = s3::elements(part, "ETag").next();
            let tag = s3::unescaped(tag.ok_or((400, "MalformedXML"))?);
            let content = upload.parts.get(&number).ok_or((400, "InvalidPart"))?;
            if etag(*content).trim_matches('"') != tag.trim().trim_matches('"') {
                return Err((400, "InvalidPart"));
            }
            if listed
                .last_key_value()
                .is_some_and(|(last, _)| *last >= number)
            {
                return Err((400, "InvalidPartOrder"));
            }
            listed.insert(number, *content);
        }
        let Some((last, _)) = listed.last_key_value() else {
            return Err((400, "MalformedXML"));
        };
        let mut all_but_last = listed.range(..last);
        if all_but_last.any(|(_, part)| part.n_bytes() < PART_MIN_BYTES) {
            return Err((400, "EntityTooSmall"));
        }
        upload.parts = listed;
        upload.end = UploadEnd::Completed;
        Ok(etag(upload.content()))
    }

    pub(super) fn abort(&mut self, path: &str, id: &str) -> Result<(), Refusal> {
        self.open(path, id)?.end = UploadEnd::Aborted;
        Ok(())
    }

    fn open(&mut self, path: &str, id: &str) -> Result<&mut Upload, Refusal> {
        let place = id.strip_prefix("upload-").and_then(|n| n.parse().ok());
        let upload = place.and_then(|place: usize| self.uploads.get_mut(place));
        let upload = upload.filter(|upload| upload.path == path && upload.end == UploadEnd::Open);
        let upload = upload.ok_or((404, "NoSuchUpload"))?;
        upload.n_requests += 1;
        Ok(upload)
    }
}

impl Upload {
    fn content(&self) -> ContentHash {
        let mut content = ContentHash::default();
        for part in self.parts.values() {
            content.append(*part);
        }
        content
    }

    fn known(&self) -> Discarded {
        let (bucket, key) = self.path[1..].split_once('/').unwrap_or_default();
        Discarded {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            end: self.end,
            part_bytes: self.parts.values().map(ContentHash::n_bytes).collect(),
            content: self.content(),
            n_requests: self.n_requests,
        }
    }
}

/// In quotes; not of the form that an MD5 has.
pub(super) fn etag(content: ContentHash) -> String {
    format!("\"{:016x}{:016x}-1\"", content.value(), content.n_bytes())
}
