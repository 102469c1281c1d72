//! A web server as a store of one object: ranges where it has them, one stream where it has not.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::{HeaderMap, StatusCode, header};
use reqwest::Response;

use super::{
    Object, checksum::Expected, error::StoreFault, faults::connection_text, web_client::WebClient,
};

/// One address.
#[derive(Debug)]
pub(super) struct Web {
    client: WebClient,
    address: String,
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
        let in_ranges = answer.status() == StatusCode::PARTIAL_CONTENT;
        let n_bytes = if in_ranges {
            let total = text(header::CONTENT_RANGE).and_then(|range| range.rsplit('/').next());
            total.and_then(|total| total.parse().ok())
        } else {
            text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok())
        };
        Ok(Object {
            key: key.to_owned(),
            n_bytes,
            // A weak tag promises no equal bytes.
            e_tag: text(header::ETAG)
                .filter(|tag| !tag.starts_with("W/"))
                .map(str::to_owned),
            modified: None,
            in_ranges: in_ranges && n_bytes.is_some(),
            expected: Expected::read(headers, None),
        })
    }

    pub(super) async fn read(
        &self,
        object: &Object,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreFault>>, StoreFault> {
        let wanted = range
            .as_ref()
            .map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let answer = self.ask(wanted, object.e_tag.as_deref()).await?;
        if range.is_some() && answer.status() != StatusCode::PARTIAL_CONTENT {
            // `If-Range` gives the whole of the new object.
            return Err(StoreFault::Changed);
        }
        let failed = |error: reqwest::Error| StoreFault::Connection(connection_text(&error));
        Ok(answer.bytes_stream().map_err(failed).boxed())
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
                Err(error) => StoreFault::Connection(connection_text(&error.without_url())),
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
