//! Buckets and containers, through `object_store`: one bucket, its region and credentials mended on the way.

use std::{
    collections::BTreeSet,
    future::Future,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt, TryStreamExt};
use object_store::{
    GetOptions, GetRange, GetResult, GetResultPayload, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutPayload, RetryConfig,
    aws::AmazonS3Builder,
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    path::Path,
};
use tracing::info;

use super::{
    Incoming, Object,
    checksum::Expected,
    credentials::Credentials,
    error::StoreFault,
    faults::{fault_of, key_fault},
    settings::{Settings, is_private},
    url::{Scheme, StoreUrl},
    web_client::{AnswerHeaders, WebClient},
};

/// One bucket.
#[derive(Debug)]
pub(super) struct Objects {
    scheme: Scheme,
    bucket: String,
    settings: Settings,
    web: WebClient,
    credentials: Arc<Credentials>,
    current: RwLock<Arc<Current>>,
}

#[derive(Debug)]
struct Current {
    region: String,
    store: Arc<dyn ObjectStore>,
}

impl Objects {
    pub(super) fn open(
        url: &StoreUrl,
        settings: &Settings,
        web: &WebClient,
        credentials: &Arc<Credentials>,
    ) -> Result<Self, StoreFault> {
        let region = settings.region().unwrap_or(DEFAULT_REGION).to_owned();
        let store = connect(
            url.scheme(),
            url.container(),
            &region,
            (settings, web, credentials),
        )?;
        Ok(Self {
            scheme: url.scheme(),
            bucket: url.container().to_owned(),
            settings: settings.clone(),
            web: web.clone(),
            credentials: Arc::clone(credentials),
            current: RwLock::new(Arc::new(Current { region, store })),
        })
    }

    /// What an object is: its size, its version, what its bytes have to come to.
    ///
    /// By reading one byte of it: the answer to `HEAD` has no body that could say why not.
    pub(super) async fn look(&self, key: &str) -> Result<Object, StoreFault> {
        let path = path(key)?;
        let first_byte = GetOptions {
            range: Some(GetRange::Bounded(0..1)),
            ..GetOptions::default()
        };
        let found = self.get(&path, first_byte).await;
        let found = match found {
            // An empty object has no first byte, which not every server says in the right way.
            Err(StoreFault::Refused { status: 416, .. } | StoreFault::Protocol(_)) => {
                let head = GetOptions {
                    head: true,
                    ..GetOptions::default()
                };
                self.get(&path, head).await?
            }
            found => found?,
        };
        let mut object = Object::from_meta(key, &found.meta);
        object.expected = self.expected(&found);
        Ok(object)
    }

    /// A part of an object, of that very version of it.
    pub(super) async fn read(
        &self,
        object: &Object,
        range: Range<u64>,
    ) -> Result<Incoming, StoreFault> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: object.e_tag.clone(),
            ..GetOptions::default()
        };
        let found = self.get(&path(&object.key)?, options).await?;
        let expected = self.expected(&found);
        let web = self.web.clone();
        let GetResultPayload::Stream(stream) = found.payload;
        let chunks = stream.map_err(move |error| fault_of(&error, &web.seen()));
        Ok((chunks.boxed(), expected))
    }

    /// Everything below a folder, `max` objects at most.
    pub(super) async fn list(&self, folder: &str, max: usize) -> Result<Vec<Object>, StoreFault> {
        let prefix = path(folder)?;
        self.attempt(|store| {
            let listed = store.list(Some(&prefix)).take(max + 1);
            listed.try_collect::<Vec<_>>()
        })
        .await
        .and_then(|all| {
            if all.len() > max {
                return Err(StoreFault::TooMany { max });
            }
            Ok(without_folders(&all, &prefix)
                .map(|meta| Object::from_meta(meta.location.as_ref(), meta))
                .collect())
        })
    }

    /// Stores an object in one request.
    pub(super) async fn put(&self, key: &str, payload: PutPayload) -> Result<(), StoreFault> {
        let path = path(key)?;
        self.attempt(move |store| {
            let (path, payload) = (path.clone(), payload.clone());
            async move { store.put(&path, payload).await.map(drop) }
        })
        .await
    }

    /// Begins to store an object in parts.
    pub(super) async fn put_in_parts(
        &self,
        key: &str,
    ) -> Result<Box<dyn MultipartUpload>, StoreFault> {
        let path = path(key)?;
        self.attempt(move |store| {
            let path = path.clone();
            async move { store.put_multipart(&path).await }
        })
        .await
    }

    /// What a failure outside [`Self::attempt`] means.
    pub(super) fn fault(&self, error: &object_store::Error) -> StoreFault {
        fault_of(error, &self.web.seen())
    }

    fn expected(&self, found: &GetResult) -> Option<Expected> {
        let AnswerHeaders(headers) = found.extensions.get()?;
        let is_md5 = self.scheme == Scheme::S3;
        Expected::read(headers, found.meta.e_tag.as_deref().filter(|_| is_md5))
    }

    async fn get(&self, path: &Path, options: GetOptions) -> Result<GetResult, StoreFault> {
        self.attempt(|store| {
            let (path, options) = (path.clone(), options.clone());
            async move { store.get_opts(&path, options).await }
        })
        .await
    }

    /// Does something, once more when the bucket turns out to be elsewhere, and once more with new credentials.
    async fn attempt<T, F>(&self, act: impl Fn(Arc<dyn ObjectStore>) -> F) -> Result<T, StoreFault>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut may_move = self.scheme == Scheme::S3;
        let mut may_renew = self.scheme == Scheme::S3;
        loop {
            let current = self.current();
            let error = match act(Arc::clone(&current.store)).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match self.fault(&error) {
                StoreFault::Region { region } if may_move && region != "?" => {
                    may_move = false;
                    self.move_to(&region)?;
                }
                StoreFault::Expired { .. } if may_renew => {
                    may_renew = false;
                    self.credentials.forget().await;
                }
                fault => return Err(fault),
            }
        }
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn move_to(&self, region: &str) -> Result<(), StoreFault> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.region == region {
            // Another request has been told the same.
            return Ok(());
        }
        info!(
            bucket = self.bucket,
            region,
            was = current.region,
            "the bucket is in another region: asking there"
        );
        let store = connect(
            self.scheme,
            &self.bucket,
            region,
            (&self.settings, &self.web, &self.credentials),
        )?;
        *current = Arc::new(Current {
            region: region.to_owned(),
            store,
        });
        Ok(())
    }
}

