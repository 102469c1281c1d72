//! Why there is no response, or no model.

use crate::{
    fault::Fault,
    frame::{Cursor, Payload},
    kind::Kind,
};

/// What went wrong in a worker, in the words of its language.
///
/// **Shape**: u16 status, u16 length of the type, u32 of the message, u32 of the detail; then the three, in UTF-8. All of
/// the frame is at most 64 KiB: a longer traceback is cut by the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The HTTP status that fits, 400 to 599.
    pub status: u16,
    /// The exception's class: `ValueError`.
    pub kind: &'a str,
    /// What it says.
    pub message: &'a str,
    /// Where it happened: the traceback. May be empty.
    pub detail: &'a str,
}

impl<'a> Failure<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let status = cursor.u16()?;
        check_status(cursor.kind(), status)?;
        let kind_length = cursor.u16()?;
        let (message_length, detail_length) = (length(cursor)?, length(cursor)?);
        Ok(Self {
            status,
            kind: cursor.text(kind_length.into(), "type")?,
            message: cursor.text(message_length, "message")?,
            detail: cursor.text(detail_length, "detail")?,
        })
    }

    pub(crate) fn put(&self, payload: &mut Payload<'_>) -> Result<(), Fault> {
        check_status(payload.kind(), self.status)?;
        payload.u16(self.status);
        payload.length_u16(self.kind.as_bytes(), "type")?;
        payload.length_u32(self.message.as_bytes(), "message")?;
        payload.length_u32(self.detail.as_bytes(), "detail")?;
        for text in [self.kind, self.message, self.detail] {
            payload.bytes(text.as_bytes());
        }
        Ok(())
    }
}

fn length(cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
    // A number that is too large for this machine is too large for the frame too, which `text` will say.
    cursor
        .u32()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX))
}

fn check_status(kind: Kind, status: u16) -> Result<(), Fault> {
    if !(400..=599).contains(&status) {
        return Err(Fault::Status { kind, status });
    }
    Ok(())
}
