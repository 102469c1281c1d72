//! The requests of one connection, answered from the store.

use std::{
    io::{self, BufReader, Read, Write},
    sync::Mutex,
};

use super::{
    PATTERN_BYTES, pattern_byte,
    store::{Refusal, Store, Stored, etag},
};
use crate::{
    content_hash::ContentHash,
    listener::{Peer, Reader},
    message::{Body, Framing, Head, s3_error, write_answer},
};

const PIECE_BYTES: usize = 64 << 10;

/// A list of 10,000 parts is half of it.
const DOCUMENT_LIMIT_BYTES: u64 = 4 << 20;

/// An answer that fits in memory.
struct Answer {
    head: Head,
    body: String,
}

/// Serves one client until it leaves.
pub(super) fn serve(store: &Mutex<Store>, mut peer: Peer) {
    let mut source = BufReader::with_capacity(PIECE_BYTES, peer.reader());
    while matches!(next(store, &mut source, &mut peer), Ok(true)) {}
}

/// Whether there may be another one after it.
fn next(store: &Mutex<Store>, source: &mut BufReader<Reader>, peer: &mut Peer) -> io::Result<bool> {
    let Some(head) = Head::read(source)? else {
        return Ok(false);
    };
    let (method, target) = head.request()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.to_owned();
    let expects = head.header("expect");
    if expects.is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        Head::answer(100, &[]).write(peer)?;
    }
    if matches!(method, "GET" | "HEAD") && !is_bucket(&path) {
        let stored = locked(store, |store| store.find(&path));
        return read(&head, method, stored, peer).map(|()| true);
    }
    let asked = Asked {
        method,
        path: &path,
        query,
        head: &head,
    };
    let answer = asked.answer(store, source)?;
    let answer = answer.unwrap_or_else(|(status, code)| refused(status, code));
    write_answer(peer, method, answer.head, answer.body.as_bytes())?;
    Ok(true)
}

struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    head: &'a Head,
}

impl Asked<'_> {
    fn answer(
        &self,
        store: &Mutex<Store>,
        source: &mut BufReader<Reader>,
    ) -> io::Result<Result<Answer, Refusal>> {
        let framing = self.head.request_framing()?;
        let mut body = Body::new(source, framing);
        let id = self.parameter("uploadId");
        Ok(match (self.method, id) {
            ("PUT", id) => {
                let content = ContentHash::of(&mut body)?;
                self.check_shape(framing)
                    .and_then(|()| locked(store, |store| self.put(store, id, content)))
                    .map(|tag| answer(&[("ETag", &tag)], String::new()))
            }
            ("POST", Some(id)) => {
                let mut document = String::new();
                (&mut body)
                    .take(DOCUMENT_LIMIT_BYTES)
                    .read_to_string(&mut document)?;
                body.discard()?;
                locked(store, |store| store.complete(self.path, id, &document))
                    .map(|tag| self.completed(&tag))
            }
            ("POST", None) if self.parameter("uploads").is_some() => {
                body.discard()?;
                let id = locked(store, |store| store.create(self.path));
                Ok(self.created(&id))
            }
            ("DELETE", Some(id)) => {
                locked(store, |store| store.abort(self.path, id)).map(|()| Answer {
                    head: Head::answer(204, &[]),
                    body: String::new(),
                })
            }
            ("GET", None) if is_bucket(self.path) => Ok(self.empty_list()),
            _ => {
                body.discard()?;
                Err((501, "NotImplemented"))
            }
        })
    }

    /// What S3 asks of every upload: a length in front, and no coding that would have to be undone.
    fn check_shape(&self, framing: Framing) -> Result<(), Refusal> {
        if framing == Framing::Chunked || self.head.header("content-length").is_none() {
            return Err((411, "MissingContentLength"));
        }
        let coding = self.head.header("content-encoding").unwrap_or_default();
        if coding.contains("aws-chunked") || is_bucket(self.path) {
            return Err((501, "NotImplemented"));
        }
        Ok(())
    }

    fn put(
        &self,
        store: &mut Store,
        id: Option<&str>,
        content: ContentHash,
    ) -> Result<String, Refusal> {
        match (id, self.parameter("partNumber")) {
            (Some(id), Some(number)) => store.put_part(self.path, id, number, content),
            (None, None) => store.put(self.path, content),
            _ => Err((400, "InvalidArgument")),
        }
    }

    fn created(&self, id: &str) -> Answer {
        let (bucket, key) = self.names();
        let inner = format!("<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>");
        document("InitiateMultipartUploadResult", &inner)
    }

    fn completed(&self, tag: &str) -> Answer {
        let (bucket, key) = self.names();
        let inner = format!(
            "<Location>/{bucket}/{key}</Location><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>{}</ETag>",
            tag.replace('"', "&quot;")
        );
        document("CompleteMultipartUploadResult", &inner)
    }

    fn empty_list(&self) -> Answer {
        let (bucket, _) = self.names();
        let inner = format!(
            "<Name>{bucket}</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated>"
        );
        document("ListBucketResult", &inner)
    }

    fn names(&self) -> (&str, &str) {
        let path = self.path.trim_start_matches('/');
        path.split_once('/').unwrap_or((path, ""))
    }

    /// A parameter of the query; without a value it is empty.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&');
        pairs.find_map(|pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == name).then_some(value)
        })
    }
}

