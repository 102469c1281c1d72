//! Who we are to AWS: one chain of sources, for object storage and for the one other service that is called.
//!
//! The first source that is *configured* counts: variables, web identity, profile files, the container's endpoint, the
//! machine's metadata service. If it then fails, that is the error; nobody wants to train as somebody else.

use std::{collections::HashMap, error::Error as _, fmt, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{CredentialProvider, aws::AwsCredential};
use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    EnvCredentialProvider, IMDSv2CredentialProvider, ProfileCredentialProvider, RequestSigner,
};
use reqsign_core::{
    Context, Env, FileRead, HttpSend, ProvideCredential, SignRequest, SigningCredential,
    time::Timestamp,
};
use thiserror::Error;
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::{
    settings::{Settings, is_private},
    web_client::WebClient,
};

/// No source gave credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum CredentialError {
    #[error(
        "none in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in profile files, from a web identity, from the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI), or from the machine's metadata service{0}"
    )]
    Nobody(String),
    #[error("{from} gave none: {reason}")]
    Failed { from: &'static str, reason: String },
    #[error(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is `{0}`, and without TLS credentials are only taken from this machine"
    )]
    Exposed(String),
}

/// The credentials of AWS, renewed before they expire.
pub(super) struct Credentials {
    settings: Settings,
    context: Context,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    credential: Credential,
    signing: Arc<AwsCredential>,
}

impl Credentials {
    pub(super) fn new(settings: &Settings, web: &WebClient) -> Self {
        Self::with_sender(settings, Sender(web.clone()))
    }

    pub(super) fn with_sender(settings: &Settings, sender: impl HttpSend) -> Self {
        let context = Context::new()
            .with_env(Variables(settings.clone()))
            .with_file_read(Files)
            .with_http_send(sender);
        Self {
            settings: settings.clone(),
            context,
            current: Mutex::new(None),
        }
    }

    /// The next request gets new ones, where there are any.
    pub(super) async fn forget(&self) {
        *self.current.lock().await = None;
    }

    /// Signs a request to a service of AWS that is no store.
    pub(super) async fn sign(
        &self,
        request: http::Request<Bytes>,
        service: &str,
        region: &str,
    ) -> Result<http::Request<Bytes>, CredentialError> {
        let current = self.current().await?;
        let (mut parts, body) = request.into_parts();
        let failed = |err: reqsign_core::Error| CredentialError::Failed {
            from: "signing",
            reason: err.to_string(),
        };
        RequestSigner::new(service, region)
            .sign_request(&self.context, &mut parts, Some(&current.credential), None)
            .await
            .map_err(failed)?;
        Ok(http::Request::from_parts(parts, body))
    }

    async fn current(&self) -> Result<Current, CredentialError> {
        let mut current = self.current.lock().await;
        if let Some(known) = current
            .as_ref()
            .filter(|known| known.is_fresh(RENEW_BEFORE))
        {
            return Ok(known.clone());
        }
        match self.find().await {
            Ok((from, credential)) => {
                debug!(from, "credentials of AWS");
                let new = Current::new(credential);
                *current = Some(new.clone());
                Ok(new)
            }
            Err(error) => match current
                .as_ref()
                .filter(|known| known.is_fresh(Duration::ZERO))
            {
                Some(known) => {
                    warn!(%error, "credentials can't be renewed; those that there are still hold");
                    Ok(known.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn find(&self) -> Result<(&'static str, Credential), CredentialError> {
        let is_set = |name: &str| self.settings.var(name).is_some();
        let context = &self.context;
        if is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY") {
            return ask("the environment", &EnvCredentialProvider::new(), context).await;
        }
        if is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && is_set("AWS_ROLE_ARN") {
            let mut provider = AssumeRoleWithWebIdentityCredentialProvider::new();
            if let Some(region) = self.settings.region() {
                provider = provider.with_region(region.to_owned());
            }
            return ask("the web identity", &provider, context).await;
        }
        // Files that are missing or without the profile are no answer yet.
        let profile = ProfileCredentialProvider::new();
        if let Ok(found) = ask("the profile files", &profile, context).await {
            return Ok(found);
        }
        if let Some(uri) = self.settings.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            // By itself it would take the full one first.
            let provider = ECSCredentialProvider::new().with_relative_uri(uri);
            return ask("the container's endpoint", &provider, context).await;
        }
        if let Some(uri) = self.settings.var("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            if !is_private(uri) {
                return Err(CredentialError::Exposed(uri.to_owned()));
            }
            let provider = ECSCredentialProvider::new().with_endpoint(uri);
            return ask("the container's endpoint", &provider, context).await;
        }
        let is_off = |value: &str| value.eq_ignore_ascii_case("true");
        if self.settings.var(METADATA_DISABLED).is_some_and(is_off) {
            let reason = format!(" (which {METADATA_DISABLED} switches off)");
            return Err(CredentialError::Nobody(reason));
        }
        let metadata = IMDSv2CredentialProvider::new();
        ask("the metadata service", &metadata, context)
            .await
            .map_err(|error| {
                let reason = match error {
                    CredentialError::Failed { reason, .. } if !reason.is_empty() => {
                        format!(" ({reason})")
                    }
                    _ => String::new(),
                };
                CredentialError::Nobody(reason)
            })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.current().await {
            Ok(current) => Ok(current.signing),
            Err(error) => Err(object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            }),
        }
    }
}

impl Current {
    fn new(credential: Credential) -> Self {
        let signing = Arc::new(AwsCredential {
            key_id: credential.access_key_id.clone(),
            secret_key: credential.secret_access_key.clone(),
            token: credential.session_token.clone(),
        });
        Self {
            credential,
            signing,
        }
    }

