//! The first line: what is to be done to what.

use std::ops::Range;

use super::{Method, RequestHead, Span, Version};
use crate::http::{
    fault::{Excerpt, Fault},
    octets::{is_host_byte, is_target_byte, is_token},
};

/// Longer names of methods are not looked at. The longest that is registered has 17 bytes.
pub(in crate::http) const MAX_METHOD_BYTES: usize = 64;

/// Reads the line at `line` of `buf`.
pub(super) fn parse(
    buf: &[u8],
    line: Range<usize>,
    target_limit_bytes: usize,
    head: &mut RequestHead,
) -> Result<(), Fault> {
    let bytes = buf.get(line.clone()).unwrap_or_default();
    let parts = split_at_blank(bytes).and_then(|(method, rest)| {
        let (target, version) = split_at_blank(rest)?;
        Some((method, target, version))
    });
    let Some((method, target, version)) = parts else {
        let found = Excerpt::of(bytes);
        return Err(Fault::RequestLine { found });
    };
    if method.len() > MAX_METHOD_BYTES || !is_token(method) {
        let found = Excerpt::of(method);
        return Err(Fault::Method { found });
    }
    // Before the target: the preface of HTTP/2 has a target that only makes sense there.
    head.version = parse_version(version, bytes)?;
    if target.len() > target_limit_bytes {
        return Err(Fault::TargetTooLong {
            limit_bytes: target_limit_bytes,
        });
    }
    head.method = parse_method(method)?;
    head.method_span = (line.start..line.start + method.len()).into();
    parse_target(target, line.start + method.len() + 1, head)
}

/// Whether a line that has not ended is already longer than any good one.
pub(super) fn check_unfinished(line: &[u8], target_limit_bytes: usize) -> Result<(), Fault> {
    let around_bytes = MAX_METHOD_BYTES + b"  HTTP/1.1\r".len();
    let longest_bytes = target_limit_bytes.saturating_add(around_bytes);
    if line.len() <= longest_bytes {
        return Ok(());
    }
    let method = line.iter().take(MAX_METHOD_BYTES + 1);
    if method.clone().any(|byte| *byte == b' ') {
        Err(Fault::TargetTooLong {
            limit_bytes: target_limit_bytes,
        })
    } else {
        let found = Excerpt::of(line);
        Err(Fault::Method { found })
    }
}

fn split_at_blank(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let (before, from_blank) = bytes.split_at_checked(blank)?;
    Some((before, from_blank.get(1..)?))
}

fn parse_method(method: &[u8]) -> Result<Method, Fault> {
    Ok(match method {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        b"POST" => Method::Post,
        b"PUT" => Method::Put,
        b"DELETE" => Method::Delete,
        b"OPTIONS" => Method::Options,
        b"CONNECT" => return Err(Fault::Connect),
        _ => Method::Other,
    })
}

fn parse_version(version: &[u8], line: &[u8]) -> Result<Version, Fault> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            let found = Excerpt::of(version);
            Err(Fault::Version { found })
        }
        _ => {
            let found = Excerpt::of(line);
            Err(Fault::RequestLine { found })
        }
    }
}

/// Reads the target, which begins at `start` of the buffer.
fn parse_target(target: &[u8], start: usize, head: &mut RequestHead) -> Result<(), Fault> {
    if let Some(at) = target.iter().position(|byte| !is_target_byte(*byte)) {
        let byte = target.get(at).copied().unwrap_or_default();
        return Err(Fault::TargetByte { byte, at });
    }
    let form = || Fault::TargetForm {
        found: Excerpt::of(target),
    };
    let path_offset = match target {
        [b'/', ..] => 0,
        b"*" if head.method == Method::Options => 0,
        _ => authority_end(target).ok_or_else(form)?,
    };
    let end = start + target.len();
    let from_path = target.get(path_offset..).unwrap_or_default();
    let path_start = start + path_offset;
    let question_mark = from_path.iter().position(|byte| *byte == b'?');
    let path_end = question_mark.map_or(end, |at| path_start + at);
    head.path = (path_start..path_end).into();
    head.query = question_mark.map(|_| Span::from(path_end + 1..end));
    Ok(())
}

/// Where the path begins in `http://host/path`; the host must be there, and the path need not.
fn authority_end(target: &[u8]) -> Option<usize> {
    let (scheme, rest) = target.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let host_bytes = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    let host = rest.get(..host_bytes)?;
    let is_host = !host.is_empty() && host.iter().all(|byte| is_host_byte(*byte));
    is_host.then_some(SCHEME.len() + host_bytes)
}

const SCHEME: &[u8] = b"http://";
