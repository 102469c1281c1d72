//! A container without an engine: namespaces, a root folder that holds only what was put there, a user, a process 1.
//!
//! It is made by `unshare`, `mount` and `chroot`, in namespaces of its own that end with it; nothing of it is seen
//! outside. Making it takes root.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal};

use crate::{Finished, OptMl, Proc};

/// The root folder of containers. It begins with nothing but mount points: `/proc`, `/dev/null`, `/opt/ml`.
#[derive(Debug)]
pub struct Image {
    root: tempfile::TempDir,
    host_folders: Vec<PathBuf>,
}

/// What of a container can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// The root folder and the tree.
    Everything,
    /// The tree below `/opt/ml`.
    Tree,
    /// `/opt/ml/model` and `/opt/ml/output`.
    ModelAndOutput,
}

/// How to run a container: by default as root, on a read-only root folder, with `/proc` and nothing of a job.
#[derive(Debug)]
pub struct Container<'a> {
    /// What it finds below `/`.
    pub image: &'a Image,
    /// What it finds at `/opt/ml`; without one the folder is missing.
    pub tree: Option<&'a OptMl>,
    /// Where it can write.
    pub writable: Writable,
    /// The user and group, by number; the tree is given to them.
    pub user: (u32, u32),
    /// Its whole environment but for `PATH=/bin`.
    pub variables: &'a [(&'a str, &'a str)],
    /// Lines of shell for the namespaces' root, last before the root folder changes; it is `$IMAGE` there.
    pub prelude: &'a str,
    /// Words to start it through, such as `env --block-signal`.
    pub wrapper: &'a [&'a str],
}

/// A running container.
#[derive(Debug)]
pub struct Contained {
    /// `unshare`, which waits for process 1 and ends as it does.
    parent: Proc,
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}

impl Image {
    /// An image of nothing.
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))
            .expect("a folder of our own");
        let image = Self {
            root,
            host_folders: Vec::new(),
        };
        image.folder("/proc").file("/dev/null", "")
    }

    /// Adds a program, and the libraries that it is linked with: none for a static one.
    #[must_use]
    pub fn program(self, program: &Path, inside: &str) -> Self {
        self.copy(program, inside);
        for library in libraries(program) {
            self.copy(
                &library,
                library.to_str().expect("libraries have plain names"),
            );
        }
        self
    }

    /// Adds busybox as `/bin/busybox`, and as `/bin/NAME` for each of `names`.
    #[must_use]
    pub fn busybox(self, names: &[&str]) -> Self {
        names
            .iter()
            .fold(self.program(busybox(), "/bin/busybox"), |image, name| {
                image.link(&format!("/bin/{name}"), "busybox")
            })
    }

    /// Adds the machine's Python as `/bin/python3`: interpreter, libraries, and its standard library.
    #[must_use]
    pub fn python(mut self) -> Self {
        // The name on PATH may be a script that only looks for the interpreter, or lead into a virtual environment.
        let where_it_is = "import os, sys, sysconfig\nprint(os.path.realpath(sys.executable))\n\
             print(sysconfig.get_path('stdlib'))\n\
             print(sysconfig.get_path('platstdlib', vars={'platbase': sys.base_exec_prefix}))";
        let told = Proc::start("/usr/bin/env", ["python3", "-c", where_it_is], &[]).wait();
        assert_eq!(told.code, Some(0), "ask python3: {}", told.stderr);
        let mut lines = told.stdout.lines().map(str::to_owned);
        let program = lines.next().expect("the path of the interpreter");
        self.host_folders.extend(lines.map(PathBuf::from));
        self.host_folders.dedup();
        for folder in &self.host_folders {
            let inside = folder.to_str().expect("Python lives in a plain folder");
            fs::create_dir_all(self.path(inside)).expect("a writable temporary folder");
        }
        self.program(Path::new(&program), &program)
            .link("/bin/python3", &program)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, inside: &str, target: &str) -> Self {
        std::os::unix::fs::symlink(target, self.place(inside))
            .expect("a writable temporary folder");
        self
    }

    /// Adds an empty folder, to mount something at.
    #[must_use]
    pub fn folder(self, inside: &str) -> Self {
        fs::create_dir_all(self.path(inside)).expect("a writable temporary folder");
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, inside: &str, content: &str) -> Self {
        fs::write(self.place(inside), content).expect("a writable temporary folder");
        self
    }

    fn copy(&self, from: &Path, inside: &str) {
        let to = self.place(inside);
        fs::copy(from, &to)
            .unwrap_or_else(|error| panic!("copy {} to {}: {error}", from.display(), to.display()));
    }

    /// Where a file of the image goes; its folder is made.
    fn place(&self, inside: &str) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a path below the root"))
            .expect("a writable temporary folder");
        path
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside.trim_start_matches('/'))
    }
}

