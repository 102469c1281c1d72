//! The report as text: the short form for the platform and the full form for the log.

use super::{Ended, Exception, Failure, Phase, Place, plain_text, redact, redact_words, signal};

/// The platform keeps this many bytes of `output/failure`.
///
/// **Source** platform docs, `FailureReason`: 1,024 characters. Bytes, so that it holds however they count.
pub const TEXT_LIMIT_BYTES: usize = 1024;

impl Failure {
    /// The content of `output/failure`: at most [`TEXT_LIMIT_BYTES`], cut between characters, the most useful first.
    ///
    /// **Shape** `Type: message`, then `file:line in function: source`, then how it ended and on which host. These
    /// three are always there, if known; a long message is shortened in its middle for them. After them, as far as
    /// there is room: a hint, causes, other ranks, the command, the last lines of the output. Where a signal or a lack
    /// of memory ended the process, that comes first: what was printed before may have nothing to do with it.
    pub fn text(&self) -> String {
        let place = self
            .place()
            .map(|place| shorten(&place_line(place), PLACE_MAX_BYTES));
        let ending = shorten(&self.ending_line(), ENDING_MAX_BYTES);
        let fixed = place.as_ref().map_or(0, |line| line.len() + 1) + ending.len() + 1;
        let reserve = if self.causes.is_empty() {
            0
        } else {
            CAUSE_RESERVE_BYTES
        };
        let headline = self
            .headline()
            .map(|line| shorten(&line, TEXT_LIMIT_BYTES - fixed - reserve));

        let cause = headline.into_iter().chain(place);
        let first: Vec<String> = if self.ending_is_cause() {
            std::iter::once(ending).chain(cause).collect()
        } else {
            cause.chain(std::iter::once(ending)).collect()
        };
        let mut text = first.join("\n");
        for detail in self.details() {
            push_line(&mut text, &detail);
        }
        self.push_output(&mut text);
        text
    }

    /// The whole report as the last block of our log.
    pub fn full_text(&self) -> String {
        let mut lines = vec![format!("failed: {}", self.ending_line())];
        if let Some(exception) = &self.exception {
            push_exception(&mut lines, "", exception);
        }
        for cause in &self.causes {
            push_exception(&mut lines, "caused by ", cause);
        }
        for other in &self.other_ranks {
            push_exception(
                &mut lines,
                &format!("rank {}: ", other.rank),
                &other.exception,
            );
        }
        if let Some(hint) = &self.hint {
            lines.push(format!("  hint: {}", clean(hint)));
        }
        if let Some(command) = self.command_text() {
            lines.push(format!("  command: {command}"));
        }
        let (stream, output) = self.output_lines();
        let shown = output.len().saturating_sub(FULL_OUTPUT_LINES);
        if !output.is_empty() {
            lines.push(format!("  last lines of {stream}:"));
            lines.extend(output[shown..].iter().map(|line| format!("    {line}")));
        }
        lines.join("\n")
    }

    fn headline(&self) -> Option<String> {
        let headline = clean(&self.exception.as_ref()?.headline());
        (!headline.is_empty()).then_some(headline)
    }

    fn place(&self) -> Option<&Place> {
        self.exception.as_ref()?.place.as_ref()
    }

    /// SIGABRT is the script's own doing: the message before it says why.
    fn ending_is_cause(&self) -> bool {
        match &self.ended {
            Some(Ended::Signaled { signal, .. }) => *signal != signal::SIGABRT,
            Some(Ended::OutOfMemory { .. } | Ended::Stopped { .. } | Ended::NotStarted { .. }) => {
                true
            }
            Some(Ended::Exited { .. }) | None => false,
        }
    }

    /// What was being done, how it ended, and where: `while installing requirements: exit code 1; host algo-1`.
    fn ending_line(&self) -> String {
        let ended = self.ended.as_ref().map(ended_text);
        let what = match (phase_text(self.phase), ended) {
            (Some(phase), Some(ended)) => format!("{phase}: {ended}"),
            (Some(phase), None) => phase.to_owned(),
            (None, Some(ended)) => ended,
            (None, None) => "the script failed".to_owned(),
        };
        let host = self.host.as_ref().map(|host| format!("; host {host}"));
        let rank = self.rank.map(|rank| format!("; rank {rank}"));
        clean(&format!(
            "{what}{}{}",
            host.unwrap_or_default(),
            rank.unwrap_or_default()
        ))
    }

