//! Why a program could not be started, said so that it can be mended.
//!
//! The kernel answers with one number, and the same number for different faults: "no such file" is also what a script
//! with Windows line ends gets. The file is looked at to tell them apart.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use crate::signals::StopSignal;

#[cfg(test)]
mod tests;

/// A program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("start `{}`: {kind}", program.display())]
pub struct SpawnError {
    /// The program.
    pub program: PathBuf,
    /// The reason.
    pub kind: SpawnErrorKind,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the messages say what the variants and their fields are"
)]
pub enum SpawnErrorKind {
    #[error("no such file")]
    Missing,
    #[error("the working directory `{}` does not exist or cannot be entered", .0.display())]
    Directory(PathBuf),
    #[error("its first line names the interpreter `{interpreter}`, which does not exist")]
    InterpreterMissing { interpreter: String },
    #[error(
        "its first line ends with a Windows line end, so the kernel looks for an interpreter called `{interpreter}\\r`"
    )]
    CrlfShebang { interpreter: String },
    #[error("it needs the loader `{loader}`, which this image does not have")]
    LoaderMissing { loader: String },
    #[error("it is built for {program}, and this machine is {machine}")]
    WrongArchitecture {
        program: String,
        machine: &'static str,
    },
    #[error("it is a directory")]
    IsDirectory,
    #[error("it is not executable (mode {mode:04o})")]
    NotExecutable { mode: u32 },
    #[error("this user may not run it")]
    PermissionDenied,
    #[error("it is empty")]
    Empty,
    #[error("it is neither a program nor a script with a `#!` line")]
    NoFormat,
    #[error("its arguments and environment are larger than the kernel accepts ({n_bytes} bytes)")]
    TooLarge { n_bytes: usize },
    #[error("another process has it open for writing")]
    Busy,
    #[error("the limit on processes is reached, or memory is short")]
    NoResources,
    #[error("an argument or variable holds a NUL character")]
    Nul,
    #[error("{} had already asked this process to end", .0.name())]
    Stopping(StopSignal),
    #[error("everything that this process has started is being stopped")]
    StoppingAll,
    #[error("{0}")]
    Os(#[source] io::Error),
}

impl SpawnError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let file = self.program.display();
        Some(match &self.kind {
            SpawnErrorKind::Missing => format!("check that the image holds `{file}`, and the spelling of its name"),
            SpawnErrorKind::InterpreterMissing { interpreter } => {
                format!("install `{interpreter}` in the image, or name another interpreter in the first line of `{file}`")
            }
            SpawnErrorKind::CrlfShebang { .. } => format!("convert the file: `sed -i 's/\\r$//' {file}`"),
            SpawnErrorKind::LoaderMissing { .. } => {
                "use an image with the C library that the program was built for, or build it statically".to_owned()
            }
            SpawnErrorKind::WrongArchitecture { machine, .. } => format!("build it for {machine}"),
            SpawnErrorKind::NotExecutable { .. } => format!("`chmod +x {file}`"),
            SpawnErrorKind::NoFormat => format!("begin `{file}` with a line such as `#!/bin/sh`"),
            SpawnErrorKind::Busy => "finish writing the file before it is started".to_owned(),
            SpawnErrorKind::NoResources => "raise the limit on processes (`ulimit -u`, or the container's)".to_owned(),
            _ => return None,
        })
    }

    pub(crate) fn diagnose(
        program: &Path,
        directory: Option<&Path>,
        n_bytes: usize,
        error: io::Error,
    ) -> Self {
        let absolute = match directory {
            Some(directory) => directory.join(program),
            None => program.to_owned(),
        };
        let kind = match error.raw_os_error() {
            _ if directory.is_some_and(|directory| !directory.is_dir()) => {
                SpawnErrorKind::Directory(directory.unwrap_or(program).to_owned())
            }
            Some(libc::ENOENT) => not_found(&absolute),
            Some(libc::EACCES) => denied(&absolute),
            Some(libc::ENOEXEC | libc::ELIBBAD) => no_format(&absolute),
            Some(libc::E2BIG) => SpawnErrorKind::TooLarge { n_bytes },
            Some(libc::ETXTBSY) => SpawnErrorKind::Busy,
            Some(libc::EAGAIN | libc::ENOMEM) => SpawnErrorKind::NoResources,
            None if error.kind() == io::ErrorKind::InvalidInput => SpawnErrorKind::Nul,
            _ => SpawnErrorKind::Os(error),
        };
        Self {
            program: program.to_owned(),
            kind,
        }
    }
}

