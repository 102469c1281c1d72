//! The last words of programs that are not Python.

use std::path::Path;

use optml_contract::failure::{Exception, Place};

use super::{Found, split_exception, user_place};

/// The failure that stands nearest to the end of the lines. What a shell says about the end of its child counts only
/// where the child said nothing.
///
/// Each form looks at a few lines only, so that the whole stays linear.
pub(super) fn find(lines: &[&str], code_dir: &Path) -> Option<Found> {
    let nearest = |form: fn(&[&str]) -> Option<Said>| {
        (0..lines.len())
            .rev()
            .find_map(|index| form(&lines[index..]))
    };
    let said = nearest(program_error).or_else(|| nearest(shell_error))?;
    Some(Found {
        exception: Exception {
            place: user_place(&said.frames, code_dir),
            type_name: said.type_name,
            message: said.message,
        },
        causes: Vec::new(),
        frames: said.frames,
    })
}

/// What a form made of its lines.
struct Said {
    type_name: String,
    message: String,
    /// Outermost first.
    frames: Vec<Place>,
}

fn program_error(lines: &[&str]) -> Option<Said> {
    rust_panic(lines)
        .or_else(|| node_error(lines))
        .or_else(|| cpp_exception(lines))
        .or_else(|| julia_error(lines))
        .or_else(|| r_error(lines))
        .or_else(|| fatal_python_error(lines))
}

/// `thread 'main' panicked at src/main.rs:1:2:` and the message below; before Rust 1.73 the message stood inside.
fn rust_panic(lines: &[&str]) -> Option<Said> {
    let (thread, at) = lines[0].split_once("' ")?;
    let (_, at) = at
        .split_once("panicked at ")
        .filter(|_| thread.starts_with("thread '"))?;
    let (place, message) = if let Some(place) = at.strip_suffix(':') {
        let message: Vec<&str> = lines[1..]
            .iter()
            .take(LOOK_AHEAD_LINES)
            .take_while(|line| {
                !(line.starts_with("note: ") || line.starts_with("stack backtrace:"))
            })
            .copied()
            .collect();
        (place, message.join("\n").trim_end().to_owned())
    } else {
        let (message, place) = at.rsplit_once(", ")?;
        (place, message.trim_matches('\'').to_owned())
    };
    Some(Said {
        type_name: "panic".to_owned(),
        message,
        frames: file_and_line(place).into_iter().collect(),
    })
}

/// `TypeError: bad row`, then `    at load (/opt/ml/code/train.js:2:9)` for each frame.
fn node_error(lines: &[&str]) -> Option<Said> {
    let (type_name, message) = split_exception(lines[0])?;
    let mut frames: Vec<Place> = lines[1..]
        .iter()
        .take(LOOK_AHEAD_LINES)
        .map_while(|line| line.strip_prefix("    at "))
        .filter_map(|frame| {
            match frame
                .strip_suffix(')')
                .and_then(|frame| frame.rsplit_once(" ("))
            {
                Some((function, place)) => Some(Place {
                    function: Some(function.to_owned()),
                    ..file_and_line(place)?
                }),
                None => file_and_line(frame),
            }
        })
        .collect();
    frames.reverse();
    (!frames.is_empty()).then(|| Said {
        type_name: type_name.to_owned(),
        message: message.to_owned(),
        frames,
    })
}

/// `terminate called after throwing an instance of 'std::runtime_error'` and `  what():  no rows`.
fn cpp_exception(lines: &[&str]) -> Option<Said> {
    let type_name = lines[0].strip_prefix("terminate called after throwing an instance of '")?;
    let message = lines
        .get(1)
        .and_then(|line| line.trim_start().strip_prefix("what():"));
    Some(Said {
        type_name: type_name.trim_end_matches('\'').to_owned(),
        message: message.unwrap_or_default().trim().to_owned(),
        frames: Vec::new(),
    })
}

/// `ERROR: LoadError: DomainError with -1.0:`, a `Stacktrace:`, and `in expression starting at train.jl:7`.
fn julia_error(lines: &[&str]) -> Option<Said> {
    let first = lines[0].strip_prefix("ERROR: ")?;
    let after: Vec<&str> = lines[1..].iter().take(LOOK_AHEAD_LINES).copied().collect();
    let (more, stack) = after.split_at(after.iter().position(|line| *line == "Stacktrace:")?);
    let place = stack
        .iter()
        .find_map(|line| line.strip_prefix("in expression starting at "))
        .and_then(file_and_line);
    let error = first.strip_prefix("LoadError: ").unwrap_or(first);
    let (type_name, message) = split_exception(error)
        .filter(|(_, message)| !message.is_empty())
        .unwrap_or(("ERROR", error));
    let message: Vec<&str> = std::iter::once(message)
        .chain(more.iter().copied())
        .collect();
    Some(Said {
        type_name: type_name.to_owned(),
        message: message.join("\n"),
        frames: place.into_iter().collect(),
    })
}

