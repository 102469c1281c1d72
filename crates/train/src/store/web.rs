//! A web server as a store of one object: ranges where it has them, one stream where it has not.

use std::{fmt, ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderMap, StatusCode, header};
use reqwest::Response;

use super::{
    Incoming, Object, checksum::Expected, error::StoreFault, faults::connection_text,
    web_client::WebClient,
};

/// One address.
#[derive(Clone)]
pub(super) struct Web {
    client: WebClient,
    address: String,
}

/// What is yet to come of an answer.
struct Rest {
    web: Web,
    version: Option<String>,
    /// What is missing of the part that was asked for.
    range: Option<Range<u64>>,
    n_breaks: u32,
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
}

impl Web {
    pub(super) fn new(client: &WebClient, address: &str) -> Self {
        Self {
            client: client.clone(),
            address: address.to_owned(),
        }
    }

    /// By asking for the first byte: `HEAD` is refused where a signature is for `GET`.
    pub(super) async fn look(&self, key: &str) -> Result<Object, StoreFault> {
        let answer = self.ask(Some("bytes=0-0".to_owned()), None).await;
        let answer = match answer {
            // Nothing there to take a byte of, or a server that does not like the question.
            Err(StoreFault::Refused { status: 416, .. }) => self.ask(None, None).await?,
            answer => answer?,
        };
        let headers = answer.headers();
        let text = |name: header::HeaderName| headers.get(name)?.to_str().ok();
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        let n_bytes = if is_part {
            let total = text(header::CONTENT_RANGE).and_then(|range| range.rsplit('/').next());
            total.and_then(|total| total.parse().ok())
        } else {
            text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok())
        };
        // A weak tag promises no equal bytes. `If-Range` takes a date as well.
        let version = text(header::ETAG)
            .filter(|tag| !tag.starts_with("W/"))
            .or_else(|| text(header::LAST_MODIFIED));
        Ok(Object {
            key: key.to_owned(),
            n_bytes,
            e_tag: version.map(str::to_owned),
            modified: None,
            // Pieces of what nothing tells from its next version might not belong together.
            in_ranges: is_part && n_bytes.is_some() && version.is_some(),
            expected: Expected::read(headers, None),
        })
    }

    /// All of it, or a part of that very version; what breaks goes on where it broke.
    pub(super) async fn read(
        &self,
        object: &Object,
        range: Option<Range<u64>>,
    ) -> Result<Incoming, StoreFault> {
        let version = object.e_tag.clone();
        let answer = self.read_once(range.as_ref(), version.as_deref()).await?;
        let expected = Expected::read(answer.headers(), None);
        let rest = Rest {
            web: self.clone(),
            version,
            range,
            n_breaks: 0,
            chunks: answer.bytes_stream().boxed(),
        };
        Ok((stream::try_unfold(rest, Rest::next).boxed(), expected))
    }

    async fn read_once(
        &self,
        range: Option<&Range<u64>>,
        version: Option<&str>,
    ) -> Result<Response, StoreFault> {
        let wanted = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let answer = self.ask(wanted, version).await?;
        if range.is_some() && answer.status() != StatusCode::PARTIAL_CONTENT {
            // `If-Range` gives the whole of the new object.
            return Err(StoreFault::Changed);
        }
        Ok(answer)
    }

    /// Asks a few times.
    async fn ask(
        &self,
        range: Option<String>,
        e_tag: Option<&str>,
    ) -> Result<Response, StoreFault> {
        let mut wait = FIRST_WAIT;
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let mut request = self.client.following().get(&self.address);
            if let Some(range) = &range {
                request = request.header(header::RANGE, range);
                if let Some(e_tag) = e_tag {
                    request = request.header(header::IF_RANGE, e_tag);
                }
            }
            let fault = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    self.client.look(answer.status(), answer.headers());
                    fault_of(answer.status(), answer.headers(), n_tries)
                }
                Err(error) if error.is_redirect() => {
                    StoreFault::Protocol("its redirects lead nowhere".to_owned())
                }
                Err(error) => StoreFault::Connection(connection_text(error)),
            };
            let may_pass = matches!(
                fault,
                StoreFault::Unavailable { .. } | StoreFault::Connection(_)
            );
            if !may_pass || n_tries == MAX_TRIES {
                return Err(fault);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
}

impl Rest {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreFault> {
        loop {
            let error = match self.chunks.try_next().await {
                Ok(None) => return Ok(None),
                Ok(Some(chunk)) => {
                    if let Some(range) = &mut self.range {
                        range.start += chunk.len() as u64;
                    }
                    return Ok(Some((chunk, self)));
                }
                Err(error) => error,
            };
            self.n_breaks += 1;
            let range = self.range.as_ref().filter(|range| !range.is_empty());
            let Some(range) = range.filter(|_| self.n_breaks < MAX_TRIES) else {
                return Err(StoreFault::Connection(connection_text(error)));
            };
            tokio::time::sleep(FIRST_WAIT * self.n_breaks).await;
            let answer = self.web.read_once(Some(range), self.version.as_deref());
            self.chunks = answer.await?.bytes_stream().boxed();
        }
    }
}

/// The address may hold a signature.
impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

fn fault_of(status: StatusCode, headers: &HeaderMap, n_tries: u32) -> StoreFault {
    let code = status.canonical_reason().unwrap_or("no reason").to_owned();
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => StoreFault::NotFound {
            code: Some(format!("{} {code}", status.as_u16())),
            message: None,
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StoreFault::Denied {
            code: format!("{} {code}", status.as_u16()),
            message: headers
                .get(header::WWW_AUTHENTICATE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        },
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            StoreFault::Unavailable {
                status: status.as_u16(),
                code: Some(code),
                n_tries,
            }
        }
        status => StoreFault::Refused {
            status: status.as_u16(),
            code,
            message: None,
        },
    }
}

const FIRST_WAIT: Duration = Duration::from_millis(200);
const MAX_TRIES: u32 = 5;
