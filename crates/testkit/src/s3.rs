//! A real S3: moto's server in a Python of the tests', with its own idea of errors, listings and multipart uploads.
//!
//! It checks no signature, but lets nobody read who does not bring one: the calls here bring that of nobody.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::PipeWriter,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use crate::{
    http::{Client, Response},
    proc::{Proc, Streams},
};

/// The server. Dropped, it ends, and all its buckets with it.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    /// Its end is the server's, even where nothing is dropped.
    _stdin: PipeWriter,
    _process: Proc,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its whole name in the bucket.
    pub key: String,
    /// As listed.
    pub size_bytes: u64,
    /// With its quotes.
    pub etag: String,
}

impl S3 {
    /// Starts one, with no buckets. `python3` on `PATH` must have moto: `test.sh` sees to that.
    ///
    /// It lists 100 objects a page, so that whoever does not ask for the next page is soon found out.
    #[track_caller]
    pub fn start() -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let words = ["-c", include_str!("s3/server.py")];
        let page: (&str, &OsStr) = ("MOTO_S3_DEFAULT_MAX_KEYS", OsStr::new("100"));
        let command = Proc::command("python3", words, &[page]);
        let streams = Streams {
            stdin: Stdio::from(reader),
            ..Streams::default()
        };
        let process = Proc::start_with(command, streams);
        let line = process.stdout_line("port ");
        let port = line.trim_start_matches("port ").parse();
        let port: u16 = port.unwrap_or_else(|_| panic!("not a port: {line:?}"));
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            _stdin: writer,
            _process: process,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a client's environment says about it: credentials, region, endpoint.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        client_variables(&self.endpoint())
    }

    /// Makes a bucket.
    #[track_caller]
    pub fn make_bucket(&self, name: &str) {
        self.call("PUT", &format!("/{name}"), b"").expect(&[200]);
    }

    /// Puts an object in one piece.
    #[track_caller]
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.call("PUT", &target(bucket, key), bytes).expect(&[200]);
    }

    /// What an object holds; `None`: there is none.
    #[track_caller]
    pub fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let answer = self.call("GET", &target(bucket, key), b"");
        let response = answer.expect(&[200, 404]);
        (response.status == 200).then_some(response.body)
    }

    /// The `ETag` of an object, with its quotes; `None`: there is none.
    #[track_caller]
    pub fn etag(&self, bucket: &str, key: &str) -> Option<String> {
        let answer = self.call("HEAD", &target(bucket, key), b"");
        let response = answer.expect(&[200, 404]);
        response.header("etag").map(str::to_owned)
    }

    /// Removes an object, if there is one.
    #[track_caller]
    pub fn delete(&self, bucket: &str, key: &str) {
        self.call("DELETE", &target(bucket, key), b"")
            .expect(&[204]);
    }

    /// All objects whose key begins so, by key, however many pages of the server's they are.
    #[track_caller]
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<Object> {
        let first = format!("/{bucket}?list-type=2&prefix={}", escaped(prefix, ""));
        let mut objects = Vec::new();
        let mut page = first.clone();
        loop {
            let text = self.call("GET", &page, b"").expect(&[200]).text();
            objects.extend(elements(&text, "Contents").map(|entry| Object {
                key: element(entry, "Key"),
                size_bytes: element(entry, "Size").parse().expect("a size is a number"),
                etag: element(entry, "ETag"),
            }));
            if !elements(&text, "NextContinuationToken").any(|token| !token.is_empty()) {
                return objects;
            }
            let token = element(&text, "NextContinuationToken");
            page = format!("{first}&continuation-token={}", escaped(&token, ""));
        }
    }

    /// Puts an object in parts. But for the last they have to be 5 MiB, as in the real one.
    #[track_caller]
    pub fn put_multipart(&self, bucket: &str, key: &str, bytes: &[u8], part_bytes: usize) {
        let path = target(bucket, key);
        let answer = self.call("POST", &format!("{path}?uploads"), b"");
        let id = element(&answer.expect(&[200]).text(), "UploadId");
        let mut parts = String::new();
        for (n, part) in bytes.chunks(part_bytes).enumerate() {
            let number = n + 1;
            let part_path = format!("{path}?partNumber={number}&uploadId={id}");
            let response = self.call("PUT", &part_path, part).expect(&[200]);
            let etag = response.header("etag").expect("a part has an ETag");
            write!(
                parts,
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            )
            .expect("a string takes all");
        }
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let end = format!("{path}?uploadId={id}");
        self.call("POST", &end, body.as_bytes()).expect(&[200]);
    }

    /// The keys of uploads in parts that were neither completed nor aborted.
    #[track_caller]
    pub fn uploads(&self, bucket: &str) -> Vec<String> {
        let answer = self.call("GET", &format!("/{bucket}?uploads"), b"");
        let text = answer.expect(&[200]).text();
        elements(&text, "Upload")
            .map(|entry| element(entry, "Key"))
            .collect()
    }

    fn call(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        let mut client = Client::connect(self.address);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        head.extend(["Authorization: ", ANYBODY, "\r\n"]);
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
        client.send(head.as_bytes());
        client.send(body);
        Answer {
            call: format!("{method} {target}"),
            response: client.response(method),
        }
    }
}

/// A signature in form, which is all that is asked for.
const ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/us-east-1/s3/aws4_request, \
    SignedHeaders=host, Signature=0";

/// What a client's environment says about a server of the tests.
pub(crate) fn client_variables(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST".to_owned()),
        (
            "AWS_SECRET_ACCESS_KEY",
            "not/a/secret/of/anybody".to_owned(),
        ),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL_S3", endpoint.to_owned()),
    ]
}

#[derive(Debug)]
struct Answer {
    call: String,
    response: Response,
}

impl Answer {
    #[track_caller]
    fn expect(self, statuses: &[u16]) -> Response {
        assert!(
            statuses.contains(&self.response.status),
            "{}: {} {}",
            self.call,
            self.response.status,
            self.response.text()
        );
        self.response
    }
}

fn target(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", escaped(key, "/"))
}

/// Text for a path or a query, with these characters as they are.
fn escaped(text: &str, plain: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-._~".contains(letter) || plain.contains(letter) {
            escaped.push(letter);
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes all");
        }
    }
    escaped
}

/// What stands between the tags of this name; they do not nest.
pub(crate) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let start = rest.find(&open)? + open.len();
        let end = start + rest[start..].find(&close)?;
        let inner = &rest[start..end];
        rest = &rest[end..];
        Some(inner)
    })
}

#[track_caller]
fn element(xml: &str, name: &str) -> String {
    let found = elements(xml, name).next();
    unescaped(found.unwrap_or_else(|| panic!("no <{name}> in {xml}")))
}

/// The text of an element.
pub(crate) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
