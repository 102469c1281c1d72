//! What a job keeps in step with stores while its script runs: intermediate output, and checkpoints.
//!
//! The plan is made before anything is fetched, so that an address that makes no sense ends the job early. Checkpoints are
//! restored before the script starts; that may fail the job, because training from nothing by mistake is worse. From then on
//! nothing here fails it: what could not be uploaded is in the log, by name.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{Layout, TrainingEnv, failure::Phase, options::Options, text::Text};
use optml_supervise::Supervisor;
use tracing::{info, warn};

use crate::{
    checkpoints,
    failing::{Failed, cut_short, not_done},
    store::{Client, Content, Later, Scheme, Store, StoreError, StoreFault, StoreUrl},
    stores::Stores,
    sync::{Destination, Put, PutError, Retry, Settings, Snapshot, Sync},
};

/// What is to be kept in step, and where. Nothing is done yet.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    intermediate: Intermediate,
    checkpoints: Option<StoreUrl>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Intermediate {
    /// The job does not ask for it.
    #[default]
    Unwanted,
    /// The folder is all that is asked for.
    Folder,
    Uploaded(StoreUrl),
}

/// What is kept in step.
#[derive(Default)]
pub(crate) struct Outputs {
    running: Vec<Sync>,
    limits: Limits,
    /// When the first stop signal came.
    stopped: Arc<OnceLock<Instant>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    upload_wait: Duration,
    stop_grace: Duration,
}

impl Plan {
    /// Reads what the job and the options say.
    pub(crate) fn read(env: &TrainingEnv, options: &Options) -> Result<Self, Failed> {
        let layout = env.layout();
        let checkpoints = match options.checkpoint_url.as_deref() {
            None => None,
            Some(_) if layout.config().join(PLATFORM_CHECKPOINTS).exists() => {
                warn!(
                    "the platform keeps `checkpoints` of this job (checkpointconfig.json): OPTML_CHECKPOINT_URL is not used"
                );
                None
            }
            Some(url) => Some(destination(url, "variable `OPTML_CHECKPOINT_URL`")?),
        };
        let wanted = env.s3_output().map(Text::to_string);
        let intermediate = match wanted.as_deref().filter(|url| !url.is_empty()) {
            None => Intermediate::Unwanted,
            Some(url) if layout.intermediate().exists() => {
                let url = crate::store::without_secrets(url);
                info!(folder = %layout.intermediate(), url, "intermediate output is somebody else's: the folder is there already");
                Intermediate::Unwanted
            }
            Some(url) if url.starts_with("file://") => Intermediate::Folder,
            Some(url) => {
                let url = destination(url, "hyperparameter `sagemaker_s3_output`")?;
                let job = job_name(env)?;
                Intermediate::Uploaded(url.join(&job).join("output/intermediate"))
            }
        };
        Ok(Self {
            intermediate,
            checkpoints,
        })
    }

    /// Restores checkpoints, and starts to keep both in step.
    pub(crate) fn start(
        self,
        layout: &Layout,
        stores: &Stores<'_>,
        options: &Options,
        supervisor: &Supervisor,
    ) -> Result<Outputs, Failed> {
        let mut outputs = Outputs {
            running: Vec::new(),
            limits: Limits {
                upload_wait: options.upload_wait,
                stop_grace: options.stop_grace,
            },
            stopped: Arc::default(),
        };
        if let Some(url) = self.checkpoints {
            let in_step = restore(&url, &layout.checkpoints(), stores, supervisor)?;
            outputs.keep(
                "checkpoints",
                (&layout.checkpoints(), &url),
                stores,
                &in_step,
            );
        }
        match self.intermediate {
            Intermediate::Unwanted => {}
            Intermediate::Folder => make(&layout.intermediate())?,
            Intermediate::Uploaded(url) => {
                make(&layout.intermediate())?;
                outputs.keep(
                    "intermediate output",
                    (&layout.intermediate(), &url),
                    stores,
                    &[],
                );
            }
        }
        if !outputs.running.is_empty() {
            let stopped = Arc::clone(&outputs.stopped);
            supervisor.on_stop(move |_| {
                // The first signal counts, and there is only one first.
                let _ = stopped.set(Instant::now());
            });
        }
        Ok(outputs)
    }
}

impl Outputs {
    /// The last look, and what is left is uploaded. Says what could not be.
    pub(crate) fn finish(self) {
        let begin = Instant::now();
        let deadline = || self.limits.deadline(begin, self.stopped.get().copied());
        for running in self.running {
            running.finish(&deadline).log();
        }
    }

    /// Never fails the job: what can't be started is said.
    fn keep(
        &mut self,
        what: &'static str,
        (folder, url): (&Utf8Path, &StoreUrl),
        stores: &Stores<'_>,
        in_step: &[String],
    ) {
        let not_kept = |reason: String, hint: Option<String>| {
            warn!(%folder, %url, hint, "{what} will not be uploaded: {reason}");
        };
        let client = match stores.beside() {
            Ok(client) => client,
            Err(error) => return not_kept(error.to_string(), error.hint()),
        };
        let store = match client.open(url) {
            Ok(store) => store,
            Err(error) => return not_kept(error.to_string(), error.hint()),
        };
        let settings = Settings {
            what,
            ..Settings::default()
        };
        let destination = Arc::new(Bucket {
            client,
            store,
            told: Mutex::default(),
        });
        match Sync::start(folder.as_std_path(), destination, settings, in_step) {
            Ok(sync) => {
                info!(%folder, %url, "uploading {what}");
                self.running.push(sync);
            }
            Err(error) => not_kept(error.to_string(), error.hint()),
        }
    }
}

