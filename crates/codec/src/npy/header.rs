//! The header of an NPY file: a dict of three known keys, as a Python literal.

use std::fmt::Write as _;

use crate::error::{CodecError, DecodeError, NpyFault};

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The name of the type; nothing for a structure.
    pub(super) dtype: Option<String>,
    /// First axis fastest.
    pub(super) fortran_order: bool,
    /// The length of each axis.
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads the literal. A dtype that holds Python objects, anywhere, ends it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, DecodeError> {
        let mut literal = Literal { text, at: 0 };
        let (mut dtype, mut fortran_order, mut shape) = (None, None, None);
        literal.expect(b'{', "`{`")?;
        while !literal.skip(b'}') {
            let key_at = literal.next_at();
            match literal.string()? {
                b"descr" if dtype.is_none() => {
                    literal.expect(b':', "`:`")?;
                    dtype = Some(literal.descr(0)?);
                }
                b"fortran_order" if fortran_order.is_none() => {
                    literal.expect(b':', "`:`")?;
                    fortran_order = Some(literal.truth()?);
                }
                b"shape" if shape.is_none() => {
                    literal.expect(b':', "`:`")?;
                    shape = Some(literal.lengths()?);
                }
                _ => {
                    return Err(fault(
                        key_at,
                        "one of the keys `descr`, `fortran_order`, `shape`",
                    ));
                }
            }
            if !literal.skip(b',') {
                literal.expect(b'}', "`,` or `}`")?;
                break;
            }
        }
        let end = literal.next_at();
        if end < text.len() {
            return Err(fault(end, "the end"));
        }
        match (dtype, fortran_order, shape) {
            (Some(dtype), Some(fortran_order), Some(shape)) => Ok(Self {
                dtype,
                fortran_order,
                shape,
            }),
            _ => Err(fault(end, "the keys `descr`, `fortran_order` and `shape`")),
        }
    }
}

/// The header as `np.save` pads it: data begins at a multiple of 64, and the first axis has room to grow.
///
/// **Source**: numpy 2.4, `GROWTH_AXIS_MAX_DIGITS` 21.
pub(super) fn text(dtype: &str, shape: &[usize]) -> String {
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': (");
    for (i, length) in shape.iter().enumerate() {
        let _infallible = write!(text, "{}{length}", if i == 0 { "" } else { ", " });
    }
    text.push_str(if shape.len() == 1 { ",), }" } else { "), }" });
    if let Some(first) = shape.first() {
        let n_digits = first.checked_ilog10().unwrap_or(0) as usize + 1;
        text.extend(std::iter::repeat_n(' ', 21 - n_digits));
    }
    let used = super::PREFIX_BYTES + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', 64 - used % 64));
    text.push('\n');
    text
}

/// Structures in structures; numpy has no bound, ours keeps the stack.
const MAX_NESTING: usize = 16;

struct Literal<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Literal<'t> {
    /// A name, or a list of fields, which has none.
    fn descr(&mut self, nesting: usize) -> Result<Option<String>, DecodeError> {
        if nesting > MAX_NESTING {
            return Err(fault(self.at, "fewer structures within structures"));
        }
        if !self.skip(b'[') {
            let at = self.next_at();
            let name = self.string()?;
            if is_object(name) {
                return Err(CodecError::ObjectArray.into());
            }
            return match str::from_utf8(name) {
                Ok(name) => Ok(Some(name.to_owned())),
                Err(_) => Err(fault(at, "the name of a type")),
            };
        }
        while !self.skip(b']') {
            self.field(nesting)?;
            if !self.skip(b',') {
                self.expect(b']', "`,` or `]`")?;
                break;
            }
        }
        Ok(None)
    }

    /// `(name, type)`, `(name, type, shape)`, or with `(title, name)` in the place of the name.
    fn field(&mut self, nesting: usize) -> Result<(), DecodeError> {
        self.expect(b'(', "`(`")?;
        if self.skip(b'(') {
            self.string()?;
            self.expect(b',', "`,`")?;
            self.string()?;
            self.expect(b')', "`)`")?;
        } else {
            self.string()?;
        }
        self.expect(b',', "`,`")?;
        self.descr(nesting + 1)?;
        if self.skip(b',') && self.peek() == Some(b'(') {
            self.lengths()?;
            self.skip(b',');
        }
        self.expect(b')', "`)`")
    }

    /// `()`, `(3,)`, `(3, 4)`.
    fn lengths(&mut self) -> Result<Vec<usize>, DecodeError> {
        self.expect(b'(', "`(`")?;
        let mut lengths = Vec::new();
        loop {
            if self.skip(b')') {
                return Ok(lengths);
            }
            lengths.push(self.length()?);
            if self.skip(b',') {
                continue;
            }
            // `(3)` is no tuple.
            if lengths.len() == 1 {
                return Err(fault(self.at, "`,`"));
            }
            self.expect(b')', "`,` or `)`")?;
            return Ok(lengths);
        }
    }

    fn length(&mut self) -> Result<usize, DecodeError> {
        let start = self.next_at();
        let digits = self
            .text
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at = start + digits;
        let length = self
            .text
            .get(start..self.at)
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| fault(start, "the length of an axis"))?;
        // Python 2 wrote long integers so.
        if self.text.get(self.at) == Some(&b'L') {
            self.at += 1;
        }
        Ok(length)
    }

    fn truth(&mut self) -> Result<bool, DecodeError> {
        let at = self.next_at();
        let rest = self.text.get(at..).unwrap_or_default();
        for (word, value) in [("True", true), ("False", false)] {
            if rest.starts_with(word.as_bytes()) {
                self.at = at + word.len();
                return Ok(value);
            }
        }
        Err(fault(at, "`True` or `False`"))
    }

    /// The inside of a quoted string; escapes stay as they are written.
    fn string(&mut self) -> Result<&'t [u8], DecodeError> {
        let start = self.next_at();
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return Err(fault(start, "a string"));
        };
        let mut end = start + 1;
        loop {
            match self.text.get(end) {
                None => return Err(fault(start, "the end of the string")),
                Some(b'\\') => end += 2,
                Some(&byte) if byte == quote => break,
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        Ok(self.text.get(start + 1..end).unwrap_or_default())
    }

    fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), DecodeError> {
        if self.skip(byte) {
            Ok(())
        } else {
            Err(fault(self.at, name))
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&mut self) -> Option<u8> {
        let at = self.next_at();
        self.text.get(at).copied()
    }

    /// Where the next thing is, after blanks.
    fn next_at(&mut self) -> usize {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.at
    }
}

fn is_object(name: &[u8]) -> bool {
    let kind = name
        .strip_prefix(b"|")
        .or_else(|| name.strip_prefix(b"<"))
        .or_else(|| name.strip_prefix(b">"))
        .or_else(|| name.strip_prefix(b"="))
        .unwrap_or(name);
    kind.starts_with(b"O") || kind.starts_with(b"object")
}

fn fault(offset: usize, expected: &'static str) -> DecodeError {
    NpyFault::Literal { offset, expected }.into()
}
