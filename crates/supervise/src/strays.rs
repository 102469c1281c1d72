//! Processes that a child left behind, or has started for somebody else, found in `/proc`.

use std::{collections::HashMap, fs};

use rustix::process::{Pid, Signal};

#[cfg(test)]
mod tests;

/// One line of `/proc/<pid>/stat`, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Negative: not one process but the group of that number, as kill(2) has it.
    pub(crate) pid: i32,
    pub(crate) name: String,
    parent: i32,
    group: i32,
    state: u8,
}

impl Process {
    /// `7 (a) b) S 1 7 …`: the name may hold anything, so it ends at the *last* closing bracket.
    fn parse(line: &str) -> Option<Self> {
        let (head, rest) = line.rsplit_once(')')?;
        let (pid, name) = head.split_once('(')?;
        let mut fields = rest.split_ascii_whitespace();
        Some(Self {
            pid: pid.trim().parse().ok()?,
            name: name.to_owned(),
            state: *fields.next()?.as_bytes().first()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    }

    /// Dead, but not reaped yet: nothing can be done to it any more.
    fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    /// A whole group, where its members can't be seen; `None` when there are none.
    fn of_group(group: Pid) -> Option<Self> {
        rustix::process::test_kill_process_group(group).ok()?;
        Some(Self {
            pid: -raw(group),
            name: "unknown".to_owned(),
            state: b'?',
            parent: 0,
            group: raw(group),
        })
    }

    pub(crate) fn send(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid.abs()) {
            // An error means that it is gone, or not ours to signal: the next look tells which.
            let _ = if self.pid < 0 {
                rustix::process::kill_process_group(pid, signal)
            } else {
                rustix::process::kill_process(pid, signal)
            };
        }
    }
}

/// Every process that `/proc` shows. Empty where `/proc` isn't mounted: it would show at least us.
fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .first()
                .is_some_and(u8::is_ascii_digit)
        })
        .filter_map(|entry| fs::read(entry.path().join("stat")).ok())
        .filter_map(|line| Process::parse(&String::from_utf8_lossy(&line)))
        .collect()
}

/// What a child of ours left behind: the members of its group, and, when `all_descendants`, every other descendant of
/// this process but those at or below a process in `except`.
///
/// The dead that we have still to reap count; those that wait for another parent don't. Without `/proc` only the group
/// can be found, as a whole.
pub(crate) fn find(group: Pid, all_descendants: bool, except: &[Pid]) -> Vec<Process> {
    let all = all();
    if all.is_empty() {
        return Process::of_group(group).into_iter().collect();
    }
    let except: Vec<i32> = except.iter().copied().map(raw).collect();
    select(
        &all,
        &Search {
            us: raw(rustix::process::getpid()),
            group: raw(group),
            all_descendants,
            except: &except,
        },
    )
}

/// Asks (SIGTERM) the outermost of our descendants that have `variable` in their environment, each with its group, and
/// says how many there are: the processes that a launcher of ours has started, but not the launcher.
pub fn stop_marked(variable: &str) -> usize {
    let us = raw(rustix::process::getpid());
    let all = all();
    let marked: Vec<i32> = select(
        &all,
        &Search {
            us,
            group: us,
            all_descendants: true,
            except: &[],
        },
    )
    .into_iter()
    .filter(|process| process.pid != us && has_variable(process.pid, variable))
    .map(|process| process.pid)
    .collect();
    let outermost = all
        .iter()
        .filter(|process| marked.contains(&process.pid) && !marked.contains(&process.parent));
    let mut n_asked = 0;
    for process in outermost {
        n_asked += 1;
        // One that leads a group is asked with it, as a child of ours would be.
        let leads = process.group == process.pid;
        let group = Process {
            pid: if leads { -process.pid } else { process.pid },
            ..process.clone()
        };
        group.send(Signal::TERM);
        group.send(Signal::CONT);
    }
    n_asked
}

/// Whether a process was started with a variable. One that is gone, or not ours to look at, was not.
fn has_variable(pid: i32, variable: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| {
        entry
            .strip_prefix(variable.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"="))
    })
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

#[derive(Debug)]
struct Search<'a> {
    us: i32,
    group: i32,
    all_descendants: bool,
    except: &'a [i32],
}

fn select(all: &[Process], search: &Search<'_>) -> Vec<Process> {
    let parents: HashMap<i32, i32> = all
        .iter()
        .map(|process| (process.pid, process.parent))
        .collect();
    let descends = |mut pid: i32| {
        // Bounded: /proc is read over time, so what it says need not be a tree.
        for _ in 0..parents.len() {
            if search.except.contains(&pid) {
                return false;
            }
            match parents.get(&pid) {
                Some(parent) if *parent == search.us => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    all.iter()
        .filter(|process| !process.is_zombie() || process.parent == search.us)
        .filter(|process| {
            process.group == search.group || (search.all_descendants && descends(process.pid))
        })
        .cloned()
        .collect()
}
