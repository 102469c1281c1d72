use std::fs;

use super::*;

fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
    (directory, path)
}

#[test]
fn the_first_of_two_variables_counts() {
    let pairs =
        [("A", "1"), ("A", "2"), ("B", "3")].map(|(name, value)| (name.into(), value.into()));
    let process = Process::new(pairs);
    assert_eq!(process.var("A").unwrap(), "1");
    assert_eq!(process.vars().count(), 2);
    assert!(process.var("C").is_none());
}

#[test]
fn only_regular_files_of_a_sane_size_are_read() {
    let (_guard, path) = directory();
    let process = Process::new([]);
    fs::write(path.join("small"), "x").unwrap();
    fs::File::create(path.join("huge"))
        .unwrap()
        .set_len(MAX_FILE_BYTES + 1)
        .unwrap();
    assert_eq!(process.read(&path.join("small")).unwrap(), b"x");
    assert_eq!(
        process.read(&path.join("huge")).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
    assert_eq!(
        process.read(&path).unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(
        process.read(&path.join("none")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert!(process.exists(&path) && !process.exists(&path.join("none")));
}

#[test]
fn memory_answers_like_a_process() {
    let memory = Memory::new().with_var("A", "1").with_file("/d/f", "x");
    assert_eq!(memory.var("A").unwrap(), "1");
    assert_eq!(memory.vars().count(), 1);
    assert_eq!(memory.read("/d/f".into()).unwrap(), b"x");
    assert_eq!(
        memory.read("/d".into()).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert!(
        memory.exists("/d".into()) && memory.exists("/d/f".into()) && !memory.exists("/e".into())
    );
}
