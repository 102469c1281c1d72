//! What a client is told: one table of texts, for the Rust decoders and for the Python path.
//!
//! Every text is a lowercase fragment that names the place of the fault. What only the Python path can find (text in
//! JSON, a charset) is in the table too, so that a body gets the same answer whichever path read it.

use crate::{array::ArrayError, npz};

/// The longest piece of a header that a message repeats.
pub const MAX_EXCERPT_CHARS: usize = 120;

/// What is wrong with a body, with the type of one, or with the answer that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Text that isn't UTF-8.
    #[error("the body is not UTF-8: byte `0x{byte:02x}` at offset {offset}")]
    NotUtf8 {
        /// Bytes before it.
        offset: usize,
        /// The first byte that can't be.
        byte: u8,
    },
    /// JSON that doesn't parse.
    #[error("malformed JSON at line {line}, column {column}: {fault}")]
    MalformedJson {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        fault: JsonFault,
    },
    /// Lists of different lengths, or deeper than numpy goes. Found by the Python path.
    #[error("the JSON lists have no common shape")]
    RaggedJson,
    /// CSV that doesn't parse, or has no shape.
    #[error("malformed CSV in line {line}: {fault}")]
    MalformedCsv {
        /// From 1, counted in line feeds.
        line: usize,
        /// What is wrong there.
        fault: CsvFault,
    },
    /// Not an NPY file, or one that says what can't be.
    #[error("malformed NPY: {0}")]
    MalformedNpy(NpyFault),
    /// An NPY body with Python objects in it: they would be unpickled, which runs code.
    #[error("object arrays are not accepted")]
    ObjectArray,
    /// Not a zip archive of NPY files.
    #[error("malformed NPZ: {0}")]
    MalformedNpz(ZipFault),
    /// An entry of an NPZ body.
    #[error("in `{name}` of the NPZ: {cause}")]
    NpzEntry {
        /// Its name, without `.npy`.
        name: String,
        /// What is wrong with it.
        cause: Box<Self>,
    },
    /// A record of a `RecordIO` body.
    #[error("in record {record}: {fault}")]
    MalformedRecord {
        /// From 1.
        record: usize,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// numpy is needed and not installed. Found by the Python path.
    #[error("reading `{content_type}` needs numpy, which is not installed in the container")]
    NumpyMissing {
        /// What was sent.
        content_type: String,
    },
    /// No decoder for that type.
    #[error("the content type `{content_type}` is not supported, these are: {supported}")]
    UnsupportedContentType {
        /// What was sent, cut to [`MAX_EXCERPT_CHARS`].
        content_type: String,
        /// The names, with commas.
        supported: String,
    },
    /// A charset that Python doesn't know either.
    #[error("the charset `{charset}` is not known")]
    UnknownCharset {
        /// What was sent, cut to [`MAX_EXCERPT_CHARS`].
        charset: String,
    },
    /// Two `Content-Type` headers.
    #[error("there is more than one `Content-Type` header")]
    RepeatedContentType,
    /// Nothing that the client accepts can be made.
    #[error("none of `{accept}` can be produced, these can: {supported}")]
    NotAcceptable {
        /// What was sent, cut to [`MAX_EXCERPT_CHARS`].
        accept: String,
        /// The names, with commas.
        supported: String,
    },
    /// The result has a shape that the format has no room for.
    #[error("an array of {n_axes} axes can't be written as `{content_type}`, at most {limit} can")]
    TooManyAxes {
        /// Those of the result.
        n_axes: usize,
        /// The format.
        content_type: &'static str,
        /// Most that it can have.
        limit: usize,
    },
    /// A value that the format can't hold.
    #[error("item {item} of the result can't be written as `{content_type}`: {fault}")]
    Unwritable {
        /// From 0, in C order.
        item: usize,
        /// The format.
        content_type: &'static str,
        /// Why not.
        fault: ItemFault,
    },
    /// The labels are not one a row.
    #[error("the number of labels is {n_labels}, that of rows {n_rows}")]
    Labels {
        /// As many labels.
        n_labels: usize,
        /// As many rows.
        n_rows: usize,
    },
    /// A shape such as `(2^60, 0)`: no items, and endless brackets.
    #[error("the result has more than {limit} empty lists, too many for `{content_type}`")]
    EmptyLists {
        /// The format.
        content_type: &'static str,
        /// [`crate::Array::MAX_EMPTY_LISTS`].
        limit: usize,
    },
    /// A result that is larger than the format allows.
    #[error(
        "the result needs more than the {limit} bytes that one part of `{content_type}` can have"
    )]
    TooLarge {
        /// The format.
        content_type: &'static str,
        /// Most bytes.
        limit: u64,
    },
}

