//! What only the machine can tell, asked once: processors, GPUs, Neuron cores, and which launchers are installed.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use optml_contract::{
    Facts, Source,
    cgroup::Cgroup,
    machine::{Count, Machine},
};
use optml_supervise::{Command, Supervisor, command::find_program};
use tracing::warn;

#[cfg(test)]
mod tests;

/// How long a probe may take: a driver that hangs must not hold up the job.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks everything. Nothing here fails: what gives no answer counts as not there, with a warning when it should have.
pub fn facts(source: &dyn Source, supervisor: &Supervisor) -> Facts {
    let path = source.var("PATH");
    let is_installed = |name: &str| find_program(OsStr::new(name), path).is_some();
    Facts {
        machine: Machine {
            cpus: cpus(source),
            gpus: gpus(source, supervisor),
            neurons: neurons(source, supervisor),
        },
        smddprun_installed: is_installed("smddprun"),
        smddpmprun_installed: is_installed("smddpmprun"),
    }
}

fn cpus(source: &dyn Source) -> Count {
    let online = source
        .read("/sys/devices/system/cpu/online".into())
        .ok()
        .and_then(|list| count_in_list(&String::from_utf8_lossy(&list)));
    let affinity = rustix::thread::sched_getaffinity(None)
        .ok()
        .map(|set| set.count());
    // Without /sys: what we may run on is all that is known.
    let online = online.or(affinity).unwrap_or(1);
    Count::cpus(
        online,
        affinity,
        Cgroup::find(source).cpu_quota(source).as_ref(),
    )
}

/// `0-3,8,10-11`, as the kernel writes sets of processors.
fn count_in_list(list: &str) -> Option<u32> {
    list.trim().split(',').try_fold(0_u32, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

fn gpus(source: &dyn Source, supervisor: &Supervisor) -> Count {
    match ask(source, supervisor, "nvidia-smi", &["--list-gpus"]) {
        Some(listing) => Count::gpus(&listing, source.var("CUDA_VISIBLE_DEVICES")),
        None => Count::new(0, "`nvidia-smi` gives no answer"),
    }
}

fn neurons(source: &dyn Source, supervisor: &Supervisor) -> Count {
    let Some(listing) = ask(source, supervisor, "neuron-ls", &["-j"]) else {
        return Count::new(0, "`neuron-ls` gives no answer");
    };
    Count::neurons(&listing).unwrap_or_else(|error| {
        warn!(%error, "Neuron cores are not counted");
        Count::new(0, "`neuron-ls` gives no answer")
    })
}

/// What a tool prints, when it is installed and ends well in time.
fn ask(
    source: &dyn Source,
    supervisor: &Supervisor,
    tool: &str,
    words: &[&str],
) -> Option<Vec<u8>> {
    let program = find_program(OsStr::new(tool), source.var("PATH"))?;
    let mut command = Command::new(program);
    command.arguments = words.iter().map(OsString::from).collect();
    command.environment = source
        .vars()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match supervisor.capture(command, LIMIT) {
        Ok(answer) if answer.ended.is_success() => Some(answer.stdout),
        Ok(answer) => {
            warn!(tool, ended = ?answer.ended, "the tool failed: what it counts is taken as 0");
            None
        }
        Err(error) => {
            warn!(tool, %error, "the tool gives no answer: what it counts is taken as 0");
            None
        }
    }
}

/// The files that tell whether the kernel killed something for memory.
pub fn memory_events(source: &dyn Source) -> Vec<PathBuf> {
    Cgroup::find(source)
        .oom_counters(source)
        .into_iter()
        .map(Into::into)
        .collect()
}
