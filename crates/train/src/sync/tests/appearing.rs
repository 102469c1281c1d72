//! What appears in the folder arrives, whole and once.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use super::{
    Act, Destination, LONG, Put, PutError, Settings, Snapshot, Store, Sync, check_whole, deaf,
    finish, folder, settings, start, write,
};

#[test]
fn what_is_there_and_what_comes_arrives() {
    for settings in [settings(), deaf()] {
        let root = folder();
        write(root.path(), "before", "1");
        write(root.path(), "deep/er/before", "22");
        write(root.path(), "empty", "");
        let store = Store::faultless();
        let sync = start(root.path(), &store, settings);
        store.wait_for_object("deep/er/before", b"22");
        write(root.path(), "after", "333");
        write(root.path(), "other/after", "4444");
        store.wait_for_object("after", b"333");
        store.wait_for_object("other/after", b"4444");
        store.wait_for_object("empty", b"");
        let report = finish(sync);
        check_whole(&report);
        assert_eq!((report.n_files, report.n_bytes), (5, 10));
        assert!(!store.is_given_up());
    }
}

#[test]
fn a_file_that_is_renamed_into_place_arrives_under_its_name() {
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    for n in 0..3 {
        let path = write(root.path(), ".optml-tmp", format!("step {n}"));
        fs::rename(path, root.path().join("latest.pt")).unwrap();
        store.wait_for_object("latest.pt", format!("step {n}").as_bytes());
    }
    check_whole(&finish(sync));
    assert_eq!(store.object(".optml-tmp"), None);
}

#[test]
fn a_folder_that_is_renamed_into_place_is_followed() {
    let root = folder();
    let outside = tempfile::tempdir_in(root.path().parent().unwrap()).unwrap();
    write(outside.path(), "step/a/model", "weights");
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    fs::rename(outside.path().join("step"), root.path().join("tmp")).unwrap();
    store.wait_for_object("tmp/a/model", b"weights");
    fs::rename(root.path().join("tmp"), root.path().join("step-1")).unwrap();
    store.wait_for_object("step-1/a/model", b"weights");
    // It is watched under its new name, and the old name can be used again.
    write(root.path(), "step-1/a/late", "more");
    store.wait_for_object("step-1/a/late", b"more");
    write(root.path(), "tmp/a/again", "other");
    store.wait_for_object("tmp/a/again", b"other");
    fs::rename(root.path().join("step-1"), outside.path().join("gone")).unwrap();
    write(outside.path(), "gone/a/never", "x");
    check_whole(&finish(sync));
    assert_eq!(store.object("step-1/a/never"), None);
}

#[test]
fn thousands_of_small_files_arrive_once() {
    const N_FILES: usize = 5000;
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    for n in 0..N_FILES {
        let name = format!("{}/{}/{n}", n % 7, n % 100);
        write(root.path(), &name, n.to_string());
    }
    let report = finish(sync);
    check_whole(&report);
    let state = store.state.lock().unwrap();
    assert_eq!(state.objects.len(), N_FILES);
    assert!(state.begun.values().all(|n_begun| *n_begun == 1));
    for (name, content) in &state.objects {
        assert_eq!(name.rsplit('/').next().unwrap().as_bytes(), content);
    }
    assert_eq!(report.n_files, N_FILES as u64);
}

#[test]
fn a_file_that_is_open_for_writing_waits() {
    for settings in [settings(), deaf()] {
        let root = folder();
        let store = Store::faultless();
        let sync = start(root.path(), &store, settings);
        let mut file = File::create(root.path().join("model")).unwrap();
        file.write_all(b"first half, ").unwrap();
        // Later files overtake it: it was looked at, and is held.
        for n in 0..3 {
            let name = format!("{n}");
            write(root.path(), &name, "x");
            store.wait_for_object(&name, b"x");
        }
        assert_eq!(store.n_begun("model"), 0);
        file.write_all(b"second half").unwrap();
        drop(file);
        store.wait_for_object("model", b"first half, second half");
        assert_eq!(store.n_begun("model"), 1);
        check_whole(&finish(sync));
    }
}

