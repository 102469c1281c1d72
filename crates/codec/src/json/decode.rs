//! One pass over the body: the numbers go to the array as they come, the shape is found beside them.

use crate::{
    array::{Array, Dtype},
    error::{CodecError, DecodeError, JsonFault, NotNumeric, Undecodable},
    number::{self, Number},
    text,
};

/// Deepest list that is decoded here; numpy goes on to 64, Python decides about those.
pub const MAX_DEPTH: usize = 32;

/// Decodes a rectangular array of numbers or truth values, or a single one.
///
/// **Shape**: that of the lists. `[]` is float64 `(0,)`. Whole numbers are int64; one number with a point or an exponent
/// makes all of them float64; truth values among numbers are 0 and 1.
///
/// **Units and limits**: allocates at most 4 bytes a byte of the body (`1,` becomes 8); constant stack.
///
/// **Source**: Python 3.11 `json.loads`, then numpy 2.4 `np.array`.
///
/// # Errors
/// [`Undecodable::Json`] at the first thing that is no such array; what follows is then not looked at.
/// [`CodecError::MalformedJson`] with the place, [`CodecError::NotUtf8`].
pub fn decode(body: &[u8]) -> Result<Array<'static>, DecodeError> {
    let mut parser = Parser {
        body,
        at: 0,
        lists: Lists::default(),
        values: Values::default(),
    };
    parser
        .document()
        .map_err(|stop| stop.into_error(body, parser.at))?;
    let shape = parser.lists.shape();
    let (dtype, bytes) = parser.values.into_parts();
    Ok(Array::try_new(dtype, shape, bytes).expect(
        "every list has the length of its neighbours, so the product is the number of values",
    ))
}

struct Parser<'b> {
    body: &'b [u8],
    at: usize,
    lists: Lists,
    values: Values,
}

/// Why the pass ends early, at the parser's place.
enum Stop {
    Fault(JsonFault),
    Leave(NotNumeric),
}

impl Stop {
    #[cold]
    fn into_error(self, body: &[u8], at: usize) -> DecodeError {
        match self {
            Self::Leave(what) => Undecodable::Json(what).into(),
            Self::Fault(fault) => fault_at(body, at, fault).into(),
        }
    }
}

/// All before the place is ASCII, so bytes are characters.
fn fault_at(body: &[u8], at: usize, fault: JsonFault) -> CodecError {
    if let Err(not_utf8) = text::decode(body) {
        return not_utf8;
    }
    if body.starts_with("\u{feff}".as_bytes()) {
        return CodecError::MalformedJson {
            line: 1,
            column: 1,
            fault: JsonFault::ByteOrderMark,
        };
    }
    let before = body.get(..at).unwrap_or(body);
    let line_start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |feed| feed + 1);
    CodecError::MalformedJson {
        line: before.split(|&byte| byte == b'\n').count(),
        column: 1 + before.len() - line_start,
        fault,
    }
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Stop> {
        loop {
            self.skip_blanks();
            let complete = if self.peek() == Some(b'[') {
                self.at += 1;
                self.open()?
            } else {
                self.scalar()?;
                true
            };
            if complete && self.after_value()? {
                return Ok(());
            }
        }
    }

    /// True if the list that begins here is empty, and therefore complete.
    fn open(&mut self) -> Result<bool, Stop> {
        self.lists.open().map_err(Stop::Leave)?;
        if self.values.bytes.capacity() == 0 {
            self.values.reserve(self.body);
        }
        self.skip_blanks();
        if self.peek() != Some(b']') {
            return Ok(false);
        }
        self.at += 1;
        self.lists.close().map_err(Stop::Leave)?;
        Ok(true)
    }

    /// After a complete value: closes what ends here. True at the end of the document.
    fn after_value(&mut self) -> Result<bool, Stop> {
        while self.lists.depth > 0 {
            self.skip_blanks();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(b']') => {
                    self.at += 1;
                    self.lists.close().map_err(Stop::Leave)?;
                }
                _ => return Err(Stop::Fault(JsonFault::ExpectedComma)),
            }
        }
        self.skip_blanks();
        match self.peek() {
            None => Ok(true),
            Some(_) => Err(Stop::Fault(JsonFault::ExpectedEnd)),
        }
    }

    #[inline]
    fn scalar(&mut self) -> Result<(), Stop> {
        if let Some((number, end)) = number::json(self.body, self.at) {
            match number {
                Number::Float(value) => self.values.push_float(value),
                Number::Int(value) => self.values.push_int(value),
                Number::Wide => return Err(Stop::Leave(NotNumeric::Wide)),
            }
            self.at = end;
        } else {
            self.word()?;
        }
        self.lists.item().map_err(Stop::Leave)
    }

    fn word(&mut self) -> Result<(), Stop> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let (word, value) = match rest.first() {
            Some(b'{') => return Err(Stop::Leave(NotNumeric::Object)),
            Some(b'"') => return Err(Stop::Leave(NotNumeric::Text)),
            Some(b'n') if rest.starts_with(b"null") => return Err(Stop::Leave(NotNumeric::Null)),
            Some(b't') => ("true", Word::Truth(true)),
            Some(b'f') => ("false", Word::Truth(false)),
            Some(b'N') => ("NaN", Word::Float(f64::NAN)),
            Some(b'I') => ("Infinity", Word::Float(f64::INFINITY)),
            Some(b'-') => ("-Infinity", Word::Float(f64::NEG_INFINITY)),
            _ => return Err(Stop::Fault(JsonFault::ExpectedValue)),
        };
        if !rest.starts_with(word.as_bytes()) {
            return Err(Stop::Fault(JsonFault::ExpectedValue));
        }
        match value {
            Word::Truth(value) => self.values.push_bool(value),
            Word::Float(value) => self.values.push_float(value),
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }
}

