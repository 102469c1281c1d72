//! What a person is told about a run: lines, from values.

use std::{fmt::Write as _, time::Duration};

use crate::{
    artifacts::Artifact,
    plan::{FilePlace, SettingOrigin},
};

/// The files of a channel are counted so far: the count is for a person to see that the data is there.
pub const MAX_COUNTED_FILES: usize = 10_000;

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// For a terminal.
    Colour,
    /// For everything else.
    Plain,
}

/// What is said before the script starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReport {
    /// The run.
    pub id: String,
    /// Its folder, as the caller would type it.
    pub folder: String,
    /// The words that run.
    pub words: Vec<String>,
    /// The channels: name, and number of files.
    pub channels: Vec<(String, usize)>,
    /// The interpreter that will be used; `None` when no Python runs.
    pub python: Option<String>,
    /// How many hosts there are and where, if there are several.
    pub hosts: Option<String>,
    /// What to do when that is not what is wanted.
    pub hint: Option<String>,
    /// What was decided by default.
    pub notes: Vec<String>,
    /// What may go wrong.
    pub warnings: Vec<String>,
}

/// What is said at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndReport {
    /// How it ended.
    pub ending: Ending,
    /// How long it ran, or the longest of its hosts.
    pub took: Duration,
    /// The peak of resident memory, of the launcher or one of its descendants; of all hosts the largest.
    pub peak_rss_bytes: u64,
    /// The code that we end with.
    pub exit_code: u8,
    /// How each host ended, if there are several.
    pub hosts: Vec<HostLine>,
    /// The archives.
    pub artifacts: Vec<ArtifactLine>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// How one host of several ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLine {
    /// The host.
    pub host: String,
    /// `exit 1`, `signal 9`.
    pub how: String,
    /// How long it ran.
    pub took: Duration,
    /// The peak of resident memory.
    pub peak_rss_bytes: u64,
    /// Why, if it is not its own doing.
    pub note: Option<&'static str>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The script succeeded.
    Completed,
    /// A signal asked for the end, and the script ended with 0.
    Stopped {
        /// The signal's name.
        signal: &'static str,
    },
    /// It failed.
    Failed(Failure),
}

/// A failed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The host.
    pub host: String,
    /// `exit 1`, `SIGKILL`.
    pub how: String,
    /// The text of `output/failure`.
    pub cause: String,
    /// Where a hyperparameter came from whose value the text holds.
    pub hint: Option<String>,
    /// The files to look at.
    pub files: Vec<String>,
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactLine {
    /// `model`, `output`.
    pub label: &'static str,
    /// Its path, as the caller would type it.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// How many files it holds.
    pub n_files: u64,
}

impl ArtifactLine {
    /// The line of an archive, whose path is shown as given.
    pub fn new(label: &'static str, path: String, artifact: &Artifact) -> Self {
        Self {
            label,
            path,
            size_bytes: artifact.size_bytes,
            n_files: artifact.n_files,
        }
    }
}

impl StartReport {
    /// The text, with a line end after each line.
    pub fn to_text(&self, paint: Paint) -> String {
        let mut text = String::new();
        line(
            &mut text,
            &format!(
                "{}   {}",
                paint.bold(&format!("run {}", self.id)),
                self.folder
            ),
        );
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        let channels: Vec<_> = self
            .channels
            .iter()
            .map(|(name, n_files)| format!("{name} (File, {})", at_least(*n_files)))
            .collect();
        let channels = if channels.is_empty() {
            "no channel".to_owned()
        } else {
            format!("channels {}", channels.join(", "))
        };
        line(
            &mut text,
            &format!("  plan   {}   {channels}", words.join(" ")),
        );
        let host = self.python.as_ref().map_or_else(
            || "this host".to_owned(),
            |python| format!("host python {python}"),
        );
        line(&mut text, &format!("  image  none ({host})"));
        if let Some(hosts) = &self.hosts {
            line(&mut text, &format!("  hosts: {hosts}"));
        }
        if let Some(hint) = &self.hint {
            line(&mut text, &format!("  {}  {hint}", paint.cyan("hint:")));
        }
        for note in &self.notes {
            line(&mut text, &format!("  note   {note}"));
        }
        warn(&mut text, paint, &self.warnings);
        text
    }
}

