use std::{
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::pipe::{PipeFlags, pipe_with};

use super::Console;

fn null() -> OwnedFd {
    File::options()
        .write(true)
        .open("/dev/null")
        .unwrap()
        .into()
}

#[test]
fn everything_is_written_in_order() {
    let file = tempfile::tempfile().unwrap();
    let console = Console::start(
        file.try_clone().unwrap().into(),
        null(),
        Duration::from_secs(30),
    )
    .unwrap();
    for number in 0..10_000 {
        console.print(format!("{number}\n").as_bytes());
    }
    assert_eq!(console.flush(Duration::from_secs(30)), 0);
    let mut text = String::new();
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).unwrap();
    (&file).read_to_string(&mut text).unwrap();
    assert!(
        text.lines()
            .eq((0..10_000).map(|number| number.to_string()))
    );
}

#[test]
fn one_file_for_both_streams_is_noticed() {
    let file = tempfile::tempfile().unwrap();
    let copy = || OwnedFd::from(file.try_clone().unwrap());
    assert!(
        Console::start(copy(), copy(), Duration::from_secs(1))
            .unwrap()
            .merged
    );
    assert!(
        !Console::start(copy(), null(), Duration::from_secs(1))
            .unwrap()
            .merged
    );
}

#[test]
fn our_own_log_never_waits_for_a_reader() {
    let (_reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let console = Console::start(null(), writer, Duration::from_hours(1)).unwrap();
    let before = Instant::now();
    let line = [b'x'; 1000];
    for _ in 0..2_000 {
        console.log(&line);
    }
    assert!(
        before.elapsed() < Duration::from_mins(1),
        "not the hour of the stall time"
    );
    let lost = console.flush(Duration::ZERO);
    assert!((1_000_000..=2_000_000).contains(&lost), "{lost}");
}

#[test]
fn a_closed_reader_is_not_waited_for() {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(reader);
    let console = Console::start(writer, null(), Duration::from_hours(1)).unwrap();
    for _ in 0..2_000 {
        console.print(&[b'x'; 1000]);
    }
    assert_eq!(console.flush(Duration::from_hours(1)), 2_000_000);
}

#[test]
fn a_full_disk_loses_bytes_and_says_how_many() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let console = Console::start(full.into(), null(), Duration::from_secs(30)).unwrap();
    console.print(b"lost\n");
    assert_eq!(console.flush(Duration::from_secs(30)), 5);
}
