//! Secrets out of texts that leave the machine.
//!
//! A guess by name and by form, and a cautious one: a harmless value that is hidden costs less than a secret in a
//! failure reason, which everybody with access to the account reads. It is no guarantee: a password in a sentence is
//! not seen.

use std::ops::Range;

/// `text` with `***` instead of secrets: credentials in URLs, values after names that say secret (`name=value`,
/// `"name": "value"`, `--name value`), bearer tokens, private keys, and words with the form of a well-known token.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    // The character before `rest`.
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let step = if rest.starts_with("://") {
            url_credentials(rest)
        } else if rest.starts_with(KEY_BEGIN) {
            private_key(rest)
        } else if is_name_char(c) && !before.is_some_and(is_name_char) {
            word(rest, before)
        } else {
            Step::keep(c.len_utf8())
        };
        redacted.push_str(&rest[..step.kept]);
        if step.hidden > 0 {
            redacted.push_str(MASK);
        }
        let (done, left) = rest.split_at(step.kept + step.hidden);
        before = done.chars().next_back();
        rest = left;
    }
    redacted
}

/// The words of a command, each redacted; a word after an option that says secret is hidden whole.
pub fn redact_words(words: &[String]) -> Vec<String> {
    let mut after_secret_option = false;
    words
        .iter()
        .map(|word| {
            let is_option = word.starts_with('-');
            if after_secret_option && !word.starts_with("--") {
                after_secret_option = false;
                return MASK.to_owned();
            }
            after_secret_option = is_option && is_secret_name(word);
            match word.split_once('=') {
                Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
                _ => redact(word),
            }
        })
        .collect()
}

/// Whether a variable, option or key of this name probably holds a secret.
///
/// It looks at the parts of the name: `HF_TOKEN`, `dbPassword`, `--api-key`, but not `max_tokens` or `tokenizer`.
pub fn is_secret_name(name: &str) -> bool {
    let parts = name_parts(name);
    let Some((last, others)) = parts.split_last() else {
        return false;
    };
    let is_named = parts
        .iter()
        .any(|part| SECRET_PARTS.contains(&part.as_str()));
    let is_key = last == "key"
        && !others
            .last()
            .is_some_and(|kind| HARMLESS_KEYS.contains(&kind.as_str()));
    is_named || is_key
}

/// How much of the rest stays, and how much after it is replaced.
#[derive(Debug, Clone, Copy)]
struct Step {
    kept: usize,
    hidden: usize,
}

impl Step {
    const fn keep(kept: usize) -> Self {
        Self { kept, hidden: 0 }
    }
}

/// At `://`: hides what stands before an `@` in the authority.
fn url_credentials(rest: &str) -> Step {
    let start = "://".len();
    let authority = rest[start..]
        .find(|c: char| c.is_whitespace() || "/?#\"'`<>()[]{},;\\".contains(c))
        .map_or(&rest[start..], |end| &rest[start..start + end]);
    match authority.rfind('@') {
        Some(at) if at > 0 => Step {
            kept: start,
            hidden: at,
        },
        _ => Step::keep(start),
    }
}

/// At the first line of a private key: hides all lines up to its last.
fn private_key(rest: &str) -> Step {
    let after = &rest[KEY_BEGIN.len()..];
    let kind = after.find("-----").filter(|&end| end <= KEY_KIND_MAX_BYTES);
    if !kind.is_some_and(|end| after[..end].ends_with(KEY_KIND)) {
        return Step::keep(KEY_BEGIN.len());
    }
    let end = rest.find(KEY_END).unwrap_or(rest.len());
    Step {
        kept: 0,
        hidden: end,
    }
}

/// At the start of a word: hides it if it has a token's form, or what follows if it names a secret.
fn word(rest: &str, before: Option<char>) -> Step {
    let length = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
    let name = &rest[..length];
    if is_token(name) {
        return Step {
            kept: 0,
            hidden: length,
        };
    }
    let after = &rest[length..];
    let value = if matches!(name, "Bearer" | "bearer") {
        bearer_token(after)
    } else {
        secret_value(name, after, before)
    };
    value.map_or(Step::keep(length), |value| Step {
        kept: length + value.start,
        hidden: value.len(),
    })
}