/// Answers `GET` and `HEAD` of an object.
fn read(head: &Head, method: &str, stored: Option<Stored>, peer: &mut Peer) -> io::Result<()> {
    let refuse = |peer: &mut Peer, status, code| {
        let answer = refused(status, code);
        write_answer(peer, method, answer.head, answer.body.as_bytes())
    };
    let (size_bytes, tag) = match stored {
        None => return refuse(peer, 404, "NoSuchKey"),
        Some(Stored::Forgotten(_)) if method == "GET" => {
            return refuse(peer, 501, "NotImplemented");
        }
        Some(Stored::Forgotten(content)) => (content.n_bytes(), etag(content)),
        Some(Stored::Pattern(size_bytes)) => (size_bytes, format!("\"{size_bytes:032x}-1\"")),
    };
    if head.header("if-match").is_some_and(|wanted| wanted != tag) {
        return refuse(peer, 412, "PreconditionFailed");
    }
    let Ok((start, end)) = range(head.header("range"), size_bytes) else {
        return refuse(peer, 416, "InvalidRange");
    };
    let length = (end - start).to_string();
    let mut answer = Head::answer(200, &[("ETag", &tag), ("Content-Length", &length)]);
    answer.set("Accept-Ranges", Some("bytes"));
    answer.set("Last-Modified", Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    if head.header("range").is_some() {
        let whole = Head::answer(206, &[]);
        answer.start = whole.start;
        let place = format!("bytes {start}-{}/{size_bytes}", end.saturating_sub(1));
        answer.set("Content-Range", Some(&place));
    }
    answer.write(peer)?;
    if method == "GET" {
        write_pattern(peer, start, end)?;
    }
    Ok(())
}

/// First byte and end of `bytes=A-B`, `bytes=A-` or `bytes=-N`; all, where none is asked for.
fn range(wanted: Option<&str>, size_bytes: u64) -> Result<(u64, u64), Refusal> {
    let refusal = (416, "InvalidRange");
    let Some(wanted) = wanted else {
        return Ok((0, size_bytes));
    };
    let bounds = wanted
        .strip_prefix("bytes=")
        .and_then(|text| text.split_once('-'));
    let (first, last) = bounds.ok_or(refusal)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| refusal);
    let (start, end) = match (first, last) {
        ("", last) => (size_bytes.saturating_sub(number(last)?), size_bytes),
        (first, "") => (number(first)?, size_bytes),
        (first, last) => (
            number(first)?,
            number(last)?.saturating_add(1).min(size_bytes),
        ),
    };
    if start < end {
        Ok((start, end))
    } else {
        Err(refusal)
    }
}

fn write_pattern(peer: &mut Peer, start: u64, end: u64) -> io::Result<()> {
    // Of whole periods and one more, so that every piece can be cut from it.
    let n_periods = PIECE_BYTES as u64 / PATTERN_BYTES + 2;
    let block: Vec<u8> = (0..n_periods * PATTERN_BYTES).map(pattern_byte).collect();
    let mut offset = start;
    while offset < end {
        let phase = usize::try_from(offset % PATTERN_BYTES).expect("below 251");
        let length = usize::try_from(end - offset).map_or(PIECE_BYTES, |n| n.min(PIECE_BYTES));
        peer.write_all(&block[phase..phase + length])?;
        offset += length as u64;
    }
    Ok(())
}

fn answer(headers: &[(&str, &str)], body: String) -> Answer {
    Answer {
        head: Head::answer(200, headers),
        body,
    }
}

fn document(name: &str, inner: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{name}>"
    );
    answer(&[("Content-Type", "application/xml")], body)
}

fn refused(status: u16, code: &str) -> Answer {
    Answer {
        head: Head::answer(status, &[("Content-Type", "application/xml")]),
        body: s3_error(code, ""),
    }
}

/// `/bucket` or `/bucket/`.
fn is_bucket(path: &str) -> bool {
    !path.trim_matches('/').contains('/')
}

fn locked<T>(store: &Mutex<Store>, act: impl FnOnce(&mut Store) -> T) -> T {
    act(&mut store.lock().expect("no panic while it is held"))
}
