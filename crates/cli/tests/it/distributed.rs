//! Jobs on many hosts: the real binary on each of some hosts that are made of namespaces, with engines that exist.

mod mpi;
mod native;
mod schedulers;
mod together;
mod torchrun;

use std::{
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use optml_testkit::{Finished, Hosts, OptMl, Proc};
use rustix::process::Signal;
use serde_json::Value;

use crate::rig::binary;

/// Where each host has its tree, as on the platform all of them have it in one place.
const BASE: &str = "/srv";
/// Nothing in a job may take longer: several of them share two cores.
const DEADLINE: Duration = Duration::from_secs(100);

/// What every host of a job has: a tree, and variables.
struct Job {
    hosts: Hosts,
    trees: Vec<OptMl>,
    /// By host.
    variables: Vec<Vec<(String, String)>>,
}

/// A job that has been started.
struct Running {
    job: Job,
    /// By host.
    processes: Vec<Proc>,
}

/// A job that has ended on all hosts.
struct Ended {
    job: Job,
    /// By host.
    finished: Vec<Finished>,
}

impl Job {
    /// So many hosts, each with a tree that `prepare` has filled.
    #[track_caller]
    fn new(n_hosts: u8, prepare: impl Fn(OptMl) -> OptMl) -> Self {
        Self::on(Hosts::new(n_hosts), n_hosts, prepare)
    }

    #[track_caller]
    fn on(hosts: Hosts, n_hosts: u8, prepare: impl Fn(OptMl) -> OptMl) -> Self {
        let names: Vec<_> = (1..=n_hosts).map(|host| hosts.name(host)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let trees: Vec<_> = names
            .iter()
            .map(|name| {
                let tree = OptMl::new().hosts(&names).current_host(name);
                let tree = prepare(tree.network_interface("eth0"));
                for folder in ["tmp", "home"] {
                    fs::create_dir(tree.path(folder)).unwrap();
                }
                tree
            })
            .collect();
        let job = Self {
            variables: vec![Vec::new(); trees.len()],
            hosts,
            trees,
        };
        for host in 1..=n_hosts {
            let tree = job.tree(host).base().to_str().unwrap();
            job.run_on(host, "mount", &["--bind", tree, BASE]);
        }
        // What a job leaves in the folders is seen.
        job.variable("SAGEMAKER_BASE_DIR", BASE)
            .variable("TMPDIR", &format!("{BASE}/tmp"))
            .variable("HOME", &format!("{BASE}/home"))
    }

    /// Runs a program of the machine on a host, as root of that host.
    #[track_caller]
    fn run_on(&self, host: u8, program: &str, words: &[&str]) {
        let finished = self.hosts.start(host, program, words, &[]).wait();
        assert_eq!(finished.code, Some(0), "{program}: {}", finished.stderr);
    }

    /// Sets a variable on all hosts.
    fn variable(mut self, name: &str, value: &str) -> Self {
        for host in 1..=self.n_hosts() {
            self = self.variable_on(host, name, value);
        }
        self
    }

    /// Sets a variable on one host.
    fn variable_on(mut self, host: u8, name: &str, value: &str) -> Self {
        let own = &mut self.variables[usize::from(host) - 1];
        own.retain(|(other, _)| other != name);
        own.push((name.to_owned(), value.to_owned()));
        self
    }

    fn n_hosts(&self) -> u8 {
        u8::try_from(self.trees.len()).unwrap()
    }

    fn tree(&self, host: u8) -> &OptMl {
        &self.trees[usize::from(host) - 1]
    }

    /// `optml WORDS…` on one host.
    #[track_caller]
    fn start_on(&self, host: u8, words: &[&str]) -> Proc {
        let variables = &self.variables[usize::from(host) - 1];
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), OsStr::new(value)))
            .collect();
        let binary = binary();
        let process = self
            .hosts
            .start(host, Path::new(&binary), words, &variables);
        process.within(DEADLINE)
    }

    /// `optml WORDS…` on each.
    #[track_caller]
    fn start_with(self, words: &[&str]) -> Running {
        let processes = (1..=self.n_hosts()).map(|host| self.start_on(host, words));
        Running {
            processes: processes.collect(),
            job: self,
        }
    }

    #[track_caller]
    fn start(self) -> Running {
        self.start_with(&["train"])
    }

    /// To its end.
    #[track_caller]
    fn train(self) -> Ended {
        self.start().wait()
    }

    /// Nothing of the job is left: no process on any host, no file of ours. What Open MPI leaves when it is killed is its
    /// own.
    #[track_caller]
    fn check_nothing_is_left(&self) {
        for (host, tree) in (1..).zip(&self.trees) {
            self.check_nothing_runs(host);
            for folder in ["tmp", "home"] {
                let mut left = files_below(&tree.path(folder));
                left.retain(|file| !file.components().any(is_of_open_mpi));
                assert!(left.is_empty(), "host {host}: {left:?}");
            }
        }
    }

    /// The end of a process that is not our child is seen a moment late.
    #[track_caller]
    fn check_nothing_runs(&self, host: u8) {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let members = self.hosts.members(host);
            if members.is_empty() {
                return;
            }
            let words: Vec<_> = members.iter().map(|pid| command_line(*pid)).collect();
            assert!(Instant::now() < until, "host {host}: {words:?}");
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Running {
    fn on(&self, host: u8) -> &Proc {
        &self.processes[usize::from(host) - 1]
    }

    fn signal_all(&self, signal: Signal) {
        for process in &self.processes {
            process.signal(signal);
        }
    }

    /// Every host to its end.
    #[track_caller]
    fn wait(self) -> Ended {
        let mut finished = Vec::new();
        for process in self.processes {
            finished.push(process.wait());
        }
        Ended {
            job: self.job,
            finished,
        }
    }
}

impl Ended {
    fn on(&self, host: u8) -> &Finished {
        &self.finished[usize::from(host) - 1]
    }

    fn codes(&self) -> Vec<Option<i32>> {
        self.finished.iter().map(|host| host.code).collect()
    }

    /// All that our own lines on standard error say, with whose they are.
    fn log(&self) -> String {
        let hosts = (1..).zip(&self.finished);
        let blocks = hosts.map(|(host, finished)| format!("--- host {host}\n{}", finished.stderr));
        blocks.collect::<Vec<_>>().join("\n")
    }

    /// What a host reports to the platform: short enough in any case.
    #[track_caller]
    fn report(&self, host: u8) -> String {
        let report = self.job.tree(host).read("output/failure");
        assert!(report.len() <= 1024, "{} bytes", report.len());
        report
    }

    /// The same in full.
    #[track_caller]
    fn full_report(&self, host: u8) -> Value {
        let text = self.job.tree(host).read("output/failure.json");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// All hosts have ended well, and nothing of the job is left.
    #[track_caller]
    fn check_success(&self) {
        let well = vec![Some(0); self.finished.len()];
        assert_eq!(self.codes(), well, "{}", self.log());
        for (host, tree) in (1..).zip(&self.job.trees) {
            let (success, failure) = (tree.path("output/success"), tree.path("output/failure"));
            assert!(success.exists() && !failure.exists(), "host {host}");
        }
        self.job.check_nothing_is_left();
        for tree in &self.job.trees {
            let left = files_below(&tree.path("tmp"));
            assert!(left.is_empty(), "{left:?}");
        }
    }

    /// All hosts have ended with one code, and report what begins with the first of these texts and contains all.
    #[track_caller]
    fn check_failure(&self, code: i32, wanted: &[&str]) {
        let all = vec![Some(code); self.finished.len()];
        assert_eq!(self.codes(), all, "{}", self.log());
        for (host, _) in (1..).zip(&self.finished) {
            self.check_report(host, wanted);
        }
    }

    #[track_caller]
    fn check_report(&self, host: u8, wanted: &[&str]) {
        let report = self.report(host);
        assert!(
            report.starts_with(wanted[0]),
            "host {host}: {report}\n{}",
            self.log()
        );
        for text in wanted {
            assert!(
                report.contains(text),
                "host {host}: no {text:?} in {report}\n{}",
                self.log()
            );
        }
    }
}

fn is_of_open_mpi(part: Component<'_>) -> bool {
    part.as_os_str().as_encoded_bytes().starts_with(b"ompi.")
}

/// Every file and socket below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// The words of a process; empty when it has ended.
fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
