//! Why a store did not give or take: which object, the reason, and what to do.

use std::{fmt, io};

use thiserror::Error;

/// A store that did not do what it was asked.
#[derive(Debug, Error)]
#[error("{action} `{place}`: {fault}")]
pub struct StoreError {
    /// What was being done, as in "read".
    pub action: &'static str,
    /// The object, without secrets.
    pub place: String,
    /// What went wrong.
    pub fault: StoreFault,
}

/// What can go wrong with a store.
#[derive(Debug, Error)]
pub enum StoreFault {
    /// The object, the folder or the bucket is not there.
    #[error("{}", Answer(.code.as_deref().unwrap_or("there is no such object"), .message.as_deref()))]
    NotFound {
        /// The store's own code, as in `NoSuchBucket`.
        code: Option<String>,
        /// Its own words.
        message: Option<String>,
    },
    /// Who asks may not.
    #[error("access is denied: {}", Answer(.code, .message.as_deref()))]
    Denied {
        /// The store's own code, as in `AccessDenied`.
        code: String,
        /// Its own words.
        message: Option<String>,
    },
    /// Nobody knows who asks.
    #[error("no credentials: {0}")]
    NoCredentials(String),
    /// The credentials were good once.
    #[error("the credentials have expired ({code})")]
    Expired {
        /// The store's own code.
        code: String,
    },
    /// Our clock and theirs are too far apart for a signature to hold.
    #[error("the clock of this machine is {}: the store refuses the signature", Skew(*.ahead_s))]
    Clock {
        /// Seconds that ours is ahead, as far as the store's `Date` tells.
        ahead_s: Option<i64>,
    },
    /// The bucket is in another region, and asking there did not help either.
    #[error("{}", Region(.region))]
    Region {
        /// That region, or `?` where nobody says which.
        region: String,
    },
    /// It was asked several times.
    #[error("it is not available ({status}{}), after {n_tries} {}", Code(.code.as_deref()), tries(*.n_tries))]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The store's own code, as in `SlowDown`.
        code: Option<String>,
        /// How often it was asked.
        n_tries: u32,
    },
    /// Another answer than success.
    #[error("the answer is {status}: {}", Answer(.code, .message.as_deref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The store's own code.
        code: String,
        /// Its own words.
        message: Option<String>,
    },
    /// No connection, or one that breaks.
    #[error("{0}")]
    Connection(String),
    /// Another object has taken its place while it was read.
    #[error("the object changed while it was read")]
    Changed,
    /// Not as many bytes as were said.
    #[error("{got_bytes} bytes came and {expected_bytes} were announced")]
    Length {
        /// As the store said.
        expected_bytes: u64,
        /// As they came.
        got_bytes: u64,
    },
    /// The bytes are not those that were stored.
    #[error("the content is damaged: its {algorithm} is {got}, and the store says {expected}")]
    Checksum {
        /// Which checksum.
        algorithm: &'static str,
        /// As the store said, in hexadecimal.
        expected: String,
        /// As it was computed.
        got: String,
    },
    /// A key that the store's client can't express.
    #[error("the key can't be used: {0}")]
    Key(String),
    /// The folder holds more objects than are fetched.
    #[error("there are more than {max} objects")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// A file on this side.
    #[error("the file on this machine: {0}")]
    Local(#[source] io::Error),
    /// An answer that makes no sense.
    #[error("{0}")]
    Protocol(String),
    /// The caller wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Whether the same may work later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// It may.
    Worthwhile,
    /// Something has to be mended first.
    Hopeless,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let is_of_web = self.place.starts_with("http");
        let hint = match &self.fault {
            // The text of the TLS library.
            StoreFault::Connection(reason) if reason.contains("certificate") => Some(
                "let SSL_CERT_FILE name the certificates of the authority that the server's is signed by",
            ),
            StoreFault::NotFound { .. } if is_of_web => Some("check the address"),
            StoreFault::Denied { .. } if is_of_web => {
                Some("check the address: a signature in it holds for a while only")
            }
            _ => self.fault.hint(),
        };
        hint.map(str::to_owned)
    }

    /// Whether to try again later.
    pub fn later(&self) -> Later {
        match &self.fault {
            StoreFault::NotFound { .. }
            | StoreFault::Denied { .. }
            | StoreFault::Refused { .. }
            | StoreFault::Key(_)
            | StoreFault::TooMany { .. }
            | StoreFault::Region { .. }
            | StoreFault::Stopped => Later::Hopeless,
            StoreFault::NoCredentials(_)
            | StoreFault::Expired { .. }
            | StoreFault::Clock { .. }
            | StoreFault::Unavailable { .. }
            | StoreFault::Connection(_)
            | StoreFault::Changed
            | StoreFault::Length { .. }
            | StoreFault::Checksum { .. }
            | StoreFault::Local(_)
            | StoreFault::Protocol(_) => Later::Worthwhile,
        }
    }
}