impl Object {
    fn from_meta(key: &str, meta: &ObjectMeta) -> Self {
        Self {
            e_tag: meta.e_tag.as_deref().map(quoted),
            ..Self::listed(key, meta.size, meta.last_modified.into())
        }
    }

    /// As a list tells of it.
    pub(crate) fn listed(key: &str, n_bytes: u64, modified: SystemTime) -> Self {
        Self {
            key: key.to_owned(),
            n_bytes: Some(n_bytes),
            e_tag: None,
            modified: Some(modified),
            in_ranges: true,
            expected: None,
        }
    }
}

/// Azure has quotes around a tag in its answers, and none in its lists.
fn quoted(e_tag: &str) -> String {
    if e_tag.contains('"') {
        e_tag.to_owned()
    } else {
        format!("\"{e_tag}\"")
    }
}

/// Without the empty objects `folder/` that consoles make: their slash is lost on the way here, and then they would stand in the place of
/// the folder.
fn without_folders<'a>(
    all: &'a [ObjectMeta],
    prefix: &'a Path,
) -> impl Iterator<Item = &'a ObjectMeta> {
    let mut folders = BTreeSet::from([prefix.as_ref()]);
    for meta in all {
        let mut rest = meta.location.as_ref();
        while let Some((folder, _)) = rest.rsplit_once('/')
            && folders.insert(folder)
        {
            rest = folder;
        }
    }
    all.iter()
        .filter(move |meta| meta.size > 0 || !folders.contains(meta.location.as_ref()))
}

/// Region, endpoint, style and credentials of S3; what the other two find by themselves in our variables.
fn connect(
    scheme: Scheme,
    bucket: &str,
    region: &str,
    (settings, web, credentials): (&Settings, &WebClient, &Arc<Credentials>),
) -> Result<Arc<dyn ObjectStore>, StoreFault> {
    let failed = |error: object_store::Error| StoreFault::Protocol(error.to_string());
    match scheme {
        Scheme::S3 => {
            let endpoint = settings.s3_endpoint(bucket, region);
            // Nobody can change a body on the way there: its SHA-256, most of the cost of an upload, would protect nothing.
            let is_safe = is_private(&endpoint.url);
            let builder = AmazonS3Builder::new()
                .with_bucket_name(bucket)
                .with_region(region)
                .with_endpoint(endpoint.url)
                .with_virtual_hosted_style_request(endpoint.hosts_bucket)
                .with_unsigned_payload(is_safe)
                .with_credentials(Arc::clone(credentials) as _)
                .with_http_connector(web.clone())
                .with_allow_http(true)
                .with_retry(retries(settings));
            Ok(Arc::new(builder.build().map_err(failed)?))
        }
        Scheme::Gcs => {
            let mut builder = GoogleCloudStorageBuilder::new()
                .with_http_connector(web.clone())
                .with_retry(retries(settings));
            for (name, value) in settings.vars() {
                if let Ok(key) = name.to_ascii_lowercase().parse::<GoogleConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            // Last: there are variables for it as well.
            let builder = builder.with_bucket_name(bucket);
            Ok(Arc::new(builder.build().map_err(failed)?))
        }
        Scheme::Azure => {
            let mut builder = MicrosoftAzureBuilder::new()
                .with_http_connector(web.clone())
                .with_retry(retries(settings));
            for (name, value) in settings.vars() {
                let name = name.to_ascii_lowercase();
                if let Some(key) = name
                    .starts_with("azure_")
                    .then(|| name.parse::<AzureConfigKey>())
                {
                    builder = key
                        .into_iter()
                        .fold(builder, |builder, key| builder.with_config(key, value));
                }
            }
            let builder = builder.with_container_name(bucket);
            Ok(Arc::new(builder.build().map_err(failed)?))
        }
        Scheme::Web => Err(StoreFault::Protocol(
            "a web server has no buckets".to_owned(),
        )),
    }
}

/// With exponential back-off and jitter.
fn retries(settings: &Settings) -> RetryConfig {
    RetryConfig {
        backoff: object_store::BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: 8,
        retry_timeout: settings.tuning().retry_limit,
    }
}

fn path(key: &str) -> Result<Path, StoreFault> {
    Path::parse(key).map_err(|error| key_fault(&error))
}

/// Where to begin when nobody says where: the bucket's own answer leads on.
const DEFAULT_REGION: &str = "us-east-1";
