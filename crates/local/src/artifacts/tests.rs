use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{ErrorKind, Read as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::GzDecoder;

use super::{Artifact, ExactLength, RemarkKind, leaves, pack};

struct Folder {
    keep: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = Self {
            keep: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(folder.path("model")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.keep.path()).unwrap().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path("model").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn pack(&self) -> Artifact {
        pack(&self.path("model"), &self.path("model.tar.gz"))
            .unwrap()
            .unwrap()
    }

    /// What the archive unpacks to, next to it.
    fn unpack(&self) -> Utf8PathBuf {
        let target = self.path("unpacked");
        let archive = File::open(self.path("model.tar.gz")).unwrap();
        tar::Archive::new(GzDecoder::new(archive))
            .unpack(&target)
            .unwrap();
        target
    }
}

/// Every path below a folder with what it is: content, link target, or mode of a folder.
fn listing(folder: &Path, prefix: &Path, lines: &mut Vec<(PathBuf, String)>) {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    for name in names {
        let (path, shown) = (folder.join(&name), prefix.join(&name));
        let meta = fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode() & 0o777;
        if meta.is_symlink() {
            lines.push((
                shown,
                format!("-> {}", fs::read_link(&path).unwrap().display()),
            ));
        } else if meta.is_dir() {
            lines.push((shown.clone(), format!("{mode:o}")));
            listing(&path, &shown, lines);
        } else {
            lines.push((shown, format!("{mode:o} {:?}", fs::read(&path).unwrap())));
        }
    }
}

#[track_caller]
fn check_round_trip(folder: &Folder) {
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    listing(
        folder.path("model").as_std_path(),
        Path::new(""),
        &mut expected,
    );
    listing(folder.unpack().as_std_path(), Path::new(""), &mut found);
    assert_eq!(found, expected);
}

#[test]
fn everything_comes_back() {
    let folder = Folder::new();
    folder.write("model.json", b"{}");
    folder.write("deep/er/weights.bin", &vec![7; 100_000]);
    folder.write("empty", b"");
    folder.write(&format!("{}/{}", "d".repeat(200), "f".repeat(200)), b"long");
    fs::write(
        folder
            .path("model")
            .as_std_path()
            .join(OsStr::from_bytes(b"\xff\xfe.bin")),
        b"bytes",
    )
    .unwrap();
    fs::create_dir(folder.path("model/hollow")).unwrap();
    fs::set_permissions(
        folder.path("model/model.json"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    symlink("model.json", folder.path("model/latest")).unwrap();
    symlink("../model.json", folder.path("model/deep/up")).unwrap();
    symlink("x".repeat(300), folder.path("model/dangling")).unwrap();
    let artifact = folder.pack();
    assert_eq!(
        (artifact.n_files, artifact.remarks.as_slice()),
        (8, &[][..])
    );
    assert_eq!(
        artifact.size_bytes,
        fs::metadata(&artifact.path).unwrap().len()
    );
    check_round_trip(&folder);
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let folder = Folder::new();
    for name in ["b", "a", "sub/z", "sub/a"] {
        folder.write(name, name.as_bytes());
    }
    let first = fs::read(folder.pack().path).unwrap();
    for name in ["sub/a", "a", "sub/z", "b"] {
        fs::remove_file(folder.path("model").join(name)).unwrap();
        folder.write(name, name.as_bytes());
        let file = File::options()
            .write(true)
            .open(folder.path("model").join(name))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    assert_eq!(fs::read(folder.pack().path).unwrap(), first);
    let mut tar = Vec::new();
    GzDecoder::new(first.as_slice())
        .read_to_end(&mut tar)
        .unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    for entry in archive.entries().unwrap() {
        let header = entry.unwrap().header().clone();
        assert_eq!(
            (
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.mtime().unwrap()
            ),
            (0, 0, 0)
        );
    }
}

#[test]
fn an_empty_folder_gives_no_archive() {
    let folder = Folder::new();
    assert_eq!(
        pack(&folder.path("model"), &folder.path("model.tar.gz")).unwrap(),
        None
    );
    assert!(!folder.path("model.tar.gz").exists());
}

#[test]
fn what_is_no_file_is_left_out_and_said() {
    let folder = Folder::new();
    folder.write("model.json", b"{}");
    let fifo = folder.path("model/a-fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        fifo.as_std_path(),
        rustix::fs::FileType::Fifo,
        0o644.into(),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(folder.path("model/a-socket")).unwrap();
    let artifact = folder.pack();
    let texts: Vec<_> = artifact.remarks.iter().map(super::Remark::text).collect();
    assert_eq!(
        texts,
        [
            "left out `a-fifo`: it is a FIFO",
            "left out `a-socket`: it is a socket"
        ]
    );
    assert_eq!(fs::read_dir(folder.unpack()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let folder = Folder::new();
    folder.write("model.json", b"{}");
    folder.write("closed.bin", b"x");
    folder.write("shut/x", b"x");
    for name in ["model/closed.bin", "model/shut"] {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o0)).unwrap();
    }
    // Root reads everything: then there is nothing to leave out.
    let is_all_readable = File::open(folder.path("model/closed.bin")).is_ok();
    let artifact = folder.pack();
    fs::set_permissions(folder.path("model/shut"), fs::Permissions::from_mode(0o755)).unwrap();
    let expected = if is_all_readable {
        vec![]
    } else {
        let kind = RemarkKind::Unreadable(ErrorKind::PermissionDenied);
        vec![
            (PathBuf::from("closed.bin"), kind.clone()),
            (PathBuf::from("shut"), kind),
        ]
    };
    let found: Vec<_> = artifact
        .remarks
        .into_iter()
        .map(|remark| (remark.path, remark.kind))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn links_out_of_the_folder_are_kept_and_said() {
    let folder = Folder::new();
    symlink("/opt/ml/checkpoints/last", folder.path("model/last")).unwrap();
    let artifact = folder.pack();
    assert_eq!(
        artifact.remarks[0].text(),
        "`last` is a link to `/opt/ml/checkpoints/last`, which is not in the archive"
    );
    assert_eq!(artifact.n_files, 1);
    for (link, target, expected) in [
        ("a", "b", false),
        ("a", "./b/../c", false),
        ("a", "..", true),
        ("d/a", "../b", false),
        ("d/a", "../../b", true),
        ("d/a", "x/../../b", false),
    ] {
        assert_eq!(
            leaves(Path::new(link), Path::new(target)),
            expected,
            "{link} -> {target}"
        );
    }
}

#[test]
fn a_file_that_changes_fills_its_place_exactly() {
    let folder = Folder::new();
    folder.write("log", b"0123456789");
    let packed = |left| {
        let file = File::open(folder.path("model/log")).unwrap();
        let mut contents = ExactLength {
            file,
            path: Path::new("log"),
            left,
            has_changed: false,
        };
        let mut bytes = Vec::new();
        contents.read_to_end(&mut bytes).unwrap();
        (bytes, contents.has_changed())
    };
    assert_eq!(packed(10), (b"0123456789".to_vec(), false));
    assert_eq!(packed(4), (b"0123".to_vec(), true), "it has grown");
    assert_eq!(
        packed(12),
        (b"0123456789\0\0".to_vec(), true),
        "it has shrunk"
    );
}

#[test]
fn nothing_is_left_of_an_archive_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("model.json", b"{}");
    let target = folder.path("taken.tar.gz");
    fs::create_dir_all(target.join("full")).unwrap();
    let error = pack(&folder.path("model"), &target)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with(&format!("write `{target}`: ")), "{error}");
    assert!(target.join("full").is_dir());
    assert!(!folder.path("taken.tar.gz.partial").exists());
}

#[test]
fn a_size_beyond_eight_gib_has_a_form() {
    let folder = Folder::new();
    folder.write("weights", b"");
    let meta = fs::metadata(folder.path("model/weights")).unwrap();
    let header = super::header(tar::EntryType::Regular, &meta, 9 << 30);
    assert_eq!(header.entry_size().unwrap(), 9 << 30);
}
