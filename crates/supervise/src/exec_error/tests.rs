use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{Elf, SpawnError, SpawnErrorKind, shebang};
use crate::{Command, Supervisor, supervisor::tests::supervisor};

#[track_caller]
fn check(supervisor: &Supervisor, content: &[u8], mode: u32, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entry");
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(error_of(supervisor, &file).kind.to_string(), expected);
}

fn error_of(supervisor: &Supervisor, program: &Path) -> SpawnError {
    match supervisor.spawn(Command::new(program)) {
        Ok(child) => panic!("{} started: {:?}", program.display(), child.wait()),
        Err(error) => error,
    }
}

#[test]
fn each_fault_has_its_own_words() {
    let own = supervisor();
    check(
        &own,
        b"#!/no/such/python\nx",
        0o755,
        "its first line names the interpreter `/no/such/python`, which does not exist",
    );
    check(
        &own,
        b"#!/bin/sh\r\necho\r\n",
        0o755,
        "its first line ends with a Windows line end, so the kernel looks for an interpreter called `/bin/sh\\r`",
    );
    check(
        &own,
        b"#!/bin/sh\n",
        0o644,
        "it is not executable (mode 0644)",
    );
    check(&own, b"", 0o755, "it is empty");
    check(
        &own,
        b"echo hello\n",
        0o755,
        "it is neither a program nor a script with a `#!` line",
    );
}

#[test]
fn missing_directory_and_working_directory() {
    let own = supervisor();
    assert!(matches!(
        error_of(&own, Path::new("/no/such/program")).kind,
        SpawnErrorKind::Missing
    ));
    assert!(matches!(
        error_of(&own, Path::new("/proc/self")).kind,
        SpawnErrorKind::IsDirectory
    ));
    let mut command = Command::new("/bin/sh");
    command.directory = Some("/no/such/folder".into());
    let error = own.spawn(command).unwrap_err();
    assert!(
        matches!(error.kind, SpawnErrorKind::Directory(_)),
        "{error}"
    );
}

#[test]
fn a_program_for_another_machine() {
    let mut program = fs::read("/proc/self/exe").unwrap();
    program[18] = if Elf::HERE == 183 { 62 } else { 183 };
    let expected = if Elf::HERE == 183 {
        "x86_64"
    } else {
        "aarch64"
    };
    check(
        &supervisor(),
        &program,
        0o755,
        &format!(
            "it is built for {expected}, and this machine is {}",
            std::env::consts::ARCH
        ),
    );
}

#[test]
fn a_program_without_its_loader() {
    let program = fs::read("/proc/self/exe").unwrap();
    let loader = Elf::parse(&program[..4096])
        .unwrap()
        .loader
        .expect("tests are linked dynamically");
    let at = program
        .windows(loader.len())
        .position(|window| window == loader.as_bytes())
        .unwrap();
    let mut broken = program;
    broken[at..at + 4].copy_from_slice(b"/xyz");
    let expected = format!(
        "it needs the loader `/xyz{}`, which this image does not have",
        &loader[4..]
    );
    check(&supervisor(), &broken, 0o755, &expected);
}

#[test]
fn too_large_an_environment_says_how_large() {
    let mut command = Command::new("/bin/true");
    command.environment = vec![("BIG".into(), "x".repeat(200_000).into())];
    let error = supervisor().spawn(command).unwrap_err();
    assert_eq!(
        error.to_string(),
        "start `/bin/true`: its arguments and environment are larger than the kernel accepts (200015 bytes)"
    );
}

#[test]
fn shebang_lines() {
    assert_eq!(
        shebang(b"#! /usr/bin/env python3\n"),
        Some(("/usr/bin/env".into(), false))
    );
    assert_eq!(
        shebang(b"#!/bin/sh -e\r\n"),
        Some(("/bin/sh".into(), false))
    );
    assert_eq!(shebang(b"#!/bin/sh\r\n"), Some(("/bin/sh".into(), true)));
    assert_eq!(shebang(b"echo"), None);
}
