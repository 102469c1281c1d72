//! Reads settings: the first of several names that is set counts, then the project file, then a default.
//!
//! Nothing is passed over in silence: a value that cannot be read is a problem, one that another name overrules is a note.

use std::{ffi::OsStr, ops::RangeInclusive, time::Duration};

use super::{
    given::{FileSetting, Given},
    parse_bool, parse_port_range,
    problem::ServingProblem,
};
use crate::{
    config::{ConfigError, ConfigErrorKind, Origin, parse_int},
    failure::redact,
    source::Source,
    text::Text,
    vars::Variable,
};

/// Reads from variables, then from the settings of a project file.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a dyn Source,
    file: &'a [FileSetting],
    pub(super) problems: Vec<ConfigError>,
    pub(super) notes: Vec<String>,
}

/// How a variable says a number.
#[derive(Clone, Debug)]
pub(super) struct Number {
    variable: Variable,
    range: RangeInclusive<u64>,
    unit: u64,
    like_unset: &'static [i64],
}

/// Something set: its value, and where.
#[derive(Clone, Debug)]
struct Found<'a> {
    raw: &'a OsStr,
    origin: Origin,
}

/// The most seconds that any setting takes: a day.
const DAY_S: u64 = 86_400;

impl Number {
    /// A number within a range.
    pub(super) fn new(variable: Variable, range: RangeInclusive<u64>) -> Self {
        Self {
            variable,
            range,
            unit: 1,
            like_unset: &[],
        }
    }

    /// Each of it is so many bytes.
    pub(super) fn times(self, unit: u64) -> Self {
        Self { unit, ..self }
    }

    /// These values say nothing; the next name counts.
    pub(super) fn like_unset(self, like_unset: &'static [i64]) -> Self {
        Self { like_unset, ..self }
    }

