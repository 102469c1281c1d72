//! A package index behind temporary tokens, the way AWS `CodeArtifact` has it.
//!
//! It stands in for `CodeArtifact`, which cannot run here. What it knows of it: the two calls that a client makes, that
//! they carry a signature for this service (whether it is right is not checked), and that the index wants the token as
//! the password of `aws`.

mod wheel;

use std::{
    io::{self, BufReader, Read},
    sync::{Arc, Mutex},
    time::SystemTime,
};

use serde_json::json;

pub use self::wheel::wheel;
use crate::{
    fault_proxy::{Log, Seen},
    listener::{Listener, Peer, Reader},
    message::{Body, Head, write_answer},
    s3,
};

/// The index.
#[derive(Debug)]
pub struct PackageIndex {
    listener: Listener,
    shelf: Arc<Shelf>,
}

/// An answer that some of the next requests get instead of theirs.
#[derive(Debug, Clone)]
pub struct IndexFailure {
    /// Which requests: their target contains this.
    pub target_contains: String,
    /// How many of them.
    pub n_times: u64,
    /// The status of the answer.
    pub status: u16,
    /// The kind of the error, such as `ThrottlingException`.
    pub kind: String,
    /// Its text.
    pub message: String,
}

impl PackageIndex {
    /// Starts one with these files, by name, in every repository. [`wheel()`] makes one.
    pub fn start(files: Vec<(String, Vec<u8>)>) -> Self {
        let shelf = Arc::new(Shelf {
            files,
            log: Log::default(),
            failures: Mutex::default(),
        });
        let own = Arc::clone(&shelf);
        Self {
            listener: Listener::start(move |peer| serve(&own, peer)),
            shelf,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.listener.endpoint()
    }

    /// What a client's environment says about it: credentials, region, endpoint.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = s3::client_variables("");
        variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_S3");
        variables.push(("AWS_ENDPOINT_URL_CODEARTIFACT", self.endpoint()));
        variables
    }

    /// The token that it gives and wants.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// Lets some of the next requests fail.
    pub fn fail(&self, failure: IndexFailure) {
        let mut failures = self
            .shelf
            .failures
            .lock()
            .expect("no panic while it is held");
        failures.push(failure);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.shelf.log.all()
    }
}

/// What the connections share.
#[derive(Debug)]
struct Shelf {
    files: Vec<(String, Vec<u8>)>,
    log: Log,
    failures: Mutex<Vec<IndexFailure>>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

const TOKEN: &str = "eyJ2ZXIiOjEsImlzdSI6MTc5.token-of-a-test";

const TOKEN_LIFE_SECONDS: u64 = 43_200;

fn serve(shelf: &Shelf, mut peer: Peer) {
    let mut source = BufReader::new(peer.reader());
    while matches!(next(shelf, &mut source, &mut peer), Ok(true)) {}
}

/// Whether there may be another request after it.
fn next(shelf: &Shelf, source: &mut BufReader<Reader>, peer: &mut Peer) -> io::Result<bool> {
    let Some(head) = Head::read(source)? else {
        return Ok(false);
    };
    let (method, target) = head.request()?;
    let mut body = Body::new(source, head.request_framing()?);
    let mut content = Vec::new();
    body.read_to_end(&mut content)?;
    let answer = shelf.answer(&head, method, target);
    shelf.log.add(Seen {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: head.headers.clone(),
        n_body_bytes: content.len() as u64,
        status: Some(answer.status),
    });
    let mut answer_head = Head::answer(answer.status, &[]);
    for (name, value) in &answer.headers {
        answer_head.set(name, Some(value));
    }
    write_answer(peer, method, answer_head, &answer.body)?;
    Ok(true)
}

impl Shelf {
    fn answer(&self, head: &Head, method: &str, target: &str) -> Answer {
        if let Some(failure) = self.failure(target) {
            return error(failure.status, &failure.kind, &failure.message);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path.starts_with("/pypi/") {
            return self.index(head, path);
        }
        let authorization = head.header("authorization").unwrap_or_default();
        if !authorization.starts_with("AWS4-HMAC-SHA256 ")
            || !authorization.contains("/codeartifact/aws4_request")
        {
            return error(
                403,
                "AccessDeniedException",
                "no signature for codeartifact",
            );
        }
        let Some(host) = head.header("host") else {
            return error(400, "ValidationException", "no host");
        };
        match (method, path) {
            ("POST", "/v1/authorization-token") => token(query),
            ("GET", "/v1/repository/endpoint") => repository(query, host),
            _ => error(404, "UnknownOperationException", "no such call"),
        }
    }

    /// The failure that is this request's turn, if any.
    fn failure(&self, target: &str) -> Option<IndexFailure> {
        let mut failures = self.failures.lock().expect("no panic while it is held");
        let fits = |failure: &&mut IndexFailure| {
            failure.n_times > 0 && target.contains(&failure.target_contains)
        };
        let failure = failures.iter_mut().find(fits)?;
        failure.n_times -= 1;
        Some(failure.clone())
    }

    /// The simple index, and its files: `/pypi/REPOSITORY/simple/[PROJECT/[FILE]]`.
    fn index(&self, head: &Head, path: &str) -> Answer {
        let wanted = format!("Basic {}", base64(format!("aws:{TOKEN}").as_bytes()));
        if head.header("authorization") != Some(&wanted) {
            let mut answer = error(401, "UnauthorizedException", "no token, or not this one");
            let challenge = "Basic realm=\"test\"".to_owned();
            answer.headers.push(("WWW-Authenticate", challenge));
            return answer;
        }
        let words: Vec<_> = path.split('/').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["pypi", _, "simple"] => page(self.files.iter().map(|(name, _)| project(name))),
            ["pypi", _, "simple", name] => page(
                self.files
                    .iter()
                    .filter(|(file, _)| project(file) == normal(name))
                    .map(|(file, _)| file.clone()),
            ),
            ["pypi", _, "simple", _, name] => self.file(name),
            _ => error(404, "ResourceNotFoundException", "no such page"),
        }
    }

