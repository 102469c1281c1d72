//! What all messages can do.

use crate::{fault::Fault, frame::Frame, kind::Lane};

/// A message of one lane, borrowed from a decoder's buffer or from the one who sends it.
pub trait Message<'a>: Sized {
    /// Where these messages travel.
    const LANE: Lane;

    /// Takes a frame apart.
    ///
    /// # Errors
    /// Any [`Fault`] that is not told by the header alone.
    fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault>;

    /// Appends the frame to `out`, all but the bytes of a body, which are returned: to be written after it, with one
    /// vectored write and no copy.
    ///
    /// # Errors
    /// A [`Fault`], when the receiver would see one. Then `out` is as it was.
    fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault>;

    /// Appends the whole frame to `out`.
    ///
    /// # Errors
    /// As [`Message::encode_head`].
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let body = self.encode_head(out)?;
        out.extend_from_slice(body);
        Ok(())
    }
}
