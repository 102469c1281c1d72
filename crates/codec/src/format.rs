//! The formats by name, and one door to all decoders and encoders.

use crate::{
    array::Array,
    csv,
    error::{CodecError, DecodeError, EncodeError, Undecodable},
    json, jsonlines,
    media_type::{Charset, MediaType},
    npy,
    npz::{self, Npz},
    recordio::{self, Dataset},
    text,
};

/// A format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// [`json`].
    Json,
    /// [`csv`].
    Csv,
    /// [`npy`].
    Npy,
    /// [`npz`].
    Npz,
    /// [`jsonlines`].
    JsonLines,
    /// [`recordio`].
    RecordIo,
    /// Bytes as they are.
    OctetStream,
    /// [`mod@text`].
    Text,
}

/// What a body was decoded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// One array.
    Array(Array<'a>),
    /// Arrays with names.
    Arrays(Npz<'a>),
    /// Features, perhaps with labels.
    Dataset(Dataset),
    /// The body itself.
    Bytes(&'a [u8]),
    /// The body itself, and it is UTF-8.
    Text(&'a str),
}

/// What the decoders need to know beside the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecodeOptions {
    /// The axes of a CSV body.
    pub csv_shape: csv::Shape,
    /// The bounds of an NPZ body.
    pub npz: npz::Limits,
    /// The bounds of a `RecordIO` body.
    pub recordio: recordio::Limits,
}

impl Format {
    /// All that can be decoded.
    pub const ALL: [Self; 8] = [
        Self::Json,
        Self::Csv,
        Self::Npy,
        Self::Npz,
        Self::JsonLines,
        Self::RecordIo,
        Self::OctetStream,
        Self::Text,
    ];

    /// All that an array can be written as, in the order that decides between types a client likes equally.
    pub const OF_ARRAYS: [Self; 6] = [
        Self::Json,
        Self::Csv,
        Self::Npy,
        Self::Npz,
        Self::JsonLines,
        Self::RecordIo,
    ];

    /// The format of a body of that type: by name, or JSON for `application/*+json`.
    ///
    /// # Errors
    /// [`CodecError::UnsupportedContentType`].
    pub fn of(content_type: &MediaType) -> Result<Self, CodecError> {
        let essence = content_type.essence();
        if let Some(format) = Self::ALL
            .into_iter()
            .find(|format| format.names().contains(&essence))
        {
            return Ok(format);
        }
        let is_json = essence
            .strip_prefix("application/")
            .and_then(|subtype| subtype.strip_suffix("+json"))
            .is_some_and(|prefix| !prefix.is_empty());
        if is_json {
            return Ok(Self::Json);
        }
        Err(content_type.unsupported(&Self::list(&Self::ALL)))
    }

    /// The media types of the format, the canonical one first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Csv => &["text/csv"],
            Self::Npy => &["application/x-npy"],
            Self::Npz => &["application/x-npz"],
            Self::JsonLines => &[
                "application/jsonlines",
                "application/x-jsonlines",
                "application/x-ndjson",
                "application/jsons",
            ],
            Self::RecordIo => &["application/x-recordio-protobuf"],
            Self::OctetStream => &["application/octet-stream"],
            Self::Text => &["text/plain"],
        }
    }

    /// The canonical names, with commas, for messages.
    pub fn list(formats: &[Self]) -> String {
        let names: Vec<_> = formats
            .iter()
            .filter_map(|format| format.names().first())
            .map(|name| format!("`{name}`"))
            .collect();
        names.join(", ")
    }

    /// Decodes a body as its content type says: its charset, and `header=present` for CSV.
    ///
    /// # Errors
    /// Those of the format's module. [`Undecodable::Charset`] for text in another charset than UTF-8,
    /// [`Undecodable::Lines`] for JSON lines, which are values of any kind.
    pub fn decode<'a>(
        self,
        content_type: &MediaType,
        body: &'a [u8],
        options: DecodeOptions,
    ) -> Result<Decoded<'a>, DecodeError> {
        let is_text = matches!(self, Self::Json | Self::Csv | Self::JsonLines | Self::Text);
        if is_text && content_type.charset() != Charset::Utf8 {
            return Err(Undecodable::Charset.into());
        }
        Ok(match self {
            Self::Json => Decoded::Array(json::decode(body)?),
            Self::Csv => {
                let header = match content_type.parameter("header") {
                    Some(value) if value.eq_ignore_ascii_case("present") => csv::Header::Present,
                    _ => csv::Header::Absent,
                };
                let shape = options.csv_shape;
                Decoded::Array(csv::decode(body, csv::Options { header, shape })?)
            }
            Self::Npy => Decoded::Array(npy::decode(body)?),
            Self::Npz => Decoded::Arrays(npz::decode(body, options.npz)?),
            Self::JsonLines => return Err(Undecodable::Lines.into()),
            Self::RecordIo => Decoded::Dataset(recordio::decode(body, options.recordio)?),
            Self::OctetStream => Decoded::Bytes(body),
            Self::Text => Decoded::Text(text::decode(body)?),
        })
    }

    /// Appends an array in this format, and says whether JSON had numbers that are not finite.
    ///
    /// In an NPZ archive it is `arr_0`, as `np.savez` names it.
    ///
    /// # Errors
    /// Those of the format's module; [`EncodeError::Unencodable`] for bytes and text, which no array is.
    pub fn encode(
        self,
        array: &Array<'_>,
        non_finite: json::NonFinite,
        out: &mut Vec<u8>,
    ) -> Result<json::Finiteness, EncodeError> {
        match self {
            Self::Json => return json::encode(array, non_finite, out),
            Self::Csv => csv::encode(array, out)?,
            Self::Npy => npy::encode(array, out)?,
            Self::Npz => npz::encode(&[("arr_0", array)], out)?,
            Self::JsonLines => jsonlines::encode(array, out)?,
            Self::RecordIo => recordio::encode(array, None, out)?,
            Self::OctetStream | Self::Text => {
                return Err(EncodeError::Unencodable {
                    dtype: array.dtype().to_string(),
                });
            }
        }
        Ok(json::Finiteness::AllFinite)
    }
}

#[cfg(test)]
mod tests;
