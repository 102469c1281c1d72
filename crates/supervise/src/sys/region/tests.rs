use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::pipe::{PipeFlags, pipe_with};

use super::SharedRegion;
use crate::{Command, command::find_program, supervisor::tests::supervisor};

const MIB: usize = 1024 * 1024;

/// What `script` printed; its descriptor is in `REGION`.
fn python(region: &SharedRegion, script: &str) -> String {
    let mut command = Command::new(find_program(OsStr::new("python3"), None).unwrap());
    command.arguments = vec!["-c".into(), script.into()];
    command.descriptors = vec![("REGION".into(), region.descriptor().unwrap())];
    let captured = supervisor()
        .capture(command, Duration::from_mins(1))
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(
        captured.ended.is_success(),
        "{}",
        text(captured.stderr.clone())
    );
    text(captured.stdout)
}

fn bytes_of(region: &SharedRegion, range: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    region.copy_out(range, &mut bytes).unwrap();
    bytes
}

#[test]
fn bytes_come_out_as_they_went_in() {
    let region = SharedRegion::create(MIB).unwrap();
    assert_eq!(region.len(), MIB);
    assert_eq!(bytes_of(&region, 0..4), [0; 4]);
    region.copy_in(MIB - 5, b"hello").unwrap();
    let mut bytes = b"well, ".to_vec();
    region.copy_out(MIB - 5..MIB, &mut bytes).unwrap();
    assert_eq!(bytes, b"well, hello", "appended");
}

#[test]
fn nothing_outside_is_touched() {
    let region = SharedRegion::create(100).unwrap();
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    rustix::io::write(&writer, b"unread").unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "it is refused")]
    let ranges = [
        0..101,
        100..101,
        101..101,
        7..6,
        1..usize::MAX,
        usize::MAX..usize::MAX,
    ];
    for range in ranges {
        let mut bytes = Vec::new();
        for result in [
            region.read_from(&reader, range.clone()),
            region.write_to(&writer, b"a", range.clone(), b"b"),
            region.copy_out(range.clone(), &mut bytes).map(|()| 0),
            region.release(range.clone()).map(|()| 0),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{range:?}");
        }
        assert!(bytes.is_empty());
    }
    for offset in [96, 101, usize::MAX] {
        region.copy_in(offset, b"hello").unwrap_err();
    }
    // The very end is inside.
    region.copy_in(95, b"hello").unwrap();
    region.copy_in(100, b"").unwrap();
    assert_eq!(region.read_from(&reader, 100..100).unwrap(), 0);
    assert_eq!(region.write_to(&writer, b"", 100..100, b"").unwrap(), 0);
    region.release(100..100).unwrap();
    assert_eq!(
        SharedRegion::create(0).unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
}

#[test]
fn a_body_goes_from_socket_to_region_to_socket() {
    let region = SharedRegion::create(MIB).unwrap();
    let (mut client, server) = UnixStream::pair().unwrap();
    client.write_all(b"0123456789").unwrap();
    assert_eq!(region.read_from(&server, 1000..1004).unwrap(), 4);
    assert_eq!(region.read_from(&server, 1004..MIB).unwrap(), 6);
    server.set_nonblocking(true).unwrap();
    let error = region.read_from(&server, 0..10).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let n = region.write_to(&server, b"<", 1000..1010, b">\n").unwrap();
    assert_eq!(n, 13);
    let mut got = [0; 13];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"<0123456789>\n");
    drop(client);
    let error = region.write_to(&server, b"", 0..10, b"").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(region.read_from(&server, 0..10).unwrap(), 0, "the end");
}

#[test]
fn a_child_sees_our_bytes_and_we_see_its() {
    let region = SharedRegion::create(2 * MIB).unwrap();
    region.copy_in(MIB, b"question").unwrap();
    let seen = python(
        &region,
        "import mmap, os
m = mmap.mmap(int(os.environ['REGION']), 0)
at = 1 << 20
print(len(m), m[at:at + 8].decode())
m[at:at + 6] = b'answer'",
    );
    assert_eq!(seen, "2097152 question\n");
    assert_eq!(bytes_of(&region, MIB..MIB + 8), b"answeron");
}

#[test]
fn nobody_can_change_its_length() {
    let region = SharedRegion::create(MIB).unwrap();
    let seen = python(
        &region,
        "import os, fcntl
fd = int(os.environ['REGION'])
for n in (0, 4096, 1 << 21):
    try:
        os.ftruncate(fd, n)
    except PermissionError as error:
        print(error.errno)
try:
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
except PermissionError as error:
    print(error.errno)",
    );
    assert_eq!(seen, "1\n1\n1\n1\n", "EPERM each time");
}

/// Bytes of memory behind the region's file.
fn used(region: &SharedRegion) -> usize {
    let blocks = rustix::fs::fstat(&region.file).unwrap().st_blocks;
    usize::try_from(blocks).unwrap() * 512
}

#[test]
fn what_is_released_takes_up_no_memory() {
    let region = SharedRegion::create(4 * MIB).unwrap();
    assert_eq!(used(&region), 0);
    region.copy_in(0, &vec![1; 4 * MIB]).unwrap();
    assert_eq!(used(&region), 4 * MIB);
    let page = rustix::param::page_size();
    // Inwards: the pages of which only a part is meant stay.
    region.release(MIB + 1..2 * MIB - 1).unwrap();
    assert_eq!(used(&region), 3 * MIB + 2 * page);
    assert_eq!(bytes_of(&region, MIB..MIB + page), vec![1; page]);
    assert_eq!(bytes_of(&region, MIB + page..MIB + 2 * page), vec![0; page]);
    region.release(1..2).unwrap();
    region.release(0..4 * MIB).unwrap();
    assert_eq!(used(&region), 0);
    assert_eq!(region.len(), 4 * MIB);
}

#[test]
fn a_large_region_costs_nothing_until_it_is_used() {
    let start = Instant::now();
    let region = SharedRegion::create(8 << 30).unwrap();
    assert!(start.elapsed() < Duration::from_millis(500));
    region.copy_in((8 << 30) - 5, b"hello").unwrap();
    assert_eq!(bytes_of(&region, (8 << 30) - 5..8 << 30), b"hello");
    assert!(used(&region) < MIB);
}

#[test]
fn the_mapping_and_the_file_end_with_the_region() {
    let maps = || {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.matches("memfd:optml").count()
    };
    let before = maps();
    let region = Arc::new(SharedRegion::create(MIB).unwrap());
    assert_eq!(maps(), before + 1);
    let descriptor = region.descriptor().unwrap();
    assert_ne!(descriptor.as_raw_fd(), region.file.as_raw_fd());
    let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    let other = Arc::clone(&region);
    thread::spawn(move || other.copy_in(0, b"from a thread").unwrap())
        .join()
        .unwrap();
    drop(region);
    assert_eq!(maps(), before);
    let mut bytes = [0; 13];
    rustix::io::pread(&descriptor, &mut bytes, 0).unwrap();
    assert_eq!(
        &bytes, b"from a thread",
        "the other's descriptor is its own"
    );
}
