use std::fs::{self, File, OpenOptions};

use super::{Writers, is_for_writing};

#[test]
fn only_files_that_are_open_for_writing_are_found() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    fs::create_dir(path.join("deep")).unwrap();
    for name in ["read", "written", "deep/appended", "both", "closed"] {
        fs::write(path.join(name), "x").unwrap();
    }
    let beside = path.with_extension("beside");
    let _beside = File::create(&beside).unwrap();
    let _read = File::open(path.join("read")).unwrap();
    let _written = OpenOptions::new().write(true).open(path.join("written"));
    let _appended = OpenOptions::new()
        .append(true)
        .open(path.join("deep/appended"));
    let _both = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path.join("both"));
    let found = Writers::of(&path).look();
    fs::remove_file(beside).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["both", "deep/appended", "written"]
    );
}

#[test]
fn without_proc_nothing_is_found() {
    let root = tempfile::tempdir().unwrap();
    let _open = File::create(root.path().join("open")).unwrap();
    let mut writers = Writers::of(root.path());
    writers.proc = root.path().join("no proc");
    assert!(writers.look().is_empty());
}

#[test]
fn the_flags_are_read_as_octal() {
    for (flags, expected) in [
        ("0100000", false),
        ("0100001", true),
        ("02100002", true),
        ("010000000", false),
        ("012100000", false),
        ("9", false),
        ("", false),
    ] {
        let info = format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t25\n");
        assert_eq!(is_for_writing(&info), expected, "{flags}");
    }
    assert!(!is_for_writing(""));
}
