use std::{fs::FileTimes, time::Duration};

use super::*;

fn object(n_bytes: u64, modified: SystemTime) -> Object {
    Object::listed("ck/a", n_bytes, modified)
}

#[test]
fn a_file_here_counts_by_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().join("a")).unwrap();
    let stored = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let compare = |n_bytes| Local::compare(&path, &object(n_bytes, stored)).unwrap();
    assert_eq!(compare(3), Local::OlderOrMissing);
    fs::write(&path, "abc").unwrap();
    let written = |time| {
        let file = File::options().write(true).open(&path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    written(stored);
    assert_eq!(compare(3), Local::Same);
    assert_eq!(compare(4), Local::Newer);
    for later in [Duration::from_millis(1), Duration::from_secs(5)] {
        written(stored + later);
        assert_eq!(compare(4), Local::Newer);
        // Of the same size, but nobody knows whether with the same content.
        assert_eq!(compare(3), Local::Newer);
    }
    written(stored - Duration::from_secs(5));
    assert_eq!(compare(3), Local::OlderOrMissing);
}

#[test]
fn a_place_that_no_file_can_take_is_an_error_before_anything_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    fs::create_dir(folder.join("directory")).unwrap();
    fs::write(folder.join("file"), "x").unwrap();
    for (name, kind) in [
        ("directory", io::ErrorKind::IsADirectory),
        ("file/below", io::ErrorKind::NotADirectory),
    ] {
        let error = Local::compare(&folder.join(name), &object(3, UNIX_EPOCH)).unwrap_err();
        assert!(error.hint().unwrap().contains("rename"));
        let RestoreError::Folder { path, reason } = error else {
            panic!("{error}")
        };
        assert_eq!((path, reason.kind()), (folder.join(name), kind));
    }
}

#[test]
fn what_a_killed_run_left_is_cleared_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    fs::create_dir_all(folder.join(".optml-restore-7/deep")).unwrap();
    fs::write(folder.join(".optml-restore-7/deep/half"), "x").unwrap();
    fs::write(folder.join("kept"), "x").unwrap();
    clear_leftovers(&folder).unwrap();
    let names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["kept"]);
}
