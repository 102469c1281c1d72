//! Where the code comes from, and that it comes whole or not at all.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use optml_testkit::{Finished, OptMl};
use rustix::process::Signal;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tar::{EntryType, Header};

use crate::rig::{start, train};

const SCRIPT: &str =
    "import os, sys\nfrom package.words import WORD\nprint(WORD, sys.argv[1:], os.getcwd())\n";

/// Says what the code directory was filled with.
pub(crate) const MARKER: &str = ".optml-code.json";

/// A job without code, whose entry point is `train.py`.
pub(crate) fn job(location: Option<&str>) -> OptMl {
    let tree = OptMl::new()
        .hyperparameter("sagemaker_program", "train.py")
        .hyperparameter("lr", "0.1");
    match location {
        Some(location) => tree.hyperparameter("sagemaker_submit_directory", location),
        None => tree,
    }
}

/// A folder with a script that needs a module beside it.
fn sources() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("package")).unwrap();
    for (name, content) in [
        ("train.py", SCRIPT),
        ("package/__init__.py", ""),
        ("package/words.py", "WORD = 'found'\n"),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// The same as a tar archive, as `tar c .` makes it.
pub(crate) fn archive() -> Vec<u8> {
    let folder = sources();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", folder.path()).unwrap();
    archive.into_inner().unwrap()
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// An archive of one regular file and a hostile member.
fn hostile(kind: EntryType, name: &str, target: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut good = Header::new_ustar();
    good.set_size(5);
    good.set_mode(0o644);
    archive
        .append_data(&mut good, "train.py", &b"x = 1"[..])
        .unwrap();
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o644);
    // The library refuses such names where it can.
    let bytes = header.as_mut_bytes();
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    archive.append(&header, std::io::empty()).unwrap();
    archive.into_inner().unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The names in a folder; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn runs(location: &str) {
    let tree = job(Some(location));
    let finished = train(&tree);
    check_ran(&tree, &finished);
}

/// The code of [`archive`] ran, and is all that there is.
#[track_caller]
pub(crate) fn check_ran(tree: &OptMl, finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        format!("found ['--lr', '0.1'] {}\n", tree.path("code").display()),
        "{}",
        finished.stderr
    );
    assert_eq!(
        names(&tree.path("code"))
            .iter()
            .filter(|name| !name.starts_with("__") && *name != MARKER)
            .collect::<Vec<_>>(),
        ["package", "train.py"]
    );
}

#[track_caller]
fn runs_packed(name: &str, content: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    runs(text(&path));
}

#[test]
fn from_a_directory() {
    let sources = sources();
    runs(text(sources.path()));
    assert_eq!(
        names(sources.path()),
        ["package", "train.py"],
        "the original stays as it was"
    );
}

#[test]
fn from_an_archive_whatever_its_name() {
    let tar = archive();
    runs_packed("sourcedir.tar.gz", &gzip(&tar));
    runs_packed("sourcedir.tar", &tar);
    runs_packed(
        "sourcedir.tar.zst",
        &compress_to_vec(&tar[..], CompressionLevel::Fastest),
    );
    runs_packed("no-suffix", &gzip(&tar));
    runs_packed("sourcedir.tar.gz", &tar);
}

/// The same as a zip archive, as Python makes it.
pub(crate) fn zip() -> Vec<u8> {
    let sources = sources();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code");
    let script = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";
    let made = ["-c", script, text(&path), text(sources.path())];
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool of the test, which ends by itself"
    )]
    let status = std::process::Command::new("python3").args(made).status();
    assert!(status.unwrap().success());
    fs::read(path.with_extension("zip")).unwrap()
}

#[test]
fn from_a_zip_archive_whatever_its_name() {
    let zip = zip();
    runs_packed("sourcedir.zip", &zip);
    runs_packed("sourcedir.tar.gz", &zip);
}

#[test]
fn a_zip_archive_that_lies_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.zip");
    let mut packed = zip();
    // The name in the first header, and not the one in the directory.
    packed[30] ^= 1;
    fs::write(&path, &packed).unwrap();
    refused(
        text(&path),
        &[text(&path), "its header and the directory disagree: name"],
    );
    packed[30] ^= 1;
    packed.extend(b"more");
    fs::write(&path, &packed).unwrap();
    refused(
        text(&path),
        &[text(&path), "there is data after the zip archive's end"],
    );
}

