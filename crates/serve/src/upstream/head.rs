//! Heads of requests to the program and of its answers: what is passed on, and what is not.

use std::fmt::Write;

use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue},
};
use optml_wire::{Fault, PairBuf};

use crate::{call::CallHead, http::response::is_framing_field};

#[cfg(test)]
mod tests;

/// What a request needs beyond what the client said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address<'a> {
    /// For `Host`.
    pub(super) host: &'a str,
    /// The path that `/invocations` stands for.
    pub(super) invocations: &'a str,
}

/// The client's request can't be written for the program.
#[derive(Debug, thiserror::Error)]
#[error("the request can't be passed on: {0}")]
pub(super) struct RequestFault(#[from] hyper::http::Error);

/// The request as the program gets it.
pub(super) fn request<B>(
    head: &CallHead,
    address: Address<'_>,
    n_bytes: u64,
    body: B,
) -> Result<Request<B>, RequestFault> {
    let path = match head.path.as_slice() {
        b"/invocations" => address.invocations.as_bytes(),
        other => other,
    };
    let method = Method::from_bytes(&head.method).map_err(hyper::http::Error::from)?;
    let mut request = Request::new(body);
    *request.uri_mut() = target(path, &head.query)?;
    let is_bare = n_bytes == 0 && matches!(method, Method::GET | Method::HEAD);
    *request.method_mut() = method;
    let host = HeaderValue::from_str(address.host).map_err(hyper::http::Error::from)?;
    *request.headers_mut() = request_fields(head, host)?;
    if !is_bare {
        request.headers_mut().insert(CONTENT_LENGTH, n_bytes.into());
    }
    Ok(request)
}

/// The request that asks for the program's health.
pub(super) fn health_request<B>(
    path: &str,
    host: &str,
    body: B,
) -> Result<Request<B>, RequestFault> {
    let request = Request::builder()
        .uri(target(path.as_bytes(), b"")?)
        .header("host", host)
        .header("accept", "*/*")
        // A server with one thread for one connection is free again at once.
        .header("connection", "close")
        .body(body)?;
    Ok(request)
}

/// The fields of an answer that are the client's as well.
///
/// # Errors
/// More than an answer may have.
pub(super) fn answer_fields(headers: &HeaderMap) -> Result<PairBuf, Fault> {
    let named = named_by_connection(
        headers
            .get_all("connection")
            .iter()
            .map(HeaderValue::as_bytes),
    );
    let mut fields = PairBuf::new();
    for (name, value) in headers {
        // The server says the request's id itself.
        let is_ours = *name == REQUEST_ID;
        if !is_ours && !is_of_the_hop(name.as_str().as_bytes(), &named) {
            fields.push(name.as_str().as_bytes(), value.as_bytes())?;
        }
    }
    Ok(fields)
}

fn request_fields(head: &CallHead, host: HeaderValue) -> Result<HeaderMap, hyper::http::Error> {
    let fields = head.fields.as_pairs();
    let connection = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"));
    let named = named_by_connection(connection.map(|(_, value)| value));
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host);
    let mut senders = Vec::new();
    for (name, value) in fields.iter() {
        if name.eq_ignore_ascii_case(FORWARDED_FOR.as_bytes()) {
            senders.extend_from_slice(value);
            senders.extend_from_slice(b", ");
        } else if !is_of_the_request_hop(name, &named) {
            headers.try_append(
                HeaderName::from_bytes(name)?,
                HeaderValue::from_bytes(value)?,
            )?;
        }
    }
    senders.extend_from_slice(head.peer.as_bytes());
    let senders = HeaderValue::from_bytes(&senders)?;
    headers.try_insert(HeaderName::from_static(FORWARDED_FOR), senders)?;
    Ok(headers)
}

/// Path and query as a client of HTTP may write them. Our own server is more lenient, and takes any visible character.
fn target(path: &[u8], query: &[u8]) -> Result<Uri, hyper::http::Error> {
    let mut text = String::with_capacity(path.len() + query.len() + 1);
    let has_query = path.contains(&b'?');
    let mut put = |bytes: &[u8]| {
        for byte in bytes {
            match byte {
                b'"' | b'#' | b'<' | b'>' | b'`' | 0x7f.. | ..=b' ' => {
                    write!(text, "%{byte:02X}").expect("a String takes all that is written to it");
                }
                _ => text.push(char::from(*byte)),
            }
        }
    };
    put(path);
    if !query.is_empty() {
        put(if has_query { b"&" } else { b"?" });
        put(query);
    }
    Ok(text.parse::<Uri>()?)
}

/// Fields of one connection: they are never passed on.
fn is_of_the_hop(name: &[u8], named_by_connection: &[Vec<u8>]) -> bool {
    is_framing_field(name)
        || named_by_connection
            .iter()
            .any(|named| named.eq_ignore_ascii_case(name))
}

/// The same for a request, whose host is another one here, and whose body is all there.
fn is_of_the_request_hop(name: &[u8], named_by_connection: &[Vec<u8>]) -> bool {
    name.eq_ignore_ascii_case(b"host")
        || name.eq_ignore_ascii_case(b"expect")
        || is_of_the_hop(name, named_by_connection)
}

/// The names in the values of `Connection`.
fn named_by_connection<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<Vec<u8>> {
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|name| name.trim_ascii().to_vec())
        .collect()
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const REQUEST_ID: &str = "x-request-id";