enum Word {
    Truth(bool),
    Float(f64),
}

/// Which lists are open, and what their lengths must be.
#[derive(Default)]
struct Lists {
    depth: usize,
    /// Members so far of each open list.
    n_members: [usize; MAX_DEPTH],
    /// The length of each axis, known when the first list of that depth ends.
    lengths: [Option<usize>; MAX_DEPTH],
    /// Where the values are, or the empty lists; known at the first of either.
    leaf_depth: Option<usize>,
}

impl Lists {
    fn open(&mut self) -> Result<(), NotNumeric> {
        if self.leaf_depth == Some(self.depth) {
            return Err(NotNumeric::Ragged);
        }
        *self.n_members.get_mut(self.depth).ok_or(NotNumeric::Deep)? = 0;
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn item(&mut self) -> Result<(), NotNumeric> {
        if *self.leaf_depth.get_or_insert(self.depth) != self.depth {
            return Err(NotNumeric::Ragged);
        }
        self.count_member();
        Ok(())
    }

    fn close(&mut self) -> Result<(), NotNumeric> {
        self.depth -= 1;
        let n_members = self.n_members[self.depth];
        if n_members == 0 {
            self.leaf_depth.get_or_insert(self.depth + 1);
        }
        if *self.lengths[self.depth].get_or_insert(n_members) != n_members {
            return Err(NotNumeric::Ragged);
        }
        self.count_member();
        Ok(())
    }

    #[inline]
    fn count_member(&mut self) {
        if let Some(parent) = self.depth.checked_sub(1) {
            self.n_members[parent] += 1;
        }
    }

    fn shape(&self) -> Vec<usize> {
        self.lengths.iter().map_while(|&length| length).collect()
    }
}

/// The values so far, in the narrowest of the three types that holds them.
#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
}

impl Values {
    /// Room for every value: there is one more than commas, and each takes two bytes of the body.
    fn reserve(&mut self, body: &[u8]) {
        let n_commas = number::n_separators(body, |byte| byte == b',');
        self.bytes
            .reserve_exact(8 * (n_commas + 1).min(body.len() / 2 + 1));
    }

    #[inline]
    fn push_float(&mut self, value: f64) {
        if self.kind != Some(Kind::Float) {
            self.widen(Kind::Float);
        }
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn push_int(&mut self, value: i64) {
        if self.kind == Some(Kind::Float) {
            self.bytes.extend_from_slice(&to_float(value).to_le_bytes());
        } else {
            if self.kind != Some(Kind::Int) {
                self.widen(Kind::Int);
            }
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn push_bool(&mut self, value: bool) {
        match self.kind {
            Some(Kind::Float) => self.push_float(f64::from(u8::from(value))),
            Some(Kind::Int) => self.push_int(i64::from(value)),
            Some(Kind::Bool) | None => {
                self.kind = Some(Kind::Bool);
                self.bytes.push(u8::from(value));
            }
        }
    }

    /// Rewrites what is there already. Happens at most twice.
    #[cold]
    fn widen(&mut self, kind: Kind) {
        if self.kind == Some(Kind::Bool) {
            let capacity = self.bytes.capacity().max(8 * self.bytes.len());
            let mut wide = Vec::with_capacity(capacity);
            for &byte in &self.bytes {
                wide.extend_from_slice(&i64::from(byte).to_le_bytes());
            }
            self.bytes = wide;
            self.kind = Some(Kind::Int);
        }
        if self.kind == Some(Kind::Int) && kind == Kind::Float {
            let (words, _) = self.bytes.as_chunks_mut();
            for word in words {
                *word = to_float(i64::from_le_bytes(*word)).to_le_bytes();
            }
        }
        self.kind = Some(kind);
    }

    fn into_parts(self) -> (Dtype, Vec<u8>) {
        let dtype = match self.kind {
            Some(Kind::Bool) => Dtype::Bool,
            Some(Kind::Int) => Dtype::Int64,
            Some(Kind::Float) | None => Dtype::Float64,
        };
        (dtype, self.bytes)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounds to the nearest, as numpy does"
)]
fn to_float(value: i64) -> f64 {
    value as f64
}
