//! JSON as Python reads and writes it.
//!
//! The platform's files are read by Python programs, so "valid" is what Python's `json` accepts: `NaN`, `Infinity`,
//! whole numbers of any length, single surrogates. Values keep the order of the file and the spelling of whole numbers.
//! `Json::parse` is for files, `Json::parse_text` for JSON inside a text; the compact writer is `python::dumps`.

mod parse;
mod write;

pub use self::parse::{JsonError, JsonErrorKind, MAX_DEPTH, MAX_INT_DIGITS};
use crate::text::Text;

/// A JSON value, as the Python object that it would be.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`, Python's `None`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of any length.
    Int(Int),
    /// A number with a point or an exponent, or `NaN`, `Infinity`, `-Infinity`.
    Float(f64),
    /// A string.
    Text(Text),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object),
}

/// A whole number, kept as its decimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int(String);

/// A JSON object: a Python dict. Keys are unique and in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(Text, Json)>);

impl Json {
    /// The value as Python's `bool()` sees it: false for null, false, zero and whatever is empty.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(value) => value.as_str() != "0",
            Self::Float(value) => *value != 0.0,
            Self::Text(value) => !value.is_empty(),
            Self::Array(values) => !values.is_empty(),
            Self::Object(object) => !object.is_empty(),
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member of that name, if it is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// What the value is, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl Int {
    /// The decimal digits, with a `-` in front of a negative number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if it is between 0 and 2^64 − 1.
    pub fn to_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl Object {
    /// The value of a key. Looks at one entry after the other.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Json)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without an entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Builds a dict: a repeated key keeps its first place and takes its last value.
impl FromIterator<(Text, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (Text, Json)>>(entries: I) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let mut first_of = std::collections::HashMap::with_capacity(entries.len());
        let mut places = Vec::with_capacity(entries.len());
        for (key, _) in &entries {
            let next = first_of.len();
            places.push(*first_of.entry(key).or_insert(next));
        }
        if first_of.len() == entries.len() {
            return Self(entries);
        }
        let mut unique: Vec<(Text, Json)> = Vec::with_capacity(first_of.len());
        for ((key, value), place) in entries.into_iter().zip(places) {
            match unique.get_mut(place) {
                Some(entry) => entry.1 = value,
                None => unique.push((key, value)),
            }
        }
        Self(unique)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Int(Int(value.to_string()))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<Text> for Json {
    fn from(value: Text) -> Self {
        Self::Text(value)
    }
}

impl From<&Text> for Json {
    fn from(value: &Text) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Object> for Json {
    fn from(value: Object) -> Self {
        Self::Object(value)
    }
}

/// `None` is `null`.
impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// An array of what each element becomes.
impl<T: Into<Self>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests;