impl<'a> Container<'a> {
    /// A container of this image, as root, on a read-only root folder, without a tree.
    pub fn of(image: &'a Image) -> Self {
        Self {
            image,
            tree: None,
            writable: Writable::Tree,
            user: (0, 0),
            variables: &[],
            prelude: "",
            wrapper: &[],
        }
    }

    /// The same with a job's tree at `/opt/ml`.
    pub fn with_job(image: &'a Image, tree: &'a OptMl) -> Self {
        Self {
            tree: Some(tree),
            ..Self::of(image)
        }
    }

    /// Starts `words` as its process 1.
    #[track_caller]
    pub fn start(&self, words: &[&str]) -> Contained {
        assert!(
            rustix::process::geteuid().is_root(),
            "a container is made by root: run the tests as root"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork"]);
        command.args(["sh", "-euc", &self.setup(), "container"]);
        command.args(self.wrapper);
        command.args(["env", "-i", "PATH=/bin"]);
        command.args(
            self.variables
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        let (user, group) = self.user;
        command.args([
            "/usr/sbin/chroot",
            &format!("--userspec=+{user}:+{group}"),
            "--groups=",
        ]);
        command.arg(self.image.root.path()).args(words);
        command.env("IMAGE", self.image.root.path());
        if let Some(tree) = self.tree {
            fs::create_dir_all(self.image.path("/opt/ml")).expect("a writable temporary folder");
            command.env("TREE", tree.base());
        }
        Contained {
            parent: Proc::start_command(command),
        }
    }

    /// Starts `words`, to their end.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Finished {
        self.start(words).wait()
    }

    /// The shell script that furnishes the namespaces.
    fn setup(&self) -> String {
        let mut lines = vec![
            r#"mount --bind "$IMAGE" "$IMAGE""#.to_owned(),
            r#"mount -t proc proc "$IMAGE/proc""#.to_owned(),
            r#"mount --bind /dev/null "$IMAGE/dev/null""#.to_owned(),
        ];
        for folder in &self.image.host_folders {
            let folder = folder.display();
            lines.push(format!(
                r#"mount --bind "{folder}" "$IMAGE{folder}"; mount -o remount,bind,ro "$IMAGE{folder}""#
            ));
        }
        if self.tree.is_some() {
            let (user, group) = self.user;
            lines.push(format!(r#"chown -R {user}:{group} "$TREE""#));
            lines.push(r#"mount --bind "$TREE" "$IMAGE/opt/ml""#.to_owned());
            if self.writable == Writable::ModelAndOutput {
                lines.push(r#"mount -o remount,bind,ro "$IMAGE/opt/ml""#.to_owned());
                for folder in ["model", "output"] {
                    lines.push(format!(
                        r#"mount --bind "$TREE/{folder}" "$IMAGE/opt/ml/{folder}""#
                    ));
                }
            }
        }
        if self.writable != Writable::Everything {
            lines.push(r#"mount -o remount,bind,ro "$IMAGE""#.to_owned());
        }
        lines.push(self.prelude.to_owned());
        lines.push(r#"exec "$@""#.to_owned());
        lines.join("\n")
    }
}

impl Contained {
    /// Waits for a line of standard output that contains `text`, and returns it.
    #[track_caller]
    pub fn stdout_line(&self, text: &str) -> String {
        self.parent.stdout_line(text)
    }

    /// Sends a signal to process 1, as an engine does.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let init = Pid::from_raw(self.init()).expect("process ids are positive");
        rustix::process::kill_process(init, signal).expect("process 1 runs");
    }

    /// Every process in the container, by its number outside.
    #[track_caller]
    pub fn members(&self) -> Vec<i32> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
        let ours = namespace(&self.init().to_string()).expect("process 1 runs");
        let all = fs::read_dir("/proc")
            .expect("a machine with /proc")
            .flatten();
        all.filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|pid| namespace(pid).is_ok_and(|other| other == ours))
            .filter_map(|pid| pid.parse().ok())
            .collect()
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(self) -> Finished {
        self.parent.wait()
    }

    /// The number of process 1 outside.
    #[track_caller]
    fn init(&self) -> i32 {
        let parent = self.parent.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
            .expect("unshare runs as long as process 1");
        children
            .split_ascii_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok())
            .expect("unshare has one child, process 1")
    }
}

/// The machine's busybox: many small programs in one, which does what the name says that it is called by.
#[track_caller]
pub fn busybox() -> &'static Path {
    ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.exists())
        .expect("busybox is installed (Debian's package `busybox-static`)")
}

/// What the loader would map for a program, and the loader.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Proc::start("/usr/bin/env", [Path::new("ldd"), program], &[]).wait();
    let is_static = listed.stderr.contains("not a dynamic executable");
    assert!(
        listed.code == Some(0) || is_static,
        "ldd {}: {}",
        program.display(),
        listed.stderr
    );
    listed
        .stdout
        .split_ascii_whitespace()
        .filter(|word| word.starts_with('/') && !word.ends_with(':'))
        .map(PathBuf::from)
        .collect()
}