#[test]
fn a_second_run_takes_the_code_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.zip");
    fs::write(&path, zip()).unwrap();
    let tree = job(Some(text(&path)));
    assert_eq!(train(&tree).code, Some(0));

    let finished = train(&tree);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("already holds this code"),
        "{}",
        finished.stderr
    );

    // The script's own `__pycache__` is no reason to keep the old code.
    let other = folder.path().join("train.py");
    fs::write(&other, "print('the other')").unwrap();
    let tree = tree.hyperparameter("sagemaker_submit_directory", text(&other));
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "the other\n"),
        "{}",
        finished.stderr
    );
    let said = finished
        .stderr
        .lines()
        .find(|line| line.contains("is replaced"));
    assert!(
        said.is_some_and(|line| line.contains(text(&path))),
        "{}",
        finished.stderr
    );
    assert_eq!(names(&tree.path("code")), [MARKER, "train.py"]);
}

#[test]
fn code_that_was_worked_on_is_neither_run_instead_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.py");
    fs::write(&path, "print('the first', file=open('notes.txt', 'w'))").unwrap();
    let tree = job(Some(text(&path)));
    assert_eq!(train(&tree).code, Some(0));
    assert_eq!(tree.read("code/notes.txt"), "the first\n");

    fs::write(&path, "print('the second')").unwrap();
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(4), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    assert!(
        report.contains("files were changed since: `notes.txt`"),
        "{report}"
    );
    assert!(report.contains("empty the code directory"), "{report}");
    assert_eq!(tree.read("code/notes.txt"), "the first\n");

    fs::remove_file(tree.path("code/notes.txt")).unwrap();
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "the second\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn from_a_file_url_and_a_quoted_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my code.tar.gz");
    fs::write(&path, gzip(&archive())).unwrap();
    runs(&format!("file://{}", text(&path).replace(' ', "%20")));
    // The older SDK writes each hyperparameter as JSON.
    runs(&format!("{:?}", text(&path)));
}

#[test]
fn from_a_single_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.py");
    fs::write(&path, "print('alone', __file__)\n").unwrap();
    let tree = job(Some(text(&path)));
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (
            Some(0),
            &*format!("alone {}\n", tree.path("code/train.py").display())
        ),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_code_directory_that_is_missing_is_made() {
    let sources = sources();
    let tree = job(Some(text(sources.path())));
    fs::remove_dir(tree.path("code")).unwrap();
    let finished = train(&tree);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("found "));
}

#[test]
fn code_that_is_there_already_is_kept_and_that_is_said() {
    let sources = sources();
    for location in [
        text(sources.path()),
        "/not/there",
        "s3://bucket/code.tar.gz",
    ] {
        let tree = job(Some(location)).file("code/train.py", "print('of the image')");
        let finished = train(&tree);
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(0), "of the image\n"),
            "{}",
            finished.stderr
        );
        let said = finished
            .stderr
            .lines()
            .find(|line| line.contains("nothing is fetched"));
        let said = said.unwrap_or_else(|| panic!("{}", finished.stderr));
        assert!(
            said.contains(location) && said.contains(text(&tree.path("code"))),
            "{said}"
        );
        assert_eq!(names(&tree.path("code")), ["train.py"]);
    }
}

/// The job fails with 4 before it starts, and leaves no code. Its report, whose first line names all of `wanted`.
#[track_caller]
fn refused(location: &str, wanted: &[&str]) -> String {
    let tree = job(Some(location));
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(4), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    let first = report.lines().next().unwrap();
    for text in wanted {
        assert!(first.contains(text), "no {text} in {report}");
    }
    assert!(!tree.path("output/success").exists());
    assert_eq!(names(&tree.path("code")), [""; 0], "nothing is left");
    assert_eq!(
        names(tree.base()),
        ["code", "input", "model", "output"],
        "and nothing beside it"
    );
    report
}

#[test]
fn a_location_that_is_not_there_is_named() {
    let report = refused(
        "/not/there/code.tar.gz",
        &["`/not/there/code.tar.gz`", "does not exist"],
    );
    assert!(report.contains("mounted"), "the remedy: {report}");
    refused("file:///not/there", &["`/not/there`", "does not exist"]);
    refused(
        "/dev/null",
        &["`/dev/null`", "neither a directory nor a file"],
    );
}

#[test]
fn an_address_that_names_nothing_is_refused_with_a_remedy() {
    let report = refused("s3://", &["`s3://`", "names no bucket"]);
    assert!(report.contains("write `s3://BUCKET/KEY`"), "{report}");
    refused(
        "ftp://user:hunter2@host.invalid/code.tar.gz",
        &[
            "`ftp://host.invalid/code.tar.gz`",
            "ftp locations are not supported",
        ],
    );
}

