//! Checksums that a store gives with an object, and computing them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::HeaderMap;
use md5::{Digest as _, Md5};
use ring::digest::{Context as Sha, SHA256};

use super::error::StoreFault;

/// What the whole of an object has to come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    algorithm: Algorithm,
    value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Crc64Nvme,
    Crc32c,
    Crc32,
    Sha256,
    Md5,
}

/// A checksum in the making.
pub(super) struct Sum {
    expected: Expected,
    state: State,
}

enum State {
    Crc(Box<Crc>),
    Sha256(Box<Sha>),
    Md5(Box<Md5>),
}

impl Expected {
    /// The cheapest checksum that an answer has, if it has one of the whole object.
    ///
    /// `e_tag`: that of a store where 32 hexadecimal digits are the MD5, unless a key of the customer's or of KMS encrypts the
    /// object.
    pub(super) fn read(headers: &HeaderMap, e_tag: Option<&str>) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let is_composite = text("x-amz-checksum-type") == Some("COMPOSITE");
        for (header, algorithm) in Algorithm::HEADERS {
            // `…-3`: the checksum of three checksums.
            let value = text(header).filter(|value| !is_composite && !value.contains('-'));
            if let Some(value) = value.and_then(|value| STANDARD.decode(value).ok()) {
                return Self::new(algorithm, value);
            }
        }
        for value in headers.get_all("x-goog-hash") {
            let hashes = value.to_str().unwrap_or_default().split(',');
            let crc = hashes
                .filter_map(|hash| hash.trim().strip_prefix("crc32c="))
                .find_map(|value| STANDARD.decode(value).ok());
            if let Some(value) = crc {
                return Self::new(Algorithm::Crc32c, value);
            }
        }
        if let Some(value) = text("x-ms-blob-content-md5").and_then(|md5| STANDARD.decode(md5).ok())
        {
            return Self::new(Algorithm::Md5, value);
        }
        let encryption = text("x-amz-server-side-encryption").unwrap_or_default();
        let is_hidden = encryption.starts_with("aws:kms")
            || headers.contains_key("x-amz-server-side-encryption-customer-algorithm");
        let e_tag = e_tag?.trim_matches('"');
        if is_hidden || e_tag.len() != 32 {
            return None;
        }
        Self::new(Algorithm::Md5, from_hex(e_tag)?)
    }

    pub(super) fn start(&self) -> Sum {
        let state = match self.algorithm {
            Algorithm::Crc64Nvme => State::Crc(Box::new(Crc::new(CrcAlgorithm::Crc64Nvme))),
            Algorithm::Crc32c => State::Crc(Box::new(Crc::new(CrcAlgorithm::Crc32Iscsi))),
            Algorithm::Crc32 => State::Crc(Box::new(Crc::new(CrcAlgorithm::Crc32IsoHdlc))),
            Algorithm::Sha256 => State::Sha256(Box::new(Sha::new(&SHA256))),
            Algorithm::Md5 => State::Md5(Box::default()),
        };
        Sum {
            expected: self.clone(),
            state,
        }
    }

    fn new(algorithm: Algorithm, value: Vec<u8>) -> Option<Self> {
        (value.len() == algorithm.n_bytes()).then_some(Self { algorithm, value })
    }
}

impl Algorithm {
    /// Cheapest first.
    const HEADERS: [(&'static str, Self); 4] = [
        ("x-amz-checksum-crc64nvme", Self::Crc64Nvme),
        ("x-amz-checksum-crc32c", Self::Crc32c),
        ("x-amz-checksum-crc32", Self::Crc32),
        ("x-amz-checksum-sha256", Self::Sha256),
    ];

    fn n_bytes(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32c | Self::Crc32 => 4,
            Self::Sha256 => 32,
            Self::Md5 => 16,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC-64/NVME",
            Self::Crc32c => "CRC-32C",
            Self::Crc32 => "CRC-32",
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }
}

impl Sum {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Sha256(sha) => sha.update(bytes),
            State::Md5(md5) => md5.update(bytes),
        }
    }

    /// Compares.
    pub(super) fn finish(self) -> Result<(), StoreFault> {
        let Expected { algorithm, value } = self.expected;
        let got = match self.state {
            State::Crc(crc) => {
                let all = crc.finalize().to_be_bytes();
                all[all.len() - algorithm.n_bytes()..].to_vec()
            }
            State::Sha256(sha) => sha.finish().as_ref().to_vec(),
            State::Md5(md5) => md5.finalize().to_vec(),
        };
        if got == value {
            return Ok(());
        }
        Err(StoreFault::Checksum {
            algorithm: algorithm.name(),
            expected: hex(&value),
            got: hex(&got),
        })
    }
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // A String takes everything.
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let pairs = digits?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    pairs.chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests;
