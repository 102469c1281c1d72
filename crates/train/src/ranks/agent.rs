//! What torchrun says of its ranks.
//!
//! The torchrun of older releases (torch 1.13 is one) does not end when a rank of its host has failed: it waits until
//! those of all other hosts are done, for five minutes at most, and nobody hears of the failure meanwhile. But it says so
//! at once, and what it says is looked for here. Which words these are is up to it: where they are others, its end has
//! to be waited for.
//!
//! **Source**: `PyTorch`, `torch/distributed/elastic`: `agent/server/api.py`, `multiprocessing/api.py`.

use optml_contract::failure::plain_text;

#[cfg(test)]
mod tests;

/// A rank that torchrun has seen failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FailedRank {
    /// Its number on its host.
    local: u32,
    /// Its number in the job, if torchrun says it: at its own end only.
    global: Option<u32>,
    /// Another one has printed a traceback too: which of them is this one's, nobody knows.
    is_one_of_many: bool,
}

impl FailedRank {
    /// The first that failed, by the last bytes of torchrun's standard error.
    pub(super) fn find(stderr: &[u8]) -> Option<Self> {
        let text = plain_text(stderr);
        let local = text.lines().find_map(failed)?;
        let root = text.lines().skip_while(|line| !line.contains(ROOT_CAUSE));
        let n_tracebacks = text.lines().filter(|line| line.ends_with(HEADER)).count();
        let own = text.lines().any(|line| line.contains(OWN_TRACEBACK));
        Some(Self {
            local,
            global: root.skip(1).find_map(rank),
            is_one_of_many: n_tracebacks.saturating_sub(own.into()) > 1,
        })
    }

    /// Its number in the job, where each host has as many ranks and is numbered by us. None where another rank's
    /// exception could be taken for its own.
    pub(super) fn rank(self, host: Option<u32>, n_local: u32) -> Option<u32> {
        if self.is_one_of_many {
            return None;
        }
        let counted = || host?.checked_mul(n_local)?.checked_add(self.local);
        self.global.or_else(counted)
    }
}

/// `… failed (exitcode: 1) local_rank: 1 (pid: 24699) of binary: /usr/bin/python3`
fn failed(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("failed (exitcode: ")?;
    let (_, rest) = rest.split_once(") local_rank: ")?;
    let (local, rest) = rest.split_once(" (pid: ")?;
    rest.contains(") of binary: ").then(|| local.parse().ok())?
}

/// `  rank      : 3 (local_rank: 1)`, behind a tag or not.
fn rank(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("rank      : ")?;
    rest.split_once(" (local_rank: ")?.0.parse().ok()
}

const ROOT_CAUSE: &str = "Root Cause (first observed failure):";
const HEADER: &str = "Traceback (most recent call last):";
const OWN_TRACEBACK: &str = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:";
