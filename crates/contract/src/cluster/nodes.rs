//! Slurm's short form of a list of names: `node[001-003,7],gpu-[1-2]x[01-02]`.
//!
//! Images don't carry Slurm's own tools, so the list is expanded here. It comes from outside: each list is counted
//! before a name is made, and what is no list is refused.

use super::MAX_HOSTS;

/// The most characters that a host's name can have.
///
/// **Source**: RFC 1035, without the final point.
pub(super) const MAX_NAME_BYTES: usize = 253;

/// The most digits of a number in a range; all of them fit 64 bits.
const MAX_DIGITS: usize = 18;

/// Why a list of nodes cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeListError {
    /// Nothing between two commas, or nothing at all.
    #[error("a name is empty")]
    EmptyName,
    /// A bracket without its partner, or one inside another.
    #[error("the brackets do not match")]
    Brackets,
    /// Something in brackets that is neither a number nor a range of two.
    #[error("`{range}` is not a range of numbers")]
    NotARange {
        /// What is there.
        range: String,
    },
    /// A range that ends before it starts.
    #[error("the range `{range}` runs backwards")]
    Backwards {
        /// The range.
        range: String,
    },
    /// A name that no host can have.
    #[error("`{name}` is not the name of a host")]
    NotAName {
        /// The name, or the part of it that is wrong.
        name: String,
    },
    /// More names than a cluster can have.
    #[error("it stands for more than {MAX_HOSTS} names")]
    TooMany,
}

/// The names that a list stands for, in its order; where a name has several brackets, the last counts fastest.
///
/// **Shape**: names with commas between them. Brackets hold numbers and ranges, with commas between them. A range
/// keeps the leading zeros of its first number: `[08-10]` is `08`, `09`, `10`.
///
/// **Units and limits**: 100,000 names of at most 253 characters.
///
/// # Errors
/// The text is no such list, or stands for too many names.
pub fn expand(list: &str) -> Result<Vec<String>, NodeListError> {
    let mut names = Vec::new();
    for pattern in patterns(list)? {
        let room = MAX_HOSTS as usize - names.len();
        names.extend(product(&pieces(pattern, room)?)?);
    }
    Ok(names)
}

/// True if a host can have this name or address. One that starts with a dash would be read as an option.
pub(super) fn is_host_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(is_allowed)
}

/// The list cut at the commas outside brackets.
fn patterns(list: &str) -> Result<Vec<&str>, NodeListError> {
    let mut patterns = Vec::new();
    let (mut start, mut is_open) = (0, false);
    for (at, c) in list.char_indices() {
        match c {
            '[' if !is_open => is_open = true,
            ']' if is_open => is_open = false,
            '[' | ']' => return Err(NodeListError::Brackets),
            ',' if !is_open => {
                patterns.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_open {
        return Err(NodeListError::Brackets);
    }
    patterns.push(list[start..].trim());
    if patterns.iter().any(|pattern| pattern.is_empty()) {
        return Err(NodeListError::EmptyName);
    }
    Ok(patterns)
}

/// What each part of a name can be, one text or the numbers of its brackets, if that makes no more names than allowed.
fn pieces(pattern: &str, max_names: usize) -> Result<Vec<Vec<String>>, NodeListError> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut n_names = 1_usize;
    while let Some((text, tail)) = rest.split_once('[') {
        let (ranges, tail) = tail.split_once(']').ok_or(NodeListError::Brackets)?;
        if !text.is_empty() {
            pieces.push(vec![text.to_owned()]);
        }
        let numbers = numbers(ranges)?;
        n_names = n_names.saturating_mul(numbers.len());
        if n_names > max_names {
            return Err(NodeListError::TooMany);
        }
        pieces.push(numbers);
        rest = tail;
    }
    if !rest.is_empty() {
        pieces.push(vec![rest.to_owned()]);
    }
    if n_names > max_names {
        return Err(NodeListError::TooMany);
    }
    Ok(pieces)
}

fn numbers(ranges: &str) -> Result<Vec<String>, NodeListError> {
    let mut numbers = Vec::new();
    for range in ranges.split(',') {
        let not_a_range = || NodeListError::NotARange {
            range: range.to_owned(),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (low, high) = number(first).zip(number(last)).ok_or_else(not_a_range)?;
        let n_steps = high
            .checked_sub(low)
            .ok_or_else(|| NodeListError::Backwards {
                range: range.to_owned(),
            })?;
        let room = u64::from(MAX_HOSTS) - numbers.len() as u64;
        if n_steps >= room {
            return Err(NodeListError::TooMany);
        }
        let width = first.len();
        numbers.extend((low..=high).map(|n| format!("{n:0width$}")));
    }
    Ok(numbers)
}

fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=MAX_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn product(pieces: &[Vec<String>]) -> Result<Vec<String>, NodeListError> {
    let mut names = vec![String::new()];
    for piece in pieces {
        let longer = names
            .iter()
            .flat_map(|name| piece.iter().map(move |part| format!("{name}{part}")));
        names = longer.collect();
        // Checked at each step: a thousand brackets make no names of a thousand brackets' length.
        if let Some(name) = names.iter().find(|name| !is_host_name(name)) {
            let name = name.chars().take(MAX_NAME_BYTES).collect();
            return Err(NodeListError::NotAName { name });
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
