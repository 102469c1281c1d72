use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::symlink,
    time::{Duration, SystemTime},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Fingerprint, Snapshot};

#[test]
fn a_snapshot_knows_whether_it_still_is_one() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let open = || {
        fs::write(at("file"), "content").unwrap();
        Snapshot::open(&at("file")).unwrap()
    };
    let snapshot = open();
    assert_eq!(snapshot.n_bytes(), 7);
    let mut buf = [0; 3];
    snapshot.read_exact_at(&mut buf, 4).unwrap();
    assert_eq!(&buf, b"ent");
    assert_eq!(
        snapshot.modified(),
        fs::metadata(at("file")).unwrap().modified().unwrap()
    );
    assert!(snapshot.is_unchanged());

    let appended = open();
    let mut file = OpenOptions::new().append(true).open(at("file")).unwrap();
    file.write_all(b"more").unwrap();
    assert!(!appended.is_unchanged());

    let shortened = open();
    File::create(at("file")).unwrap();
    assert!(!shortened.is_unchanged());
    let err = shortened.read_exact_at(&mut buf, 0).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn only_regular_files_are_opened() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::write(at("file"), "content").unwrap();
    symlink("file", at("link")).unwrap();
    // A FIFO that nobody writes: nothing waits for it.
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    for name in ["link", "fifo", ".", "missing"] {
        assert!(Snapshot::open(&at(name)).is_err(), "{name}");
    }
}

#[test]
fn a_file_is_fresh_for_as_long_as_its_times_may_not_move() {
    let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let changed = |seconds, nanoseconds| Fingerprint {
        changed: (seconds, nanoseconds),
        ..Fingerprint::default()
    };
    let second = changed(1, 0);
    for (now, expected) in [(999, false), (1000, true), (1019, true), (1020, false)] {
        assert_eq!(second.is_fresh(at(now)), expected, "{now}");
    }
    // Times that no clock shows.
    assert!(!changed(-1, 0).is_fresh(at(0)));
    assert!(!changed(i64::MAX, 0).is_fresh(at(0)));
}

#[test]
fn an_empty_file_may_be_about_to_be_written() {
    let file = |n_bytes| Fingerprint {
        n_bytes,
        changed: (1, 0),
        ..Fingerprint::default()
    };
    let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    for (n_bytes, now, expected) in [
        (0, 999, false),
        (0, 1000, true),
        (0, 2999, true),
        (0, 3000, false),
        (1, 1000, false),
    ] {
        assert_eq!(file(n_bytes).is_just_empty(at(now)), expected, "{now}");
    }
}
