//! A private package index: where `CA_REPOSITORY_ARN` leads, with a token that only the installer sees.

use std::fmt;

use optml_contract::json::Json;
use thiserror::Error;

use crate::store::{AwsCall, Client, StoreError, StoreFault};

/// A repository of CodeArtifact.
///
/// **Shape** `arn:PARTITION:codeartifact:REGION:ACCOUNT:repository/DOMAIN/REPOSITORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    region: String,
    account: String,
    domain: String,
    name: String,
}

/// The address of an index, its token in it. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexUrl(String);

/// Why there is no index.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The variable names no repository.
    #[error("read variable `CA_REPOSITORY_ARN`: `{0}` names no repository of CodeArtifact")]
    Arn(String),
    /// The service does not answer, or refuses.
    #[error("reach the package index that `CA_REPOSITORY_ARN` names: {0}")]
    Service(#[from] StoreError),
    /// An answer without what was asked for.
    #[error("reach the package index that `CA_REPOSITORY_ARN` names: the answer has no `{0}`")]
    Answer(&'static str),
}

impl IndexError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Arn(_) => Some(
                "write `arn:aws:codeartifact:REGION:ACCOUNT:repository/DOMAIN/REPOSITORY`".to_owned(),
            ),
            // Remedies of stores speak of buckets.
            Self::Service(error) => match &error.fault {
                StoreFault::Denied { .. } => Some(
                    "the role of the job needs `codeartifact:GetAuthorizationToken`, `codeartifact:GetRepositoryEndpoint`, `codeartifact:ReadFromRepository` and `sts:GetServiceBearerToken`"
                        .to_owned(),
                ),
                StoreFault::NotFound { .. } => Some(
                    "check region, account, domain and repository in `CA_REPOSITORY_ARN`".to_owned(),
                ),
                StoreFault::Connection(_) => Some(
                    "check the network of the job (isolation, a VPC endpoint for `codeartifact.api`), and AWS_ENDPOINT_URL_CODEARTIFACT and AWS_ENDPOINT_URL"
                        .to_owned(),
                ),
                _ => error.hint(),
            },
            Self::Answer(_) => None,
        }
    }
}

impl Repository {
    /// Reads the resource name.
    ///
    /// # Errors
    /// It is another resource's, or none.
    pub fn parse(arn: &str) -> Result<Self, IndexError> {
        let wrong = || IndexError::Arn(arn.to_owned());
        let parts: Vec<&str> = arn.trim().splitn(6, ':').collect();
        let ["arn", _, "codeartifact", region, account, resource] = parts[..] else {
            return Err(wrong());
        };
        let mut names = resource.splitn(3, '/');
        let (Some("repository"), Some(domain), Some(name)) =
            (names.next(), names.next(), names.next())
        else {
            return Err(wrong());
        };
        // They go into addresses; the service allows no other characters.
        let is_name = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if ![region, account, domain, name].into_iter().all(is_name) {
            return Err(wrong());
        }
        Ok(Self {
            region: region.to_owned(),
            account: account.to_owned(),
            domain: domain.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Asks the service for a token and for the address of the index.
    ///
    /// # Errors
    /// No credentials, no answer, no permission.
    pub fn index(&self, client: &Client) -> Result<IndexUrl, IndexError> {
        let owner = format!("domain={}&domain-owner={}", self.domain, self.account);
        let token = self.ask(
            client,
            http::Method::POST,
            format!("/v1/authorization-token?{owner}"),
        )?;
        let token = text_in(&token, "authorizationToken")?;
        let endpoint = self.ask(
            client,
            http::Method::GET,
            format!(
                "/v1/repository/endpoint?{owner}&format=pypi&repository={}",
                self.name
            ),
        )?;
        let endpoint = text_in(&endpoint, "repositoryEndpoint")?;
        let (scheme, rest) = endpoint
            .split_once("://")
            .ok_or(IndexError::Answer("repositoryEndpoint"))?;
        Ok(IndexUrl::with_token(scheme, &token, rest))
    }

    fn ask(&self, client: &Client, method: http::Method, path: String) -> Result<Json, IndexError> {
        let answer = client.call_aws(&AwsCall {
            method,
            service: "codeartifact",
            region: &self.region,
            path,
        })?;
        Json::parse(&answer).map_err(|_| IndexError::Answer("JSON"))
    }
}

impl IndexUrl {
    /// The index below the endpoint of a repository.
    pub(crate) fn with_token(scheme: &str, token: &str, endpoint: &str) -> Self {
        let endpoint = endpoint.trim_end_matches('/');
        Self(format!("{scheme}://aws:{token}@{endpoint}/simple/"))
    }

    /// The whole address: for the environment of the installer, and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexUrl(***)")
    }
}

fn text_in(answer: &Json, key: &'static str) -> Result<String, IndexError> {
    let text = answer.get(key).and_then(Json::as_text);
    let text = text
        .map(ToString::to_string)
        .filter(|text| !text.is_empty());
    text.ok_or(IndexError::Answer(key))
}

#[cfg(test)]
mod tests;
