use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    time::{Duration, Instant, UNIX_EPOCH},
};

use camino::Utf8PathBuf;

use super::*;

#[test]
fn paths_and_file_urls_are_locations() {
    let check = |text: &str, expected: &str| {
        let location = CodeLocation::parse(text).unwrap();
        assert_eq!(location, CodeLocation::Local(expected.into()));
    };
    check("/opt/code", "/opt/code");
    check("code", "code");
    check("a:b", "a:b");
    check("x/s3://y", "x/s3://y");
    check("file:///a/b.tar.gz", "/a/b.tar.gz");
    check("file://localhost/a%20b/%C3%A9", "/a b/é");
    check("FILE:///a", "/a");
}

#[test]
fn other_urls_are_refused_by_name() {
    let message = |text: &str| {
        let err = CodeLocation::parse(text).unwrap_err();
        format!("{err}\nhint: {}", err.hint().unwrap())
    };
    insta::assert_snapshot!(message("s3:///code.tar.gz"), @"
    fetch the code (`sagemaker_submit_directory`): `s3:///code.tar.gz` names no bucket
    hint: write `s3://BUCKET/KEY`, and a `/` at the end for a folder
    ");
    insta::assert_snapshot!(message("ftp://user:secret@host/x.tgz?signature=secret#secret"), @"
    fetch the code from `ftp://host/x.tgz`: ftp locations are not supported
    hint: give a directory, an archive or a single file: a path, `file://`, `s3://`, `gs://`, `az://` or `https://`
    ");
    insta::assert_snapshot!(message("file://elsewhere/x"), @"
    fetch the code from `file://elsewhere/x`: it does not name a path on this machine
    hint: write an absolute path: `file:///path/to/code`
    ");
    insta::assert_snapshot!(message(""), @"
    fetch the code: `sagemaker_submit_directory` is empty
    hint: give a directory, an archive or a single file: a path, `file://`, `s3://`, `gs://`, `az://` or `https://`
    ");
    for text in [
        "gs://b/k",
        "az://b/k",
        "S3://b",
        "http://h/k",
        "HTTPS://h/k?x=y",
    ] {
        let location = CodeLocation::parse(text).unwrap();
        assert!(matches!(location, CodeLocation::Stored(_)), "{location}");
    }
    for text in [
        "file://",
        "file://host",
        "file:///%",
        "file:///%zz",
        "file:///%ff",
        "file:///%00",
    ] {
        let err = CodeLocation::parse(text).unwrap_err();
        assert!(matches!(err, CodeError::FileUrl(_)), "{err}");
    }
}

#[test]
fn a_directory_is_copied() {
    let place = Place::new();
    let source = place.source();
    fs::create_dir_all(source.join("pkg/deep")).unwrap();
    fs::create_dir_all(source.join(".optml/runs/1")).unwrap();
    fs::create_dir_all(source.join("pkg/.optml")).unwrap();
    fs::write(source.join("train.py"), "print(1)").unwrap();
    fs::set_permissions(source.join("train.py"), fs::Permissions::from_mode(0o4777)).unwrap();
    fs::write(source.join("pkg/deep/a.txt"), vec![b'x'; 300_000]).unwrap();
    let then = UNIX_EPOCH + Duration::new(1_700_000_000, 5);
    let file = fs::File::options()
        .write(true)
        .open(source.join("pkg/deep/a.txt"))
        .unwrap();
    file.set_modified(then).unwrap();
    symlink("../train.py", source.join("pkg/link")).unwrap();

    let fetched = place.fetch(&source).unwrap();
    let copied = Extracted {
        n_files: 2,
        n_directories: 3,
        n_links: 1,
        n_bytes: 300_008,
    };
    assert_eq!(fetched, Fetched::Copied(copied));
    let code_dir = place.code_dir();
    assert_eq!(names(&code_dir), [marker::NAME, "pkg", "train.py"]);
    assert_eq!(
        fs::read_to_string(code_dir.join("pkg/link")).unwrap(),
        "print(1)"
    );
    assert!(code_dir.join("pkg/link").is_symlink());
    assert_eq!(
        fs::metadata(code_dir.join("train.py")).unwrap().mode() & 0o7722,
        0o700
    );
    assert_eq!(
        fs::metadata(code_dir.join("pkg/deep/a.txt"))
            .unwrap()
            .modified()
            .unwrap(),
        then
    );
    assert_eq!(names(&place.root()), ["code", "source"]);
}

#[test]
fn an_archive_is_unpacked_whatever_its_name() {
    let place = Place::new();
    let source = place.root().join("script.py");
    fs::write(&source, EMPTY_TAR).unwrap();
    assert_eq!(
        place.fetch(&source).unwrap(),
        Fetched::Unpacked(Extracted::default())
    );
    assert_eq!(names(&place.code_dir()), [marker::NAME]);

    fs::write(&source, b"BZh91AY").unwrap();
    let err = place.fetch(&source).unwrap_err();
    assert!(
        err.to_string()
            .ends_with("not a tar or zip archive, but bzip2 data"),
        "{err}"
    );
    assert!(err.hint().is_some());
}

#[test]
fn a_single_file_is_copied() {
    let place = Place::new();
    let source = place.root().join("train.py");
    fs::write(&source, "print(1)").unwrap();
    // A link to a script is the script.
    let link = place.root().join("link.py");
    symlink(&source, &link).unwrap();
    let copied = Extracted {
        n_files: 1,
        n_bytes: 8,
        ..Extracted::default()
    };
    assert_eq!(place.fetch(&link).unwrap(), Fetched::Copied(copied));
    assert_eq!(
        fs::read_to_string(place.code_dir().join("link.py")).unwrap(),
        "print(1)"
    );
    assert!(!place.code_dir().join("link.py").is_symlink());
}

#[test]
fn code_that_is_there_is_kept() {
    let place = Place::new();
    fs::create_dir(place.code_dir()).unwrap();
    fs::write(place.code_dir().join("mine.py"), "1").unwrap();
    fs::create_dir(place.source()).unwrap();
    assert_eq!(
        place.fetch(&place.source()).unwrap(),
        Fetched::Kept(Why::Unmarked)
    );
    // As in the reference, the location is not even looked at.
    assert_eq!(
        place.fetch(&place.root().join("none")).unwrap(),
        Fetched::Kept(Why::Unmarked)
    );
    assert_eq!(
        place.fetch(&place.code_dir()).unwrap(),
        Fetched::Kept(Why::Unmarked)
    );
    assert_eq!(
        place.fetch(Utf8Path::new("s3://bucket/key")).unwrap(),
        Fetched::Kept(Why::Unmarked)
    );
    assert_eq!(names(&place.code_dir()), ["mine.py"]);
}

#[test]
fn an_empty_code_directory_may_be_its_own_source() {
    let place = Place::new();
    fs::create_dir(place.code_dir()).unwrap();
    symlink(place.code_dir(), place.source()).unwrap();
    assert_eq!(place.fetch(&place.source()).unwrap(), Fetched::InPlace);
}

#[test]
fn a_code_directory_inside_its_source_is_refused_unless_it_is_a_run_of_ours() {
    let place = Place::new();
    fs::write(place.root().join("train.py"), "1").unwrap();
    let fetch_to = |code_dir: &Utf8Path| fetch(place.root().as_str(), code_dir, means(&|| false));
    let err = fetch_to(&place.root().join("out/code")).unwrap_err();
    assert!(matches!(err, CodeError::Inside { .. }), "{err}");
    assert_eq!(names(&place.root()), ["train.py"]);

    let run = place.root().join(".optml/runs/1/algo-1/code");
    let copied = Extracted {
        n_files: 1,
        n_bytes: 1,
        ..Extracted::default()
    };
    assert_eq!(fetch_to(&run).unwrap(), Fetched::Copied(copied));
    assert_eq!(names(&run), [marker::NAME, "train.py"]);
}

#[test]
fn what_cannot_be_copied_is_named_and_nothing_is_left() {
    let refused = |prepare: &dyn Fn(&Utf8Path), expected: &str| {
        for is_existing in [false, true] {
            let place = Place::new();
            fs::create_dir(place.source()).unwrap();
            fs::write(place.source().join("train.py"), "1").unwrap();
            if is_existing {
                fs::create_dir(place.code_dir()).unwrap();
            }
            prepare(&place.source());
            let err = place.fetch(&place.source()).unwrap_err();
            assert!(
                err.to_string().contains(expected),
                "{err}\ninstead of: {expected}"
            );
            assert_eq!(place.code_dir().exists(), is_existing);
            assert!(!is_existing || names(&place.code_dir()).is_empty());
        }
    };
    refused(
        &|source| symlink("/etc/passwd", source.join("abs")).unwrap(),
        "`abs`: the link points to an absolute path",
    );
    refused(
        &|source| symlink("../code", source.join("out")).unwrap(),
        "`out`: the link points out of the tree",
    );
    refused(
        &|source| {
            let mode = rustix::fs::Mode::RUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, source.join("fifo").as_std_path(), mode).unwrap();
        },
        "`fifo`: it is neither a directory, a file nor a link",
    );
    refused(
        &|source| fs::write(source.join("a\\b"), "").unwrap(),
        "the name holds a backslash",
    );
    refused(
        &|source| fs::create_dir_all(source.join("d/".repeat(129))).unwrap(),
        "129 levels deep",
    );
}

#[test]
fn a_stop_ends_a_copy_and_leaves_nothing() {
    let place = Place::new();
    fs::create_dir(place.source()).unwrap();
    fs::write(place.source().join("a"), "1").unwrap();
    for source in [place.source(), place.source().join("a")] {
        let err = fetch(source.as_str(), &place.code_dir(), means(&|| true)).unwrap_err();
        assert!(
            err.to_string().ends_with("`a`: stopped before the end"),
            "{err}"
        );
        assert_eq!(names(&place.root()), ["source"]);
    }
}

#[test]
fn a_location_that_does_not_exist_is_named() {
    let place = Place::new();
    let missing = place.root().join("none");
    let err = place.fetch(&missing).unwrap_err();
    let expected = format!(
        "fetch the code from `{missing}` (`sagemaker_submit_directory`): it does not exist"
    );
    assert_eq!(err.to_string(), expected);
    assert!(err.hint().is_some());

    let special = place.fetch(Utf8Path::new("/dev/null")).unwrap_err();
    assert!(matches!(special, CodeError::Special(_)), "{special}");
    assert!(names(&place.root()).is_empty());
}

#[test]
fn an_interrupted_fetch_is_not_taken_for_code() {
    let place = Place::new();
    fs::create_dir_all(place.code_dir().join(".optml-staging-7-0")).unwrap();
    fs::write(place.code_dir().join("half.py"), "").unwrap();
    fs::create_dir(place.source()).unwrap();
    let err = place.fetch(&place.source()).unwrap_err();
    assert!(
        matches!(err, CodeError::Staging(StagingError::Interrupted(_))),
        "{err}"
    );
    assert!(err.hint().is_some());
}

#[test]
fn a_code_directory_that_is_a_file_is_named() {
    let place = Place::new();
    fs::write(place.code_dir(), "").unwrap();
    let err = place.fetch(&place.source()).unwrap_err();
    assert!(
        matches!(err, CodeError::Staging(StagingError::NotADirectory(_))),
        "{err}"
    );
}

#[test]
fn code_that_was_fetched_is_kept_or_replaced() {
    let place = Place::new();
    let source = place.root().join("train.py");
    fs::write(&source, "print(1)").unwrap();
    let copied = Extracted {
        n_files: 1,
        n_bytes: 8,
        ..Extracted::default()
    };
    assert_eq!(place.fetch(&source).unwrap(), Fetched::Copied(copied));
    assert_eq!(place.fetch(&source).unwrap(), Fetched::Kept(Why::Same));
    // Even if somebody worked on it: it is what is asked for.
    fs::write(place.code_dir().join("out.txt"), "").unwrap();
    assert_eq!(place.fetch(&source).unwrap(), Fetched::Kept(Why::Same));
    fs::remove_file(place.code_dir().join("out.txt")).unwrap();

    let inode = |path: Utf8PathBuf| fs::metadata(path).unwrap().ino();
    let before = inode(place.code_dir());
    fs::create_dir_all(place.code_dir().join("__pycache__")).unwrap();
    fs::write(place.code_dir().join("__pycache__/train.pyc"), "").unwrap();
    fs::write(&source, "print(12)").unwrap();
    let fetched = place.fetch(&source).unwrap();
    let Fetched::Replaced { was, extracted } = fetched else {
        panic!("{fetched:?}");
    };
    assert_eq!((was.location, extracted.n_bytes), (source.to_string(), 9));
    assert_eq!(names(&place.code_dir()), [marker::NAME, "train.py"]);
    assert_eq!(inode(place.code_dir()), before, "the directory stays");
}

#[test]
fn code_that_was_fetched_and_changed_is_neither_run_nor_lost() {
    let place = Place::new();
    fs::create_dir(place.source()).unwrap();
    fs::write(place.source().join("train.py"), "1").unwrap();
    let other = place.root().join("other.py");
    fs::write(&other, "2").unwrap();
    let _ = place.fetch(&place.source()).unwrap();
    for n in 0..5 {
        write_later(&place.code_dir(), &format!("result-{n}"));
    }
    let err = place.fetch(&other).unwrap_err();
    let expected = format!(
        "fetch the code from `{other}`: the code directory holds what came from `{}`, \
         and files were changed since: `result-0`, `result-1`, `result-2` and 2 more",
        place.source()
    );
    assert_eq!(err.to_string(), expected);
    assert_eq!(
        err.hint().unwrap(),
        "empty the code directory, or name the code that it holds"
    );
    assert_eq!(names(&place.code_dir()).len(), 7);
    // A location that is not there changes nothing either.
    let missing = place.fetch(&place.root().join("none")).unwrap_err();
    assert!(matches!(missing, CodeError::Missing(_)), "{missing}");
    assert_eq!(names(&place.code_dir()).len(), 7);
    // As the hint says, in the way that leaves the marker.
    for name in names(&place.code_dir()) {
        if !name.starts_with('.') {
            fs::remove_file(place.code_dir().join(name)).unwrap();
        }
    }
    let fetched = place.fetch(&other).unwrap();
    assert!(matches!(fetched, Fetched::Replaced { .. }), "{fetched:?}");
}

#[test]
fn a_directory_is_copied_anew_and_never_with_its_marker() {
    let place = Place::new();
    fs::create_dir(place.source()).unwrap();
    fs::write(place.source().join("train.py"), "1").unwrap();
    fs::write(place.source().join(marker::NAME), "its own").unwrap();
    let fetched = place.fetch(&place.source()).unwrap();
    assert!(matches!(fetched, Fetched::Copied(copied) if copied.n_files == 1));
    fs::write(place.source().join("train.py"), "22").unwrap();
    let fetched = place.fetch(&place.source()).unwrap();
    assert!(matches!(fetched, Fetched::Replaced { .. }), "{fetched:?}");
    let script = fs::read_to_string(place.code_dir().join("train.py")).unwrap();
    assert_eq!(script, "22");
}

#[test]
fn a_location_in_the_code_directory_is_not_removed_with_it() {
    let place = Place::new();
    fs::create_dir_all(place.source().join("pkg")).unwrap();
    fs::write(place.source().join("pkg/train.py"), "1").unwrap();
    let _ = place.fetch(&place.source()).unwrap();
    let code_dir = place.code_dir();
    for location in [
        code_dir.clone(),
        code_dir.join("pkg"),
        code_dir.join("pkg/train.py"),
    ] {
        let fetched = place.fetch(&location).unwrap();
        assert_eq!(fetched, Fetched::Kept(Why::Within));
    }
    assert!(code_dir.join("pkg/train.py").exists());
}

/// Writes a file whose change time is later than the marker's, on clocks that tick in milliseconds.
fn write_later(code_dir: &Utf8Path, name: &str) {
    let changed = |name: &str| {
        let metadata = fs::metadata(code_dir.join(name)).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        fs::write(code_dir.join(name), "1").unwrap();
        if changed(name) > changed(marker::NAME) {
            return;
        }
        assert!(Instant::now() < deadline, "the clock stands still");
    }
}

/// For locations of this machine.
fn means(stop: Stop<'_>) -> Means<'_> {
    Means {
        stop,
        client: &|| panic!("no store is asked for a location of this machine"),
        scratch: Utf8Path::new("/nonexistent"),
    }
}

const EMPTY_TAR: [u8; 1024] = [0; 1024];

/// A folder with room for a source and a code directory.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.0.path()).unwrap().to_owned()
    }

    fn source(&self) -> Utf8PathBuf {
        self.root().join("source")
    }

    fn code_dir(&self) -> Utf8PathBuf {
        self.root().join("code")
    }

    fn fetch(&self, location: &Utf8Path) -> Result<Fetched, CodeError> {
        fetch(location.as_str(), &self.code_dir(), means(&|| false))
    }
}

fn names(directory: &Utf8Path) -> Vec<String> {
    let entries = directory.read_dir_utf8().unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    names.sort();
    names
}
