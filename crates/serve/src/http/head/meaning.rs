//! What the fields of a whole head mean together.

use super::{BodyFraming, Expectation, Persistence, RequestHead, Version};
use crate::http::{
    fault::{Excerpt, Fault},
    octets::{is_host_byte, trim_blanks},
};

/// Reads the fields that decide how the body is framed and what becomes of the connection, and refuses contradictions.
pub(super) fn settle(head: &mut RequestHead, buf: &[u8]) -> Result<(), Fault> {
    let mut deciding = Deciding::default();
    for (name, value) in head.fields(buf) {
        deciding.note(name, value)?;
    }
    check_host(deciding.host, head.version)?;
    head.framing = framing(&deciding, head.version)?;
    head.persistence = deciding.connection.unwrap_or(match head.version {
        Version::Http10 => Persistence::Close,
        Version::Http11 => Persistence::KeepAlive,
    });
    let has_body = !matches!(head.framing, BodyFraming::Empty | BodyFraming::Length(0));
    // HTTP/1.0 has no interim responses: a client of it would take one for the answer.
    head.expectation = if has_body && head.version == Version::Http11 {
        deciding.expectation
    } else {
        Expectation::None
    };
    Ok(())
}

/// The fields that decide something.
#[derive(Default)]
struct Deciding<'b> {
    host: Option<&'b [u8]>,
    content_length: Option<&'b [u8]>,
    content_type: Option<&'b [u8]>,
    transfer_encoding: Option<&'b [u8]>,
    connection: Option<Persistence>,
    expectation: Expectation,
}

impl<'b> Deciding<'b> {
    fn note(&mut self, name: &[u8], value: &'b [u8]) -> Result<(), Fault> {
        // By length first: most fields are none of these.
        let (slot, known) = match name.len() {
            4 => (Some(&mut self.host), "host"),
            6 => (None, "expect"),
            10 => (None, "connection"),
            12 => (Some(&mut self.content_type), "content-type"),
            14 => (Some(&mut self.content_length), "content-length"),
            17 => (Some(&mut self.transfer_encoding), "transfer-encoding"),
            _ => return Ok(()),
        };
        if !name.eq_ignore_ascii_case(known.as_bytes()) {
            return Ok(());
        }
        match slot {
            Some(slot) if slot.is_some() => Err(Fault::Repeated { name: known }),
            Some(slot) => {
                *slot = Some(value);
                Ok(())
            }
            None if known == "expect" => self.note_expectation(value),
            None => {
                self.note_connection(value);
                Ok(())
            }
        }
    }

    fn note_expectation(&mut self, value: &[u8]) -> Result<(), Fault> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            let found = Excerpt::of(value);
            return Err(Fault::Expectation { found });
        }
        self.expectation = Expectation::Continue;
        Ok(())
    }

    /// Of `close` and `keep-alive` the first wins, wherever they stand; other names are for proxies.
    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(trim_blanks) {
            if option.eq_ignore_ascii_case(b"close") {
                self.connection = Some(Persistence::Close);
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.connection.get_or_insert(Persistence::KeepAlive);
            }
        }
    }
}

fn check_host(host: Option<&[u8]>, version: Version) -> Result<(), Fault> {
    match host {
        None if version == Version::Http11 => Err(Fault::HostMissing),
        Some(host) if !host.iter().all(|byte| is_host_byte(*byte)) => {
            let found = Excerpt::of(host);
            Err(Fault::Host { found })
        }
        // Empty is what a client sends that knows no name.
        None | Some(_) => Ok(()),
    }
}

fn framing(deciding: &Deciding<'_>, version: Version) -> Result<BodyFraming, Fault> {
    match (deciding.transfer_encoding, deciding.content_length) {
        (None, None) => Ok(BodyFraming::Empty),
        (None, Some(value)) => parse_content_length(value).map(BodyFraming::Length),
        (Some(_), Some(_)) => Err(Fault::TwoFramings),
        (Some(_), None) if version == Version::Http10 => Err(Fault::TransferEncodingInHttp10),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyFraming::Chunked),
        (Some(coding), None) => {
            let found = Excerpt::of(coding);
            Err(Fault::TransferEncoding { found })
        }
    }
}

/// Digits, and nothing else: `str::parse` would take a sign.
fn parse_content_length(value: &[u8]) -> Result<u64, Fault> {
    let fault = Fault::ContentLength {
        found: Excerpt::of(value),
    };
    // 2^63 - 1 has 19 digits, so the sum below can't overflow. More zeros before it have no honest use.
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(fault);
    }
    let n_bytes = value
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if i64::try_from(n_bytes).is_err() {
        return Err(fault);
    }
    Ok(n_bytes)
}
