//! The unsafe calls, each behind a safe function. Nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "system calls for which neither std nor rustix has a safe function"
)]

use std::{
    ffi::{CString, NulError, OsString},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::{OsStrExt, OsStringExt},
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{self, ExitStatus},
    ptr,
    sync::Arc,
};

use rustix::{
    io::FdFlags,
    process::{Pid, Signal},
    thread::UnshareFlags,
};

mod inherited;
mod region;

pub use inherited::inherited;
pub use region::SharedRegion;

/// What the kernel knows about a child that was reaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    pub(crate) status: ExitStatus,
    /// The largest resident set of the child and of what it waited for, in bytes.
    pub(crate) peak_rss_bytes: u64,
}

/// Tells the C library to look host names up in `/etc/hosts` and DNS only.
///
/// A static binary would otherwise load the name-service modules that `/etc/nsswitch.conf` lists, built for whatever
/// C library the image has, and can crash in them. Call it first thing in `main`.
pub fn use_static_name_services() {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    {
        unsafe extern "C" {
            fn __nss_configure_lookup(
                database: *const libc::c_char,
                services: *const libc::c_char,
            ) -> libc::c_int;
        }
        // SAFETY: both arguments are NUL-terminated and live for the whole program, and no other thread exists yet.
        // JUSTIFICATION: the C library offers no other way to say this.
        unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
    }
}

/// Unblocks every signal in the calling thread, and so in the threads it starts later.
///
/// A parent may have left us a blocked mask; our handlers would never run.
pub(crate) fn unblock_all_signals() -> io::Result<()> {
    // SAFETY: a signal set is plain data, and all zeroes is a valid one; sigemptyset makes it the empty one.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is a valid, exclusively borrowed signal set.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: `none` is initialised, and the old mask may be null when it isn't wanted.
    let code =
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code))
    }
}

/// Moves the calling thread into new namespaces.
pub(crate) fn unshare(namespaces: UnshareFlags) -> rustix::io::Result<()> {
    let namespaces = namespaces - UnshareFlags::FILES;
    // SAFETY: what can do harm is a table of descriptors of the thread's own, and that flag was taken away.
    // JUSTIFICATION: rustix marks the whole call for that one flag.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }
}

/// A program, its words and its environment in the form that execve takes, made before the fork.
#[derive(Debug)]
pub(crate) struct Image {
    program: CString,
    words: Strings,
    environment: Strings,
    /// What stays open. They live as long as the image, so their numbers are not given to anything else meanwhile.
    kept: Vec<OwnedFd>,
}

/// Strings, and the null-terminated array of pointers to them.
#[derive(Debug)]
struct Strings {
    pointers: Vec<*const libc::c_char>,
    /// What the pointers point to. Never touched again: moving the `Vec` does not move the bytes of its strings.
    _owned: Vec<CString>,
}

// SAFETY: the pointers point into heap memory that `_owned` keeps alive and that nobody changes.
// JUSTIFICATION: a closure that runs between fork and exec must be `Send`, and may not allocate the array itself.
unsafe impl Send for Strings {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Strings {}

impl Strings {
    fn new(strings: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, NulError> {
        let owned = strings
            .into_iter()
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>()?;
        let pointers = owned
            .iter()
            .map(|string| string.as_ptr())
            .chain([ptr::null()])
            .collect();
        Ok(Self {
            pointers,
            _owned: owned,
        })
    }
}

impl Image {
    /// `words`: the first is what the program is called.
    ///
    /// # Errors
    ///
    /// When one of the strings holds a NUL.
    pub(crate) fn new(
        program: &Path,
        words: impl IntoIterator<Item = OsString>,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Self, NulError> {
        let words = words.into_iter().map(OsString::into_vec);
        let variables = environment.into_iter().map(|(name, value)| {
            let mut variable = name.into_vec();
            variable.push(b'=');
            variable.extend_from_slice(value.as_bytes());
            variable
        });
        Ok(Self {
            program: CString::new(program.as_os_str().as_bytes())?,
            words: Strings::new(words)?,
            environment: Strings::new(variables)?,
            kept: Vec::new(),
        })
    }

    /// Lets the program inherit `descriptors`.
    pub(crate) fn keeping(mut self, descriptors: Vec<OwnedFd>) -> Self {
        self.kept = descriptors;
        self
    }

    /// Replaces this process. Returns only when it failed.
    pub(crate) fn execute(&self) -> io::Error {
        // SAFETY: the program is NUL-terminated, both arrays are null-terminated and point to NUL-terminated strings.
        // JUSTIFICATION: std calls execvp, which hands a file that the kernel can't run to a shell.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.words.pointers.as_ptr(),
                self.environment.pointers.as_ptr(),
            )
        };
        io::Error::last_os_error()
    }
}

/// Spawns a child (group, directory and streams as in `frame`; everything else from `image`) that the kernel kills when
/// the calling *thread* ends.
///
/// Call it from a thread that lives as long as the process.
pub(crate) fn spawn_tied_to_this_thread(
    frame: &mut process::Command,
    image: Arc<Image>,
) -> io::Result<Pid> {
    let parent = rustix::process::getpid();
    let become_program = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died between fork and prctl; then nobody would ever be told.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // The flag belongs to the descriptor, and those of the child are copies: ours stay closed to other children.
        for descriptor in &image.kept {
            rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Err(image.execute())
    };
    // SAFETY: the closure makes system calls and allocates nothing, so it is sound between fork and exec.
    // JUSTIFICATION: there is no other place from which a child can set its own death signal.
    unsafe { frame.pre_exec(become_program) };
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns"
    )]
    let child = frame.spawn()?;
    let id = i32::try_from(child.id()).expect("the kernel's process ids fit an i32");
    Ok(Pid::from_raw(id).expect("a spawned child has a positive process id"))
}

/// What [`peek`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peek {
    /// This process has no children. As the reaper of all descendants it then has none of those either.
    NoChildren,
    /// None has ended.
    NoneEnded,
    /// This one has ended and was not reaped.
    Ended(Pid),
}

/// Looks for a child that has ended, ours or an orphan. Reaps nothing.
pub(crate) fn peek() -> Peek {
    // SAFETY: siginfo_t is plain data for which all zeroes is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writes. WNOWAIT leaves the child waitable.
    // JUSTIFICATION: rustix's waitid gives no process id, and without one orphans can't be told from our own.
    let code = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if code != 0 {
        return Peek::NoChildren;
    }
    // SAFETY: waitid succeeded, so the SIGCHLD fields are set, or still zero: nothing has ended.
    Pid::from_raw(unsafe { info.si_pid() }).map_or(Peek::NoneEnded, Peek::Ended)
}

/// Takes the status of one ended child. `None`: it isn't ours, or hasn't ended.
pub(crate) fn reap(pid: Pid) -> Option<Reaped> {
    let mut status = 0;
    // SAFETY: rusage is plain data for which all zeroes is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let raw = pid.as_raw_nonzero().get();
    // SAFETY: both pointers are valid for writes for the length of the call.
    // JUSTIFICATION: std and rustix have no wait that also gives the child's resource use.
    let got = unsafe { libc::wait4(raw, &raw mut status, libc::WNOHANG, &raw mut usage) };
    (got == raw).then(|| Reaped {
        status: ExitStatus::from_raw(status),
        // ru_maxrss is in KiB on Linux.
        peak_rss_bytes: u64::try_from(usage.ru_maxrss)
            .unwrap_or(0)
            .saturating_mul(1024),
    })
}
