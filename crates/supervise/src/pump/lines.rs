//! Cutting a stream into lines, where that is needed.

use super::{Format, HOLD_BYTES, Outlet};

/// The longest line that is wrapped in one piece.
const LINE_BYTES: usize = 256 * 1024;

/// Holds back what is not yet a whole line.
#[derive(Debug)]
pub(super) struct Lines {
    mode: Mode,
    held: Vec<u8>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Mode {
    /// The stream has its way for itself.
    Direct,
    /// Lines stay whole.
    Whole,
    /// Lines are marked.
    Wrapped(Wrap),
}

#[derive(Debug)]
enum Wrap {
    Prefix(Vec<u8>),
    Json { stream: &'static str, host: String },
}

impl Lines {
    pub(super) fn new(format: &Format, stream: &'static str, shared: bool) -> Self {
        let mode = match format {
            Format::Raw if !shared => Mode::Direct,
            Format::Raw | Format::Lines => Mode::Whole,
            Format::Prefix(name) => Mode::Wrapped(Wrap::Prefix(format!("{name} | ").into_bytes())),
            Format::Json { host } => Mode::Wrapped(Wrap::Json {
                stream,
                host: host.clone(),
            }),
        };
        Self {
            mode,
            held: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8], outlet: &mut Outlet) {
        match &self.mode {
            Mode::Direct => outlet.push(&[], chunk),
            Mode::Whole => {
                // A carriage return ends a line as well: the next one begins at its left margin.
                let end = chunk
                    .iter()
                    .rposition(|byte| matches!(byte, b'\n' | b'\r'))
                    .map_or(0, |at| at + 1);
                let (whole, rest) = chunk.split_at(end);
                if !whole.is_empty() {
                    outlet.push(&self.held, whole);
                    self.held.clear();
                }
                self.held.extend_from_slice(rest);
                if self.held.len() > HOLD_BYTES {
                    self.release(outlet);
                }
            }
            Mode::Wrapped(_) => self.wrap(chunk, outlet),
        }
    }

    /// The stream pauses in the middle of a line, and that should be seen.
    pub(super) fn is_holding(&self) -> bool {
        matches!(self.mode, Mode::Whole) && !self.held.is_empty()
    }

    pub(super) fn release(&mut self, outlet: &mut Outlet) {
        outlet.push(&[], &self.held);
        self.held.clear();
    }

    /// The stream has ended.
    pub(super) fn finish(&mut self, outlet: &mut Outlet) {
        if self.held.is_empty() {
            return;
        }
        match self.mode {
            Mode::Wrapped(_) => {
                let line = std::mem::take(&mut self.held);
                self.emit(&line, false, outlet);
            }
            _ => self.release(outlet),
        }
    }

    fn wrap(&mut self, chunk: &[u8], outlet: &mut Outlet) {
        for mut piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            while self.held.len() + piece.strip_suffix(b"\n").unwrap_or(piece).len() > LINE_BYTES {
                let (last, rest) = piece.split_at(LINE_BYTES - self.held.len());
                self.held.extend_from_slice(last);
                let next = self.held.split_off(character_start(&self.held, rest[0]));
                let line = std::mem::replace(&mut self.held, next);
                self.emit(&line, true, outlet);
                piece = rest;
            }
            self.held.extend_from_slice(piece);
            if self.held.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.held);
                line.pop();
                self.emit(&line, false, outlet);
                line.clear();
                self.held = line;
            }
        }
    }

    /// One marked line; `continued`: its rest follows as another.
    fn emit(&mut self, line: &[u8], continued: bool, outlet: &mut Outlet) {
        self.scratch.clear();
        match &self.mode {
            Mode::Wrapped(Wrap::Prefix(prefix)) => {
                self.scratch.extend_from_slice(prefix);
                self.scratch.extend_from_slice(line);
                if continued {
                    self.scratch
                        .extend_from_slice(" [cut at 256 KiB]".as_bytes());
                }
            }
            Mode::Wrapped(Wrap::Json { stream, host }) => {
                let text = String::from_utf8_lossy(line);
                let record = json_record(stream, host, &text, continued);
                self.scratch.extend_from_slice(record.as_bytes());
            }
            Mode::Direct | Mode::Whole => self.scratch.extend_from_slice(line),
        }
        self.scratch.push(b'\n');
        outlet.push(&[], &self.scratch);
    }
}

/// Where to cut `text`, which `next` follows: at its end, or before a character that would be cut in two.
fn character_start(text: &[u8], next: u8) -> usize {
    let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    if !continues(next) {
        return text.len();
    }
    let n_last = text
        .iter()
        .rev()
        .take_while(|byte| continues(**byte))
        .count();
    // More than three make no character: whatever it is, it may be cut.
    if n_last < 3 {
        text.len().saturating_sub(n_last + 1)
    } else {
        text.len()
    }
}

fn json_record(stream: &str, host: &str, message: &str, continued: bool) -> String {
    let mut record = String::with_capacity(message.len() + 128);
    record.push_str("{\"ts\":");
    push_json_text(&mut record, &format!("{:.3}", jiff::Timestamp::now()));
    record.push_str(",\"src\":\"user\",\"stream\":");
    push_json_text(&mut record, stream);
    record.push_str(",\"host\":");
    push_json_text(&mut record, host);
    record.push_str(",\"msg\":");
    push_json_text(&mut record, message);
    if continued {
        record.push_str(",\"cont\":true");
    }
    record.push('}');
    record
}

fn push_json_text(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Also the escapes that steer a terminal: a log line must not.
            c if c.is_control() => {
                write!(out, "\\u{:04x}", u32::from(c))
                    .expect("a String takes all that is written to it");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
