//! Why a job failed, when many of its processes tell of a failure: the cause, not what followed from it. Pure.
//!
//! When one rank of a job fails, the others fail too: their connections to it break, or they are ended. The cause is
//! the failure of the lowest rank among those that were told before anybody was stopped and do not merely speak of a
//! lost connection. A host that is gone counts as a cause before those that miss it.

use std::collections::BTreeMap;

use optml_contract::failure::{Ended, Exception, Failure, Phase, RankException};

use crate::traceback::misses_another;

#[cfg(test)]
mod tests;

const SIGABRT: u8 = 6;

/// What one host said about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The rank of the host.
    pub(super) host: u32,
    /// It came when everybody had been asked to end.
    pub(super) is_late: bool,
    /// What it said.
    pub(super) failure: Box<Failure>,
}

/// How a failure stands among the others; the first variants are more likely the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It says for itself what went wrong.
    Cause,
    /// A host is gone.
    Gone,
    /// It misses another process.
    Consequence,
    /// It was told to end.
    Stopped,
    /// It came when all were being ended.
    Late,
}

/// The first cause, with the exceptions of all other ranks; none if nobody told of a failure.
pub(super) fn first(mut told: Vec<Told>) -> Option<Box<Failure>> {
    // Stable: of equals the one that was told first.
    told.sort_by_key(|told| {
        (
            standing(told),
            told.failure.rank.unwrap_or(u32::MAX),
            told.host,
        )
    });
    let mut all = told.into_iter();
    let mut cause = all.next()?.failure;
    let mut others: BTreeMap<u32, Exception> = BTreeMap::new();
    let mut note = |rank: Option<u32>, exception: Exception| {
        if let Some(rank) = rank {
            others.entry(rank).or_insert(exception);
        }
    };
    for other in std::mem::take(&mut cause.other_ranks) {
        note(Some(other.rank), other.exception);
    }
    for told in all {
        let failure = *told.failure;
        let last_words = failure.ended.as_ref().map(in_words);
        if let Some(exception) = failure.exception.or(last_words) {
            note(failure.rank, exception);
        }
        for other in failure.other_ranks {
            note(Some(other.rank), other.exception);
        }
    }
    cause.other_ranks = others
        .into_iter()
        .filter(|(rank, _)| Some(*rank) != cause.rank)
        .map(|(rank, exception)| RankException { rank, exception })
        .collect();
    Some(cause)
}

fn standing(told: &Told) -> Standing {
    let failure = &told.failure;
    match (&failure.ended, &failure.exception) {
        _ if told.is_late => Standing::Late,
        (Some(Ended::Stopped { .. }), _) => Standing::Stopped,
        _ if failure.phase == Phase::Cluster => Standing::Gone,
        // A lack of memory and a signal say for themselves what happened; but libraries abort when they miss somebody.
        (Some(Ended::OutOfMemory { .. }), _) => Standing::Cause,
        (Some(Ended::Signaled { signal, .. }), _) if *signal != SIGABRT => Standing::Cause,
        (_, Some(exception)) if misses_another(exception) => Standing::Consequence,
        _ => Standing::Cause,
    }
}

fn in_words(ended: &Ended) -> Exception {
    let message = match ended {
        Ended::Exited { code } => format!("exit code {code}"),
        Ended::Signaled { signal, .. } => format!("killed by signal {signal}"),
        Ended::OutOfMemory { .. } => "killed: out of memory".to_owned(),
        Ended::Stopped { .. } => return Exception::ended_when_asked(),
        Ended::NotStarted { reason } => reason.clone(),
    };
    Exception {
        message,
        ..Exception::default()
    }
}
