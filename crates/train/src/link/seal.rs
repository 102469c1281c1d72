//! What two hosts write to each other: frames that only somebody with the job's secret can make. Bytes only, no sockets.
//!
//! Each side begins with a greeting: what this is, and a number that was never used before. From both numbers and the
//! secret come two keys, one a direction. A frame is its length (4 bytes, little-endian), the HMAC-SHA256 of its number
//! and its payload (32 bytes), and the payload: none can be made, repeated, moved or left out by somebody else. Nothing
//! is hidden: there is nothing secret in what hosts tell each other.

use ring::hmac;
use thiserror::Error;

#[cfg(test)]
mod tests;

/// The first bytes of each side: what this is, and the version of all that follows.
const MAGIC: [u8; 8] = *b"optml\0\0\x01";
const NONCE_BYTES: usize = 16;
/// The length of a greeting.
pub(super) const GREETING_BYTES: usize = MAGIC.len() + NONCE_BYTES;
/// The most that a frame may hold. A failure with the last words of a script is some 100 KiB.
pub(super) const MAX_FRAME_BYTES: usize = 4 << 20;
const LENGTH_BYTES: usize = 4;
const TAG_BYTES: usize = 32;

/// What the hosts of a job share.
#[derive(Debug, Clone)]
pub(super) struct Secret(hmac::Key);

/// The bytes of the other side are not those of a host of this job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum SealError {
    #[error("it does not speak the language of optml's hosts, or that of another version")]
    Stranger,
    #[error("it belongs to another job, or has another OPTML_CLUSTER_SECRET")]
    Forged,
    #[error("it announces a message of {0} bytes")]
    TooLong(usize),
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The first host.
    First,
    /// Any other.
    Member,
}

/// The first bytes that a side sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Greeting([u8; NONCE_BYTES]);

/// Makes frames.
#[derive(Debug)]
pub(super) struct Sealer {
    key: hmac::Key,
    n_sealed: u64,
}

/// Takes frames apart.
#[derive(Debug)]
pub(super) struct Opener {
    key: hmac::Key,
    n_opened: u64,
}

impl Secret {
    /// `own` is what the user gave, `job` what all hosts of the job know anyway.
    pub(super) fn new(own: &str, job: &str) -> Self {
        let own = hmac::Key::new(hmac::HMAC_SHA256, own.as_bytes());
        let tag = hmac::sign(&own, job.as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()))
    }

    /// The keys of one connection, for the side that is `ours`.
    pub(super) fn keys(&self, ours: Side, first: Greeting, member: Greeting) -> (Sealer, Opener) {
        let key = |side: Side| {
            let side: &[u8] = match side {
                Side::First => b"first",
                Side::Member => b"member",
            };
            let text = [side, &first.0, &member.0].concat();
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0, &text).as_ref())
        };
        let theirs = match ours {
            Side::First => Side::Member,
            Side::Member => Side::First,
        };
        let sealer = Sealer {
            key: key(ours),
            n_sealed: 0,
        };
        let opener = Opener {
            key: key(theirs),
            n_opened: 0,
        };
        (sealer, opener)
    }
}

impl Greeting {
    /// One that was never used before; `None` if the system has no random numbers.
    pub(super) fn fresh() -> Option<Self> {
        let mut nonce = [0; NONCE_BYTES];
        let random = ring::rand::SystemRandom::new();
        ring::rand::SecureRandom::fill(&random, &mut nonce).ok()?;
        Some(Self(nonce))
    }

    /// As it is sent.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&MAGIC[..], &self.0].concat()
    }

    /// Takes the greeting from the beginning of what came; `None` until it is whole.
    pub(super) fn take(received: &mut Vec<u8>) -> Result<Option<Self>, SealError> {
        let begun = received.len().min(MAGIC.len());
        if received[..begun] != MAGIC[..begun] {
            return Err(SealError::Stranger);
        }
        if received.len() < GREETING_BYTES {
            return Ok(None);
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&received[MAGIC.len()..GREETING_BYTES]);
        received.drain(..GREETING_BYTES);
        Ok(Some(Self(nonce)))
    }
}

impl Sealer {
    /// Appends a frame.
    pub(super) fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        let length =
            u32::try_from(payload.len()).expect("messages are bounded where they are made");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(tag(&self.key, self.n_sealed, payload).as_ref());
        out.extend_from_slice(payload);
        self.n_sealed += 1;
    }
}

impl Opener {
    /// Takes the first frame from what came; `None` until it is whole.
    pub(super) fn open(&mut self, received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, SealError> {
        let Some((length, rest)) = received.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(SealError::TooLong(length));
        }
        let Some(payload) = rest.get(TAG_BYTES..TAG_BYTES + length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        let numbered = numbered(self.n_opened, &payload);
        if hmac::verify(&self.key, &numbered, &rest[..TAG_BYTES]).is_err() {
            return Err(SealError::Forged);
        }
        self.n_opened += 1;
        received.drain(..LENGTH_BYTES + TAG_BYTES + length);
        Ok(Some(payload))
    }
}

fn tag(key: &hmac::Key, number: u64, payload: &[u8]) -> hmac::Tag {
    hmac::sign(key, &numbered(number, payload))
}

fn numbered(number: u64, payload: &[u8]) -> Vec<u8> {
    [&number.to_le_bytes(), payload].concat()
}
