//! Uploads that fail.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    Act, Settings, Store, check_whole, deaf, finish, finish_within, folder, missing, settings,
    start, write,
};

#[test]
fn a_failed_upload_is_tried_again_until_it_succeeds() {
    let root = folder();
    write(root.path(), "a", "1");
    write(root.path(), "b", "2");
    let store = Store::new(|name, n| match (name, n) {
        ("a", 1..=3) => Act::Fail,
        _ => Act::Store,
    });
    let sync = start(root.path(), &store, settings());
    store.wait_for_object("b", b"2");
    store.wait_for_object("a", b"1");
    assert_eq!(store.n_begun("a"), 4);
    check_whole(&finish(sync));
}

#[test]
fn a_refused_upload_is_tried_once_more_at_the_end() {
    let root = folder();
    write(root.path(), "denied", "1");
    write(root.path(), "granted", "2");
    let store = Store::new(|name, n| match (name, n) {
        ("granted", 2) => Act::Store,
        ("denied" | "granted", _) => Act::Refuse,
        _ => Act::Store,
    });
    let sync = start(root.path(), &store, settings());
    store.wait_for("tries", |state| state.begun.len() == 2);
    // Longer than its back-off would be.
    for n in 0..2 {
        let name = format!("later {n}");
        write(root.path(), &name, "x");
        store.wait_for_object(&name, b"x");
    }
    assert_eq!(store.n_begun("denied"), 1);
    let report = finish(sync);
    assert_eq!(missing(&report), [("denied", "no luck with denied")]);
    assert_eq!(store.n_begun("denied"), 2);
    assert_eq!(store.object("granted"), Some(b"2".to_vec()));
}

#[test]
fn a_refused_file_that_changes_is_tried_again() {
    let root = folder();
    write(root.path(), "model", "1");
    let store = Store::new(|_, n| if n == 1 { Act::Refuse } else { Act::Store });
    let sync = start(root.path(), &store, settings());
    store.wait_for("try", |state| !state.begun.is_empty());
    write(root.path(), "model", "2");
    store.wait_for_object("model", b"2");
    check_whole(&finish(sync));
}

#[test]
fn more_refused_files_than_the_queue_holds_are_all_counted() {
    let root = folder();
    for n in 0..35 {
        write(root.path(), &n.to_string(), "x");
    }
    let store = Store::new(|_, _| Act::Refuse);
    let settings = Settings {
        max_queued: 10,
        ..settings()
    };
    let report = finish(start(root.path(), &store, settings));
    assert_eq!(report.missing.len(), 10);
    assert_eq!(report.n_more_missing, 25);
    let state = store.state.lock().unwrap();
    assert_eq!(state.begun.len(), 35);
}

#[test]
fn a_panic_of_the_destination_is_a_failure_like_any_other() {
    let root = folder();
    write(root.path(), "a", "1");
    let store = Store::new(|_, n| if n <= 2 { Act::Panic } else { Act::Store });
    let settings = Settings {
        n_uploads: 1,
        ..settings()
    };
    let sync = start(root.path(), &store, settings);
    store.wait_for_object("a", b"1");
    check_whole(&finish(sync));
}

#[test]
fn a_destination_that_is_down_while_training_runs_gets_everything_at_the_end() {
    let root = folder();
    write(root.path(), "a", "1");
    let is_up = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_up);
    let store = Store::new(move |_, _| {
        if seen.load(Ordering::SeqCst) {
            Act::Store
        } else {
            Act::Fail
        }
    });
    let settings = Settings {
        first_retry: Duration::from_hours(1),
        last_retry: Duration::from_hours(1),
        ..settings()
    };
    let sync = start(root.path(), &store, settings);
    store.wait_for("try", |state| state.begun.contains_key("a"));
    is_up.store(true, Ordering::SeqCst);
    check_whole(&finish(sync));
    assert_eq!(store.n_begun("a"), 2);
}

#[test]
fn what_always_fails_is_missing() {
    let root = folder();
    write(root.path(), "a", "1");
    write(root.path(), "b", "1");
    let store = Store::new(|name, _| match name {
        "a" => Act::Fail,
        _ => Act::Store,
    });
    let sync = start(root.path(), &store, settings());
    let report = finish_within(sync, Duration::from_secs(4));
    assert_eq!(missing(&report), [("a", "no luck with a")]);
    assert_eq!(report.n_files, 1);
    assert!(store.n_begun("a") > 1);
}

#[test]
fn a_file_that_vanishes_is_forgotten() {
    for settings in [settings(), deaf()] {
        let root = folder();
        write(root.path(), "a", "1");
        let store = Store::new(|_, n| if n == 1 { Act::Fail } else { Act::Store });
        let settings = Settings {
            first_retry: Duration::from_secs(5),
            ..settings
        };
        let sync = start(root.path(), &store, settings);
        store.wait_for("try", |state| !state.begun.is_empty());
        fs::remove_file(root.path().join("a")).unwrap();
        check_whole(&finish(sync));
        assert_eq!(store.n_begun("a"), 1);
    }
}

#[test]
fn a_file_that_is_removed_while_it_is_uploaded_is_not_stored() {
    let root = folder();
    write(root.path(), "a", "1");
    let store = Store::new(|_, _| Act::Hold);
    let sync = start(root.path(), &store, settings());
    store.wait_for("upload", |state| !state.begun.is_empty());
    fs::remove_file(root.path().join("a")).unwrap();
    store.release();
    check_whole(&finish(sync));
    assert_eq!(store.object("a"), None);
}