    /// The hint, causes, other ranks and the command, a line each.
    fn details(&self) -> Vec<String> {
        let causes = self
            .causes
            .iter()
            .map(|cause| format!("caused by {}", exception_line(cause)));
        // Those that were ended say nothing about the reason: the JSON has them.
        let silent = Exception::ended_when_asked();
        let others: Vec<_> = self
            .other_ranks
            .iter()
            .filter(|other| other.exception != silent)
            .collect();
        let more = others.len().saturating_sub(TEXT_RANKS);
        let more = (more > 0).then(|| format!("and {more} more"));
        let others = others
            .iter()
            .take(TEXT_RANKS)
            .map(|other| format!("rank {}: {}", other.rank, exception_line(&other.exception)));
        let command = self
            .command_text()
            .map(|command| format!("command: {command}"));
        let hint = self
            .hint
            .as_ref()
            .map(|hint| format!("hint: {}", clean(hint)));
        hint.into_iter()
            .chain(causes)
            .chain(others)
            .chain(more)
            .chain(command)
            .map(|line| shorten(&line, DETAIL_MAX_BYTES))
            .collect()
    }

    fn command_text(&self) -> Option<String> {
        (!self.command.is_empty())
            .then(|| clean(&redact_words(&self.command).join(" ")).replace('\n', " "))
    }

    /// The lines of the stream that says more, which is stderr unless it is empty.
    fn output_lines(&self) -> (&'static str, Vec<String>) {
        let lines = |tail: &[u8]| -> Vec<String> {
            redact(&plain_text(tail))
                .lines()
                .map(str::trim_end)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let stderr = lines(&self.stderr_tail);
        if stderr.is_empty() {
            ("stdout", lines(&self.stdout_tail))
        } else {
            ("stderr", stderr)
        }
    }

    /// Fills `text` with the last lines of the output that it doesn't have yet.
    fn push_output(&self, text: &mut String) {
        let (stream, output) = self.output_lines();
        let mut room = TEXT_LIMIT_BYTES.saturating_sub(text.len() + stream.len() + "\n:".len());
        let mut chosen = Vec::new();
        for line in output.iter().rev() {
            let is_known = text.contains(line.trim_start())
                || text
                    .lines()
                    .next()
                    .is_some_and(|headline| line.ends_with(headline));
            if is_known {
                continue;
            }
            let line = shorten(line, OUTPUT_LINE_MAX_BYTES);
            let Some(left) = room.checked_sub(line.len() + 1) else {
                break;
            };
            room = left;
            chosen.push(line);
        }
        if chosen.is_empty() {
            return;
        }
        text.push('\n');
        text.push_str(stream);
        text.push(':');
        for line in chosen.iter().rev() {
            text.push('\n');
            text.push_str(line);
        }
    }
}

const fn phase_text(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Configuration => Some("while reading the configuration"),
        Phase::CodeFetch => Some("while fetching the code"),
        Phase::Install => Some("while installing requirements"),
        Phase::HostWait => Some("while waiting for hosts"),
        Phase::Checkpoints => Some("while restoring the checkpoints"),
        Phase::Start => Some("while starting the script"),
        Phase::Script => None,
        Phase::Cluster => Some("while the hosts trained together"),
        Phase::Stop => Some("after the script"),
        Phase::Internal => Some("a fault of optml itself"),
    }
}

fn ended_text(ended: &Ended) -> String {
    match ended {
        Ended::Exited { code } => {
            // A shell reports its child's signal so.
            let signal = code.checked_sub(128).and_then(signal::signal_name);
            let note = signal.map(|name| format!(" (128 + {}: {name})", code - 128));
            format!("exit code {code}{}", note.unwrap_or_default())
        }
        Ended::Signaled {
            signal,
            core_dumped,
            peak_rss_bytes,
        } => {
            let core = if *core_dumped { ", core dumped" } else { "" };
            let peak = peak_rss_bytes.map(|peak| format!(", peak memory {}", bytes_text(peak)));
            format!(
                "killed by {}{core}{}",
                signal::signal_text(*signal),
                peak.unwrap_or_default()
            )
        }
        Ended::OutOfMemory {
            limit_bytes,
            peak_rss_bytes,
        } => {
            let limit = limit_bytes.map(|limit| format!(", limit {}", bytes_text(limit)));
            let peak = peak_rss_bytes.map(|peak| format!(", peak memory {}", bytes_text(peak)));
            format!(
                "out of memory: killed by the kernel with {}{}{}",
                signal::signal_text(signal::SIGKILL),
                limit.unwrap_or_default(),
                peak.unwrap_or_default()
            )
        }
        Ended::Stopped {
            signal,
            code,
            killed: false,
        } => format!(
            "stopped by {}, exit code {code}",
            signal::signal_text(*signal)
        ),
        Ended::Stopped {
            signal,
            killed: true,
            ..
        } => format!(
            "stopped by {}, still running after the grace period and killed by {}",
            signal::signal_text(*signal),
            signal::signal_text(signal::SIGKILL)
        ),
        Ended::NotStarted { reason } => format!("could not start: {reason}"),
    }
}

