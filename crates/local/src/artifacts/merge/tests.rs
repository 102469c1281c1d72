use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::GzDecoder;

use super::{Conflict, Conflicts, Part};
use crate::artifacts::{Artifact, pack_parts};

/// The folders of three hosts.
struct Folders {
    keep: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        let folders = Self {
            keep: tempfile::tempdir().unwrap(),
        };
        for part in folders.parts() {
            fs::create_dir(part.folder).unwrap();
        }
        folders
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.keep.path()).unwrap().join(name)
    }

    fn parts(&self) -> Vec<Part> {
        ["algo-1", "algo-2", "algo-3"]
            .map(|host| Part {
                host: host.to_owned(),
                folder: self.path(host),
            })
            .into()
    }

    /// Writes a file as of some second.
    fn write(&self, name: &str, content: &str, second: u64) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(second);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }

    /// The archive, and the names in it with the content of the files.
    fn pack(&self) -> (Artifact, Vec<(String, String)>) {
        let path = self.path("all.tar.gz");
        let artifact = pack_parts(&self.parts(), &path).unwrap().unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        (artifact, entries.collect())
    }
}

fn conflict(path: &str, kept: &str, lost: &[&str]) -> Conflict {
    Conflict {
        path: path.into(),
        kept: kept.to_owned(),
        lost: lost.iter().map(|host| (*host).to_owned()).collect(),
    }
}

#[test]
fn folders_are_joined_and_the_last_writer_wins() {
    let folders = Folders::new();
    folders.write("algo-1/model", "one", 300);
    folders.write("algo-2/model", "two", 200);
    folders.write("algo-1/same", "weights", 100);
    folders.write("algo-2/same", "weights", 200);
    folders.write("algo-1/deep/a", "a", 100);
    folders.write("algo-3/deep/b", "b", 100);
    folders.write("algo-1/tie", "1", 100);
    folders.write("algo-2/tie", "2", 100);
    folders.write("algo-3/tie", "2", 100);
    let (artifact, files) = folders.pack();
    let expected = [
        ("deep", ""),
        ("deep/a", "a"),
        ("deep/b", "b"),
        ("model", "one"),
        ("same", "weights"),
        ("tie", "2"),
    ];
    assert_eq!(
        files,
        expected.map(|(name, content)| (name.to_owned(), content.to_owned()))
    );
    assert_eq!(artifact.n_files, 5);
    assert_eq!(
        artifact.conflicts,
        Conflicts {
            first: vec![
                conflict("model", "algo-1", &["algo-2"]),
                conflict("tie", "algo-3", &["algo-1"]),
            ],
            n_found: 2,
        }
    );
}

#[test]
fn what_is_of_another_kind_is_another_thing() {
    let folders = Folders::new();
    folders.write("algo-1/x", "", 1);
    folders.write("algo-2/x/in", "in", 1);
    symlink("x", folders.path("algo-1/link")).unwrap();
    symlink("x", folders.path("algo-2/link")).unwrap();
    let (artifact, files) = folders.pack();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["link", "x", "x/in"]);
    assert_eq!(
        artifact.conflicts.first,
        [conflict("x", "algo-2", &["algo-1"])]
    );
}

#[test]
fn nothing_from_anybody_is_no_archive() {
    let folders = Folders::new();
    let archive = folders.path("all.tar.gz");
    assert_eq!(pack_parts(&folders.parts(), &archive).unwrap(), None);
    assert!(!archive.exists());
}

#[test]
fn a_remark_names_the_host() {
    let folders = Folders::new();
    symlink("/elsewhere", folders.path("algo-2/out")).unwrap();
    let (artifact, _) = folders.pack();
    assert_eq!(
        artifact.remarks[0].text(),
        "algo-2: `out` is a link to `/elsewhere`, which is not in the archive"
    );
}

#[test]
fn only_some_conflicts_are_named() {
    let mut conflicts = Conflicts::default();
    for number in 0..25 {
        conflicts.push(Conflict {
            path: PathBuf::from(number.to_string()),
            ..conflict("", "algo-2", &["algo-1"])
        });
    }
    let texts = conflicts.texts();
    assert_eq!(texts.len(), 21);
    assert_eq!(
        texts[0],
        "`0` differs between algo-1 and algo-2: that of algo-2 is kept, which was written last"
    );
    assert_eq!(texts[20], "5 more files differ between hosts");
}
