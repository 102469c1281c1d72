//! Object storage: S3, Google Cloud Storage and Azure through `object_store`, and files of a web server. It knows stores
//! and nothing else: not what is fetched, nor what for.
//!
//! # Theory of operation
//! A [`Client`] is one HTTP client, one chain of credentials, and a runtime of a few threads of its own for all
//! transfers. What is called here blocks its caller; [`Client::cancel`] ends every call that runs, soon, from any thread.
//!
//! A download is asked for in pieces, several at once, of one version of the object (`If-Match`). [`Store::reader`] gives
//! them in order, to be unpacked while they arrive; [`Store::download`] writes each to its place in a file. An upload is one
//! request, or parts that are put together at the end, or given up: nothing is ever visible in part. Memory is that of the pieces
//! under way ([`Tuning`]), whatever the sizes.
//!
//! Failed requests are repeated with back-off and jitter for a minute ([`Tuning`]); a bucket in another region is asked there,
//! credentials that have expired are fetched anew, each once. What is left is a [`StoreError`], with a remedy.

mod aws;
mod checksum;
mod client;
mod credentials;
mod error;
mod faults;
mod objects;
mod read;
mod settings;
mod spare;
mod url;
mod web;
mod web_client;
mod write;

use std::{fs::File, sync::Arc, time::SystemTime};

use futures_util::stream::BoxStream;

pub(crate) use self::checksum::hex;
pub use self::{
    aws::AwsCall,
    client::{Client, Progress},
    error::{Later, StoreError, StoreFault},
    read::Reader,
    settings::{Settings, Tuning},
    url::{Scheme, StoreUrl, UrlError, without_secrets},
    web_client::WebClientError,
    write::{Content, Put},
};
use self::{checksum::Expected, objects::Objects, web::Web};

/// One bucket, container or address, and where in it to begin.
#[derive(Debug)]
pub struct Store {
    client: Client,
    url: StoreUrl,
    backend: Arc<Backend>,
}

/// An object, of one version.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// Its size; a web server may not say.
    pub n_bytes: Option<u64>,
    /// What tells this version from others.
    pub e_tag: Option<String>,
    /// When it was stored.
    pub modified: Option<SystemTime>,
    /// Parts of it can be asked for.
    in_ranges: bool,
    expected: Option<Expected>,
}

/// Bytes of an object, and what all of it has to come to, if the answer says.
type Incoming = (
    BoxStream<'static, Result<bytes::Bytes, StoreFault>>,
    Option<Expected>,
);

#[derive(Debug)]
enum Backend {
    Objects(Objects),
    Web(Web),
}

impl Store {
    /// Where it begins.
    pub fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// What the object is that the URL names.
    ///
    /// # Errors
    /// [`StoreFault::NotFound`], or what kept it from being looked at.
    pub fn look(&self) -> Result<Object, StoreError> {
        let key = self.url.key();
        self.client
            .wait(self.backend.look(key))
            .map_err(|fault| self.failed("find", key, fault))
    }

    /// Every file below the URL as a folder, at most `max`; none if there is no such folder, or on a web server.
    ///
    /// The empty object that consoles make for each folder is no file.
    ///
    /// # Errors
    /// What kept them from being listed; [`StoreFault::TooMany`].
    pub fn list(&self, max: usize) -> Result<Vec<Object>, StoreError> {
        let folder = self.url.key().trim_end_matches('/');
        self.client
            .wait(async {
                match &*self.backend {
                    Backend::Objects(objects) => objects.list(folder, max).await,
                    Backend::Web(_) => Ok(Vec::new()),
                }
            })
            .map_err(|fault| self.failed("list", folder, fault))
    }

