//! `optml local train --hosts N`: several hosts on one machine, that see each other and end together.
//!
//! Namespaces take the right to make them. Root has it as a rule; where an ordinary user has not, the machine is no
//! place for these tests, and they say so by failing.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use optml_testkit::{Finished, Proc};
use rustix::process::Signal;
use serde_json::Value;

use crate::rig::binary;

/// Nobody: a user without any right.
const NOBODY: u32 = 65534;

/// A project with one script, and what runs in it.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train.py"), script).unwrap();
        Self { folder }
    }

    /// One that nobody can work in.
    fn of_nobody() -> Self {
        let project = Self::new("");
        fs::set_permissions(project.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(project.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        project
    }

    fn command(&self, wrapper: &[&str], words: &[&str]) -> Command {
        let binary = binary();
        let mut all: Vec<&OsStr> = wrapper.iter().map(OsStr::new).collect();
        all.push(&binary);
        all.extend(["local", "train"].map(OsStr::new));
        all.extend(words.iter().map(OsStr::new));
        let mut command = Proc::command(Path::new(all[0]), &all[1..], &[]);
        command.current_dir(self.folder.path());
        command
    }

    #[track_caller]
    fn start(&self, words: &[&str]) -> Proc {
        Proc::start_command(self.command(&[], words))
    }

    #[track_caller]
    fn train(&self, words: &[&str]) -> Finished {
        self.start(words).wait()
    }

    /// As a user without rights, who has no more than the machine's own programs.
    #[track_caller]
    fn train_as_nobody(&self, words: &[&str]) -> Finished {
        let wrapper = [
            "/usr/bin/setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let mut command = self.command(&wrapper, words);
        command.env("PATH", "/usr/bin:/bin");
        Proc::start_command(command).wait()
    }

    fn latest(&self) -> PathBuf {
        let link = self.folder.path().join(".optml/runs/latest");
        link.canonicalize().unwrap()
    }

    fn resources(&self, host: &str) -> Value {
        let file = self
            .latest()
            .join(host)
            .join("input/config/resourceconfig.json");
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    fn archive(&self, name: &str) -> BTreeSet<(String, String)> {
        let file = fs::File::open(self.latest().join("artifacts").join(name)).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = String::new();
                std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
                (entry.path().unwrap().display().to_string(), content)
            })
            .collect()
    }
}

/// The lines in some order: hosts print when they like.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// What this machine's own network and mounts are.
fn machine() -> (String, String) {
    let links = fs::read_to_string("/proc/net/dev").unwrap();
    let names: Vec<_> = links
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    (names.join(" "), mounts)
}

/// Whether a process is there. A zombie is not.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

#[track_caller]
fn wait_until_gone(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} is still there");
        // An end that is nobody's child has no channel to wait on; this only bounds how often is looked.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The first host listens, the others connect by its name, and all say who they are.
const MEETING: &str = r"
import json, os, socket, sys, time
me, hosts = os.environ['SM_CURRENT_HOST'], json.loads(os.environ['SM_HOSTS'])
first = hosts[0]
if me == first:
    with socket.create_server((me, 28417)) as server:
        for _ in hosts[1:]:
            client, address = server.accept()
            name = client.makefile().readline().strip()
            print('met', name, address[0] == socket.gethostbyname(name), flush=True)
            client.sendall(b'welcome\n')
            client.close()
else:
    for _ in range(1000):
        try:
            client = socket.create_connection((first, 28417), source_address=(me, 0))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    client.sendall(me.encode() + b'\n')
    print(client.makefile().readline().strip(), flush=True)
print(me, socket.gethostname(), os.environ['SM_NETWORK_INTERFACE_NAME'], sorted(name for _, name in socket.if_nameindex()))
open(os.environ['SM_MODEL_DIR'] + '/' + me, 'w').write(me)
";

#[test]
fn hosts_in_namespaces_see_each_other_by_name() {
    let before = machine();
    let project = Project::new(MEETING);
    let finished = project.train(&["--hosts", "3", "--host-network", "namespaces"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        sorted(&finished.stdout),
        [
            "algo-1 | algo-1 algo-1 eth0 ['eth0', 'lo']",
            "algo-1 | met algo-2 True",
            "algo-1 | met algo-3 True",
            "algo-2 | algo-2 algo-2 eth0 ['eth0', 'lo']",
            "algo-2 | welcome",
            "algo-3 | algo-3 algo-3 eth0 ['eth0', 'lo']",
            "algo-3 | welcome",
        ],
        "{}",
        finished.stderr
    );
    for text in [
        "\n  hosts: 3, in network namespaces (no way to the outside)\n",
        "\n  hint:  ",
        "`--host-network loopback`",
        "\nCompleted in ",
        "\n  algo-1   exit 0 ",
        "\n  algo-3   exit 0 ",
    ] {
        assert!(
            finished.stderr.contains(text),
            "{text}: {}",
            finished.stderr
        );
    }
    let names = ["algo-1", "algo-2", "algo-3"];
    let model: Vec<_> = project.archive("model.tar.gz").into_iter().collect();
    assert_eq!(model, names.map(|name| (name.to_owned(), name.to_owned())));
    for name in names {
        let resources = project.resources(name);
        assert_eq!(resources["current_host"], name);
        assert_eq!(resources["hosts"], serde_json::json!(names));
        assert_eq!(resources["network_interface_name"], "eth0");
    }
    assert_eq!(machine(), before, "nothing is left of it");
}

#[test]
fn hosts_on_loopback_are_called_by_their_addresses() {
    let project = Project::new(MEETING);
    let finished = project.train(&["--hosts", "2", "--host-network", "loopback"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let lines = sorted(&finished.stdout);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("algo-1 | 127.0.1.1 "), "{lines:?}");
    assert_eq!(lines[1], "algo-1 | met 127.0.1.2 True");
    assert!(
        lines[2].starts_with("algo-2 | 127.0.1.2 ") && lines[2].contains(" lo ["),
        "{lines:?}"
    );
    assert!(
        finished
            .stderr
            .contains("\n  hosts: 2, on loopback addresses\n"),
        "{}",
        finished.stderr
    );
    let resources = project.resources("algo-2");
    assert_eq!(resources["current_host"], "127.0.1.2");
    assert_eq!(
        resources["hosts"],
        serde_json::json!(["127.0.1.1", "127.0.1.2"])
    );
    assert_eq!(resources["network_interface_name"], "lo");
}

#[test]
fn an_ordinary_user_has_hosts_in_namespaces_too() {
    let project = Project::of_nobody();
    let script = "echo \"$(id -u) $(cat /proc/sys/kernel/hostname) $(getent hosts algo-2) $(cat /sys/class/net/lo/mtu >/dev/null; grep -c eth0: /proc/net/dev)\"; : >\"$SM_MODEL_DIR/$SM_CURRENT_HOST\"";
    let words = [
        "--hosts",
        "2",
        "--host-network",
        "namespaces",
        "--",
        "/bin/sh",
        "-c",
        script,
    ];
    let finished = project.train_as_nobody(&words);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let lines: Vec<String> = sorted(&finished.stdout)
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "algo-1 | 65534 algo-1 10.0.0.2 algo-2 1",
            "algo-2 | 65534 algo-2 10.0.0.2 algo-2 1",
        ],
        "{}",
        finished.stderr
    );
    assert_eq!(project.archive("model.tar.gz").len(), 2);
}

#[test]
fn where_the_kernel_refuses_loopback_is_taken_and_the_reason_said() {
    // In a user namespace that may hold no other, who has no rights has no way to any namespace.
    let project = Project::new("");
    let wrapper = [
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "/bin/sh",
        "-c",
        "echo 0 >/proc/sys/user/max_user_namespaces && exec /usr/bin/setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"",
        "sh",
    ];
    let start = |words: &[&str]| {
        let mut command = project.command(&wrapper, words);
        command.env("PATH", "/usr/bin:/bin");
        Proc::start_command(command).wait()
    };
    let finished = start(&[
        "--hosts",
        "2",
        "--",
        "/bin/sh",
        "-c",
        "echo \"$SM_CURRENT_HOST\"",
    ]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        sorted(&finished.stdout),
        ["algo-1 | 127.0.1.1", "algo-2 | 127.0.1.2"]
    );
    let line = "  hosts: 2, on loopback addresses: the kernel refuses user namespaces (";
    assert!(finished.stderr.contains(line), "{}", finished.stderr);
    let n_runs = fs::read_dir(project.folder.path().join(".optml/runs"))
        .unwrap()
        .count();

    let finished = start(&["--hosts", "2", "--host-network", "namespaces", "--", "true"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    for text in [
        "error: put hosts in network namespaces: the kernel refuses user namespaces (",
        "\nhint: ",
        "`--host-network loopback`",
    ] {
        assert!(
            finished.stderr.contains(text),
            "{text}: {}",
            finished.stderr
        );
    }
    let after = fs::read_dir(project.folder.path().join(".optml/runs"))
        .unwrap()
        .count();
    assert_eq!(after, n_runs, "nothing was run");
}

/// Waits for a signal for ever, and says that it came. The host that is told to fail does so when all others are up.
const WAITING: &str = r"
import os, signal, sys, time
me, base = os.environ['SM_CURRENT_HOST'], os.path.dirname(os.path.dirname(os.environ['SM_MODEL_DIR']))
def stop(number, frame):
    os.write(1, b'asked %d\n' % number)
    if os.environ.get('SM_HP_STUBBORN') != '1':
        open(os.environ['SM_MODEL_DIR'] + '/' + me, 'w').write('kept')
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
open(base + '/up-' + me, 'w').close()
print('up', os.getpid(), flush=True)
while True:
    if me == os.environ.get('SM_HP_FAILS') and sum(name.startswith('up-') for name in os.listdir(base)) == 3:
        raise ValueError('no more on ' + me)
    time.sleep(0.01)
";

/// `up` and the process id, of every host.
#[track_caller]
fn pids(process: &Proc, n_hosts: usize) -> Vec<String> {
    let pid = |_| {
        let line = process.stdout_line(" | up ");
        line.rsplit(' ').next().unwrap().to_owned()
    };
    (0..n_hosts).map(pid).collect()
}

#[test]
fn a_host_that_fails_stops_the_others() {
    for (network, fails) in [("namespaces", "algo-2"), ("loopback", "127.0.1.2")] {
        let project = Project::new(WAITING);
        let set = format!("fails={fails}");
        let words = ["--hosts", "3", "--host-network", network, "--set", &set];
        let process = project.start(&words);
        let pids = pids(&process, 3);
        let finished = process.wait();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        for text in ["algo-1 | asked 15\n", "algo-3 | asked 15\n"] {
            assert!(finished.stdout.contains(text), "{}", finished.stdout);
        }
        let cause = format!("ValueError: no more on {fails}");
        for text in [
            "algo-2 | Traceback",
            "error: training failed on algo-2 (exit 1) after ",
            &cause,
            "/algo-2/output/failure",
            "\n  algo-1   exit 0 ",
            "\n  algo-2   exit 1 ",
            "asked to stop, because another had failed\n",
        ] {
            assert!(
                finished.stderr.contains(text),
                "{text}: {}",
                finished.stderr
            );
        }
        assert!(!project.latest().join("artifacts/model.tar.gz").exists());
        for pid in pids {
            assert!(!is_alive(&pid), "{pid}");
        }
    }
}

#[test]
fn a_stop_signal_reaches_every_host_once() {
    for (signal, number, name) in [(Signal::TERM, 15, "SIGTERM"), (Signal::INT, 2, "SIGINT")] {
        let project = Project::new(WAITING);
        let process = project.start(&["--hosts", "3"]);
        let pids = pids(&process, 3);
        process.signal(signal);
        let finished = process.wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let asked: Vec<_> = sorted(&finished.stdout)
            .into_iter()
            .filter(|line| line.contains("asked"))
            .map(str::to_owned)
            .collect();
        assert_eq!(
            asked,
            ["algo-1", "algo-2", "algo-3"].map(|host| format!("{host} | asked {number}"))
        );
        let text = format!("\nStopped by {name} after ");
        assert!(finished.stderr.contains(&text), "{}", finished.stderr);
        let model = project.archive("model.tar.gz");
        assert_eq!(
            model.len(),
            3,
            "a stopped run that ends well leaves its model"
        );
        for pid in pids {
            assert!(!is_alive(&pid), "{pid}");
        }
    }
}

#[test]
fn a_second_stop_signal_ends_faster() {
    let project = Project::new(WAITING);
    let process = project.start(&["--hosts", "2", "--set", "stubborn=1"]);
    let pids = pids(&process, 2);
    process.signal(Signal::TERM);
    process.stdout_line("asked");
    process.stdout_line("asked");
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    for pid in pids {
        assert!(!is_alive(&pid), "{pid}");
    }
}

#[test]
fn nothing_outlives_a_kill_of_the_outermost_process() {
    let before = machine();
    let project = Project::new(WAITING);
    let process = project.start(&["--hosts", "2", "--host-network", "namespaces"]);
    let pids = pids(&process, 2);
    let namespaces: Vec<_> = pids
        .iter()
        .map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap())
        .collect();
    assert_ne!(namespaces[0], namespaces[1]);
    process.signal(Signal::KILL);
    assert_eq!(process.wait().signal, Some(9));
    for pid in &pids {
        wait_until_gone(pid);
    }
    // No process is left in them, and nothing else keeps a namespace: links and mounts are gone with it.
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let link = fs::read_link(entry.path().join("ns/net"));
        assert!(
            !link.is_ok_and(|link| namespaces.contains(&link)),
            "{entry:?}"
        );
    }
    assert_eq!(machine(), before);
}

#[test]
fn an_ordinary_users_hosts_die_with_the_outermost_process() {
    let project = Project::of_nobody();
    let script = "echo \"up $$\"; while :; do /bin/sleep 0.1; done";
    let wrapper = [
        "/usr/bin/setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let words = [
        "--hosts",
        "2",
        "--host-network",
        "namespaces",
        "--",
        "/bin/sh",
        "-c",
        script,
    ];
    let mut command = project.command(&wrapper, &words);
    command.env("PATH", "/usr/bin:/bin");
    let process = Proc::start_command(command);
    let pids = pids(&process, 2);
    process.signal(Signal::KILL);
    assert_eq!(process.wait().signal, Some(9));
    for pid in &pids {
        wait_until_gone(pid);
    }
}

#[test]
fn what_the_hosts_disagree_on_is_told() {
    let script = "
import os, time
me, model, data = os.environ['SM_CURRENT_HOST'], os.environ['SM_MODEL_DIR'], os.environ['SM_OUTPUT_DATA_DIR']
rank = int(me[-1])
def write(path, text, time):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'w').write(text)
    os.utime(path, (time, time))
write(model + '/same', 'weights', 1000)
write(model + '/deep/own-' + me, me, 1000)
write(model + '/deep/shared', 'that of ' + me, 1000 - rank)
write(data + '/plot', 'that of ' + me, 1000)
";
    let project = Project::new(script);
    let finished = project.train(&["--hosts", "3"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let expect = |files: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()))
            .collect()
    };
    assert_eq!(
        project.archive("model.tar.gz"),
        expect(&[
            ("deep", ""),
            ("deep/own-algo-1", "algo-1"),
            ("deep/own-algo-2", "algo-2"),
            ("deep/own-algo-3", "algo-3"),
            ("deep/shared", "that of algo-1"),
            ("same", "weights"),
        ])
    );
    assert_eq!(
        project.archive("output.tar.gz"),
        expect(&[("plot", "that of algo-3")])
    );
    for text in [
        "warning: model.tar.gz: `deep/shared` differs between algo-2, algo-3 and algo-1: that of algo-1 is kept",
        "warning: output.tar.gz: `plot` differs between algo-1, algo-2 and algo-3: that of algo-3 is kept",
    ] {
        assert!(
            finished.stderr.contains(text),
            "{text}: {}",
            finished.stderr
        );
    }
    assert_eq!(finished.stderr.matches(" differs between ").count(), 2);
}