#[test]
fn a_file_that_is_rewritten_while_it_is_uploaded_ends_with_its_last_content() {
    let root = folder();
    let store = Store::new(|_, n| if n == 1 { Act::Hold } else { Act::Store });
    let sync = start(root.path(), &store, settings());
    write(root.path(), "model", "old");
    store.wait_for("upload", |state| !state.begun.is_empty());
    // The same size, in place, and its old time put back: still another file.
    let file = OpenOptions::new()
        .write(true)
        .open(root.path().join("model"))
        .unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"new", 0).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    store.release();
    store.wait_for_object("model", b"new");
    check_whole(&finish(sync));
    let state = store.state.lock().unwrap();
    assert_eq!((state.n_changed, state.n_stored), (1, 1));
}

#[test]
fn a_file_that_is_rewritten_while_it_is_queued_is_not_sent_half() {
    let root = folder();
    let store = Store::new(|name, _| {
        if name == "first" {
            Act::Hold
        } else {
            Act::Store
        }
    });
    let settings = Settings {
        n_uploads: 1,
        ..settings()
    };
    let sync = start(root.path(), &store, settings);
    write(root.path(), "first", "x");
    store.wait_for("upload", |state| !state.begun.is_empty());
    write(root.path(), "model", "old");
    // Nothing is waited for any more: it is released, and behind the first.
    let limit = Instant::now() + LONG;
    let is_released = || {
        let state = sync.engine.lock();
        state.ledger.left().n_files == 2 && state.ledger.next_due().is_none()
    };
    while !is_released() {
        assert!(Instant::now() < limit, "it is not released");
        thread::yield_now();
    }
    let mut file = File::create(root.path().join("model")).unwrap();
    file.write_all(b"half, ").unwrap();
    store.release();
    write(root.path(), "later", "x");
    store.wait_for_object("later", b"x");
    assert_eq!(store.n_begun("model"), 0);
    file.write_all(b"whole").unwrap();
    drop(file);
    store.wait_for_object("model", b"half, whole");
    check_whole(&finish(sync));
}

#[test]
fn a_file_that_is_replaced_again_and_again_is_never_stored_half() {
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    let stop = AtomicBool::new(false);
    let is_half =
        |content: &[u8]| content.len() != 10_000 || content.iter().any(|b| *b != content[0]);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in (b'a'..=b'z').cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let mut file = File::create(root.path().join("state")).unwrap();
                for _ in 0..10 {
                    file.write_all(&[n; 1000]).unwrap();
                }
            }
        });
        for n in 0..2 {
            let name = format!("{n}");
            write(root.path(), &name, "x");
            store.wait_for_object(&name, b"x");
            let content = store.object("state");
            assert!(!content.is_some_and(|content| is_half(&content)));
        }
        stop.store(true, Ordering::Relaxed);
    });
    check_whole(&finish(sync));
    let last = fs::read(root.path().join("state")).unwrap();
    assert!(!is_half(&last));
    assert_eq!(store.object("state"), Some(last));
}

#[test]
fn what_the_destination_has_is_uploaded_only_when_it_changes() {
    let root = folder();
    let names = ["kept", "deep/changed", "gone"].map(str::to_owned);
    for name in &names[..2] {
        write(root.path(), name, "restored");
    }
    let store = Store::faultless();
    let sync = Sync::start(root.path(), store.clone() as _, settings(), &names).unwrap();
    write(root.path(), "deep/changed", "trained");
    write(root.path(), "new", "1");
    store.wait_for_object("deep/changed", b"trained");
    check_whole(&finish(sync));
    assert_eq!(store.n_begun("kept"), 0);
    assert_eq!(store.object("new"), Some(b"1".to_vec()));
}