/// `Error in f(x) : bad row`, or with the message on the next line, and `Execution halted` after it.
fn r_error(lines: &[&str]) -> Option<Said> {
    let first = lines[0];
    let (type_name, message) = match first.strip_prefix("Error: ") {
        Some(message) => ("Error", message),
        None if first.starts_with("Error in ") => first
            .split_once(" : ")
            .or_else(|| Some((first.strip_suffix(" :")?, "")))?,
        None => return None,
    };
    let after: Vec<&str> = lines[1..].iter().take(LOOK_AHEAD_LINES).copied().collect();
    let end = after.iter().position(|line| *line == "Execution halted")?;
    let more = after[..end]
        .iter()
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.trim());
    let message: Vec<&str> = std::iter::once(message.trim())
        .chain(more)
        .filter(|line| !line.is_empty())
        .collect();
    Some(Said {
        type_name: type_name.to_owned(),
        message: message.join("\n"),
        frames: Vec::new(),
    })
}

/// What `faulthandler` prints: `Fatal Python error: Segmentation fault`, then frames, the innermost first.
fn fatal_python_error(lines: &[&str]) -> Option<Said> {
    const TYPE_NAME: &str = "Fatal Python error";
    let message = lines[0].strip_prefix(TYPE_NAME)?.strip_prefix(": ")?;
    let mut frames: Vec<Place> = lines[1..]
        .iter()
        .take(LOOK_AHEAD_LINES)
        .skip_while(|line| !line.starts_with("  File \""))
        .map_while(|line| line.strip_prefix("  File \"")?.rsplit_once("\", line "))
        .filter_map(|(file, rest)| {
            let (number, function) = rest.split_once(" in ")?;
            Some(Place {
                file: file.to_owned(),
                line: Some(number.parse().ok()?),
                function: Some(function.to_owned()),
                source: None,
            })
        })
        .collect();
    frames.reverse();
    Some(Said {
        type_name: TYPE_NAME.to_owned(),
        message: message.to_owned(),
        frames,
    })
}

/// bash's `./train.sh: line 3: foo: command not found`, dash's `./train.sh: 3: foo: not found`, and the word of either
/// on a child that a signal ended: `Segmentation fault (core dumped)`.
fn shell_error(lines: &[&str]) -> Option<Said> {
    let line = lines[0];
    let said = |message: &str, frames| Said {
        type_name: String::new(),
        message: message.trim().to_owned(),
        frames,
    };
    if let Some((file, number, message)) = shell_place(line) {
        let place = Place {
            file: file.to_owned(),
            line: Some(number),
            ..Place::default()
        };
        return Some(said(message, vec![place]));
    }
    let is_crash = CRASHES.iter().any(|crash| line.contains(crash));
    is_crash.then(|| said(line, Vec::new()))
}

fn shell_place(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.split_once(": ")?;
    let (number, message) = rest.split_once(": ")?;
    let number = match number.strip_prefix("line ") {
        Some(number) => number,
        None if file.ends_with("sh") => number,
        None => return None,
    };
    let is_name = !file.is_empty() && !file.contains(char::is_whitespace);
    is_name.then_some((file, number.parse().ok()?, message))
}

/// Reads `src/main.rs:1:107`, `train.jl:7` or a `file:` URL with a position.
fn file_and_line(place: &str) -> Option<Place> {
    let (before, last) = place.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let (file, line) = match before
        .rsplit_once(':')
        .map(|(file, line)| (file, line.parse()))
    {
        Some((file, Ok(line))) => (file, line),
        _ => (before, last),
    };
    Some(Place {
        file: file.strip_prefix("file://").unwrap_or(file).to_owned(),
        line: Some(line),
        ..Place::default()
    })
}

/// Messages and stacks are followed for so many lines.
const LOOK_AHEAD_LINES: usize = 40;
const CRASHES: [&str; 4] = [
    "Segmentation fault",
    "Bus error",
    "Illegal instruction",
    "Floating point exception",
];