/// Where in `after`, which follows the word `Bearer`, a token stands.
fn bearer_token(after: &str) -> Option<Range<usize>> {
    let length = unquoted_length(after.strip_prefix(' ')?);
    (length >= TOKEN_MIN_BYTES).then_some(1..1 + length)
}

/// Where in `after` the value of the secret called `name` stands, if the text has a form that gives it one.
fn secret_value(name: &str, after: &str, before: Option<char>) -> Option<Range<usize>> {
    let is_option = name.starts_with("--");
    // A lone `key` is an ordinary word of programs: `sorted(rows, key=len)`, `{"Key": "model.tar.gz"}`.
    if !is_secret_name(name) || (name.eq_ignore_ascii_case("key") && !is_option) {
        return None;
    }
    let unquoted_name = before
        .filter(|c| matches!(c, '"' | '\''))
        .and_then(|quote| after.strip_prefix(quote));
    let rest = unquoted_name.unwrap_or(after);
    let at_separator = rest.trim_start_matches(' ');
    let (separator, at_value) = match at_separator.chars().next()? {
        c @ ('=' | ':') => (c, &at_separator[1..]),
        ',' if is_option && unquoted_name.is_some() => (',', &at_separator[1..]),
        _ if is_option && rest.starts_with(' ') => (' ', at_separator),
        _ => return None,
    };
    let value = at_value.trim_start_matches(' ');
    let start = after.len() - value.len();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inside = &value[1..];
        let end = inside.find([quote, '\n']).unwrap_or(inside.len());
        return (end > 0).then_some(start + 1..start + 1 + end);
    }
    let is_tight = rest.len() == at_separator.len() && at_value.len() == value.len();
    // "unexpected token: x" is a message, `token = next(tokens)` is a program.
    let names_itself = name.contains(['_', '-']) || name.to_lowercase().contains("pass");
    let is_value = match separator {
        '=' => is_tight && !value.starts_with('='),
        ':' => unquoted_name.is_some() || names_itself,
        ' ' => !value.starts_with('-'),
        _ => false,
    };
    // Measured last: a value that is not one must not be read twice.
    let length = if is_value { unquoted_length(value) } else { 0 };
    (length > 0).then_some(start..start + length)
}

fn unquoted_length(value: &str) -> usize {
    value
        .find(|c: char| c.is_whitespace() || "&,;)]}\"'`".contains(c))
        .unwrap_or(value.len())
}

/// Whether a word has the form of an access key or a token of a well-known service, or of a JSON web token.
fn is_token(word: &str) -> bool {
    let is_aws_key = ["AKIA", "ASIA"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
        && word.len() == AWS_KEY_BYTES
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let is_prefixed = word.len() >= TOKEN_MIN_BYTES
        && TOKEN_PREFIXES.iter().any(|prefix| word.starts_with(prefix));
    let is_web_token =
        word.starts_with("eyJ") && word.len() > TOKEN_MIN_BYTES && word.matches('.').count() == 2;
    is_aws_key || is_prefixed || is_web_token
}

/// The parts of a name in lower case, split where words are: `dbPassword`, `HF_TOKEN` and `--hf-token` have two each.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut before = '-';
    for c in name.chars() {
        let starts_word = !before.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase());
        if c.is_alphanumeric() {
            match parts.last_mut() {
                Some(part) if !starts_word => part.extend(c.to_lowercase()),
                _ => parts.push(c.to_lowercase().collect()),
            }
        }
        before = c;
    }
    parts
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

const MASK: &str = "***";
const AWS_KEY_BYTES: usize = 20;
/// Shorter words with a token's prefix are ordinary ones: `hf_model`.
const TOKEN_MIN_BYTES: usize = 20;
const TOKEN_PREFIXES: [&str; 11] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "hf_",
    "pypi-",
    "sk-",
    "xoxb-",
    "xoxp-",
];
const KEY_BEGIN: &str = "-----BEGIN ";
const KEY_KIND: &str = "PRIVATE KEY";
/// `ENCRYPTED PRIVATE KEY` is the longest in use.
const KEY_KIND_MAX_BYTES: usize = 32;
const KEY_END: &str = "-----END ";
const SECRET_PARTS: [&str; 14] = [
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "secret",
    "secretkey",
    "secrets",
    "signature",
    "token",
];
const HARMLESS_KEYS: [&str; 4] = ["foreign", "primary", "public", "sort"];

#[cfg(test)]
mod tests;
