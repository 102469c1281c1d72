//! What a request asks for.

use std::ops::Range;

use s3::head::Head;

/// The requests that the clients under test make.
pub(crate) enum Request {
    Stats,
    Reset,
    Get { name: String },
    Head { name: String },
    List { bucket: String, prefix: String },
    Put { name: String },
    CreateUpload { name: String },
    PutPart { upload: u64, number: u64 },
    CompleteUpload { upload: u64 },
    AbortUpload { upload: u64 },
    Unknown,
}

impl Request {
    pub(crate) fn of(head: &Head) -> Self {
        let target = head.part(1);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = decode(path.trim_start_matches('/'));
        let value = |wanted| parameter(query, wanted);
        let upload = value("uploadId").and_then(|id| id.parse().ok());
        match (head.part(0), upload) {
            ("GET", _) if name == "_stats" => Self::Stats,
            ("POST", _) if name == "_reset" => Self::Reset,
            ("GET", None) if value("list-type").is_some() => Self::List {
                bucket: name.trim_end_matches('/').to_owned(),
                prefix: value("prefix").unwrap_or_default(),
            },
            ("GET", None) => Self::Get { name },
            ("HEAD", None) => Self::Head { name },
            ("POST", None) if value("uploads").is_some() => Self::CreateUpload { name },
            ("POST", Some(upload)) => Self::CompleteUpload { upload },
            ("DELETE", Some(upload)) => Self::AbortUpload { upload },
            ("PUT", Some(upload)) => {
                match value("partNumber").and_then(|number| number.parse().ok()) {
                    Some(number) => Self::PutPart { upload, number },
                    None => Self::Unknown,
                }
            }
            ("PUT", None) => Self::Put { name },
            _ => Self::Unknown,
        }
    }
}

/// The bytes that a `Range` field asks for, of an object of that size; all of it without one. None: there are no such bytes.
pub(crate) fn range_of(field: Option<&str>, n_bytes: u64) -> Option<Range<u64>> {
    let Some(range) = field.and_then(|field| field.strip_prefix("bytes=")) else {
        return Some(0..n_bytes);
    };
    let (first, last) = range.split_once('-')?;
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(n_bytes)),
        (Ok(first), Err(_)) => (first, n_bytes),
        (Err(_), Ok(suffix)) => (n_bytes.saturating_sub(suffix), n_bytes),
        (Err(_), Err(_)) => return None,
    };
    (start < end).then_some(start..end)
}

/// A parameter of the query, decoded; the empty text for one without a value.
fn parameter(query: &str, wanted: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == wanted).then(|| decode(value))
    })
}

/// Takes `%XX` apart; a `%` without two digits stands for itself.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let code = behind
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(code.unwrap_or(byte));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