#[test]
fn the_tree_is_at_opt_ml_where_there_is_such_a_folder() {
    // A folder of that name, in a mount namespace that is the test's alone.
    let project = Project::new("open('/opt/ml/model/m', 'w').write('x')\n");
    let wrapper = [
        "/usr/bin/unshare",
        "--mount",
        "/bin/sh",
        "-c",
        "mount -t tmpfs none /opt && mkdir /opt/ml && \"$@\"; code=$?; ls -A /opt/ml; exit $code",
        "sh",
    ];
    let words = ["--hosts", "2", "--host-network", "namespaces"];
    let finished = Proc::start_command(project.command(&wrapper, &words)).wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), ""),
        "{}",
        finished.stderr
    );
    for host in ["algo-1", "algo-2"] {
        let written = project.latest().join(host).join("model/m");
        assert_eq!(fs::read_to_string(written).unwrap(), "x");
    }
    assert!(!finished.stderr.contains("warning"), "{}", finished.stderr);
}

#[test]
fn a_number_of_hosts_that_cannot_be_is_refused() {
    let project = Project::new("print('never')");
    for hosts in ["0", "65", "two"] {
        let finished = project.train(&["--hosts", hosts]);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(3), ""),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.contains("OPTML_LOCAL_HOSTS"),
            "{}",
            finished.stderr
        );
    }
    let finished = project.train(&["--hosts", "2", "--host-network", "bridge"]);
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(!project.folder.path().join(".optml").exists());
}

#[test]
fn a_single_host_is_on_the_machines_own_network() {
    let project = Project::new(
        "import os\nprint(os.environ['SM_CURRENT_HOST'], os.readlink('/proc/self/ns/net'), os.environ.get('OPTML_LOCAL_HOSTS'))",
    );
    let finished = project.train(&["--hosts", "1", "--host-network", "namespaces"]);
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(
        (finished.code, finished.stdout),
        (Some(0), format!("algo-1 {} None\n", own.display())),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("hosts:"), "{}", finished.stderr);
}
