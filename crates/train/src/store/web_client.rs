//! The HTTP client below every store: whom it trusts, how long it waits, and what it sees of each answer.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::fmt::rfc2822;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    },
};
use reqwest::redirect::Policy;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use thiserror::Error;
use tracing::debug;

use super::settings::Settings;

/// The client could not be set up.
#[derive(Debug, Error)]
pub enum WebClientError {
    /// A file of certificates that a variable names.
    #[error("read the certificates that {variable} names, `{path}`: {reason}")]
    Certificates {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The client itself.
    #[error("set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    /// TLS.
    #[error("set up TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// Threads for transfers.
    #[error("start the threads for transfers: {0}")]
    Threads(#[source] io::Error),
}

impl WebClientError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Certificates { variable, .. } => Some(format!(
                "let {variable} name a file of PEM certificates, or unset it"
            )),
            Self::Client(_) | Self::Tls(_) | Self::Threads(_) => None,
        }
    }
}

/// One client, which every store and every source of credentials shares.
#[derive(Debug, Clone)]
pub(super) struct WebClient {
    /// Redirects are answers: a signature holds for one host.
    plain: reqwest::Client,
    /// As patient as an upload needs: the answer comes after its last byte was sent.
    uploading: reqwest::Client,
    /// Follows them, as a download from the web has to.
    following: reqwest::Client,
    /// For what is on this machine or beside it: no proxy leads there, nor may one see what it gives.
    near: reqwest::Client,
    seen: Arc<Mutex<Seen>>,
}

/// What failed answers tell besides their failure.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// The region of the bucket.
    pub(super) region: Option<String>,
    /// Seconds that our clock is ahead of theirs.
    pub(super) ahead_s: Option<i64>,
}

/// The headers of an answer, for those who look behind `object_store`.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerHeaders(pub(super) HeaderMap);

impl WebClient {
    pub(super) fn new(settings: &Settings) -> Result<Self, WebClientError> {
        let tls = tls(settings)?;
        let silence_limit = settings.tuning().silence_limit;
        let builder = |redirects, silence_limit| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .user_agent(concat!("optml/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_LIMIT)
                .read_timeout(silence_limit)
                .pool_idle_timeout(IDLE_LIMIT)
                .redirect(redirects)
        };
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(WebClientError::Client);
        Ok(Self {
            plain: build(builder(Policy::none(), silence_limit))?,
            uploading: build(builder(Policy::none(), silence_limit * 3))?,
            following: build(builder(Policy::limited(MAX_REDIRECTS), silence_limit))?,
            near: build(builder(Policy::none(), silence_limit).no_proxy())?,
            seen: Arc::default(),
        })
    }

    pub(super) fn following(&self) -> &reqwest::Client {
        &self.following
    }

    /// Sends one request, and reads the whole of its answer.
    pub(super) async fn send(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> Result<http::Response<Bytes>, reqwest::Error> {
        let client = if is_near(request.uri()) {
            &self.near
        } else {
            &self.plain
        };
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(limit);
        let answer = client.execute(request).await?;
        let mut parts = http::Response::builder().status(answer.status());
        if let Some(headers) = parts.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let body = answer.bytes().await?;
        Ok(parts.body(body).unwrap_or_default())
    }

    /// What failed answers told so far.
    pub(super) fn seen(&self) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    pub(super) fn look(&self, status: StatusCode, headers: &HeaderMap) {
        if status.is_success() {
            return;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let region = text("x-amz-bucket-region").map(str::to_owned);
        let ahead_s = text("date").and_then(|date| {
            let theirs = rfc2822::parse(date).ok()?.timestamp();
            Some(jiff::Timestamp::now().as_second() - theirs.as_second())
        });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if status.is_redirection() || status == StatusCode::BAD_REQUEST {
            // Not that of another bucket.
            seen.region = region;
        }
        seen.ahead_s = ahead_s.or(seen.ahead_s);
    }
}

#[async_trait::async_trait]
impl HttpService for WebClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_list = query.split('&').any(|pair| pair == "list-type=2");
        let is_upload = matches!(*request.method(), Method::PUT | Method::POST);
        let client = if is_upload {
            &self.uploading
        } else {
            &self.plain
        };
        let mut answer = HttpService::call(client, request).await?;
        self.look(answer.status(), answer.headers());
        if is_list && answer.status().is_success() {
            answer = checked_list(answer).await?;
        }
        let headers = AnswerHeaders(answer.headers().clone());
        answer.extensions_mut().insert(headers);
        Ok(answer)
    }
}

impl HttpConnector for WebClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

/// An error under the status of a success is made a failure, which is asked for again. Any other document, such as the page of
/// somebody in between, is no list: read as one it would be empty, and "nothing is there" is an answer that counts.
async fn checked_list(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = answer.into_parts();
    let body = body.bytes().await?;
    let start = String::from_utf8_lossy(&body[..body.len().min(ROOT_BYTES)]).into_owned();
    if !start.contains("<ListBucketResult") {
        if !start.contains("<Error>") {
            return Err(HttpError::new(HttpErrorKind::Decode, NoList));
        }
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(HttpResponse::from_parts(parts, body.into()))
}

#[derive(Debug, Error)]
#[error("it is no list of objects")]
struct NoList;

/// This machine, or a service of the cloud that is beside every machine.
fn is_near(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
        Err(_) => host == "localhost",
    }
}

fn tls(settings: &Settings) -> Result<ClientConfig, WebClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(WebClientError::Tls)?;
    Ok(config
        .with_root_certificates(roots(settings)?)
        .with_no_client_auth())
}

/// The authorities that are trusted: those of a file that is named, else the system's, else those that we bring.
fn roots(settings: &Settings) -> Result<RootCertStore, WebClientError> {
    let mut roots = RootCertStore::empty();
    for variable in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let Some(path) = settings.var(variable) else {
            continue;
        };
        let unreadable = |reason: String| WebClientError::Certificates {
            variable,
            path: path.to_owned(),
            reason,
        };
        let all = CertificateDer::pem_file_iter(path).map_err(|err| unreadable(err.to_string()))?;
        let all: Vec<_> = all
            .collect::<Result<_, _>>()
            .map_err(|err| unreadable(err.to_string()))?;
        let (n_taken, _) = roots.add_parsable_certificates(all);
        if n_taken == 0 {
            return Err(unreadable("it holds no certificate".to_owned()));
        }
        debug!(
            variable,
            path, n_taken, "trusting the authorities of a file"
        );
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    let (n_taken, _) = roots.add_parsable_certificates(found.certs);
    if n_taken > 0 {
        debug!(n_taken, "trusting the authorities of the system");
        return Ok(roots);
    }
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    debug!("the image has no certificates: trusting the authorities that the binary brings");
    Ok(roots)
}

/// From the first packet to a connection with TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Stores close idle connections after about this time.
const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// The root of a document is within these.
const ROOT_BYTES: usize = 1 << 10;
const MAX_REDIRECTS: usize = 10;

#[cfg(test)]
mod tests;
