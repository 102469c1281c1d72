//! Bytes to value: the dialect of Python's `json.loads`, in time linear in the input.

use super::{Int, Json, Object};
use crate::text::Text;

/// How deep arrays and objects may nest. Python gives up near a thousand, by its recursion limit.
pub const MAX_DEPTH: usize = 900;

/// How many digits a whole number may have. CPython's own limit (`sys.int_info.default_max_str_digits`).
pub const MAX_INT_DIGITS: usize = 4300;

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} column {column}: {kind}")]
pub struct JsonError {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// In bytes, counted from 0.
    pub offset: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// The text is empty or ends where a value should begin.
    #[error("expected a value, found the end")]
    End,
    /// Something that begins no value.
    #[error("expected a value")]
    Value,
    /// A member name does not begin with a quote.
    #[error("expected a member name in double quotes")]
    Name,
    /// No colon after a member name.
    #[error("expected `:` after a member name")]
    Colon,
    /// Neither a comma nor the end of an array.
    #[error("expected `,` or `]`")]
    ArrayEnd,
    /// Neither a comma nor the end of an object.
    #[error("expected `,` or `}}`")]
    ObjectEnd,
    /// A string without its closing quote.
    #[error("the string that begins here has no end")]
    StringEnd,
    /// A control character that must be written as an escape.
    #[error("control character U+{0:04X} in a string must be an escape")]
    Control(u8),
    /// A backslash before something that is no escape.
    #[error("not an escape")]
    Escape,
    /// A second value, or anything else, after the value.
    #[error("more text after the value")]
    Trailing,
    /// A byte order mark.
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// A whole number longer than [`MAX_INT_DIGITS`].
    #[error("a whole number of more than {MAX_INT_DIGITS} digits")]
    IntDigits,
}

impl Json {
    /// Parses the contents of a file.
    ///
    /// # Errors
    /// Whatever Python's `json.load` refuses, with its place; and what is nested deeper than [`MAX_DEPTH`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        if let Err(err) = std::str::from_utf8(bytes) {
            return Err(JsonError::at(
                bytes,
                err.valid_up_to(),
                JsonErrorKind::Encoding,
            ));
        }
        Parser {
            bytes,
            at: 0,
            depth: 0,
        }
        .document()
    }

    /// Parses a text that may hold surrogates.
    ///
    /// # Errors
    /// As [`Json::parse`].
    pub fn parse_text(text: &Text) -> Result<Self, JsonError> {
        Parser {
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
        }
        .document()
    }
}

impl JsonError {
    fn at(bytes: &[u8], offset: usize, kind: JsonErrorKind) -> Self {
        let before = &bytes[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        Self {
            line: before.split(|&byte| byte == b'\n').count(),
            column: 1 + before[line_start..]
                .iter()
                .filter(|&&byte| byte & 0xC0 != 0x80)
                .count(),
            offset,
            kind,
        }
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn document(mut self) -> Result<Json, JsonError> {
        if self.bytes.starts_with("\u{FEFF}".as_bytes()) {
            return Err(self.error(JsonErrorKind::ByteOrderMark));
        }
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        if self.at < self.bytes.len() {
            return Err(self.error(JsonErrorKind::Trailing));
        }
        Ok(value)
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            None => Err(self.error(JsonErrorKind::End)),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'[') => self.nested(Self::array),
            Some(b'{') => self.nested(Self::object),
            Some(b'-' | b'0'..=b'9' | b'n' | b't' | b'f' | b'N' | b'I') => self.scalar(),
            Some(_) => Err(self.error(JsonErrorKind::Value)),
        }
    }

