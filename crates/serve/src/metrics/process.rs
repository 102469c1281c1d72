//! What the kernel says of this process: names and meanings are those that Prometheus' own libraries use.

use std::fs;

use optml_supervise::resident_bytes;

/// What it says; `None` where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProcessNumbers {
    pub(super) resident_bytes: Option<f64>,
    pub(super) n_descriptors: Option<f64>,
    /// In user code and in the kernel.
    pub(super) cpu_seconds: Option<f64>,
    /// Since 1970.
    pub(super) start_seconds: Option<f64>,
}

/// Asks it. Takes as long as there are descriptors: thousands of them some milliseconds.
pub(super) fn read() -> ProcessNumbers {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let ticks = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| Ticks::parse(&stat));
    let boot = fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|stat| boot_seconds(&stat));
    let seconds = |ticks| number(ticks) / number(rustix::param::clock_ticks_per_second());
    ProcessNumbers {
        resident_bytes: resident_bytes(pid).map(number),
        n_descriptors: n_descriptors().map(number),
        cpu_seconds: ticks.map(|ticks| seconds(ticks.cpu)),
        start_seconds: boot
            .zip(ticks)
            .map(|(boot, ticks)| number(boot) + seconds(ticks.start)),
    }
}

/// Times in units of the kernel's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    cpu: u64,
    /// Since the machine was started.
    start: u64,
}

impl Ticks {
    /// **Shape**: `17 (name) S 1 …`: the name is the program's, and may hold blanks and parentheses.
    ///
    /// **Source**: proc(5), `/proc/pid/stat`, fields 14, 15 and 22.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        // The first one is field 3.
        let mut fields = after_name.split_ascii_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let (user, system) = (next()?, next()?);
        let start = fields.nth(6)?.parse().ok()?;
        Some(Self {
            cpu: user.saturating_add(system),
            start,
        })
    }
}

/// When the machine was started, in seconds since 1970: the line `btime` of `/proc/stat`.
fn boot_seconds(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn n_descriptors() -> Option<u64> {
    let n_entries = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    // One of them is that directory's.
    Some(n_entries.saturating_sub(1))
}

#[expect(clippy::cast_precision_loss, reason = "all of them stay below 2^53")]
fn number(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests;