/// Whose fault it is; the statuses are HTTP's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body can't be read: 400.
    BadBody,
    /// What the client accepts can't be made: 406.
    NotAcceptable,
    /// The type of the body is not known: 415.
    UnsupportedMediaType,
    /// What the model returned can't be written: 500.
    BadResult,
}

/// A fault of JSON, in the order of Python's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Nothing where a value must be, or something else.
    #[error("expected a value")]
    ExpectedValue,
    /// Neither a comma nor the end of an array.
    #[error("expected `,` or `]`")]
    ExpectedComma,
    /// Neither a comma nor the end of an object. Found by the Python path.
    #[error("expected `,` or `}}`")]
    ExpectedCommaInObject,
    /// No quoted name in an object. Found by the Python path.
    #[error("expected a name in double quotes")]
    ExpectedName,
    /// No colon after a name. Found by the Python path.
    #[error("expected `:`")]
    ExpectedColon,
    /// A string without an end. Found by the Python path.
    #[error("the string has no end")]
    UnclosedText,
    /// A backslash that means nothing. Found by the Python path.
    #[error("unknown escape")]
    UnknownEscape,
    /// A raw control character in a string. Found by the Python path.
    #[error("control character in a string")]
    ControlCharacter,
    /// Something after the value.
    #[error("expected the end of the body")]
    ExpectedEnd,
    /// A byte order mark.
    #[error("a byte order mark is not allowed")]
    ByteOrderMark,
    /// Deeper than Python's recursion goes. Found by the Python path.
    #[error("nested too deeply")]
    TooDeep,
    /// A whole number of more digits than Python converts. Found by the Python path.
    #[error("a whole number of too many digits")]
    TooManyDigits,
}

/// A fault of CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// Not as many cells as in the first row.
    #[error("the first row has {expected} cells, this one has {n_cells}")]
    Ragged {
        /// In this row.
        n_cells: usize,
        /// In the first.
        expected: usize,
    },
    /// A quoted cell without an end; the line is that of its beginning.
    #[error("the quoted cell has no end")]
    UnclosedQuote,
    /// Something between a closing quote and the comma.
    #[error("expected `,` after the closing quote")]
    AfterQuote,
    /// A carriage return without a line feed.
    #[error("a carriage return that no line feed follows")]
    CarriageReturn,
}

/// A fault of an NPY file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpyFault {
    /// It doesn't begin as one.
    #[error("the magic bytes are missing")]
    Magic,
    /// Not 1.0, 2.0 or 3.0.
    #[error("format version {major}.{minor} is not known")]
    Version {
        /// Before the point.
        major: u8,
        /// After it.
        minor: u8,
    },
    /// It ends within the header.
    #[error("the header has no end")]
    Header,
    /// A header longer than ours may be.
    #[error("the header has {n_bytes} bytes, at most {limit} are accepted")]
    LongHeader {
        /// As it says.
        n_bytes: u64,
        /// [`crate::npy::MAX_HEADER_BYTES`].
        limit: usize,
    },
    /// A header that isn't the literal it must be.
    #[error("at byte {offset} of the header: expected {expected}")]
    Literal {
        /// From the header's beginning.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// A shape that can't be.
    #[error("the shape and the data disagree: {0}")]
    Shape(#[from] ArrayError),
    /// Less data than the shape says.
    #[error("{actual} bytes of data, the shape says {expected}")]
    Short {
        /// What the shape says.
        expected: usize,
        /// What there is.
        actual: usize,
    },
}

/// A fault of a zip archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipFault {
    /// No directory at its end.
    #[error("not a zip archive")]
    Directory,
    /// Fields that contradict each other, or lead out of the archive.
    #[error("entry {entry} contradicts itself: {what}")]
    Entry {
        /// From 1.
        entry: usize,
        /// Which field.
        what: &'static str,
    },
    /// Encrypted, split, zip64 or compressed by a method that numpy doesn't write.
    #[error("entry {entry} needs {feature}, which is not accepted")]
    Feature {
        /// From 1.
        entry: usize,
        /// What it needs.
        feature: &'static str,
    },
    /// A name that leads somewhere, or one that is there twice.
    #[error("entry {entry} has a name that is not accepted")]
    Name {
        /// From 1.
        entry: usize,
    },
    /// More entries than allowed.
    #[error("{n_entries} entries, at most {limit} are accepted")]
    TooManyEntries {
        /// As the directory says.
        n_entries: usize,
        /// [`npz::Limits::n_entries`].
        limit: usize,
    },
    /// More bytes after decompression than allowed.
    #[error("it decompresses to more than {limit} bytes")]
    TooLarge {
        /// The bound that was passed.
        limit: u64,
    },
    /// Compressed data that can't be read.
    #[error("the data of entry {entry} is damaged")]
    Damaged {
        /// From 1.
        entry: usize,
    },
}