impl EndReport {
    /// The text, with a line end after each line.
    pub fn to_text(&self, paint: Paint) -> String {
        let mut text = String::new();
        warn(&mut text, paint, &self.warnings);
        let took = duration(self.took);
        let rest = format!(
            "peak RSS {}   exit {}",
            size(self.peak_rss_bytes),
            self.exit_code
        );
        match &self.ending {
            Ending::Completed => line(
                &mut text,
                &format!("{} in {took}   {rest}", paint.green("Completed")),
            ),
            Ending::Stopped { signal } => {
                line(
                    &mut text,
                    &format!(
                        "{} by {signal} after {took}   {rest}",
                        paint.yellow("Stopped")
                    ),
                );
            }
            Ending::Failed(failure) => failure.write(&mut text, paint, &took),
        }
        for host in &self.hosts {
            line(&mut text, &host.to_text());
        }
        for artifact in &self.artifacts {
            let ArtifactLine {
                label,
                path,
                size_bytes,
                n_files,
            } = artifact;
            line(
                &mut text,
                &format!(
                    "  {label:<8} {path}  {}  ({})",
                    size(*size_bytes),
                    counted(*n_files)
                ),
            );
        }
        text
    }
}

impl HostLine {
    fn to_text(&self) -> String {
        let (took, peak) = (duration(self.took), size(self.peak_rss_bytes));
        let note = self.note.map(|note| format!("   {note}"));
        format!(
            "  {:<8} {:<9}  {took}   peak RSS {peak}{}",
            self.host,
            self.how,
            note.unwrap_or_default()
        )
    }
}

impl Failure {
    fn write(&self, text: &mut String, paint: Paint, took: &str) {
        let Self { host, how, .. } = self;
        line(
            text,
            &format!(
                "{} training failed on {host} ({how}) after {took}",
                paint.red("error:")
            ),
        );
        let mut label = "cause:";
        for cause in self
            .cause
            .lines()
            .filter(|line| !line.trim().is_empty())
            // From there on a report repeats what stands above: the command, and what the script printed.
            .take_while(|line| !line.starts_with("command: "))
            .take(MAX_CAUSE_LINES)
        {
            line(text, &format!("  {label:<6} {cause}"));
            label = "";
        }
        if let Some(hint) = &self.hint {
            line(text, &format!("  {}  {hint}", paint.cyan("hint:")));
        }
        if !self.files.is_empty() {
            line(text, &format!("  files: {}", self.files.join("   ")));
        }
    }
}

/// Names a hyperparameter whose text stands in quotes in a message, and where it came from.
///
/// In quotes only: `1` stands in many messages by chance.
pub fn blame<'a>(
    message: &str,
    settings: impl IntoIterator<Item = (&'a str, &'a str, &'a SettingOrigin)>,
) -> Option<String> {
    let (key, _, origin) = settings
        .into_iter()
        .find(|(_, value, _)| is_quoted_in(message, value))?;
    Some(match origin {
        SettingOrigin::File(place) => format!("hyperparameter `{key}` came from {}", place.text()),
        SettingOrigin::Flag { replaced: None } => format!("hyperparameter `{key}` came from --set"),
        SettingOrigin::Flag {
            replaced: Some((place, value)),
        } => {
            format!(
                "hyperparameter `{key}` came from --set; it is `{value}` in {}",
                place.text()
            )
        }
    })
}

fn is_quoted_in(message: &str, value: &str) -> bool {
    // A text of the project file has JSON's quotes, which the script never sees.
    let value = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    !value.is_empty()
        && ['\'', '"', '`']
            .iter()
            .any(|quote| message.contains(&format!("{quote}{value}{quote}")))
}

impl FilePlace {
    fn text(&self) -> String {
        format!(
            "{}:{}",
            self.path.file_name().unwrap_or(self.path.as_str()),
            self.line
        )
    }
}

impl Paint {
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn green(self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    fn cyan(self, text: &str) -> String {
        self.with("1;36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

fn line(text: &mut String, content: &str) {
    let _ = writeln!(text, "{content}"); // A String takes everything.
}

fn warn(text: &mut String, paint: Paint, warnings: &[String]) {
    for warning in warnings {
        line(text, &format!("{} {warning}", paint.yellow("warning:")));
    }
}

/// As it could be typed into a shell.
fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./=,:+@%".contains(c));
    if is_plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn at_least(n_files: usize) -> String {
    let text = counted(n_files as u64);
    if n_files >= MAX_COUNTED_FILES {
        format!("at least {text}")
    } else {
        text
    }
}

fn counted(n_files: u64) -> String {
    if n_files == 1 {
        "1 file".to_owned()
    } else {
        format!("{n_files} files")
    }
}

fn duration(took: Duration) -> String {
    // Rounded to the tenth that is shown, so that 59.96 s is a minute.
    let tenths = (took.as_millis() + 50) / 100;
    let seconds = tenths / 10;
    match seconds {
        0..60 => format!("{seconds}.{}s", tenths % 10),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Three digits at most in front of the unit.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let decimals = if tenths < 100 {
        format!(".{}", tenths % 10)
    } else {
        String::new()
    };
    format!("{}{decimals} {}", tenths / 10, UNITS[unit])
}

/// A traceback's last block has about so many.
const MAX_CAUSE_LINES: usize = 6;

#[cfg(test)]
mod tests;
