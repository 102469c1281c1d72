//! From what went wrong to a [`Failure`], for every step of a job.

use std::{fmt::Display, fs, time::Instant};

use optml_contract::{
    ConfigError, Layout, Source,
    cgroup::Cgroup,
    exit::of_signal,
    failure::{Ended, Exception, Failure, Phase, RankException, plain_text},
};
use optml_supervise::{Exit, Output, SpawnError, SpawnErrorKind, StopSignal};
use tracing::{debug, error};

use crate::{
    launch::LaunchError,
    traceback::{
        self,
        open_mpi::{End, notice},
    },
};

/// What libraries end their process by when they give up.
const SIGABRT: u8 = 6;

/// A failure, on its way to the report.
pub(crate) type Failed = Box<Failure>;

/// Every problem is in the log with its remedy; the report begins with the first.
pub(crate) fn misconfigured(problems: &[ConfigError]) -> Failed {
    for problem in problems {
        error!(hint = problem.hint(), "{problem}");
    }
    // A line each: none of them is the cause of another.
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let hint = problems.first().and_then(ConfigError::hint);
    not_done(Phase::Configuration, &lines.join("\n"), hint)
}

/// Something of `phase` did not work, and no process is involved.
pub(crate) fn not_done(phase: Phase, reason: &dyn Display, hint: Option<String>) -> Failed {
    let mut failure = Failure::new(phase);
    failure.exception = Some(message(reason.to_string()));
    failure.hint = hint;
    Box::new(failure)
}

pub(crate) fn not_planned(error: &LaunchError) -> Failed {
    not_done(Phase::Configuration, error, error.hint())
}

/// A stop signal came during `phase`, before the script.
pub(crate) fn cut_short(phase: Phase, signal: StopSignal) -> Failed {
    let mut failure = Failure::new(phase);
    failure.ended = Some(stopped(signal));
    Box::new(failure)
}

/// A program of `phase` could not be started.
pub(crate) fn not_started(phase: Phase, error: &SpawnError) -> Failed {
    let mut failure = Failure::new(phase);
    if let SpawnErrorKind::Stopping(signal) = error.kind {
        failure.ended = Some(stopped(signal));
    } else {
        failure.ended = Some(Ended::NotStarted {
            reason: error.to_string(),
        });
        failure.hint = error.hint();
    }
    Box::new(failure)
}

fn stopped(signal: StopSignal) -> Ended {
    let signal = signal.number();
    Ended::Stopped {
        signal,
        code: of_signal(signal),
        killed: false,
    }
}

/// A program of `phase` has ended as it should not have.
pub(crate) fn ended(phase: Phase, exit: &Exit, output: Output, source: &dyn Source) -> Failed {
    use optml_supervise::Ended as How;
    let peak_rss_bytes = Some(exit.peak_rss_bytes);
    let mut failure = Failure::new(phase);
    failure.ended = Some(match (exit.ended, exit.stop) {
        (How::OutOfMemory { .. }, _) => Ended::OutOfMemory {
            limit_bytes: Cgroup::find(source).memory_limit(source),
            peak_rss_bytes,
        },
        (how, Some(stop)) => Ended::Stopped {
            signal: stop.signal.number(),
            code: how.exit_code(),
            killed: stop.killed,
        },
        (How::Exited { code }, None) => Ended::Exited { code },
        (
            How::Signaled {
                signal,
                core_dumped,
            },
            None,
        ) => Ended::Signaled {
            signal,
            core_dumped,
            peak_rss_bytes,
        },
    });
    failure.stdout_tail = output.stdout;
    failure.stderr_tail = output.stderr;
    Box::new(failure)
}

/// What the script itself said: its traceback, else its last words.
pub(crate) fn explain(failure: &mut Failure, layout: &Layout) {
    let begin = Instant::now();
    let code_dir = layout.code();
    // In a local run it is a link, and interpreters name the files of their working directory by its real path.
    let code_dir = &fs::canonicalize(&code_dir).unwrap_or_else(|_| code_dir.clone().into());
    let told = traceback::parse(&failure.stderr_tail, code_dir)
        .or_else(|| traceback::parse(&failure.stdout_tail, code_dir));
    if let Some(told) = told {
        failure.exception = Some(told.exception);
        failure.causes = told.causes;
        failure.other_ranks = told.other_ranks;
        failure.rank = told.rank;
    } else if matches!(failure.ended, Some(Ended::Exited { .. })) {
        let text = plain_text(&failure.stderr_tail);
        failure.exception = text
            .lines()
            .rfind(|line| {
                !line
                    .trim_matches(|c: char| c == '-' || c.is_whitespace())
                    .is_empty()
            })
            .map(|line| message(line.trim().to_owned()));
    }
    debug!(
        took_ms = begin.elapsed().as_millis(),
        "looked for the reason"
    );
}

/// The same for what Open MPI has started: which of its ranks it was, how that one ended, and on which host, as far as it
/// says so.
pub(crate) fn explain_open_mpi(failure: &mut Failure, layout: &Layout) {
    explain(failure, layout);
    let Some(notice) = notice(&failure.stderr_tail) else {
        return;
    };
    // Open MPI speaks of the process that ended first. Where ranks have said what went wrong they know better, unless
    // that process was killed: then they miss it.
    let has_said = |rank: u32| {
        let mut others = failure.other_ranks.iter();
        failure.rank == Some(rank) || others.any(|other| other.rank == rank)
    };
    let was_killed = matches!(notice.end, End::Signaled(signal) if signal != SIGABRT);
    let is_cause = was_killed && !notice.rank.is_some_and(has_said);
    if failure.rank.is_some() && !is_cause {
        return;
    }
    if let (Some(rank), Some(exception)) = (failure.rank, failure.exception.take()) {
        let other = RankException { rank, exception };
        failure.other_ranks.insert(0, other);
        failure.causes.clear();
    }
    failure.rank = notice.rank;
    failure.host = notice.host;
    failure.exception = notice.last_words.map(message);
    if !matches!(failure.ended, Some(Ended::Exited { .. })) {
        // It was stopped: how the ranks ended follows from that.
        return;
    }
    match notice.end {
        End::Exited(code) => failure.ended = Some(Ended::Exited { code }),
        End::Signaled(signal) => {
            failure.ended = Some(Ended::Signaled {
                signal,
                core_dumped: false,
                peak_rss_bytes: None,
            });
        }
        End::NotStarted(program) => {
            failure.phase = Phase::Start;
            failure.ended = Some(Ended::NotStarted {
                reason: format!("`{program}` is not there, or can't be executed"),
            });
        }
        End::HostLost => {
            failure.phase = Phase::Cluster;
            failure.ended = None;
            let host = failure.host.as_deref().unwrap_or_default();
            failure.exception = Some(message(format!(
                "Open MPI's daemon on host `{host}` is gone"
            )));
            failure.hint = Some("look at its log".to_owned());
        }
    }
}

pub(crate) fn message(text: String) -> Exception {
    Exception {
        type_name: String::new(),
        message: text,
        place: None,
    }
}