/// The file, or what it names as its interpreter or loader, does not exist.
fn not_found(program: &Path) -> SpawnErrorKind {
    let Ok(head) = head(program) else {
        return SpawnErrorKind::Missing;
    };
    if let Some((interpreter, crlf)) = shebang(&head) {
        return if crlf {
            SpawnErrorKind::CrlfShebang { interpreter }
        } else {
            SpawnErrorKind::InterpreterMissing { interpreter }
        };
    }
    match Elf::parse(&head) {
        // Without the machine's own loader the kernel says "not found" for a foreign program, too.
        Some(elf) if elf.machine != Elf::HERE => elf.wrong_architecture(),
        Some(elf) => SpawnErrorKind::LoaderMissing {
            loader: elf.loader.unwrap_or_default(),
        },
        None => SpawnErrorKind::Missing,
    }
}

fn denied(program: &Path) -> SpawnErrorKind {
    let Ok(meta) = program.metadata() else {
        return SpawnErrorKind::PermissionDenied;
    };
    let mode = meta.permissions().mode() & 0o7777;
    if meta.is_dir() {
        SpawnErrorKind::IsDirectory
    } else if mode & 0o111 == 0 {
        SpawnErrorKind::NotExecutable { mode }
    } else {
        SpawnErrorKind::PermissionDenied
    }
}

fn no_format(program: &Path) -> SpawnErrorKind {
    match head(program) {
        Ok(head) if head.is_empty() => SpawnErrorKind::Empty,
        Ok(head) => match Elf::parse(&head) {
            Some(elf) if elf.machine != Elf::HERE => elf.wrong_architecture(),
            _ => SpawnErrorKind::NoFormat,
        },
        Err(error) => SpawnErrorKind::Os(error),
    }
}

/// The first bytes of a file: enough for a `#!` line, and for the program headers of an ordinary program.
fn head(program: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(program)?.take(4096).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The interpreter in a `#!` line, and whether the line has a Windows end right behind it.
fn shebang(head: &[u8]) -> Option<(String, bool)> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let word = line
        .trim_ascii_start()
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .next()?;
    let crlf = word.ends_with(b"\r");
    let word = word.strip_suffix(b"\r").unwrap_or(word);
    Some((String::from_utf8_lossy(word).into_owned(), crlf))
}

/// What an ELF header says.
#[derive(Debug, PartialEq, Eq)]
struct Elf {
    machine: u16,
    /// The path of the dynamic loader; `None` for a static program.
    loader: Option<String>,
}

impl Elf {
    /// The number of the machine this was built for.
    const HERE: u16 = if cfg!(target_arch = "x86_64") {
        62
    } else if cfg!(target_arch = "aarch64") {
        183
    } else {
        0
    };

    fn parse(head: &[u8]) -> Option<Self> {
        // Little-endian files only: so are all machines that this is built for, and their emulators.
        let little_endian = head.get(5) == Some(&1);
        if !head.starts_with(b"\x7fELF") || !little_endian {
            return None;
        }
        let machine = u16::from_le_bytes(head.get(18..20)?.try_into().ok()?);
        Some(Self {
            machine,
            loader: Self::loader(head),
        })
    }

    /// Finds `PT_INTERP` among the program headers of a 64-bit file.
    fn loader(head: &[u8]) -> Option<String> {
        const PT_INTERP: u32 = 3;
        let u64_at = |at: usize| {
            Some(u64::from_le_bytes(
                head.get(at..at.checked_add(8)?)?.try_into().ok()?,
            ))
        };
        let usize_at = |at: usize| usize::try_from(u64_at(at)?).ok();
        let (table, entry_size, n_entries) = (
            usize_at(32)?,
            usize::from(u16::from_le_bytes(head.get(54..56)?.try_into().ok()?)),
            usize::from(u16::from_le_bytes(head.get(56..58)?.try_into().ok()?)),
        );
        for index in 0..n_entries {
            let entry = table.checked_add(index.checked_mul(entry_size)?)?;
            let kind = u32::from_le_bytes(head.get(entry..entry.checked_add(4)?)?.try_into().ok()?);
            if kind == PT_INTERP {
                let (offset, size) = (
                    usize_at(entry.checked_add(8)?)?,
                    usize_at(entry.checked_add(32)?)?,
                );
                let bytes = head.get(offset..offset.checked_add(size)?)?;
                let path = bytes.split(|byte| *byte == 0).next()?;
                return Some(OsStr::from_bytes(path).to_string_lossy().into_owned());
            }
        }
        None
    }

    fn wrong_architecture(&self) -> SpawnErrorKind {
        let program = match self.machine {
            3 => "x86".to_owned(),
            40 => "arm".to_owned(),
            62 => "x86_64".to_owned(),
            183 => "aarch64".to_owned(),
            243 => "riscv".to_owned(),
            other => format!("machine number {other}"),
        };
        SpawnErrorKind::WrongArchitecture {
            program,
            machine: std::env::consts::ARCH,
        }
    }
}
