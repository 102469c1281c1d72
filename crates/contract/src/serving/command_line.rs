//! A command line in a variable: words as a shell splits them, with nothing expanded.
//!
//! Blanks divide words; `'…'` keeps all, `"…"` all but a backslash before `"`, `\`, `$`, a backquote or a line end, and a
//! backslash outside quotes keeps one character. `$`, `*`, `~`, `#` and `;` are characters like any other: no shell sees them.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use super::problem::ServingProblem;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program: a path, or a name on `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl CommandLine {
    /// Splits a text into words, the first of which is the program.
    ///
    /// # Errors
    /// A quote is not closed, the text ends with a backslash, or there is no word.
    pub fn split(text: &OsStr) -> Result<Self, ServingProblem> {
        Self::from_words(&words(text.as_bytes())?).ok_or(ServingProblem::NoWords)
    }

    /// Takes words that are split already; none if there is no word, or the first is empty.
    pub fn from_words(words: &[OsString]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        (!program.is_empty()).then(|| Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
        })
    }

    /// True if a word has this text in it.
    pub fn mentions(&self, text: &str) -> bool {
        self.words().any(|word| {
            let mut windows = word.as_bytes().windows(text.len());
            windows.any(|window| window == text.as_bytes())
        })
    }

    fn words(&self) -> impl Iterator<Item = &OsString> {
        std::iter::once(&self.program).chain(&self.arguments)
    }
}

/// As it could be typed into a shell.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words().enumerate() {
            let word = word.to_string_lossy();
            let blank = if i == 0 { "" } else { " " };
            let plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_{}".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                write!(f, "{blank}{word}")?;
            } else {
                write!(f, "{blank}'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

fn words(text: &[u8]) -> Result<Vec<OsString>, ServingProblem> {
    let mut words = Vec::new();
    // None between words: `''` is a word, and nothing is none.
    let mut word: Option<Vec<u8>> = None;
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b' ' | b'\t' | b'\n' => words.extend(word.take().map(OsString::from_vec)),
            b'\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            b'"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            b'\\' => match rest.next().ok_or(ServingProblem::OpenBackslash)? {
                b'\n' => {}
                kept => word.get_or_insert_default().push(kept),
            },
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word.map(OsString::from_vec));
    Ok(words)
}

fn single_quoted(
    rest: &mut impl Iterator<Item = u8>,
    word: &mut Vec<u8>,
) -> Result<(), ServingProblem> {
    loop {
        match rest.next() {
            Some(b'\'') => return Ok(()),
            Some(byte) => word.push(byte),
            None => return Err(ServingProblem::OpenQuote { quote: '\'' }),
        }
    }
}

fn double_quoted(
    rest: &mut impl Iterator<Item = u8>,
    word: &mut Vec<u8>,
) -> Result<(), ServingProblem> {
    let open = ServingProblem::OpenQuote { quote: '"' };
    loop {
        match rest.next() {
            Some(b'"') => return Ok(()),
            Some(b'\\') => match rest.next() {
                Some(b'\n') => {}
                Some(kept @ (b'"' | b'\\' | b'$' | b'`')) => word.push(kept),
                Some(other) => word.extend([b'\\', other]),
                None => return Err(open),
            },
            Some(byte) => word.push(byte),
            None => return Err(open),
        }
    }
}

#[cfg(test)]
mod tests;
