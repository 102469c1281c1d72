//! Names and files that are not like others.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::Path,
    sync::Arc,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Store, Sync, check_whole, deaf, finish, folder, missing, settings, start, write};
use crate::sync::{LastLook, SyncError};

#[test]
fn links_and_special_files_are_passed_over() {
    for settings in [settings(), deaf()] {
        let root = folder();
        let outside = tempfile::tempdir().unwrap();
        write(outside.path(), "secret", "x");
        let store = Store::faultless();
        let make = |prefix: &str| {
            let at = |name: &str| root.path().join(format!("{prefix}-{name}"));
            symlink(outside.path().join("secret"), at("link")).unwrap();
            symlink(outside.path(), at("folder")).unwrap();
            symlink("nowhere", at("dangling")).unwrap();
            mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
            UnixListener::bind(at("socket")).unwrap();
        };
        make("before");
        let sync = start(root.path(), &store, settings);
        make("after");
        write(root.path(), "file", "1");
        store.wait_for_object("file", b"1");
        let report = finish(sync);
        check_whole(&report);
        assert_eq!(report.n_files, 1);
        assert_eq!(store.state.lock().unwrap().begun.len(), 1);
    }
}

#[test]
fn a_name_that_is_not_utf_8_is_named() {
    for settings in [settings(), deaf()] {
        let root = folder();
        let at = |name: &[u8]| root.path().join(OsStr::from_bytes(name));
        fs::write(at(b"caf\xe9"), "1").unwrap();
        let store = Store::faultless();
        let sync = start(root.path(), &store, settings);
        fs::create_dir_all(at(b"caf\xc3\xa9/\xff\xfe")).unwrap();
        fs::write(at(b"caf\xc3\xa9/\xff\xfe/inside"), "1").unwrap();
        fs::write(at(b"line\nbreak"), "1").unwrap();
        store.wait_for_object("line\nbreak", b"1");
        let report = finish(sync);
        let reason = "its name is not UTF-8";
        let expected = [("caf\\xE9", reason), ("café/\\xFF\\xFE", reason)];
        assert_eq!(missing(&report), expected);
        assert_eq!(report.last_look, LastLook::Whole);
    }
}

#[test]
fn work_in_progress_is_passed_over() {
    for settings in [settings(), deaf()] {
        let root = folder();
        let names = [
            ".optml-1",
            "deep/.optml-2/x",
            ".tmp.sagemaker_s3_sync/a/b",
            ".other",
        ];
        write(root.path(), ".optml-0", "x");
        let store = Store::faultless();
        let sync = start(root.path(), &store, settings);
        for name in names {
            write(root.path(), name, "x");
        }
        store.wait_for_object(".other", b"x");
        let report = finish(sync);
        check_whole(&report);
        assert_eq!(report.n_files, 1);
    }
}

#[test]
fn a_folder_that_goes_and_comes_back_is_followed() {
    let parent = folder();
    let root = parent.path().join("checkpoints");
    write(&root, "a", "1");
    let store = Store::faultless();
    let sync = start(&root, &store, settings());
    store.wait_for_object("a", b"1");
    fs::remove_dir_all(&root).unwrap();
    write(&root, "b/c", "2");
    store.wait_for_object("b/c", b"2");
    write(&root, "b/d", "3");
    store.wait_for_object("b/d", b"3");
    fs::rename(&root, parent.path().join("away")).unwrap();
    let report = finish(sync);
    check_whole(&report);
    assert_eq!(report.n_files, 3);
}

#[test]
fn a_folder_behind_a_link_is_kept_in_step() {
    let parent = folder();
    write(parent.path(), "real/a", "1");
    symlink("real", parent.path().join("linked")).unwrap();
    let store = Store::faultless();
    let sync = start(&parent.path().join("linked"), &store, settings());
    store.wait_for_object("a", b"1");
    // The writer is seen under the folder's real name.
    let file = fs::File::create(parent.path().join("linked/open")).unwrap();
    write(parent.path(), "real/b", "2");
    store.wait_for_object("b", b"2");
    assert_eq!(store.n_begun("open"), 0);
    drop(file);
    check_whole(&finish(sync));
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    let parent = folder();
    let start = |root: &Path| {
        let store = Store::faultless();
        let started = Sync::start(root, Arc::clone(&store) as _, settings(), &[]);
        started.unwrap_err()
    };
    let missing = parent.path().join("missing");
    let err = start(&missing);
    assert!(matches!(&err, SyncError::Missing { root } if *root == missing));
    assert!(err.to_string().ends_with("it does not exist"));
    assert!(err.hint().is_some());
    let file = write(parent.path(), "file", "x");
    assert!(matches!(start(&file), SyncError::NotADirectory { .. }));
    assert!(matches!(
        start(&file.join("x")),
        SyncError::Unreadable { .. }
    ));
}
