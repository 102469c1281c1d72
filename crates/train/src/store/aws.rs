//! A call of a service of AWS that is no store, signed with the same credentials.

use std::time::Duration;

use bytes::Bytes;
use optml_contract::json::Json;

use super::{
    client::Client,
    error::{StoreError, StoreFault},
    faults::{Answered, connection_text},
    settings::domain,
    web_client::Seen,
};

/// One call, without a body.
#[derive(Debug, Clone)]
pub struct AwsCall<'a> {
    /// The method.
    pub method: http::Method,
    /// The service, as its signature and its host have it.
    pub service: &'a str,
    /// The region, as in the resource's name.
    pub region: &'a str,
    /// Path and query.
    pub path: String,
}

impl Client {
    /// Calls the service, at the endpoint that variables name or that AWS has. Gives the body of its answer.
    ///
    /// # Errors
    /// No credentials, no answer, or one that is no success.
    pub fn call_aws(&self, call: &AwsCall<'_>) -> Result<Bytes, StoreError> {
        self.wait(self.repeat(call)).map_err(|fault| StoreError {
            action: "ask",
            place: format!("{} in {}", call.service, call.region),
            fault,
        })
    }

    async fn repeat(&self, call: &AwsCall<'_>) -> Result<Bytes, StoreFault> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let fault = match self.call_once(call, n_tries).await {
                Ok(body) => return Ok(body),
                Err(fault) => fault,
            };
            match fault {
                StoreFault::Unavailable { .. } | StoreFault::Connection(_)
                    if n_tries < MAX_TRIES => {}
                StoreFault::Expired { .. } if n_tries == 1 => self.credentials().forget().await,
                fault => return Err(fault),
            }
            tokio::time::sleep(Duration::from_millis(100 << n_tries)).await;
        }
    }

    async fn call_once(&self, call: &AwsCall<'_>, n_tries: u32) -> Result<Bytes, StoreFault> {
        let service = call.service.to_ascii_uppercase();
        let endpoint = self.settings().service_endpoint(&service).map_or_else(
            || {
                format!(
                    "https://{}.{}.{}",
                    call.service,
                    call.region,
                    domain(call.region)
                )
            },
            str::to_owned,
        );
        let request = http::Request::builder()
            .method(call.method.clone())
            .uri(format!("{endpoint}{}", call.path))
            .body(Bytes::new())
            .map_err(|error| StoreFault::Protocol(error.to_string()))?;
        let request = self
            .credentials()
            .sign(request, call.service, call.region)
            .await
            .map_err(|error| StoreFault::NoCredentials(error.to_string()))?;
        match self.web().send(request, ANSWER_LIMIT).await {
            Ok(answer) if answer.status().is_success() => Ok(answer.into_body()),
            Ok(answer) => {
                self.web().look(answer.status(), answer.headers());
                Err(fault_of(&answer, n_tries, &self.web().seen()))
            }
            Err(error) => Err(StoreFault::Connection(connection_text(error))),
        }
    }
}

/// Errors are JSON, with the code in a header or in `__type`.
fn fault_of(answer: &http::Response<Bytes>, n_tries: u32, seen: &Seen) -> StoreFault {
    let document = Json::parse(answer.body()).ok();
    let text = |key: &str| {
        let text = document.as_ref()?.get(key)?.as_text()?;
        Some(text.to_string())
    };
    let code = answer
        .headers()
        .get("x-amzn-errortype")
        .and_then(|code| code.to_str().ok())
        .map(str::to_owned)
        .or_else(|| text("__type"))
        .map(|code| code.split([':', '#']).next().unwrap_or_default().to_owned());
    let answered = Answered {
        status: Some(answer.status().as_u16()),
        code,
        message: text("message").or_else(|| text("Message")),
        region: None,
        n_retries: n_tries - 1,
    };
    answered
        .fault(seen)
        .unwrap_or_else(|| StoreFault::Protocol("there is no status".to_owned()))
}

const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const MAX_TRIES: u32 = 5;
