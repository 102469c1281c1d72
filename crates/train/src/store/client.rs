//! What all stores share, and how a blocking caller waits for them.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::info;

use super::{
    Backend, Store,
    credentials::Credentials,
    error::{StoreError, StoreFault},
    objects::Objects,
    settings::Settings,
    spare::Spare,
    url::{Scheme, StoreUrl},
    web::Web,
    web_client::{WebClient, WebClientError},
};

/// One HTTP client, one chain of credentials, and the threads of all transfers. Copies share them, and their end.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    cancelled: CancellationToken,
}

struct Shared {
    settings: Settings,
    web: WebClient,
    credentials: Arc<Credentials>,
    /// Bytes of uploads that may be in memory.
    upload_room: Arc<tokio::sync::Semaphore>,
    upload_buffers: Spare,
    /// Taken when it ends: its threads must not be waited for.
    runtime: Option<Runtime>,
}

/// Counts the bytes of a transfer, and says every few seconds how far it is.
#[derive(Debug)]
pub struct Progress {
    n_bytes: Arc<AtomicU64>,
    _ticker: Option<AbortOnDropHandle<()>>,
}

impl Client {
    /// Sets it up. Nothing is asked yet.
    ///
    /// # Errors
    /// Certificates that can't be read, threads that can't be had.
    pub fn start(settings: Settings) -> Result<Self, WebClientError> {
        let web = WebClient::new(&settings)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(N_THREADS)
            .max_blocking_threads(N_THREADS)
            .thread_name("transfers")
            .enable_all()
            .build()
            .map_err(WebClientError::Threads)?;
        let credentials = Arc::new(Credentials::new(&settings, &web));
        let (room, n_parts) = (settings.tuning().upload_bytes, settings.tuning().n_parts);
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                web,
                credentials,
                upload_room: Arc::new(tokio::sync::Semaphore::new(room)),
                upload_buffers: Spare::new(n_parts),
                runtime: Some(runtime),
            }),
            cancelled: CancellationToken::new(),
        })
    }

    /// The same client, for work that ends by itself: [`Client::cancel`] of one does not end the other.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            cancelled: CancellationToken::new(),
        }
    }

    /// A store to read from and to write to.
    ///
    /// # Errors
    /// An address or variables that make no sense together.
    pub fn open(&self, url: &StoreUrl) -> Result<Store, StoreError> {
        let shared = &self.shared;
        let backend = if url.scheme() == Scheme::Web {
            Backend::Web(Web::new(&shared.web, url.address()))
        } else {
            let objects = Objects::open(url, &shared.settings, &shared.web, &shared.credentials);
            Backend::Objects(objects.map_err(|fault| StoreError {
                action: "open",
                place: url.to_string(),
                fault,
            })?)
        };
        Ok(Store {
            client: self.clone(),
            url: url.clone(),
            backend: Arc::new(backend),
        })
    }

    /// Ends every call that runs or is made later with [`StoreFault::Stopped`].
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// [`Client::cancel`] for somebody who should not keep the client alive.
    pub fn canceller(&self) -> impl FnOnce() + Send + use<> {
        let cancelled = self.cancelled.clone();
        move || cancelled.cancel()
    }

    /// Counts a transfer of something, which messages call `what`; `total` is its size where that is known.
    pub fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        let n_bytes = Arc::new(AtomicU64::new(0));
        let ticker = tell(what.to_owned(), total, Arc::clone(&n_bytes));
        Progress {
            n_bytes,
            _ticker: Some(AbortOnDropHandle::new(self.runtime().spawn(ticker))),
        }
    }

    /// Waits for something that goes on on the threads of the transfers, or for the end of all of it.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StoreFault>>,
    ) -> Result<T, StoreFault> {
        let cancelled = &self.cancelled;
        self.runtime().block_on(async {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => Err(StoreFault::Stopped),
                done = work => done,
            }
        })
    }

    /// Waits for something that has to be done even after the end, for a while.
    pub(super) fn tidy_up(&self, work: impl Future<Output = ()>) {
        self.runtime().block_on(async {
            // Too late: the store's own rules clear what is left.
            let _ = tokio::time::timeout(TIDY_LIMIT, work).await;
        });
    }

    pub(super) fn web(&self) -> &WebClient {
        &self.shared.web
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    pub(super) fn upload_room(&self) -> &Arc<tokio::sync::Semaphore> {
        &self.shared.upload_room
    }

    pub(super) fn upload_buffers(&self) -> &Spare {
        &self.shared.upload_buffers
    }

    pub(super) fn runtime(&self) -> &Runtime {
        let runtime = self.shared.runtime.as_ref();
        runtime.expect("the runtime is taken only when the last copy is dropped")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl Progress {
    /// Counts without a word.
    pub fn silent() -> Self {
        Self {
            n_bytes: Arc::default(),
            _ticker: None,
        }
    }

    /// Bytes so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.n_bytes)
    }
}

async fn tell(what: String, total: Option<u64>, n_bytes: Arc<AtomicU64>) {
    tokio::time::sleep(SILENT).await;
    loop {
        let done_mb = n_bytes.load(Ordering::Relaxed) / 1_000_000;
        let total_mb = total.map(|total| total / 1_000_000);
        info!(done_mb, total_mb, "{what}");
        tokio::time::sleep(BETWEEN_WORDS).await;
    }
}

/// For all transfers; they wait more than they work.
const N_THREADS: usize = 4;
/// A transfer shorter than this is not worth a word.
const SILENT: Duration = Duration::from_secs(2);
const BETWEEN_WORDS: Duration = Duration::from_secs(5);
/// To give up an upload in parts.
const TIDY_LIMIT: Duration = Duration::from_secs(5);
