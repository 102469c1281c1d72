use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::*;

#[test]
fn a_marker_says_what_was_fetched() {
    let place = Place::new();
    assert_eq!(place.look(&origin("s3://b/k", "etag")), Found::Unmarked);
    fs::write(place.at("train.py"), "1").unwrap();
    write(&place.root(), &origin("s3://b/k", "\"etag\"")).unwrap();
    assert!(is_marked(&place.root()).unwrap());
    assert_eq!(place.look(&origin("s3://b/k", "\"etag\"")), Found::Same);
    let other = |was: &Origin| Found::Other {
        was: was.clone(),
        changed: Vec::new(),
        n_changed: 0,
    };
    let was = origin("s3://b/k", "\"etag\"");
    assert_eq!(place.look(&origin("s3://b/k", "other")), other(&was));
    assert_eq!(place.look(&origin("s3://b/l", "\"etag\"")), other(&was));
    assert!(!place.at(FRESH_NAME).exists());

    let directory = origin("/src", DIRECTORY);
    write(&place.root(), &directory).unwrap();
    assert_eq!(place.look(&directory), other(&directory));
}

#[test]
fn the_marker_is_json() {
    let json = origin("s3://bücket/\"k\"", "e\n").to_json(7);
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!({
        "version": 1, "location": "s3://bücket/\"k\"", "identity": "e\n", "inode": "7",
    });
    assert_eq!(parsed, expected);
    assert_eq!(
        parse(json.as_bytes(), 7),
        Some(origin("s3://bücket/\"k\"", "e\n"))
    );
}

#[test]
fn what_is_no_marker_of_this_directory_does_not_count() {
    let place = Place::new();
    let wanted = origin("s3://b/k", "etag");
    write(&place.root(), &wanted).unwrap();
    let copy = fs::read(place.at(NAME)).unwrap();
    // A copy has another inode.
    fs::rename(place.at(NAME), place.at("original")).unwrap();
    fs::write(place.at(NAME), copy).unwrap();
    assert_eq!(place.look(&wanted), Found::Unmarked);
    fs::rename(place.at("original"), place.at(NAME)).unwrap();
    fs::write(place.at("train.py"), "1").unwrap();
    assert_eq!(place.look(&wanted), Found::Same);

    let inode = fs::metadata(place.at(NAME)).unwrap().ino();
    for content in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!(r#"{{"version":2,"location":"l","identity":"i","inode":"{inode}"}}"#),
        format!(r#"{{"version":1,"location":"l","identity":7,"inode":"{inode}"}}"#),
        format!(r#"{{"version":1,"location":"\ud800","identity":"i","inode":"{inode}"}}"#),
        format!(r#"{{"version":1,"location":"l","inode":"{inode}"}}"#),
        "x".repeat(100_000),
    ] {
        fs::write(place.at(NAME), &content).unwrap();
        assert_eq!(place.look(&wanted), Found::Unmarked, "{content}");
    }
    fs::remove_file(place.at(NAME)).unwrap();
    std::os::unix::fs::symlink("original", place.at(NAME)).unwrap();
    assert_eq!(place.look(&wanted), Found::Unmarked);
    fs::remove_file(place.at(NAME)).unwrap();
    fs::create_dir(place.at(NAME)).unwrap();
    assert_eq!(place.look(&wanted), Found::Unmarked);
    // No marker can be put there, and nothing is left of the attempt.
    write(&place.root(), &wanted).unwrap_err();
    assert!(!place.at(FRESH_NAME).exists());
}

#[test]
fn files_that_changed_since_are_named() {
    let place = Place::new();
    for folder in ["pkg/deep", "build", "x.egg-info", "pkg/__pycache__"] {
        fs::create_dir_all(place.at(folder)).unwrap();
    }
    fs::write(place.at("pkg/deep/old.py"), "1").unwrap();
    fs::write(place.at("edited.py"), "1").unwrap();
    write(&place.root(), &origin("/a", "1")).unwrap();
    // What Python and an install leave.
    for derived in [
        "build/lib.py",
        "x.egg-info/PKG-INFO",
        "pkg/__pycache__/old.cpython-311.pyc",
        "pkg/old.pyc",
    ] {
        place.write_later(derived);
    }
    // A file that went does not show, and neither does a directory.
    fs::create_dir(place.at("pkg/new")).unwrap();
    let changed = |place: &Place| match place.look(&origin("/b", "1")) {
        Found::Other {
            changed, n_changed, ..
        } => (changed.join(" "), n_changed),
        found => panic!("{found:?}"),
    };
    assert_eq!(changed(&place), (String::new(), 0));
    place.write_later("edited.py");
    place.write_later("pkg/new/added\n.py");
    std::os::unix::fs::symlink("/etc", place.at("link")).unwrap();
    assert_eq!(
        changed(&place),
        (r"edited.py link pkg/new/added\n.py".to_owned(), 3)
    );
    place.write_later("pkg/build/more.py");
    let (names, n_changed) = changed(&place);
    assert_eq!((names.split(' ').count(), n_changed), (3, 4));
}

#[test]
fn what_is_cleared_is_everything_below() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "").unwrap();
    fs::create_dir_all(place.at("a/b")).unwrap();
    fs::write(place.at("a/b/c"), "").unwrap();
    fs::write(place.at(".hidden"), "").unwrap();
    std::os::unix::fs::symlink(outside.path(), place.at("link")).unwrap();
    write(&place.root(), &origin("/a", "1")).unwrap();
    let inode = fs::metadata(place.root()).unwrap().ino();
    clear(&place.root()).unwrap();
    assert_eq!(fs::read_dir(place.root()).unwrap().count(), 0);
    assert_eq!(fs::metadata(place.root()).unwrap().ino(), inode);
    assert!(outside.path().join("kept").exists());
    // Nothing to clear, and no marker.
    clear(&place.root()).unwrap();
}

#[test]
fn a_marker_alone_holds_nothing() {
    let place = Place::new();
    let wanted = origin("/a", "1");
    write(&place.root(), &wanted).unwrap();
    let found = place.look(&wanted);
    assert!(
        matches!(found, Found::Other { n_changed: 0, .. }),
        "{found:?}"
    );
}

fn origin(location: &str, identity: &str) -> Origin {
    Origin {
        location: location.to_owned(),
        identity: identity.to_owned(),
    }
}

/// A code directory.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.0.path()).unwrap().to_owned()
    }

    fn at(&self, name: &str) -> Utf8PathBuf {
        self.root().join(name)
    }

    fn look(&self, wanted: &Origin) -> Found {
        look(&self.root(), wanted).unwrap()
    }

    /// Writes a file whose change time is later than the marker's, on clocks that tick in milliseconds.
    fn write_later(&self, name: &str) {
        let changed = |name: &str| {
            let metadata = fs::metadata(self.at(name)).unwrap();
            (metadata.ctime(), metadata.ctime_nsec())
        };
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            fs::write(self.at(name), "1").unwrap();
            if changed(name) > changed(NAME) {
                return;
            }
            assert!(Instant::now() < deadline, "the clock stands still");
        }
    }
}