/// A fault of a `RecordIO` body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// It doesn't begin as a record.
    #[error("the magic number is `0x{0:08x}`, not `0xced7230a`")]
    Magic(u32),
    /// It ends within the record.
    #[error("{expected} bytes are announced, {actual} are there")]
    Short {
        /// What the length says.
        expected: usize,
        /// What is left.
        actual: usize,
    },
    /// A record longer than allowed.
    #[error("more than {limit} bytes")]
    TooLong {
        /// [`crate::recordio::Limits::record_bytes`].
        limit: usize,
    },
    /// A middle or last part without a first, or a first part without a last.
    #[error("the parts of a divided record are out of order")]
    Parts,
    /// A payload that isn't the message it should be.
    #[error("malformed protobuf at byte {offset}: {what}")]
    Protobuf {
        /// From the payload's beginning.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// No tensor of the name `values`.
    #[error("no tensor `values` in `{map}`")]
    NoValues {
        /// `features` or `label`.
        map: &'static str,
    },
    /// Another length, type or number of labels than the first record.
    #[error("{what} differs from the first record's")]
    Differs {
        /// What does.
        what: &'static str,
    },
    /// A sparse row where a dense one is needed.
    #[error("a sparse tensor can't be part of a dense array")]
    Sparse,
}

/// Why an item can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemFault {
    /// NaN or an infinity where strict JSON is asked for.
    #[error("not a finite number")]
    NotFinite,
    /// More than 32 bits.
    #[error("outside of the 32-bit whole numbers")]
    OutsideInt32,
}

/// Why a body has become no array.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Python may know what to do with it.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Nobody can read it.
    #[error(transparent)]
    Faulty(#[from] CodecError),
}

/// What is not decoded here, but left to Python as it came. Not an error of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// JSON other than a rectangular array of numbers or truth values.
    #[error("not a numeric array: {0}")]
    Json(NotNumeric),
    /// A CSV cell that isn't a number.
    #[error("line {line} has a cell that is not a number")]
    CsvText {
        /// From 1.
        line: usize,
    },
    /// CSV columns of whole numbers beside columns of others, where each keeps its type.
    #[error("columns of different types")]
    Columns,
    /// A type that only numpy knows: a structure, a `longdouble`, text of no length.
    #[error("a dtype that only numpy knows")]
    Dtype,
    /// Text in a charset other than UTF-8.
    #[error("another charset than UTF-8")]
    Charset,
    /// A list of values, one a line: Python makes its own objects of them.
    #[error("a list of values")]
    Lines,
}

/// What makes JSON no numeric array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNumeric {
    /// An object.
    #[error("an object")]
    Object,
    /// A string.
    #[error("a string")]
    Text,
    /// `null`.
    #[error("null")]
    Null,
    /// A whole number outside of int64.
    #[error("a whole number outside of int64")]
    Wide,
    /// Lists of different lengths or depths.
    #[error("a ragged list")]
    Ragged,
    /// Deeper than [`crate::json::MAX_DEPTH`].
    #[error("nested too deeply")]
    Deep,
}

/// Why an array has become no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Python may know how to write it.
    #[error("items of `{dtype}` are written by Python")]
    Unencodable {
        /// Their type.
        dtype: String,
    },
    /// Nobody can write it.
    #[error(transparent)]
    Faulty(#[from] CodecError),
}

impl CodecError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotUtf8 { .. }
            | Self::MalformedJson { .. }
            | Self::RaggedJson
            | Self::MalformedCsv { .. }
            | Self::MalformedNpy(_)
            | Self::ObjectArray
            | Self::MalformedNpz(_)
            | Self::NpzEntry { .. }
            | Self::MalformedRecord { .. }
            | Self::RepeatedContentType => Kind::BadBody,
            Self::NumpyMissing { .. }
            | Self::UnsupportedContentType { .. }
            | Self::UnknownCharset { .. } => Kind::UnsupportedMediaType,
            Self::NotAcceptable { .. } | Self::TooManyAxes { .. } => Kind::NotAcceptable,
            Self::Unwritable { .. }
            | Self::Labels { .. }
            | Self::EmptyLists { .. }
            | Self::TooLarge { .. } => Kind::BadResult,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ObjectArray => Some(
                "give the array a numeric dtype before saving it, `array.astype(float)`".to_owned(),
            ),
            Self::NumpyMissing { .. } => {
                Some("install numpy, or send `application/json` or `text/csv`".to_owned())
            }
            Self::MalformedNpz(ZipFault::TooManyEntries { .. }) => Some(format!(
                "send at most {} arrays",
                npz::Limits::default().n_entries
            )),
            Self::TooManyAxes { .. } => {
                Some("ask for `application/json` or `application/x-npy`".to_owned())
            }
            _ => None,
        }
    }
}

/// As much of a header as a message may repeat, without what could break a line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text
        .chars()
        .take(MAX_EXCERPT_CHARS)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(MAX_EXCERPT_CHARS).is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests;