impl Limits {
    /// Uploads have their own time after the script's end; a stop signal gives them what is left of its grace, and a little in any
    /// case, before the platform ends us.
    fn deadline(&self, begin: Instant, stopped: Option<Instant>) -> Instant {
        let patient = begin + self.upload_wait;
        match stopped {
            None => patient,
            Some(stopped) => {
                let grace = (stopped + self.stop_grace).max(stopped.max(begin) + LAST_UPLOADS);
                patient.min(grace)
            }
        }
    }
}

/// The destination of a folder: everything below one URL.
#[derive(Debug)]
struct Bucket {
    client: Client,
    store: Store,
    /// Each remedy is told once: a thousand files may fail in one way.
    told: Mutex<BTreeSet<String>>,
}

impl Bucket {
    fn reason(&self, error: &StoreError) -> String {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match error.hint() {
            Some(hint) if told.insert(hint.clone()) => format!("{error} ({hint})"),
            _ => error.to_string(),
        }
    }
}

impl Destination for Bucket {
    fn put(&self, name: &str, snapshot: &Snapshot) -> Result<Put, PutError> {
        match self.store.put(name, snapshot) {
            Ok(crate::store::Put::Stored) => Ok(Put::Stored),
            Ok(crate::store::Put::Changed) => Ok(Put::Changed),
            Err(error) if matches!(error.fault, StoreFault::Stopped) => Err(PutError::GivenUp),
            Err(error) => Err(PutError::Failed {
                retry: match error.later() {
                    Later::Worthwhile => Retry::Later,
                    Later::Hopeless => Retry::Never,
                },
                reason: self.reason(&error),
            }),
        }
    }

    fn give_up(&self) {
        self.client.cancel();
    }
}

impl Content for Snapshot {
    fn n_bytes(&self) -> u64 {
        self.n_bytes()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.read_exact_at(buf, offset)
    }

    fn is_unchanged(&self) -> bool {
        self.is_unchanged()
    }
}

fn restore(
    url: &StoreUrl,
    folder: &Utf8Path,
    stores: &Stores<'_>,
    supervisor: &Supervisor,
) -> Result<Vec<String>, Failed> {
    const PHASE: Phase = Phase::Checkpoints;
    let client = stores
        .until_stop()
        .map_err(|error| not_done(PHASE, &error, error.hint()))?;
    let store = client
        .open(url)
        .map_err(|error| not_done(PHASE, &error, error.hint()))?;
    let restored = checkpoints::restore(&client, &store, folder);
    if let Some(signal) = supervisor.stopping() {
        return Err(cut_short(PHASE, signal));
    }
    let restored = restored.map_err(|error| not_done(PHASE, &error, error.hint()))?;
    info!(
        %folder, %url, n_files = restored.n_files, n_bytes = restored.n_bytes, n_kept = restored.n_kept,
        "checkpoints are restored"
    );
    Ok(restored.in_step)
}

/// A place that files can be uploaded to.
fn destination(text: &str, origin: &str) -> Result<StoreUrl, Failed> {
    let wrong = |reason: String| {
        let hint = "write `s3://BUCKET/PREFIX` (or `gs://`, `az://`)".to_owned();
        let reason = format!("read {origin}: {reason}");
        not_done(Phase::Configuration, &reason, Some(hint))
    };
    match StoreUrl::parse(text) {
        Ok(url) if url.scheme() == Scheme::Web => Err(wrong(format!("`{url}` takes no uploads"))),
        Ok(url) => Ok(url),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A part of the address of every job's output: without it two jobs would overwrite each other.
fn job_name(env: &TrainingEnv) -> Result<String, Failed> {
    let from_platform = env.job_name().filter(|name| !name.is_empty());
    let name = from_platform.unwrap_or_else(|| env.sagemaker_job_name());
    if name.is_empty() {
        let reason = "read variable `TRAINING_JOB_NAME`: it is not set, and hyperparameter `sagemaker_s3_output` asks for uploads that need a name";
        let hint = "set TRAINING_JOB_NAME, as the platform does".to_owned();
        return Err(not_done(Phase::Configuration, &reason, Some(hint)));
    }
    Ok(name.to_string())
}

fn make(folder: &Utf8PathBuf) -> Result<(), Failed> {
    fs::create_dir_all(folder).map_err(|error| {
        let reason = format!("make directory `{folder}`: {error}");
        not_done(Phase::Configuration, &reason, None)
    })
}

/// After a stop signal, when the script has taken all of its grace.
const LAST_UPLOADS: Duration = Duration::from_secs(5);
/// The platform writes it when it keeps the checkpoints.
const PLATFORM_CHECKPOINTS: &str = "checkpointconfig.json";

#[cfg(test)]
mod tests;
