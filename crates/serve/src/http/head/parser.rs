//! The lines of a head, as they come.

use std::ops::Range;

use super::{FieldSpan, RequestHead, meaning, request_line};
use crate::http::{
    fault::{Excerpt, Fault},
    octets::{find_control, is_token_byte, trim_blanks},
};

/// What of a head is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head, with its blank line. **Default**: 64 KiB. More is answered with 431.
    pub head_bytes: usize,
    /// Its fields. **Default**: 100. More are answered with 431.
    pub n_fields: usize,
    /// The target, with its query. **Default**: 8 KiB. More is answered with 414.
    pub target_bytes: usize,
}

impl Default for HeadLimits {
    /// What the platform and usual clients send, with room: their heads are below 8 KiB.
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            n_fields: 100,
            target_bytes: 8 * 1024,
        }
    }
}

/// Whether a head is all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an incomplete head says nothing yet"]
pub enum Progress {
    /// More bytes are needed.
    Incomplete,
    /// It is, and the next call begins another.
    Complete,
}

/// Parses the heads of one connection, one after the other.
///
/// It remembers what it has seen of a head, so that bytes which come one at a time are looked at once each.
#[derive(Debug, Clone)]
pub struct HeadParser {
    limits: HeadLimits,
    stage: Stage,
    /// Where the line begins that is not whole yet.
    line_start: usize,
    /// Up to here that line is known to have no end and no fault.
    scanned: usize,
}

impl HeadParser {
    /// A parser that has seen nothing.
    pub const fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            stage: Stage::Start,
            line_start: 0,
            scanned: 0,
        }
    }

    /// Looks at a buffer that begins where the head begins, and may hold less than all of it, or more.
    ///
    /// Until this is complete, each call must bring the same bytes again, with or without more behind them, and the same
    /// `head`, which is partly filled in between.
    ///
    /// # Errors
    /// A [`Fault`] as soon as there is one, whatever may follow. The connection is of no more use then.
    pub fn parse(&mut self, buf: &[u8], head: &mut RequestHead) -> Result<Progress, Fault> {
        if self.stage == Stage::Start && self.scanned == 0 {
            head.clear();
        }
        let visible = buf.get(..self.limits.head_bytes).unwrap_or(buf);
        while let Some(line) = self.next_line(visible)? {
            match self.stage {
                Stage::Start if line.is_empty() => self.stage = Stage::RequestLine,
                Stage::Start | Stage::RequestLine => {
                    request_line::parse(visible, line, self.limits.target_bytes, head)?;
                    self.stage = Stage::Fields;
                }
                Stage::Fields if line.is_empty() => {
                    head.n_bytes = self.line_start;
                    meaning::settle(head, visible)?;
                    *self = Self::new(self.limits);
                    return Ok(Progress::Complete);
                }
                Stage::Fields => {
                    if head.fields.len() >= self.limits.n_fields {
                        let limit = self.limits.n_fields;
                        return Err(Fault::TooManyFields { limit });
                    }
                    head.fields.push(parse_field(visible, line)?);
                }
            }
        }
        self.check_unfinished(visible)?;
        Ok(Progress::Incomplete)
    }

    /// Whether the last call saw the beginning of a head, and not its end. An empty line is not the beginning of one.
    ///
    /// What tells a client that is slow from one that is idle.
    pub fn has_begun(&self) -> bool {
        self.stage == Stage::Fields || self.scanned > self.line_start
    }

    /// The next line without its end, and moves past it.
    fn next_line(&mut self, visible: &[u8]) -> Result<Option<Range<usize>>, Fault> {
        let unseen = visible.get(self.scanned..).unwrap_or_default();
        let Some(offset) = find_control(unseen) else {
            self.scanned = self.scanned.max(visible.len());
            return Ok(None);
        };
        let at = self.scanned + offset;
        match unseen.get(offset..).unwrap_or_default() {
            [b'\r', b'\n', ..] => {
                let line = self.line_start..at;
                self.line_start = at + 2;
                self.scanned = at + 2;
                Ok(Some(line))
            }
            [b'\r'] => {
                self.scanned = at;
                Ok(None)
            }
            [b'\r', ..] => Err(Fault::BareCarriageReturn { at }),
            [b'\n', ..] => Err(Fault::BareLineFeed { at }),
            [byte, ..] => Err(Fault::ControlByte { byte: *byte, at }),
            [] => Ok(None),
        }
    }

    /// Whether what is there is already too much of what has not ended.
    fn check_unfinished(&self, visible: &[u8]) -> Result<(), Fault> {
        if self.stage != Stage::Fields {
            let line = visible.get(self.line_start..).unwrap_or_default();
            request_line::check_unfinished(line, self.limits.target_bytes)?;
        }
        if visible.len() >= self.limits.head_bytes {
            return Err(Fault::HeadTooLong {
                limit_bytes: self.limits.head_bytes,
            });
        }
        Ok(())
    }
}

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The request line, or the one empty line that may precede it: old clients send one after a body.
    Start,
    RequestLine,
    Fields,
}

fn parse_field(buf: &[u8], line: Range<usize>) -> Result<FieldSpan, Fault> {
    let bytes = buf.get(line.clone()).unwrap_or_default();
    let name_end = bytes.iter().position(|byte| !is_token_byte(*byte));
    let (Some(name_bytes), Some(b':')) = (name_end, name_end.and_then(|end| bytes.get(end))) else {
        return Err(field_fault(bytes));
    };
    if name_bytes == 0 {
        return Err(field_fault(bytes));
    }
    let rest = bytes.get(name_bytes + 1..).unwrap_or_default();
    let value = trim_blanks(rest);
    let n_blanks = rest.len() - rest.trim_ascii_start().len();
    let value_start = line.start + name_bytes + 1 + n_blanks;
    Ok(FieldSpan {
        name: (line.start..line.start + name_bytes).into(),
        value: (value_start..value_start + value.len()).into(),
    })
}

/// What is wrong with a line that is not a token and a colon.
fn field_fault(line: &[u8]) -> Fault {
    let found = Excerpt::of(line);
    if matches!(line, [b' ' | b'\t', ..]) {
        return Fault::FoldedField;
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Fault::FieldWithoutColon { found };
    };
    match line.get(..colon).unwrap_or_default() {
        [name @ .., b' ' | b'\t'] if trim_blanks(name).iter().all(|byte| is_token_byte(*byte)) => {
            Fault::BlankBeforeColon { found }
        }
        _ => Fault::FieldName { found },
    }
}