    fn parse(&self, raw: &OsStr) -> Result<Option<u64>, ConfigErrorKind> {
        let number = parse_int(raw)?;
        if self.like_unset.contains(&number) {
            return Ok(None);
        }
        let number = u64::try_from(number).ok();
        match number.filter(|number| self.range.contains(number)) {
            Some(number) => Ok(Some(number.saturating_mul(self.unit))),
            None => Err(ConfigErrorKind::OutOfRange {
                value: Text::from_os(raw),
                min: *self.range.start(),
                max: *self.range.end(),
            }),
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn Source, file: &'a [FileSetting]) -> Self {
        Self {
            source,
            file,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The first of some names that says a number, in the unit's parts.
    pub(super) fn number(&mut self, numbers: &[Number]) -> Option<Given<u64>> {
        let mut winner: Option<Given<u64>> = None;
        for number in numbers {
            // An empty text is no number, and the platform's own variables are not set to nothing by chance.
            let found = self.variable(number.variable, |name| name.starts_with("SAGEMAKER_"));
            let Some(found) = found else { continue };
            if let Some(winner) = &winner {
                let note = overruled(&found.origin, &winner.origin);
                self.notes.push(note);
                continue;
            }
            match number.parse(found.raw) {
                Ok(value) => winner = value.map(|value| Given::new(value, found.origin)),
                Err(kind) => {
                    self.problem(found.origin, kind);
                    return None;
                }
            }
        }
        if winner.is_some() {
            return winner;
        }
        let (number, found) = numbers
            .iter()
            .find_map(|number| Some((number, self.in_file(number.variable)?)))?;
        self.parsed(found, |raw| number.parse(raw))
            .and_then(|given| Some(Given::new(given.value?, given.origin)))
    }

    /// As [`Reader::number`], for one name that has a default.
    pub(super) fn number_or(&mut self, number: Number, default: u64) -> Given<u64> {
        let default = default.saturating_mul(number.unit);
        self.number(&[number])
            .unwrap_or_else(|| Given::default(default))
    }

    /// As [`Reader::number_or`], for numbers that are few by their range.
    pub(super) fn count_or(&mut self, number: Number, default: u32) -> Given<u32> {
        self.number_or(number, u64::from(default)).map(to_u32)
    }

    /// Whole seconds from a least number up to a day.
    pub(super) fn seconds(
        &mut self,
        variable: Variable,
        min_s: u64,
        default_s: u64,
    ) -> Given<Duration> {
        self.number_or(seconds(variable, min_s), default_s)
            .map(Duration::from_secs)
    }

    /// The first of some names that is set to some text.
    pub(super) fn text(&mut self, variables: &[Variable]) -> Option<Given<String>> {
        let found = self.first(variables)?;
        self.parsed(found, |raw| {
            raw.to_str()
                .map(str::to_owned)
                .ok_or(ConfigErrorKind::NotUtf8)
        })
    }

    /// One of some words; the first is the default.
    pub(super) fn word<T: Copy>(
        &mut self,
        variable: Variable,
        words: &[(&'static str, T)],
    ) -> Given<T> {
        let default = words[0].1;
        let parse = |raw: &OsStr| {
            let text = raw.to_str().map(str::trim).unwrap_or_default();
            let word = words.iter().find(|(word, _)| *word == text);
            word.map(|(_, value)| *value)
                .ok_or_else(|| ConfigErrorKind::NotOneOf {
                    value: Text::from_os(raw),
                    allowed: words.iter().map(|(word, _)| *word).collect(),
                })
        };
        self.first(&[variable])
            .and_then(|found| self.parsed(found, parse))
            .unwrap_or_else(|| Given::default(default))
    }

    /// On or off.
    pub(super) fn switch(&mut self, variable: Variable, default: bool) -> Given<bool> {
        // As for numbers: an empty text is neither, and ours alone may be set to nothing.
        self.variable(variable, |name| name.starts_with("SAGEMAKER_"))
            .and_then(|found| self.parsed(found, |raw| parse_bool(trimmed(raw))))
            .unwrap_or_else(|| Given::default(default))
    }

    /// `LOW-HIGH`.
    pub(super) fn port_range(&mut self, variable: Variable) -> Option<Given<RangeInclusive<u16>>> {
        let found = self.first(&[variable])?;
        self.parsed(found, parse_port_range)
    }

    /// What a function makes of a text.
    pub(super) fn parse<T>(
        &mut self,
        variable: Variable,
        parse: impl FnOnce(&OsStr) -> Result<T, ServingProblem>,
    ) -> Option<Given<T>> {
        let found = self.first(&[variable])?;
        self.parsed(found, |raw| parse(raw).map_err(ConfigErrorKind::Serving))
    }

    /// True if a variable is set to something.
    pub(super) fn is_set(&self, variable: Variable) -> bool {
        self.variable(variable, |_| false).is_some()
    }

    /// Notes that a variable counts for nothing, if it is set.
    pub(super) fn unused(&mut self, variable: Variable, why: &str) {
        if self.is_set(variable) {
            self.notes
                .push(format!("variable `{}` is not used: {why}", variable.name));
        }
    }

    /// Notes a problem that only `serve` minds.
    pub(super) fn minds(&mut self, origin: Origin, problem: ServingProblem) {
        self.problem(origin, ConfigErrorKind::Serving(problem));
    }

    fn problem(&mut self, origin: Origin, kind: ConfigErrorKind) {
        self.problems.push(origin.error(kind));
    }

    fn parsed<T>(
        &mut self,
        found: Found<'_>,
        parse: impl FnOnce(&OsStr) -> Result<T, ConfigErrorKind>,
    ) -> Option<Given<T>> {
        match parse(found.raw) {
            Ok(value) => Some(Given::new(value, found.origin)),
            Err(kind) => {
                self.problem(found.origin, kind);
                None
            }
        }
    }

    /// The first that is set to something, and notes about the others.
    fn first(&mut self, variables: &[Variable]) -> Option<Found<'a>> {
        let mut winner: Option<Found<'a>> = None;
        for variable in variables {
            let Some(found) = self.variable(*variable, |_| false) else {
                continue;
            };
            match &winner {
                Some(winner) => self.notes.push(overruled(&found.origin, &winner.origin)),
                None => winner = Some(found),
            }
        }
        winner.or_else(|| {
            variables
                .iter()
                .find_map(|variable| self.in_file(*variable))
        })
    }

    fn variable(
        &self,
        variable: Variable,
        empty_counts: impl Fn(&str) -> bool,
    ) -> Option<Found<'a>> {
        let raw = self.source.var(variable.name)?;
        (!raw.is_empty() || empty_counts(variable.name)).then(|| Found {
            raw,
            origin: Origin::variable(variable.name),
        })
    }

    fn in_file(&self, variable: Variable) -> Option<Found<'a>> {
        let mut settings = self.file.iter();
        let setting = settings.find(|setting| setting.variable.name == variable.name)?;
        Some(Found {
            raw: OsStr::new(&setting.value),
            origin: setting.origin.clone(),
        })
    }
}

/// Whole seconds from a least number up to a day.
pub(super) fn seconds(variable: Variable, min_s: u64) -> Number {
    Number::new(variable, min_s..=DAY_S)
}

pub(super) fn to_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A text that may hold a password, for people.
pub(super) fn without_secrets(text: &str) -> String {
    redact(text)
}

fn trimmed(raw: &OsStr) -> &OsStr {
    raw.to_str().map_or(raw, |text| OsStr::new(text.trim()))
}

fn overruled(loser: &Origin, winner: &Origin) -> String {
    format!("{loser} is not used: {winner} counts")
}