/// `train.py:21 in main: lr = float(args.lr)`
fn place_line(place: &Place) -> String {
    let source = place.source.as_ref().map(|source| format!(": {source}"));
    clean(&format!(
        "{}{}",
        position(place),
        source.unwrap_or_default()
    ))
    .replace('\n', " ")
}

/// `train.py:21 in main`, a long path without its beginning.
fn position(place: &Place) -> String {
    let file = &place.file;
    let cut = file.len().saturating_sub(FILE_MAX_BYTES);
    let mark = if cut > 0 { "…" } else { "" };
    let file = &file[file.ceil_char_boundary(cut)..];
    let line = place
        .line
        .map(|line| format!(":{line}"))
        .unwrap_or_default();
    let function = place
        .function
        .as_ref()
        .map(|function| format!(" in {function}"));
    format!("{mark}{file}{line}{}", function.unwrap_or_default())
}

/// `KeyError: 'lr' (load.py:3 in read)`, on one line.
fn exception_line(exception: &Exception) -> String {
    let headline = shorten(
        &clean(&exception.headline()).replace('\n', " "),
        DETAIL_MAX_BYTES * 2 / 3,
    );
    match &exception.place {
        Some(place) => format!("{headline} ({})", clean(&position(place))),
        None => headline,
    }
}

fn push_exception(lines: &mut Vec<String>, prefix: &str, exception: &Exception) {
    let headline = clean(&exception.headline());
    let mut message = headline.lines();
    lines.push(format!("  {prefix}{}", message.next().unwrap_or_default()));
    lines.extend(message.map(|line| format!("  {line}")));
    if let Some(place) = &exception.place {
        lines.push(format!("    at {}", place_line(place)));
    }
}

/// Safe to show: without escape sequences and secrets.
fn clean(text: &str) -> String {
    redact(plain_text(text.as_bytes()).trim())
}

/// Adds `line` if it fits.
fn push_line(text: &mut String, line: &str) {
    if text.len() + 1 + line.len() <= TEXT_LIMIT_BYTES {
        text.push('\n');
        text.push_str(line);
    }
}

/// `text` in at most `limit` bytes: the beginning, a mark, and the end.
fn shorten(text: &str, limit: usize) -> String {
    const MARK: &str = " … ";
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(MARK.len());
    let head = text.floor_char_boundary(room - room / 3);
    let tail = text.ceil_char_boundary(text.len() - room / 3);
    format!("{}{MARK}{}", &text[..head], &text[tail..])
}

/// `512 MiB`, `1.5 GiB`.
fn bytes_text(n_bytes: u64) -> String {
    let (unit, name) = match n_bytes {
        0..MIB => return format!("{} KiB", n_bytes / 1024),
        MIB..GIB => (MIB, "MiB"),
        GIB.. => (GIB, "GiB"),
    };
    let tenths = n_bytes % unit * 10 / unit;
    if tenths == 0 {
        format!("{} {name}", n_bytes / unit)
    } else {
        format!("{}.{tenths} {name}", n_bytes / unit)
    }
}

const PLACE_MAX_BYTES: usize = 240;
const FILE_MAX_BYTES: usize = 120;
const ENDING_MAX_BYTES: usize = 300;
const CAUSE_RESERVE_BYTES: usize = 128;
const DETAIL_MAX_BYTES: usize = 200;
const OUTPUT_LINE_MAX_BYTES: usize = 200;
/// So many other ranks are listed in the short form.
const TEXT_RANKS: usize = 3;
const FULL_OUTPUT_LINES: usize = 10;
const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