#[test]
fn a_hostile_archive_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let members = [
        (EntryType::Regular, "../evil", ""),
        (EntryType::Regular, "a/../../evil", ""),
        (EntryType::Regular, "/tmp/optml-evil", ""),
        (EntryType::Symlink, "link-out", "../../evil"),
        (EntryType::Symlink, "absolute-link", text(&outside)),
        (EntryType::Link, "hard-link-out", "../evil"),
        (EntryType::Fifo, "pipe", ""),
        (EntryType::Char, "device", ""),
    ];
    for (kind, name, target) in members {
        let tar = hostile(kind, name, target);
        for (suffix, packed) in [("tar", tar.clone()), ("tar.gz", gzip(&tar))] {
            let path = folder.path().join(format!("code.{suffix}"));
            fs::write(&path, packed).unwrap();
            refused(text(&path), &[text(&path), &format!("`{name}`")]);
        }
    }
    assert_eq!(names(&outside), [""; 0]);
    assert!(!Path::new("/tmp/optml-evil").exists());
}

#[test]
fn a_setuid_file_and_a_directory_with_a_link_out_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o4755);
    archive
        .append_data(&mut header, "su", std::io::empty())
        .unwrap();
    let path = folder.path().join("code.tar");
    fs::write(&path, archive.into_inner().unwrap()).unwrap();
    refused(text(&path), &["`su`"]);

    let sources = sources();
    symlink("/etc", sources.path().join("package/etc")).unwrap();
    refused(
        text(sources.path()),
        &[text(sources.path()), "`package/etc`"],
    );
}

#[test]
fn a_damaged_archive_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.tar.gz");
    let packed = gzip(&archive());
    fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    refused(text(&path), &[text(&path)]);
}

#[test]
fn an_unreadable_location_is_no_missing_one() {
    let sources = sources();
    let path = sources.path().join("loop");
    symlink("loop", &path).unwrap();
    refused(text(&path), &[text(&path)]);
    let file = sources.path().join("train.py/below");
    refused(text(&file), &[text(&file)]);
}

#[test]
fn the_variable_counts_where_the_job_says_nothing() {
    let (sources, other) = (sources(), tempfile::tempdir().unwrap());
    fs::write(other.path().join("train.py"), "print('the other')").unwrap();
    let variable = [("SAGEMAKER_SUBMIT_DIRECTORY", text(other.path()))];
    let finished = start(&job(None), &["train"], &variable).wait();
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "the other\n"),
        "{}",
        finished.stderr
    );
    let finished = start(&job(Some(text(sources.path()))), &["train"], &variable).wait();
    assert!(finished.stdout.starts_with("found "), "{}", finished.stderr);
    let finished = start(
        &job(None),
        &["train"],
        &[("SAGEMAKER_SUBMIT_DIRECTORY", "/not/there")],
    )
    .wait();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    let finished = start(
        &job(None).file("code/train.py", "print('here')"),
        &["train"],
        &[("SAGEMAKER_SUBMIT_DIRECTORY", "")],
    )
    .wait();
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "here\n"),
        "an empty one says nothing"
    );
}

#[test]
fn a_stop_while_an_archive_is_unpacked_leaves_nothing() {
    // A file of 3 GiB that takes no space here, and seconds to unpack.
    const LARGE: u64 = 3 << 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.tar");
    let mut header = Header::new_ustar();
    header.set_path("large").unwrap();
    header.set_size(LARGE);
    header.set_mode(0o644);
    header.set_cksum();
    let mut file = File::create(&path).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(512 + LARGE + 1024).unwrap();

    for is_there in [true, false] {
        let tree = job(Some(text(&path)));
        if !is_there {
            fs::remove_dir(tree.path("code")).unwrap();
        }
        let before = names(tree.base());
        let process = start(&tree, &["train"], &[]);
        let is_unpacking = || {
            let place = if is_there {
                tree.path("code")
            } else {
                tree.base().to_owned()
            };
            names(&place).iter().any(|name| {
                name.starts_with(".optml-staging-") && place.join(name).join("large").exists()
            })
        };
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_unpacking() {
            assert!(Instant::now() < deadline, "nothing is unpacked");
            std::thread::yield_now();
        }
        process.signal(Signal::TERM);
        let finished = process.wait();
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(143), ""),
            "{}",
            finished.stderr
        );
        assert!(
            tree.read("output/failure").contains("SIGTERM"),
            "{}",
            tree.read("output/failure")
        );
        assert_eq!(names(&tree.path("code")), [""; 0]);
        assert_eq!(names(tree.base()), before);
    }
}

#[test]
fn modes_lose_what_others_could_misuse() {
    let sources = sources();
    let script = sources.path().join("train.sh");
    fs::write(&script, "#!/bin/sh\nstat -c %a \"$0\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o777)).unwrap();
    let tree = OptMl::new()
        .hyperparameter("sagemaker_program", "train.sh")
        .hyperparameter("sagemaker_submit_directory", text(sources.path()));
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "755\n"),
        "{}",
        finished.stderr
    );
}
