//! A running server for a test.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use optml_testkit::{Client, Finished, Proc, Response};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::rig::binary;

/// What is served, before it is: a folder with a model and code, variables, and words.
#[derive(Debug)]
pub(crate) struct Serving {
    folder: TempDir,
    variables: Vec<(String, String)>,
    words: Vec<String>,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) proc: Proc,
    pub(crate) address: SocketAddr,
    /// Its files: `model/`, `code/inference.py`.
    pub(crate) folder: TempDir,
}

impl Serving {
    /// `code/inference.py` with this source, beside an empty `model/`.
    pub(crate) fn functions(source: &str) -> Self {
        let serving = Self::empty();
        serving.file("model/code/inference.py", source)
    }

    /// Nothing but an empty `model/`.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("model")).unwrap();
        Self {
            folder,
            variables: Vec::new(),
            words: Vec::new(),
        }
        .variable("OPTML_PORT", "0")
        .variable("OPTML_HOST", "127.0.0.1")
        .variable("OPTML_WORKERS", "1")
    }

    /// One more file.
    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// One more variable; the last of a name counts.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(found, _)| found != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One variable less.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(found, _)| found != name);
        self
    }

    /// Words after `serve`.
    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.words
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its files, for another program to serve.
    pub(crate) fn into_folder(self) -> TempDir {
        self.folder
    }

    /// Starts it, and waits for its port, not for its model.
    #[track_caller]
    pub(crate) fn start(self) -> Served {
        let (folder, proc) = self.spawn();
        Served::of(proc, folder)
    }

    /// Starts it, and waits until `/ping` is 200.
    #[track_caller]
    pub(crate) fn ready(self) -> Served {
        let served = self.start();
        served.wait_ready();
        served
    }

    /// Runs it to its end, which is expected to come by itself.
    #[track_caller]
    pub(crate) fn fails(self) -> Finished {
        let (_folder, proc) = self.spawn();
        proc.wait()
    }

    #[track_caller]
    fn spawn(self) -> (TempDir, Proc) {
        let mut variables: Vec<(&str, &std::ffi::OsStr)> =
            vec![("SAGEMAKER_BASE_DIR", self.folder.path().as_os_str())];
        variables.extend(
            self.variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_ref())),
        );
        let words = ["serve".to_owned()].into_iter().chain(self.words);
        let mut command = Proc::command(binary(), words, &variables);
        command.current_dir(self.folder.path());
        (self.folder, Proc::start_command(command))
    }
}

impl Served {
    /// A new connection.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.client().request(method, path, headers, body)
    }

    /// `POST /invocations` with a content type.
    #[track_caller]
    pub(crate) fn invoke(&self, content_type: &str, body: &[u8]) -> Response {
        self.request(
            "POST",
            "/invocations",
            &[("Content-Type", content_type)],
            body,
        )
    }

    /// The status of `GET /ping`.
    #[track_caller]
    pub(crate) fn ping(&self) -> u16 {
        self.request("GET", "/ping", &[], b"").status
    }

    /// Waits until `/ping` is 200.
    #[track_caller]
    pub(crate) fn wait_ready(&self) {
        self.wait_for_ping(200);
    }

    /// Waits until `/ping` has this status.
    #[track_caller]
    pub(crate) fn wait_for_ping(&self, status: u16) {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let seen = self.ping();
            if seen == status {
                return;
            }
            assert!(Instant::now() < deadline, "/ping stays {seen}");
            // The state has no channel to wait on from outside; this only bounds how often is looked.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Sends SIGTERM, and waits for the end.
    #[track_caller]
    pub(crate) fn stop(self) -> Finished {
        self.proc.signal(Signal::TERM);
        self.proc.wait()
    }

    /// The process ids of the workers: children of the server.
    pub(crate) fn workers(&self) -> Vec<i32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.proc.id())).unwrap();
        let mut pids: Vec<i32> = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|children| {
                children
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse().ok())
                    .collect::<Vec<_>>()
            })
            .collect();
        pids.sort_unstable();
        pids
    }

    /// One of its files.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Waits until one of its files is there: handlers write them as signals.
    #[track_caller]
    pub(crate) fn wait_for_file(&self, path: &str) {
        let found = self.path(path);
        self.wait_until(&format!("{path} is there"), || found.exists());
    }

    /// Makes an empty file, which handlers wait for.
    #[track_caller]
    pub(crate) fn touch(&self, path: &str) {
        fs::write(self.path(path), "").unwrap();
    }

    /// Waits for what only looking again and again can tell.
    #[track_caller]
    #[expect(
        clippy::unused_self,
        reason = "what is waited for is about this server"
    )]
    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_so() {
            assert!(Instant::now() < deadline, "never: {what}");
            // This only bounds how often is looked.
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// A server that something else has started; waits for its port.
    #[track_caller]
    pub(crate) fn of(proc: Proc, folder: TempDir) -> Self {
        let line = proc.stderr_line("serving on http://");
        let address = line
            .rsplit("http://")
            .next()
            // In a log for machines a quote and a brace follow.
            .and_then(|address| address.trim_end_matches(['"', '}']).parse().ok())
            .unwrap_or_else(|| panic!("an address in {line:?}"));
        Self {
            proc,
            address,
            folder,
        }
    }

    /// As [`Self::stop`], but its files stay.
    #[track_caller]
    pub(crate) fn stop_and_keep_files(self) -> (Finished, TempDir) {
        self.proc.signal(Signal::TERM);
        (self.proc.wait(), self.folder)
    }
}
