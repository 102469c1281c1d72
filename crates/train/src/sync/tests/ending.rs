//! The end: in time, too late, and without one.

use std::{
    cell::Cell,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use super::{
    Act, LONG, Settings, Store, check_whole, deaf, finish, finish_within, folder, log::lines_of,
    missing, settings, start, write,
};
use crate::sync::{LastLook, engine::Engine};

/// The threads that the tests of this process have in the engine of this name.
fn n_threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|comm| comm.trim() == name).count()
}

#[test]
fn what_is_left_at_the_deadline_is_named() {
    let root = folder();
    for name in ["a", "b", "stuck"] {
        write(root.path(), name, "1");
    }
    let store = Store::new(|name, _| match name {
        "stuck" => Act::Hold,
        _ => Act::Store,
    });
    let sync = start(root.path(), &store, settings());
    store.wait_for_object("b", b"1");
    store.wait_for("the stuck one", |state| state.begun.contains_key("stuck"));
    let begun = Instant::now();
    let (report, lines) = lines_of(|| finish_within(sync, Duration::from_millis(2500)));
    assert!(begun.elapsed() < Duration::from_secs(6));
    // A wait is said when it has lasted two seconds.
    assert_eq!(lines, ["INFO test files: uploading what is left"]);
    assert_eq!(missing(&report), [("stuck", "the time was up")]);
    assert_eq!(report.last_look, LastLook::Whole);
    assert_eq!(report.n_files, 2);
    assert!(store.is_given_up());
}

#[test]
fn a_destination_that_never_returns_is_left_behind() {
    let root = folder();
    write(root.path(), "stuck", "1");
    write(root.path(), "queued", "1");
    let store = Store::new(|_, _| Act::Hang);
    let settings = Settings {
        n_uploads: 1,
        ..settings()
    };
    let sync = start(root.path(), &store, settings);
    store.wait_for("upload", |state| !state.begun.is_empty());
    let begun = Instant::now();
    let report = finish_within(sync, Duration::from_millis(1500));
    assert!(begun.elapsed() < Duration::from_secs(6));
    let mut reasons: Vec<_> = missing(&report).into_iter().map(|(_, why)| why).collect();
    reasons.sort_unstable();
    let running = "the time was up while it was uploaded";
    assert_eq!(reasons, ["the time was up", running]);
}

#[test]
fn a_deadline_that_has_passed_still_names_everything() {
    let root = folder();
    let store = Store::new(|_, _| Act::Hold);
    let sync = start(root.path(), &store, settings());
    for n in 0..2000 {
        write(root.path(), &format!("{}/{n}", n % 10), "x");
    }
    let report = finish_within(sync, Duration::ZERO);
    assert_eq!(report.missing.len(), 2000);
    assert_eq!(report.last_look, LastLook::Whole);
}

#[test]
fn a_deadline_can_come_nearer() {
    let root = folder();
    write(root.path(), "stuck", "1");
    let store = Store::new(|_, _| Act::Hold);
    let sync = start(root.path(), &store, settings());
    store.wait_for("upload", |state| !state.begun.is_empty());
    let begun = Instant::now();
    let n_asked = Cell::new(0);
    let report = sync.finish(&|| {
        n_asked.set(n_asked.get() + 1);
        if n_asked.get() < 3 {
            begun + LONG
        } else {
            begun
        }
    });
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(missing(&report).len(), 1);
}

#[test]
fn a_file_that_somebody_still_writes_is_missing() {
    for settings in [settings(), deaf()] {
        let root = folder();
        let store = Store::faultless();
        let sync = start(root.path(), &store, settings);
        let mut file = File::create(root.path().join("open")).unwrap();
        file.write_all(b"half").unwrap();
        let report = finish_within(sync, Duration::from_secs(3));
        let reason = "a process has it open for writing";
        assert_eq!(missing(&report), [("open", reason)]);
        assert_eq!(store.n_begun("open"), 0);
    }
}

#[test]
fn a_file_that_is_closed_while_we_finish_arrives() {
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, deaf());
    let file = Cell::new(Some(File::create(root.path().join("open")).unwrap()));
    let deadline = Instant::now() + LONG;
    let n_asked = Cell::new(0);
    let report = sync.finish(&|| {
        n_asked.set(n_asked.get() + 1);
        if n_asked.get() == 20 {
            file.take().unwrap().write_all(b"whole").unwrap();
        }
        deadline
    });
    check_whole(&report);
    assert_eq!(store.object("open"), Some(b"whole".to_vec()));
}

/// Every thread holds the engine for as long as it lives.
#[track_caller]
fn wait_for_threads(engine: &Weak<Engine>) {
    let limit = Instant::now() + LONG;
    while engine.strong_count() > 0 {
        assert!(Instant::now() < limit, "a thread is left");
        thread::yield_now();
    }
}

#[test]
fn no_thread_is_left() {
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    write(root.path(), "a", "1");
    store.wait_for_object("a", b"1");
    assert!(n_threads("sync-upload") >= 16);
    assert!(n_threads("sync-scout") >= 1);
    let engine = Arc::downgrade(&sync.engine);
    check_whole(&finish(sync));
    wait_for_threads(&engine);
}

#[test]
fn a_value_that_is_dropped_stops() {
    let root = folder();
    write(root.path(), "a", "1");
    let store = Store::new(|_, _| Act::Hold);
    let sync = start(root.path(), &store, settings());
    store.wait_for("upload", |state| !state.begun.is_empty());
    let engine = Arc::downgrade(&sync.engine);
    drop(sync);
    assert!(store.is_given_up());
    wait_for_threads(&engine);
}

#[test]
fn a_file_that_cannot_be_read_is_missing() {
    let root = folder();
    let path = write(root.path(), "secret", "1");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if File::open(&path).is_ok() {
        // This user may read everything.
        return;
    }
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    let report = finish_within(sync, Duration::from_secs(3));
    let missing = missing(&report);
    assert_eq!(missing[0].0, "secret");
    assert!(missing[0].1.starts_with("it cannot be read: "));
}

#[test]
fn an_empty_folder_ends_at_once() {
    let root = folder();
    fs::create_dir(root.path().join("empty")).unwrap();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    let begun = Instant::now();
    let report = finish(sync);
    check_whole(&report);
    report.log();
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(report.n_files, 0);
}