#[test]
fn a_queue_that_is_too_short_loses_nothing() {
    const N_FILES: usize = 60;
    for settings in [settings(), deaf()] {
        let root = folder();
        for n in 0..N_FILES / 2 {
            write(root.path(), &format!("before/{n}"), "x");
        }
        let store = Store::faultless();
        let settings = Settings {
            max_queued: 10,
            ..settings
        };
        let sync = start(root.path(), &store, settings);
        for n in 0..N_FILES / 2 {
            write(root.path(), &format!("after/{n}"), "x");
        }
        let report = finish(sync);
        check_whole(&report);
        assert_eq!(report.n_files, N_FILES as u64);
        let state = store.state.lock().unwrap();
        assert!(state.begun.values().all(|n_begun| *n_begun == 1));
    }
}

#[test]
fn events_that_were_lost_are_made_up_for() {
    // The kernel keeps 16,384 events as a rule: two a file.
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let n_files = limit.trim().parse::<usize>().unwrap().min(200_000) / 2 + 1000;
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    write(root.path(), "first", "x");
    store.wait_for_object("first", b"x");
    {
        // The scout cannot go on meanwhile, and is not at a rescan.
        let _held = sync.engine.lock();
        for n in 0..n_files {
            File::create(root.path().join(n.to_string())).unwrap();
        }
    }
    let last = (n_files - 1).to_string();
    store.wait_for_object(&last, b"");
    store.wait_for("all files", |state| state.objects.len() == n_files + 1);
    check_whole(&finish(sync));
}

#[test]
fn a_hard_link_arrives() {
    let root = folder();
    let outside = tempfile::tempdir_in(root.path().parent().unwrap()).unwrap();
    let original = write(outside.path(), "model", "linked");
    let store = Store::faultless();
    let sync = start(root.path(), &store, settings());
    fs::hard_link(original, root.path().join("model")).unwrap();
    store.wait_for_object("model", b"linked");
    check_whole(&finish(sync));
}

/// Reads a file in pieces and keeps its size and its last bytes.
#[derive(Debug, Default)]
struct Reading(Mutex<Option<(u64, Vec<u8>)>>);

impl Destination for Reading {
    fn put(&self, _: &str, snapshot: &Snapshot) -> Result<Put, PutError> {
        let mut piece = vec![0; 8 * 1024 * 1024];
        let mut offset = 0;
        while offset < snapshot.n_bytes() {
            let left = usize::try_from(snapshot.n_bytes() - offset).unwrap();
            piece.truncate(left);
            snapshot.read_exact_at(&mut piece, offset).unwrap();
            offset += piece.len() as u64;
        }
        assert!(snapshot.read_exact_at(&mut [0], offset).is_err());
        let end = piece.split_off(piece.len() - 4);
        *self.0.lock().unwrap() = Some((offset, end));
        Ok(Put::Stored)
    }

    fn give_up(&self) {}
}

#[test]
fn a_file_of_more_than_5_gb_arrives() {
    const N_BYTES: u64 = 5_100_000_000;
    let root = folder();
    // Sparse: it takes no room.
    let file = File::create(root.path().join("large")).unwrap();
    file.write_all_at(b"end", N_BYTES - 3).unwrap();
    drop(file);
    let store = Arc::new(Reading::default());
    let sync = Sync::start(root.path(), store.clone() as _, settings(), &[]).unwrap();
    let report = finish(sync);
    check_whole(&report);
    assert_eq!((report.n_files, report.n_bytes), (1, N_BYTES));
    let read = store.0.lock().unwrap().clone();
    assert_eq!(read, Some((N_BYTES, b"\0end".to_vec())));
}

#[test]
fn changes_between_looks_are_found_without_events() {
    let root = folder();
    let store = Store::faultless();
    let sync = start(root.path(), &store, deaf());
    write(root.path(), "log", "1");
    store.wait_for_object("log", b"1");
    write(root.path(), "log", "2");
    store.wait_for_object("log", b"2");
    check_whole(&finish(sync));
}