    fn file(&self, name: &str) -> Answer {
        match self.files.iter().find(|(file, _)| file == name) {
            None => error(404, "ResourceNotFoundException", "no such file"),
            Some((_, bytes)) => Answer {
                status: 200,
                headers: vec![("Content-Type", "application/octet-stream".to_owned())],
                body: bytes.clone(),
            },
        }
    }
}

fn token(query: &str) -> Answer {
    if parameter(query, "domain").is_none() {
        return error(400, "ValidationException", "a domain is missing");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    answer(&json!({"authorizationToken": TOKEN, "expiration": now + TOKEN_LIFE_SECONDS}))
}

fn repository(query: &str, host: &str) -> Answer {
    let named = ["domain", "repository"].map(|name| parameter(query, name));
    let [Some(_), Some(repository)] = named else {
        return error(
            400,
            "ValidationException",
            "a domain or repository is missing",
        );
    };
    if parameter(query, "format") != Some("pypi") {
        return error(400, "ValidationException", "the format is not pypi");
    }
    answer(&json!({"repositoryEndpoint": format!("http://{host}/pypi/{repository}/")}))
}

fn answer(document: &serde_json::Value) -> Answer {
    Answer {
        status: 200,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: document.to_string().into_bytes(),
    }
}

fn error(status: u16, kind: &str, message: &str) -> Answer {
    let mut answer = answer(&json!({"message": message}));
    answer.status = status;
    answer.headers.push(("x-amzn-ErrorType", kind.to_owned()));
    answer
}

/// A page of links; where they lead is what they are called.
fn page(names: impl Iterator<Item = String>) -> Answer {
    let links: String = names
        .map(|name| ["<a href=\"", &name, "\">", &name, "</a>\n"].concat())
        .collect();
    Answer {
        status: 200,
        headers: vec![("Content-Type", "text/html".to_owned())],
        body: format!("<!DOCTYPE html><html><body>\n{links}</body></html>").into_bytes(),
    }
}

/// The project that a wheel belongs to.
fn project(file: &str) -> String {
    normal(file.split('-').next().unwrap_or_default())
}

/// A project's name as it stands in the index.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for n in 0..4 {
            if n > group.len() {
                text.push('=');
            } else {
                let six = (bits >> (18 - 6 * n)) & 63;
                text.push(char::from(LETTERS[six as usize]));
            }
        }
    }
    text
}
