use super::*;
use crate::source::Memory;

fn source(own: &str, mounts: &str, files: &[(&str, &str)]) -> Memory {
    let start = Memory::new()
        .with_file("/proc/self/cgroup", own)
        .with_file("/proc/self/mountinfo", mounts);
    files.iter().fold(start, |source, (path, contents)| {
        source.with_file(*path, *contents)
    })
}

/// Quota in the form `quota/period file`, the memory limit, the counters.
#[track_caller]
fn check(source: &Memory, quota: Option<&str>, memory: Option<u64>, counters: &[&str]) {
    let cgroup = Cgroup::find(source);
    let found = cgroup
        .cpu_quota(source)
        .map(|q| format!("{}/{} {}", q.quota_us, q.period_us, q.file));
    assert_eq!(found.as_deref(), quota);
    assert_eq!(cgroup.memory_limit(source), memory);
    assert_eq!(cgroup.oom_counters(source), counters);
}

const V2: &str = "\
24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
";

#[test]
fn version_2_in_a_namespace() {
    let files = [
        ("/sys/fs/cgroup/cpu.max", "150000 100000\n"),
        ("/sys/fs/cgroup/memory.max", "1073741824\n"),
        ("/sys/fs/cgroup/memory.events", "low 0\noom_kill 0\n"),
    ];
    check(
        &source("0::/\n", V2, &files),
        Some("150000/100000 /sys/fs/cgroup/cpu.max"),
        Some(1 << 30),
        &["/sys/fs/cgroup/memory.events"],
    );
}

#[test]
fn version_2_nested_takes_the_tightest_of_all_levels() {
    let files = [
        ("/sys/fs/cgroup/a/cpu.max", "50000 100000\n"),
        ("/sys/fs/cgroup/a/memory.max", "2000\n"),
        ("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
        ("/sys/fs/cgroup/a/b/memory.max", "3000\n"),
        ("/sys/fs/cgroup/a/b/c/cpu.max", "90000 50000\n"),
        ("/sys/fs/cgroup/a/b/c/memory.max", "max\n"),
        ("/sys/fs/cgroup/a/b/c/memory.events", "oom_kill 0\n"),
    ];
    check(
        &source("0::/a/b/c\n", V2, &files),
        Some("50000/100000 /sys/fs/cgroup/a/cpu.max"),
        Some(2000),
        &["/sys/fs/cgroup/a/b/c/memory.events"],
    );
}

#[test]
fn version_1_in_a_container_that_sees_its_own_part() {
    let own = "11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n";
    let mounts = "\
800 790 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:12 - cgroup cgroup rw,cpu,cpuacct
801 790 0:35 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory
";
    let files = [
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        (
            "/sys/fs/cgroup/memory/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
        ),
    ];
    check(
        &source(own, mounts, &files),
        Some("200000/100000 /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"),
        Some(512 << 20),
        &["/sys/fs/cgroup/memory/memory.oom_control"],
    );
}

#[test]
fn version_1_on_a_host_without_limits() {
    let own = "2:memory:/user.slice\n3:cpu,cpuacct:/user.slice\n0::/user.slice/session\n";
    let mounts = "\
30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 24 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
36 24 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
";
    let files = [
        (
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_quota_us",
            "-1\n",
        ),
        (
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_period_us",
            "100000\n",
        ),
        (
            "/sys/fs/cgroup/memory/user.slice/memory.limit_in_bytes",
            "9223372036854771712\n",
        ),
        (
            "/sys/fs/cgroup/memory/user.slice/memory.oom_control",
            "oom_kill 3\n",
        ),
    ];
    check(
        &source(own, mounts, &files),
        None,
        None,
        &["/sys/fs/cgroup/memory/user.slice/memory.oom_control"],
    );
}

#[test]
fn names_of_the_host_lead_to_the_mount_point() {
    let mounts = "30 24 0:26 /kubepods/pod1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let files = [
        ("/sys/fs/cgroup/memory.max", "4096\n"),
        ("/secret/memory.max", "1\n"),
    ];
    for own in [
        "0::/system.slice/other\n",
        "0::/../../secret\n",
        "0::/kubepods/pod1\n",
        "0::/kubepods/pod1/../x\n",
    ] {
        check(&source(own, mounts, &files), None, Some(4096), &[]);
    }
}

#[test]
fn without_a_group_nothing_is_limited() {
    check(&Memory::new(), None, None, &[]);
    check(&source("", "", &[]), None, None, &[]);
    check(
        &source("0::/\nnonsense\n", "nonsense\n - \n1 2 3 - cgroup2\n", &[]),
        None,
        None,
        &[],
    );
    let files = [
        ("/sys/fs/cgroup/cpu.max", "lots of it\n"),
        ("/sys/fs/cgroup/memory.max", "\n"),
    ];
    check(&source("0::/\n", V2, &files), None, None, &[]);
    check(
        &source("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", "100 0\n")]),
        None,
        None,
        &[],
    );
}

#[test]
fn a_mount_point_may_hold_blanks() {
    let mounts = "30 24 0:26 / /my\\040cgroups\\134x rw - cgroup2 cgroup2 rw\n";
    check(
        &source(
            "0::/a\n",
            mounts,
            &[("/my cgroups\\x/a/memory.max", "77\n")],
        ),
        None,
        Some(77),
        &[],
    );
}
