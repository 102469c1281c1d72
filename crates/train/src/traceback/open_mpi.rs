//! What Open MPI itself says about the end of a job: which process was the first, how it ended, and where.
//!
//! **Source**: the texts of Open MPI 4.1, in its files `help-orterun.txt` and `help-errmgr-base.txt`. Version 5 words
//! some of them differently: then nothing is found, and the report is less exact.

use optml_contract::failure::plain_text;

use super::tag;

#[cfg(test)]
mod tests;

/// What Open MPI noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose end it was.
    pub rank: Option<u32>,
    /// The name of its host, as Open MPI calls it.
    pub host: Option<String>,
    /// What happened.
    pub end: End,
    /// The last line that this rank wrote to stderr.
    pub last_words: Option<String>,
}

/// How a process ended, or why none began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Exited(u8),
    /// By this signal.
    Signaled(u8),
    /// This program could not be started.
    NotStarted(String),
    /// Open MPI's own daemon on the host is gone.
    HostLost,
}

/// The first notice in the last bytes of `mpirun`'s stderr.
pub fn notice(tail: &[u8]) -> Option<Notice> {
    let text = plain_text(tail);
    let (tagged, own): (Vec<_>, Vec<_>) = text
        .lines()
        .map(tag::strip)
        .partition(|(rank, _)| rank.is_some());
    let own: Vec<_> = own.into_iter().map(|(_, line)| line.trim()).collect();
    let mut notice = (0..own.len()).find_map(|at| find(&own[at..]))?;
    let mut of_rank = tagged
        .iter()
        .filter(|(rank, line)| *rank == notice.rank && !line.trim().is_empty());
    notice.last_words = of_rank.next_back().map(|(_, line)| line.trim().to_owned());
    Some(notice)
}

/// A notice that begins with the first of these lines.
fn find(lines: &[&str]) -> Option<Notice> {
    signal(lines[0])
        .or_else(|| exit_code(lines))
        .or_else(|| not_started(lines))
        .or_else(|| host_lost(lines))
}

/// `mpirun noticed that process rank 3 with PID 1 on node algo-2 exited on signal 9 (Killed).`
fn signal(line: &str) -> Option<Notice> {
    let (_, rest) = line.split_once(" noticed that process rank ")?;
    let (rank, rest) = rest.split_once(" with PID ")?;
    let (_, rest) = rest.split_once(" on node ")?;
    let (host, rest) = rest.split_once(" exited on signal ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Notice {
        rank: Some(rank.parse().ok()?),
        host: Some(host.to_owned()),
        end: End::Signaled(digits.parse().ok()?),
        last_words: None,
    })
}

/// `Process name: [[397,1],3]` and `Exit code:    7`.
fn exit_code(lines: &[&str]) -> Option<Notice> {
    let name = lines[0].strip_prefix("Process name:")?;
    let code = lines.get(1)?.strip_prefix("Exit code:")?;
    let rank = name.trim().strip_suffix(']')?.rsplit(',').next()?;
    Some(Notice {
        rank: Some(rank.parse().ok()?),
        host: None,
        end: End::Exited(code.trim().parse().ok()?),
        last_words: None,
    })
}

/// `Executable: ./tool`, `Node: algo-2`, and then `while attempting to start process rank 2.`
fn not_started(lines: &[&str]) -> Option<Notice> {
    let program = lines[0].strip_prefix("Executable: ")?;
    let host = lines.get(1)?.strip_prefix("Node: ")?;
    let below = lines.iter().skip(2).find(|line| !line.is_empty());
    let rank = below.and_then(|line| line.strip_prefix("while attempting to start process rank "));
    Some(Notice {
        rank: rank.and_then(|rank| rank.trim_end_matches('.').parse().ok()),
        host: Some(host.trim().to_owned()),
        end: End::NotStarted(program.trim().to_owned()),
        last_words: None,
    })
}

/// `ORTE has lost communication with a remote daemon.` and below `Remote daemon: [[1,0],1] on node algo-2`.
fn host_lost(lines: &[&str]) -> Option<Notice> {
    if !lines[0].ends_with(" has lost communication with a remote daemon.") {
        return None;
    }
    let mut below = lines.iter().skip(1).take(4);
    let daemon = below.find_map(|line| line.strip_prefix("Remote daemon:"))?;
    let (_, host) = daemon.rsplit_once(" on node ")?;
    Some(Notice {
        rank: None,
        host: Some(host.trim().to_owned()),
        end: End::HostLost,
        last_words: None,
    })
}
