//! `Accept`: which of the types that can be produced the client likes best.
//!
//! RFC 9110: a list of ranges with weights. The weight of a type is that of the most specific range that matches it;
//! 0 excludes it. The highest weight wins, then the range that stands first, then the default, then our own order.

use std::cmp::Reverse;

use crate::{
    error::{CodecError, excerpt},
    format::Format,
};

/// What an answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who writes it.
    pub format: Format,
    /// The plain media type of the answer: the name that the client used, where a format has several.
    pub content_type: &'static str,
}

/// What happens if nothing fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mismatch {
    /// An error.
    #[default]
    Refuse,
    /// The default is produced.
    UseDefault,
}

/// What the server offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Formats that can be produced, best first.
    pub formats: &'a [Format],
    /// The type for clients that don't say: `SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT`.
    pub default: &'a str,
    /// If nothing fits.
    pub mismatch: Mismatch,
}

/// Chooses the type of an answer. Several `Accept` headers are joined with commas first.
///
/// **Unset / empty**: both mean the default, and so does `*/*` alone.
///
/// # Errors
/// [`CodecError::NotAcceptable`] if nothing fits, or if the default is meant and can't be produced.
pub fn negotiate(accept: Option<&str>, offer: Offer<'_>) -> Result<Choice, CodecError> {
    let accept = accept.map(str::trim).unwrap_or_default();
    if accept.trim_matches([',', ' ', '\t']).is_empty() || accept == "*/*" {
        return default(offer);
    }
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let default_type = essence(offer.default);
    let best = candidates(offer.formats)
        .filter_map(|choice| {
            let matching = ranges
                .iter()
                .enumerate()
                .filter_map(|(i, range)| Some((range.specificity(choice.content_type)?, i, range)))
                .max_by_key(|&(specificity, i, _)| (specificity, Reverse(i)))?;
            let (_, position, range) = matching;
            (range.weight > 0).then_some((choice, range.weight, position))
        })
        .min_by_key(|(choice, weight, position)| {
            (
                Reverse(*weight),
                *position,
                !choice.content_type.eq_ignore_ascii_case(default_type),
            )
        });
    match (best, offer.mismatch) {
        (Some((choice, ..)), _) => Ok(choice),
        (None, Mismatch::UseDefault) => default(offer),
        (None, Mismatch::Refuse) => Err(not_acceptable(accept, offer.formats)),
    }
}

fn default(offer: Offer<'_>) -> Result<Choice, CodecError> {
    candidates(offer.formats)
        .find(|choice| {
            choice
                .content_type
                .eq_ignore_ascii_case(essence(offer.default))
        })
        .ok_or_else(|| not_acceptable(offer.default, offer.formats))
}

/// Every name of every format, canonical names before the others.
fn candidates(formats: &[Format]) -> impl Iterator<Item = Choice> {
    let named = |skip: usize, take: usize| {
        formats.iter().flat_map(move |&format| {
            format
                .names()
                .iter()
                .skip(skip)
                .take(take)
                .map(move |content_type| Choice {
                    format,
                    content_type,
                })
        })
    };
    named(0, 1).chain(named(1, usize::MAX))
}

fn not_acceptable(accept: &str, formats: &[Format]) -> CodecError {
    CodecError::NotAcceptable {
        accept: excerpt(accept),
        supported: Format::list(formats),
    }
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// One element of the list.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let range = essence(element);
        if range.is_empty() {
            return None;
        }
        // A bare `*` is what some clients send for `*/*`.
        let (kind, subtype) = match range {
            "*" => ("*", "*"),
            range => range.split_once('/')?,
        };
        let weight = element
            .split(';')
            .skip(1)
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(MAX_WEIGHT), |(_, value)| weight(value.trim()));
        Some(Self {
            kind,
            subtype,
            weight: weight.unwrap_or(MAX_WEIGHT),
        })
    }

    /// How exactly the range names the type; nothing if it doesn't.
    fn specificity(&self, content_type: &str) -> Option<Specificity> {
        let (kind, subtype) = content_type.split_once('/')?;
        if self.kind == "*" {
            return (self.subtype == "*").then_some(Specificity::Any);
        }
        if !self.kind.eq_ignore_ascii_case(kind) {
            return None;
        }
        if self.subtype == "*" {
            return Some(Specificity::Kind);
        }
        self.subtype
            .eq_ignore_ascii_case(subtype)
            .then_some(Specificity::Exact)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Any,
    Kind,
    Exact,
}

const MAX_WEIGHT: u16 = 1000;

/// `1`, `0.5`, `0.125`: at most three digits after the point. Nothing for what isn't one.
fn weight(value: &str) -> Option<u16> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(MAX_WEIGHT),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
