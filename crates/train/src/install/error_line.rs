//! Which line of an installer's output says why it failed.

use optml_contract::failure::{plain_text, redact};

/// The line of an installer's stderr that tells most about its failure, redacted; `None` if it printed nothing.
///
/// pip and uv end with remarks on themselves ("this is likely not a problem with pip"), so that the last line is seldom
/// it.
pub fn error_line(stderr_tail: &[u8]) -> Option<String> {
    let text = plain_text(stderr_tail);
    let lines: Vec<&str> = text.lines().collect();
    let after_build = lines
        .iter()
        .rposition(|line| line.trim() == BUILD_END)
        .map_or(0, |end| end + 1);
    let line = pip_error(&lines[after_build..])
        .or_else(|| build_output(&lines[..after_build]))
        .or_else(|| uv_error(&lines))
        .or_else(|| boxed_error(&lines))
        .or_else(|| last_line(&lines))?;
    Some(redact(&line))
}

/// The last word of a failed build. pip quotes it, up to a line of its own.
fn build_output(lines: &[&str]) -> Option<String> {
    let start = lines
        .iter()
        .rposition(|line| line.trim_start().starts_with("╰─>"))?;
    let quoted: Vec<&str> = lines[start + 1..].iter().map(|line| line.trim()).collect();
    pip_error(&quoted).or_else(|| last_line(&quoted))
}

/// The last `ERROR:` of pip that is about a package.
fn pip_error(lines: &[&str]) -> Option<String> {
    let is_telling = |line: &&str| !PIP_GENERAL.iter().any(|general| line.starts_with(general));
    let mut errors = lines
        .iter()
        .rev()
        .filter_map(|line| line.strip_prefix("ERROR: "));
    let last = errors.find(is_telling)?;
    if last == "Exception:" {
        // pip itself failed: a traceback follows.
        return last_line(lines);
    }
    if !last.starts_with("No matching distribution found for ") {
        return Some(last.to_owned());
    }
    // The line before it has the versions there are.
    let versions = errors
        .next()
        .and_then(|line| line.rfind("(from versions: ").map(|at| &line[at..]));
    let versions = versions.filter(|versions| versions.len() <= VERSIONS_MAX_BYTES);
    let is_cut_off = lines
        .iter()
        .any(|line| line.starts_with("WARNING: Retrying (") || line.contains("connection error"));
    Some(match versions {
        Some(NO_VERSIONS) | None if is_cut_off => {
            format!("{last} (the package index could not be reached)")
        }
        Some(versions) => format!("{last} {versions}"),
        None => last.to_owned(),
    })
}

/// `error: No solution found when resolving dependencies` and its causes, indented. Older versions of uv have other
/// marks for the causes, and `×` instead of `error:`.
fn uv_error(lines: &[&str]) -> Option<String> {
    let error = |line: &str| {
        let error = line
            .strip_prefix("error: ")
            .or_else(|| line.strip_prefix("  × "))?;
        Some(error.trim_end_matches(':').to_owned())
    };
    let index = lines.iter().rposition(|line| error(line).is_some())?;
    let error = error(lines[index])?;
    let details = &lines[index + 1..];
    if details.iter().any(|line| line.trim() == "[stderr]") {
        return last_line(details);
    }
    let mut causes: Vec<String> = Vec::new();
    for line in details.iter().take_while(|line| line.starts_with("  ")) {
        let line = line.trim();
        if let Some(cause) = UV_CAUSES.iter().find_map(|mark| line.strip_prefix(mark)) {
            causes.push(cause.trim().to_owned());
        } else if let Some(cause) = causes
            .last_mut()
            .filter(|_| line.contains(char::is_alphanumeric))
        {
            cause.push(' ');
            cause.push_str(line);
        }
    }
    match causes.as_slice() {
        // pip's `error: metadata-generation-failed` is a name, explained below it.
        [] => error.contains(' ').then_some(error),
        [cause] => Some(format!("{error}: {cause}")),
        [first, .., last] => Some(format!("{error}: {first}: {last}")),
    }
}

/// pip's `× This environment is externally managed`.
fn boxed_error(lines: &[&str]) -> Option<String> {
    let line = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("× "))?;
    Some(line.trim_end_matches('.').to_owned())
}

fn last_line(lines: &[&str]) -> Option<String> {
    let is_said =
        |line: &&str| !line.is_empty() && !REMARKS.iter().any(|remark| line.starts_with(remark));
    lines
        .iter()
        .rev()
        .map(|line| line.trim())
        .find(is_said)
        .map(str::to_owned)
}

const BUILD_END: &str = "[end of output]";
const PIP_GENERAL: [&str; 5] = [
    "Could not build wheels",
    "Failed building wheel",
    "Failed to build",
    "ResolutionImpossible",
    "pip's dependency resolver does not currently take into account",
];
const NO_VERSIONS: &str = "(from versions: none)";
/// Longer lists say less.
const VERSIONS_MAX_BYTES: usize = 120;
const UV_CAUSES: [&str; 3] = ["cause:", "Caused by:", "╰─▶"];
const REMARKS: [&str; 6] = [
    "WARNING: ",
    "[notice]",
    "hint:",
    "Hint:",
    "note:",
    BUILD_END,
];

#[cfg(test)]
mod tests;
