//! A control group with a limit on memory, for containers of tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The group. It is removed with this value; nothing may run in it any more then.
#[derive(Debug)]
pub struct MemoryGroup {
    folder: PathBuf,
}

/// Where the two versions of control groups are mounted by convention, and what they call things.
const VERSION_1: &str = "/sys/fs/cgroup/memory";
const VERSION_2: &str = "/sys/fs/cgroup";

impl MemoryGroup {
    /// A new group whose processes together get so much memory, and no swap. Takes root.
    #[track_caller]
    pub fn with_limit(limit_bytes: u64) -> Self {
        let is_version_1 = Path::new(VERSION_1).join("memory.limit_in_bytes").exists();
        let (parent, limit, swap) = if is_version_1 {
            (below_ours(), "memory.limit_in_bytes", "memory.swappiness")
        } else {
            // Beside ours: a group of version 2 that holds processes can't limit groups below it.
            (VERSION_2.into(), "memory.max", "memory.swap.max")
        };
        let group = Self {
            folder: parent.join(format!("optml-test-{}", std::process::id())),
        };
        fs::create_dir(&group.folder)
            .unwrap_or_else(|error| panic!("make {}: {error}", group.folder.display()));
        fs::write(group.folder.join(limit), limit_bytes.to_string())
            .expect("the memory controller is there");
        // A kernel without swap has no such file.
        let _ = fs::write(group.folder.join(swap), "0");
        group
    }

    /// The folder of its control files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A line of shell that moves the shell into the group.
    pub fn join(&self) -> String {
        format!("echo 0 >'{}/cgroup.procs'", self.folder.display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A failing test may have left something in it.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The folder of our own group of version 1, so that its limits go on to hold.
fn below_ours() -> PathBuf {
    let groups = fs::read_to_string("/proc/self/cgroup").expect("a kernel with control groups");
    let ours = groups
        .lines()
        .find_map(|line| line.split_once(":memory:"))
        .map_or("", |(_, path)| path.trim_start_matches('/'));
    let folder = Path::new(VERSION_1).join(ours);
    // Where only a part of the tree is mounted, that part is ours.
    if folder.exists() {
        folder
    } else {
        VERSION_1.into()
    }
}
