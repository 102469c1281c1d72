//! What the kernel allows this container: processor time, memory, and whether it killed for lack of memory.
//!
//! Control groups come in two versions, often both at once, seen through a namespace or not. The directories are found
//! from `/proc/self/cgroup` and `/proc/self/mountinfo`; a limit may stand in any directory between ours and the mount
//! point, and the tightest one counts.

use camino::{Utf8Path, Utf8PathBuf};

use crate::source::Source;

/// The control group of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    cpu: Option<Group>,
    memory: Option<Group>,
    unified: Option<Group>,
}

/// Processor time: so much in each period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuQuota {
    /// Microseconds of processor time.
    pub quota_us: u64,
    /// In so many microseconds.
    pub period_us: u64,
    /// The file that says so.
    pub file: Utf8PathBuf,
}

/// A directory of control files, below a mount point.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    mount_point: Utf8PathBuf,
    directory: Utf8PathBuf,
}

/// A cgroup file system of `mountinfo`.
#[derive(Debug)]
struct Mount {
    root: Utf8PathBuf,
    point: Utf8PathBuf,
    hierarchy: Hierarchy,
}

#[derive(Debug)]
enum Hierarchy {
    Unified,
    Controllers(Vec<String>),
}

/// Version 1 writes "no limit" as the largest number of whole pages: 2^63 less a page, which may have 64 KiB.
const UNLIMITED_BYTES: u64 = (1 << 63) - (64 << 10);

impl Cgroup {
    /// Finds the control group of this process; without one nothing is limited.
    pub fn find(source: &dyn Source) -> Self {
        let read = |path: &str| {
            source
                .read(path.into())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
        };
        let (Some(own), Some(mounts)) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"))
        else {
            return Self::default();
        };
        let mounts: Vec<_> = mounts.lines().filter_map(Mount::parse).collect();
        let mut cgroup = Self::default();
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
                continue;
            };
            let path = Utf8Path::new(path);
            if controllers.is_empty() {
                cgroup.unified = mounts
                    .iter()
                    .find(|mount| mount.is_unified())
                    .map(|mount| mount.group(path));
            }
            let find = |controller: &str| {
                let here = controllers.split(',').any(|name| name == controller);
                mounts
                    .iter()
                    .find(|mount| here && mount.controls(controller))
                    .map(|mount| mount.group(path))
            };
            cgroup.cpu = cgroup.cpu.or_else(|| find("cpu"));
            cgroup.memory = cgroup.memory.or_else(|| find("memory"));
        }
        cgroup
    }

    /// The tightest limit on processor time, if there is one.
    pub fn cpu_quota(&self, source: &dyn Source) -> Option<CpuQuota> {
        let v1 = self
            .cpu
            .iter()
            .flat_map(Group::ancestors)
            .filter_map(|directory| {
                let file = directory.join("cpu.cfs_quota_us");
                let period_us = number(source, &directory.join("cpu.cfs_period_us"))?;
                Some(CpuQuota {
                    quota_us: number(source, &file)?,
                    period_us,
                    file,
                })
            });
        let v2 = self
            .unified
            .iter()
            .flat_map(Group::ancestors)
            .filter_map(|directory| {
                let file = directory.join("cpu.max");
                let text = text(source, &file)?;
                let (quota, period) = text.split_once(' ')?;
                Some(CpuQuota {
                    quota_us: quota.parse().ok()?,
                    period_us: period.parse().ok()?,
                    file,
                })
            });
        v1.chain(v2)
            .filter(|quota| quota.period_us > 0)
            .min_by(|a, b| {
                let (a, b) = (
                    u128::from(a.quota_us) * u128::from(b.period_us),
                    u128::from(b.quota_us) * u128::from(a.period_us),
                );
                a.cmp(&b)
            })
    }

    /// The tightest limit on memory in bytes, if there is one.
    pub fn memory_limit(&self, source: &dyn Source) -> Option<u64> {
        let v1 = self
            .memory
            .iter()
            .flat_map(Group::ancestors)
            .map(|directory| directory.join("memory.limit_in_bytes"));
        let v2 = self
            .unified
            .iter()
            .flat_map(Group::ancestors)
            .map(|directory| directory.join("memory.max"));
        v1.chain(v2)
            .filter_map(|file| number(source, &file))
            .filter(|&bytes| bytes < UNLIMITED_BYTES)
            .min()
    }

    /// The files whose `oom_kill` line counts the processes of this container that were killed for lack of memory.
    ///
    /// Whoever supervises reads their `oom_kill` lines before and after.
    pub fn oom_counters(&self, source: &dyn Source) -> Vec<Utf8PathBuf> {
        let v1 = self
            .memory
            .iter()
            .map(|group| group.directory.join("memory.oom_control"));
        let v2 = self
            .unified
            .iter()
            .map(|group| group.directory.join("memory.events"));
        v1.chain(v2).filter(|file| source.exists(file)).collect()
    }
}

