use std::{
    ffi::OsStr,
    fs::{self, File},
    io::ErrorKind,
    os::unix::ffi::OsStrExt as _,
};

use super::{Heard, Watches};

fn file(name: &str) -> Heard {
    Heard::File(name.to_owned())
}

#[test]
fn files_and_folders_are_heard_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("in")).unwrap();
    let mut watches = Watches::new(root.path()).unwrap();
    watches.add("").unwrap();
    watches.add("in").unwrap();
    assert!(watches.is_watching("") && watches.is_watching("in"));
    assert_eq!(watches.read(), []);
    fs::write(root.path().join("in/a"), "x").unwrap();
    fs::rename(root.path().join("in/a"), root.path().join("b")).unwrap();
    fs::create_dir(root.path().join("new")).unwrap();
    fs::write(root.path().join(".optml-1"), "x").unwrap();
    fs::write(root.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    fs::read(root.path().join("b")).unwrap();
    fs::remove_file(root.path().join("b")).unwrap();
    let unnameable = || Heard::Unnameable("\\xFF".to_owned());
    assert_eq!(
        watches.read(),
        [
            file("in/a"),
            file("in/a"),
            file("b"),
            Heard::Folder("new".to_owned()),
            unnameable(),
            unnameable(),
        ]
    );
}

#[test]
fn a_folder_that_moves_is_no_longer_watched_under_its_old_name() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["a/b/c", "a.b", "ab"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    let mut watches = Watches::new(root.path()).unwrap();
    let names = ["", "a", "a/b", "a/b/c", "a.b", "ab"];
    for name in names {
        watches.add(name).unwrap();
    }
    fs::rename(at("a"), at("z")).unwrap();
    assert_eq!(watches.read(), [Heard::Folder("z".to_owned())]);
    let watched: Vec<_> = names.map(|name| watches.is_watching(name)).into();
    assert_eq!(watched, [true, false, false, false, true, true]);
    // Watched again before its move was heard, it is known by its new name alone.
    watches.add("z").unwrap();
    fs::rename(at("z"), at("y")).unwrap();
    watches.add("y").unwrap();
    assert!(!watches.is_watching("z") && watches.is_watching("y"));
    watches.read();
    assert!(watches.is_watching("y"));
    File::create(at("y/file")).unwrap();
    assert_eq!(watches.read(), [file("y/file"), file("y/file")]);
}

#[test]
fn a_folder_that_is_removed_is_forgotten() {
    let root = tempfile::tempdir().unwrap();
    let top = root.path().join("top");
    fs::create_dir_all(top.join("in")).unwrap();
    let mut watches = Watches::new(&top).unwrap();
    watches.add("").unwrap();
    watches.add("in").unwrap();
    fs::remove_dir(top.join("in")).unwrap();
    assert_eq!(watches.read(), []);
    assert!(!watches.is_watching("in"));
    fs::rename(&top, root.path().join("moved")).unwrap();
    assert_eq!(watches.read(), [Heard::RootGone]);
    assert!(!watches.is_watching(""));
    let gone = watches.add("").unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn too_many_events_are_heard_of_as_a_loss() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut watches = Watches::new(root.path()).unwrap();
    watches.add("").unwrap();
    for n in 0..=limit / 2 {
        File::create(root.path().join(n.to_string())).unwrap();
    }
    let (mut n_heard, mut n_lost) = (0, 0);
    loop {
        // A part at a time.
        let heard = watches.read();
        if heard.is_empty() {
            break;
        }
        n_heard += heard.len();
        n_lost += heard.iter().filter(|what| **what == Heard::Lost).count();
    }
    assert_eq!(n_lost, 1);
    assert!(n_heard > limit / 2);
}
