//! One connection: request after request until the client leaves.

use std::{
    io::{self, Write},
    net::TcpStream,
};

use rustix::{
    fs::sendfile,
    net::{RecvFlags, recv},
};
use s3::head::{Head, HeadReader};

use crate::{
    request::{self, Request},
    store::{Served, Store},
};

pub(crate) fn serve(mut stream: TcpStream, store: &Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut heads = HeadReader::default();
    let mut scratch = vec![0; SCRATCH_BYTES];
    while let Some(head) = heads.read(&mut stream)? {
        if head.field("transfer-encoding").is_some() {
            return answer(&mut stream, "411 Length Required", "", "");
        }
        if head.field("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let n_bytes = head.n_body_bytes()?;
        let n_behind_head = heads
            .take(usize::try_from(n_bytes).unwrap_or(usize::MAX))
            .len() as u64;
        discard(&stream, n_bytes - n_behind_head, &mut scratch)?;
        respond(&mut stream, store, &head, n_bytes)?;
    }
    Ok(())
}

/// Reads that much of the body without copying it: with this flag TCP drops the bytes.
fn discard(stream: &TcpStream, mut n_left: u64, scratch: &mut [u8]) -> io::Result<()> {
    while n_left > 0 {
        let limit = usize::try_from(n_left)
            .unwrap_or(usize::MAX)
            .min(scratch.len());
        match recv(stream, &mut scratch[..limit], RecvFlags::TRUNC) {
            Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, n)) => n_left -= n as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn respond(stream: &mut TcpStream, store: &Store, head: &Head, n_bytes: u64) -> io::Result<()> {
    match Request::of(head) {
        Request::Get { name } => match store.served(&name) {
            Some(served) => send(stream, served, head),
            None => answer(stream, NOT_FOUND, XML, &error("NoSuchKey")),
        },
        Request::Head { name } => tell_size(stream, store, &name),
        Request::List { bucket, prefix } => {
            answer(stream, OK, XML, &listing(store, &bucket, &prefix))
        }
        Request::Stats => answer(
            stream,
            OK,
            "Content-Type: application/json\r\n",
            &store.stats(),
        ),
        Request::Reset => {
            store.reset();
            answer(stream, OK, "", "")
        }
        Request::Put { name } => {
            store.put(name, n_bytes);
            answer(stream, OK, UPLOADED, "")
        }
        Request::CreateUpload { name } => {
            let upload = store.create_upload(name.clone());
            let id = format!("<UploadId>{upload}</UploadId>");
            answer(stream, OK, XML, &upload_result("Initiate", &name, &id))
        }
        Request::PutPart { upload, number } => match store.put_part(upload, number, n_bytes) {
            Some(()) => answer(stream, OK, UPLOADED, ""),
            None => answer(stream, NOT_FOUND, XML, &error("NoSuchUpload")),
        },
        Request::CompleteUpload { upload } => match store.complete_upload(upload) {
            Some(name) => answer(
                stream,
                OK,
                XML,
                &upload_result("Complete", &name, &etag_element()),
            ),
            None => answer(stream, NOT_FOUND, XML, &error("NoSuchUpload")),
        },
        Request::AbortUpload { upload } => match store.abort_upload(upload) {
            Some(()) => answer(stream, "204 No Content", "", ""),
            None => answer(stream, NOT_FOUND, XML, &error("NoSuchUpload")),
        },
        Request::Unknown => answer(stream, "501 Not Implemented", XML, &error("NotImplemented")),
    }
}

/// The answer to HEAD has no body, so no reason either. A bucket is always there.
fn tell_size(stream: &mut TcpStream, store: &Store, name: &str) -> io::Result<()> {
    let served = store
        .served(name)
        .map(|served| (served.n_bytes, served.etag.as_str()));
    match served.or_else(|| Some((store.stored_bytes(name)?, UPLOADED_ETAG))) {
        Some((n_bytes, etag)) => stream.write_all(object_head(OK, n_bytes, etag, "").as_bytes()),
        None if name.contains('/') => answer(stream, NOT_FOUND, "", ""),
        None => answer(stream, OK, "", ""),
    }
}

/// The object or the part of it that was asked for, from the file's pages to the socket.
fn send(stream: &mut TcpStream, served: &Served, head: &Head) -> io::Result<()> {
    if head
        .field("if-match")
        .is_some_and(|wanted| wanted.trim_matches('"') != served.etag.trim_matches('"'))
    {
        return answer(
            stream,
            "412 Precondition Failed",
            XML,
            &error("PreconditionFailed"),
        );
    }
    let field = head.field("range");
    let Some(range) = request::range_of(field, served.n_bytes) else {
        return answer(
            stream,
            "416 Requested Range Not Satisfiable",
            XML,
            &error("InvalidRange"),
        );
    };
    let n_bytes = range.end - range.start;
    let (status, content_range) = match field {
        None => (OK, String::new()),
        Some(_) => (
            "206 Partial Content",
            format!(
                "Content-Range: bytes {}-{}/{}\r\n",
                range.start,
                range.end - 1,
                served.n_bytes
            ),
        ),
    };
    stream.write_all(object_head(status, n_bytes, &served.etag, &content_range).as_bytes())?;
    let mut offset = range.start;
    while offset < range.end {
        let limit = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
        match sendfile(&*stream, &served.file, Some(&mut offset), limit) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn object_head(status: &str, n_bytes: u64, etag: &str, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {n_bytes}\r\nETag: {etag}\r\nLast-Modified: {MODIFIED_HTTP}\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\n{more}\r\n"
    )
}

/// `fields` end with a line break each.
fn answer(stream: &mut TcpStream, status: &str, fields: &str, body: &str) -> io::Result<()> {
    stream.write_all(
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{body}",
            body.len()
        )
        .as_bytes(),
    )
}

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code></Error>")
}

fn upload_result(what: &str, name: &str, more: &str) -> String {
    let (bucket, key) = name.split_once('/').unwrap_or((name, ""));
    format!(
        "<{what}MultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key>{more}</{what}MultipartUploadResult>"
    )
}

/// All on one page.
fn listing(store: &Store, bucket: &str, prefix: &str) -> String {
    let found = store.list(bucket, prefix);
    let rest = format!(
        "<LastModified>{MODIFIED_ISO}</LastModified>{}",
        etag_element()
    );
    let contents: Vec<_> = found
        .iter()
        .map(|(key, n_bytes)| {
            format!("<Contents><Key>{key}</Key><Size>{n_bytes}</Size>{rest}</Contents>")
        })
        .collect();
    format!(
        "<ListBucketResult><Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{}</KeyCount><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
        found.len(),
        contents.concat()
    )
}

fn etag_element() -> String {
    format!("<ETag>{UPLOADED_ETAG}</ETag>")
}

const OK: &str = "200 OK";
const NOT_FOUND: &str = "404 Not Found";
const XML: &str = "Content-Type: application/xml\r\n";
/// Of everything that was uploaded: the content is gone, so nothing can be said of it. As of an encrypted object, it is no MD5.
const UPLOADED_ETAG: &str = "\"00000000000000000000000000000000-1\"";
const UPLOADED: &str = "ETag: \"00000000000000000000000000000000-1\"\r\n";
const MODIFIED_HTTP: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const MODIFIED_ISO: &str = "2026-01-01T00:00:00.000Z";
const SCRATCH_BYTES: usize = 1 << 20;