    fn is_fresh(&self, margin: Duration) -> bool {
        self.credential.is_valid_at(Timestamp::now() + margin)
    }
}

async fn ask(
    from: &'static str,
    provider: &impl ProvideCredential<Credential = Credential>,
    context: &Context,
) -> Result<(&'static str, Credential), CredentialError> {
    let failed = |reason: String| CredentialError::Failed { from, reason };
    match provider.provide_credential(context).await {
        Ok(Some(credential)) => Ok((from, credential)),
        Ok(None) => Err(failed("it has none".to_owned())),
        Err(error) => {
            let ours = error.source().and_then(|cause| cause.downcast_ref());
            // Other causes may quote the answer, which is secret.
            let cause = ours.map_or(String::new(), |cause: &reqsign_core::Error| {
                format!(": {cause}")
            });
            Err(failed(format!("{error}{cause}")))
        }
    }
}

/// The variables as the job found them.
#[derive(Debug)]
struct Variables(Settings);

impl Env for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name).map(str::to_owned)
    }

    fn vars(&self) -> HashMap<String, String> {
        self.0.vars().clone().into_iter().collect()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        Some(self.0.home().into())
    }
}

/// Small files of this machine.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        std::fs::read(path)
            .map_err(|err| reqsign_core::Error::config_invalid(format!("read `{path}`: {err}")))
    }
}

/// Asks for credentials over HTTP: a few times, because everybody asks when a large job starts.
#[derive(Debug)]
struct Sender(WebClient);

impl HttpSend for Sender {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign_core::Result<http::Response<Bytes>> {
        let may_be_absent = request.uri().host() == Some(METADATA_HOST);
        let mut wait = FIRST_WAIT;
        for _ in 1..N_TRIES {
            match self.0.send(request.clone(), ANSWER_LIMIT).await {
                Ok(answer) if !answer.status().is_server_error() && answer.status() != 429 => {
                    return Ok(answer);
                }
                // Where there is no such service, asking again does not make one. Outside AWS packets to it are often lost.
                Err(error) if error.is_connect() || (error.is_timeout() && may_be_absent) => {
                    return Err(unanswered(error));
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        let last = self.0.send(request, ANSWER_LIMIT).await;
        last.map_err(unanswered)
    }
}

fn unanswered(error: reqwest::Error) -> reqsign_core::Error {
    reqsign_core::Error::unexpected(super::faults::connection_text(error))
}

const METADATA_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
/// New ones are asked for this long before the old ones expire.
const RENEW_BEFORE: Duration = Duration::from_mins(2);
/// The metadata service of a machine, where there is one.
const METADATA_HOST: &str = "169.254.169.254";
/// Metadata services answer at once or are not there.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const N_TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