    /// The part of a key below the URL as a folder; none for an object that lies elsewhere.
    pub fn name_below<'a>(&self, object: &'a Object) -> Option<&'a str> {
        match self.url.key().trim_end_matches('/') {
            "" => Some(&object.key),
            folder => object.key.strip_prefix(folder)?.strip_prefix('/'),
        }
    }

    /// Reads an object from its beginning to its end, several pieces at once, in order. The last read fails when length or
    /// checksum are not as the store says.
    pub fn reader(&self, object: &Object, progress: &Progress) -> Reader {
        let shown = self.shown(&object.key);
        Reader::start(&self.client, &self.backend, object, (shown, progress))
    }

    /// Writes an object into an empty file, several pieces at once. Length and checksum are compared, for which the file must be open
    /// for reading too.
    ///
    /// # Errors
    /// With the reason; the file then holds rubbish.
    pub fn download(
        &self,
        object: &Object,
        file: &File,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        self.client
            .wait(read::download(
                &self.client,
                &self.backend,
                object,
                (file, progress),
            ))
            .map_err(|fault| self.failed("read", &object.key, fault))
    }

    /// Downloads many objects, several at once; `open` gives an empty file for each. Length and checksum are compared.
    ///
    /// # Errors
    /// The first reason; downloads that run are given up.
    pub fn download_all<F: Fn(&Object) -> std::io::Result<File> + Sync>(
        &self,
        objects: &[Object],
        open: F,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        self.client
            .wait(async {
                Ok(
                    read::download_all(&self.client, &self.backend, objects, (&open, progress))
                        .await,
                )
            })
            .map_err(|fault| self.failed("read", self.url.key(), fault))?
            .map_err(|(key, fault)| self.failed("read", &key, fault))
    }

    /// Stores a file under a name below the URL: whole, or not at all.
    ///
    /// # Errors
    /// With the reason; nothing was stored, and parts were given up.
    pub fn put(&self, name: &str, content: &dyn Content) -> Result<Put, StoreError> {
        let url = self.url.join(name);
        let key = url.key();
        let Backend::Objects(objects) = &*self.backend else {
            let fault = StoreFault::Protocol("a web server takes no files".to_owned());
            return Err(self.failed("store", key, fault));
        };
        write::put(&self.client, objects, key, content)
            .map_err(|fault| self.failed("store", key, fault))
    }

    fn failed(&self, action: &'static str, key: &str, fault: StoreFault) -> StoreError {
        StoreError {
            action,
            place: self.shown(key),
            fault,
        }
    }

    fn shown(&self, key: &str) -> String {
        match self.url.scheme() {
            Scheme::Web => self.url.to_string(),
            _ => self.url.at(key).to_string(),
        }
    }
}

impl Object {
    /// What tells it from every other version: its tag, else size and time.
    pub fn identity(&self) -> String {
        if let Some(e_tag) = &self.e_tag {
            return e_tag.trim_matches('"').to_owned();
        }
        let modified = self
            .modified
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        format!(
            "{}-{}",
            self.n_bytes.unwrap_or(0),
            modified.unwrap_or_default().as_secs()
        )
    }
}

impl Backend {
    async fn look(&self, key: &str) -> Result<Object, StoreFault> {
        match self {
            Self::Objects(objects) => objects.look(key).await,
            Self::Web(web) => web.look(key).await,
        }
    }

    /// An object of a list, with its checksum.
    async fn look_again(&self, listed: &Object) -> Result<Object, StoreFault> {
        let found = self.look(&listed.key).await?;
        if (&found.e_tag, found.n_bytes) == (&listed.e_tag, listed.n_bytes) {
            Ok(found)
        } else {
            Err(StoreFault::Changed)
        }
    }

    async fn read(
        &self,
        object: &Object,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Incoming, StoreFault> {
        match (self, range) {
            (Self::Objects(objects), Some(range)) => objects.read(object, range).await,
            (Self::Objects(objects), None) => {
                let all = 0..object.n_bytes.unwrap_or(0);
                objects.read(object, all).await
            }
            (Self::Web(web), range) => web.read(object, range).await,
        }
    }
}

#[cfg(test)]
mod tests;