impl CpuQuota {
    /// Whole processors, rounded up; at least one.
    pub fn cpus(&self) -> u32 {
        u32::try_from(self.quota_us.div_ceil(self.period_us.max(1)).max(1)).unwrap_or(u32::MAX)
    }
}

impl Group {
    /// The directories whose limits hold for us, ours first.
    fn ancestors(&self) -> impl Iterator<Item = &Utf8Path> {
        self.directory
            .ancestors()
            .take_while(|directory| directory.starts_with(&self.mount_point))
    }
}

impl Mount {
    /// One line: `36 35 98:0 /root /mount/point rw,… shared:1 - cgroup2 source rw,…`.
    fn parse(line: &str) -> Option<Self> {
        let (place, file_system) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (unescape(place.next()?), unescape(place.next()?));
        let mut file_system = file_system.split(' ');
        let hierarchy = match file_system.next()? {
            "cgroup2" => Hierarchy::Unified,
            "cgroup" => {
                Hierarchy::Controllers(file_system.nth(1)?.split(',').map(str::to_owned).collect())
            }
            _ => return None,
        };
        Some(Self {
            root: root.into(),
            point: point.into(),
            hierarchy,
        })
    }

    fn is_unified(&self) -> bool {
        matches!(self.hierarchy, Hierarchy::Unified)
    }

    fn controls(&self, controller: &str) -> bool {
        matches!(&self.hierarchy, Hierarchy::Controllers(names) if names.iter().any(|name| name == controller))
    }

    /// The directory of a group. One that is not below what is mounted here can only be seen as the mount point: a
    /// container that has its own part of the tree mounted, but the host's names for it.
    fn group(&self, path: &Utf8Path) -> Group {
        let below = path
            .strip_prefix(&self.root)
            .ok()
            .filter(|below| !below.as_str().contains(".."));
        let directory = match below {
            Some(below) if !below.as_str().is_empty() => self.point.join(below),
            _ => self.point.clone(),
        };
        Group {
            mount_point: self.point.clone(),
            directory,
        }
    }
}

/// Undoes the octal escapes of `mountinfo`: blank, tab, newline, backslash.
fn unescape(field: &str) -> String {
    [
        (r"\040", " "),
        (r"\011", "\t"),
        (r"\012", "\n"),
        (r"\134", r"\"),
    ]
    .into_iter()
    .fold(field.to_owned(), |field, (escape, character)| {
        field.replace(escape, character)
    })
}

fn number(source: &dyn Source, file: &Utf8Path) -> Option<u64> {
    text(source, file)?.parse().ok()
}

fn text(source: &dyn Source, file: &Utf8Path) -> Option<String> {
    let contents = String::from_utf8(source.read(file).ok()?).ok()?;
    Some(contents.trim().to_owned())
}

#[cfg(test)]
mod tests;
