use std::{ffi::OsStr, time::Duration};

use super::{resident_bytes, sealed_file};
use crate::{Command, command::find_program, supervisor::tests::supervisor};

#[test]
fn a_child_can_read_a_sealed_file_and_not_write_it() {
    let mut command = Command::new(find_program(OsStr::new("python3"), None).unwrap());
    let script = "import os
fd = int(os.environ['SOURCE'])
try:
    os.pwrite(fd, b'x', 0)
except PermissionError as error:
    print(error.errno)
try:
    os.ftruncate(fd, 0)
except PermissionError as error:
    print(error.errno)
exec(os.read(fd, 1000))";
    command.arguments = vec!["-c".into(), script.into()];
    let source = sealed_file(b"print('from memory')").unwrap();
    command.descriptors = vec![("SOURCE".into(), source)];
    let captured = supervisor()
        .capture(command, Duration::from_mins(1))
        .unwrap();
    assert_eq!(
        String::from_utf8(captured.stdout).unwrap(),
        "1\n1\nfrom memory\n"
    );
}

#[test]
fn an_empty_file_can_be_sealed() {
    let file = sealed_file(b"").unwrap();
    assert_eq!(rustix::fs::fstat(&file).unwrap().st_size, 0);
}

#[test]
fn the_resident_set_is_that_of_a_living_process() {
    let us = rustix::process::getpid().as_raw_nonzero().get();
    let before = resident_bytes(us).unwrap();
    assert!(before > 100_000, "{before}");
    // Written to, so that it is there.
    let ballast = vec![1_u8; 64 << 20];
    let after = resident_bytes(us).unwrap();
    assert!(
        (60 << 20..70 << 20).contains(&(after - before)),
        "{before} {after}"
    );
    assert!(ballast.iter().all(|byte| *byte == 1));
    assert_eq!(resident_bytes(i32::MAX), None);
}
