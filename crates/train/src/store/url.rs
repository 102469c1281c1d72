//! Where an object is: `s3://bucket/key` and its kin, as text. Pure.

use std::fmt;

use thiserror::Error;

/// The place of an object, or of a folder of objects.
///
/// **Shape** `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `az://CONTAINER/KEY`, `https://HOST/…`. A key that ends in `/` names a
/// folder. A web address keeps its query, which may be a signature: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    scheme: Scheme,
    container: String,
    key: String,
    /// Only for the web: the address as it was given.
    address: String,
}

/// Which protocol leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Amazon S3 and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A web server.
    Web,
}

/// A text that names no object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It has no `scheme://` of those that are known.
    #[error("`{0}` is no address of a store (`s3://`, `gs://`, `az://`, `https://`)")]
    Scheme(String),
    /// Nothing between `//` and the next `/`.
    #[error("`{0}` names no {1}")]
    NoContainer(String, &'static str),
    /// `..`, `.`, or nothing between two slashes: stores and folders disagree about such names.
    #[error("the key of `{0}` has an empty part, `.` or `..`")]
    OddKey(String),
    /// A control character.
    #[error("`{0}` holds a control character")]
    Control(String),
}

impl Scheme {
    const ALL: [(&'static str, Self); 5] = [
        ("s3", Self::S3),
        ("gs", Self::Gcs),
        ("az", Self::Azure),
        ("https", Self::Web),
        ("http", Self::Web),
    ];

    /// What its service is called.
    pub fn service(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure",
            Self::Web => "the web server",
        }
    }

    /// What holds its objects.
    pub fn container(self) -> &'static str {
        match self {
            Self::S3 | Self::Gcs => "bucket",
            Self::Azure => "container",
            Self::Web => "host",
        }
    }

    /// The scheme of a text that begins with one.
    pub fn of(text: &str) -> Option<Self> {
        let (scheme, _) = text.split_once("://")?;
        let known = Self::ALL
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(scheme))?;
        Some(known.1)
    }
}

impl StoreUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// With what is wrong about it; no part that may be secret is repeated.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let shown = || without_secrets(text);
        let (Some(scheme), Some((_, rest))) = (Scheme::of(text), text.split_once("://")) else {
            return Err(UrlError::Scheme(shown()));
        };
        if text.chars().any(char::is_control) {
            return Err(UrlError::Control(shown().escape_debug().to_string()));
        }
        let (container, key) = rest.split_once('/').unwrap_or((rest, ""));
        if container.is_empty() {
            return Err(UrlError::NoContainer(shown(), scheme.container()));
        }
        let key = key.trim_start_matches('/');
        if scheme != Scheme::Web && !is_plain_key(key) {
            return Err(UrlError::OddKey(shown()));
        }
        Ok(Self {
            scheme,
            container: container.to_owned(),
            key: key.to_owned(),
            address: text.to_owned(),
        })
    }

    /// The protocol.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket, container or host.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// What follows it, without a slash at the beginning.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key names a folder by its form: it is empty or ends in a slash.
    pub fn is_folder(&self) -> bool {
        self.scheme != Scheme::Web && (self.key.is_empty() || self.key.ends_with('/'))
    }

    /// The last part of the key: what a file made of it is called. Of a web address, without its query.
    pub fn file_name(&self) -> Option<&str> {
        let key = match self.scheme {
            Scheme::Web => self.key.split(['?', '#']).next().unwrap_or_default(),
            _ => &self.key,
        };
        key.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The same place, some parts further down.
    #[must_use]
    pub fn join(&self, below: &str) -> Self {
        match self.key.trim_end_matches('/') {
            "" => self.at(below),
            folder => self.at(&format!("{folder}/{below}")),
        }
    }

    /// Another place in the same container.
    #[must_use]
    pub(super) fn at(&self, key: &str) -> Self {
        let mut other = self.clone();
        key.clone_into(&mut other.key);
        other
    }

    /// The whole address of a web page: secret.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::S3 => "s3",
            Scheme::Gcs => "gs",
            Scheme::Azure => "az",
            Scheme::Web => return f.write_str(&without_secrets(&self.address)),
        };
        write!(
            f,
            "{scheme}://{}/{}",
            self.container,
            on_one_line(&self.key)
        )
    }
}

/// The address may hold a signature.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// Text whose control characters can be seen, and do nothing. A file that is uploaded may have them in its name.
pub(super) fn on_one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// An address without the parts that hold passwords and signatures.
pub fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn is_plain_key(key: &str) -> bool {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.is_empty() || key.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests;