    fn nested(
        &mut self,
        parse: fn(&mut Self) -> Result<Json, JsonError>,
    ) -> Result<Json, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(JsonErrorKind::Depth));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = parse(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        let mut values = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(values));
        }
        loop {
            values.push(self.value()?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::Array(values));
            }
            self.expect(b',', JsonErrorKind::ArrayEnd)?;
            self.skip_space();
        }
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(Object::default()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error(JsonErrorKind::Name));
            }
            let key = self.string()?;
            self.skip_space();
            self.expect(b':', JsonErrorKind::Colon)?;
            self.skip_space();
            entries.push((key, self.value()?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Json::Object(entries.into_iter().collect()));
            }
            self.expect(b',', JsonErrorKind::ObjectEnd)?;
            self.skip_space();
        }
    }

    fn scalar(&mut self) -> Result<Json, JsonError> {
        const WORDS: [(&str, Json); 6] = [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in WORDS {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.number()
    }

    /// A number goes on as long as it can: in `1.` and `1e` it ends after the `1`, as in Python.
    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        let digits = start + usize::from(self.peek() == Some(b'-'));
        let mut end = match self.bytes.get(digits) {
            Some(b'0') => digits + 1,
            Some(b'1'..=b'9') => self.digits_end(digits),
            _ => return Err(self.error(JsonErrorKind::Value)),
        };
        let int_end = end;
        if self.bytes.get(end) == Some(&b'.') && self.digits_end(end + 1) > end + 1 {
            end = self.digits_end(end + 1);
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let exponent =
                end + 1 + usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            if self.digits_end(exponent) > exponent {
                end = self.digits_end(exponent);
            }
        }
        let is_int = end == int_end;
        if is_int && end - digits > MAX_INT_DIGITS {
            return Err(self.error(JsonErrorKind::IntDigits));
        }
        self.at = end;
        let spelled = std::str::from_utf8(&self.bytes[start..end]).expect("a number is ASCII");
        if !is_int {
            return Ok(Json::Float(
                spelled.parse().expect("Rust reads every JSON number"),
            ));
        }
        let spelled = if spelled == "-0" { "0" } else { spelled };
        Ok(Json::Int(Int(spelled.to_owned())))
    }

    fn digits_end(&self, from: usize) -> usize {
        from + self.bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    }

    fn string(&mut self) -> Result<Text, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut text = Text::new();
        loop {
            let run = self.bytes[self.at..]
                .iter()
                .take_while(|&&byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
                .count();
            text.push_encoded(&self.bytes[self.at..self.at + run]);
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape(start)?),
                Some(control) => return Err(self.error(JsonErrorKind::Control(control))),
                None => return Err(JsonError::at(self.bytes, start, JsonErrorKind::StringEnd)),
            }
        }
    }

    /// The code point of the escape here. Two escapes make one code point if they are the halves of a pair.
    fn escape(&mut self, string_start: usize) -> Result<u32, JsonError> {
        let code_point = match self.bytes.get(self.at + 1) {
            Some(&plain @ (b'"' | b'\\' | b'/')) => u32::from(plain),
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => 0x0A,
            Some(b'r') => 0x0D,
            Some(b't') => 0x09,
            Some(b'u') => {
                let unit = self
                    .hex_escape()
                    .ok_or_else(|| self.error(JsonErrorKind::Escape))?;
                self.at += 6;
                return Ok(self.joined(unit));
            }
            Some(_) => return Err(self.error(JsonErrorKind::Escape)),
            None => {
                return Err(JsonError::at(
                    self.bytes,
                    string_start,
                    JsonErrorKind::StringEnd,
                ));
            }
        };
        self.at += 2;
        Ok(code_point)
    }

    fn joined(&mut self, unit: u32) -> u32 {
        if !(0xD800..0xDC00).contains(&unit) {
            return unit;
        }
        match self.hex_escape() {
            Some(low @ 0xDC00..=0xDFFF) => {
                self.at += 6;
                0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            _ => unit,
        }
    }

    /// The number of the `\uXXXX` here, if there is one.
    fn hex_escape(&self) -> Option<u32> {
        let escape = self.bytes.get(self.at..self.at + 6)?.strip_prefix(br"\u")?;
        escape.iter().try_fold(0, |sum, &digit| {
            Some(sum << 4 | char::from(digit).to_digit(16)?)
        })
    }

    fn skip_space(&mut self) {
        self.at += self.bytes[self.at..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, kind: JsonErrorKind) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.error(kind))
        }
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError::at(self.bytes, self.at, kind)
    }
}