impl StoreFault {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => {
                Some("check the bucket and the key; a folder's address ends in `/`")
            }
            Self::Denied { code, .. } | Self::Refused { code, .. } if is_of_keys(code) => Some(
                "check the credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN belong together",
            ),
            Self::Denied { .. } => Some(
                "the role of the job needs `s3:GetObject`, `s3:ListBucket` and, for uploads, `s3:PutObject` on it (and the key of an encrypted bucket)",
            ),
            Self::NoCredentials(_) => Some(
                "give the job a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AZURE_…, GOOGLE_… for the others)",
            ),
            Self::Expired { .. } => {
                Some("renew them: temporary credentials in variables are not renewed by themselves")
            }
            Self::Clock { .. } => {
                Some("set the clock of the machine (NTP): signatures hold for 15 minutes")
            }
            Self::Region { .. } => Some("set AWS_REGION to the region of the bucket"),
            Self::Connection(_) => Some(
                "check the network of the job (isolation, VPC endpoints), and S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL",
            ),
            Self::Changed => Some("do not overwrite it while jobs start"),
            Self::Length { .. } | Self::Checksum { .. } => Some("upload it again"),
            Self::Local(err) if err.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space")
            }
            Self::Unavailable { .. } => {
                Some("try again later; `SlowDown` means too many requests on one prefix")
            }
            Self::Refused { .. }
            | Self::Key(_)
            | Self::TooMany { .. }
            | Self::Local(_)
            | Self::Protocol(_)
            | Self::Stopped => None,
        }
    }
}

struct Answer<'a, C: AsRef<str> + ?Sized>(&'a C, Option<&'a str>);

impl<C: AsRef<str> + ?Sized> fmt::Display for Answer<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())?;
        match self.1 {
            Some(message) if !message.is_empty() => write!(f, " ({message})"),
            _ => Ok(()),
        }
    }
}

struct Code<'a>(Option<&'a str>);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, " {code}"))
    }
}

struct Region<'a>(&'a str);

impl fmt::Display for Region<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "?" => {
                f.write_str("the bucket is in another region, and the store does not say in which")
            }
            region => write!(
                f,
                "the bucket is in region `{region}`, and asking there failed too"
            ),
        }
    }
}

/// The store does not know the keys, which no permission mends.
fn is_of_keys(code: &str) -> bool {
    [
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
    ]
    .contains(&code)
}

fn tries(n: u32) -> &'static str {
    if n == 1 { "try" } else { "tries" }
}

struct Skew(Option<i64>);

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ahead) = self.0 else {
            return f.write_str("wrong");
        };
        let seconds = ahead.unsigned_abs();
        let way = if ahead < 0 { "behind" } else { "ahead" };
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => write!(f, "{minutes} min {seconds} s {way}"),
            (hours, minutes, _) => write!(f, "{hours} h {minutes} min {way}"),
        }
    }
}

#[cfg(test)]
mod tests;
