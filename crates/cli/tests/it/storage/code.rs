//! Code from a bucket: every form of it, whole or not at all.

use std::{fs, path::Path};

use optml_testkit::{Action, FaultProxy, Finished, OptMl, Proc, Rule};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{
    WEIGHS, bucket, check_nothing_left, check_refused, is_of_content, line_with, noise,
    start_train, tar_with_data, train, weight,
};
use crate::{
    code::{MARKER, archive, check_ran, gzip, job, names, text, zip},
    rig::binary,
};

#[track_caller]
fn runs(variables: &[(&'static str, String)], location: &str) -> (OptMl, Finished) {
    let tree = job(Some(location));
    let finished = train(&tree, variables);
    check_ran(&tree, &finished);
    line_with(&finished, &["code is in place", location]);
    (tree, finished)
}

#[track_caller]
fn is_refused(variables: &[(&'static str, String)], location: &str, wanted: &[&str]) -> String {
    let tree = job(Some(location));
    let finished = train(&tree, variables);
    check_refused(&tree, &finished, wanted)
}

#[test]
fn an_archive_whatever_its_name() {
    let tar = archive();
    let zst = compress_to_vec(&tar[..], CompressionLevel::Fastest);
    let (gz, zip) = (gzip(&tar), zip());
    let objects: [(&str, &[u8]); 6] = [
        ("job/source/sourcedir.tar.gz", &gz),
        ("sourcedir.tar", &tar),
        ("sourcedir.tar.zst", &zst),
        ("sourcedir.zip", &zip),
        ("no-suffix", &gz),
        ("my code+1.tar.gz", &tar),
    ];
    let store = bucket(&objects);
    for (key, _) in objects {
        let (tree, _) = runs(&store.variables(), &format!("s3://bucket/{key}"));
        assert_eq!(
            names(&tree.path("output")),
            ["data", "success"],
            "the scratch folder goes"
        );
    }
}

#[test]
fn a_single_file() {
    let store = bucket(&[
        ("job/train.py", b"print('alone', __file__)\n"),
        ("empty", b""),
    ]);
    let tree = job(Some("s3://bucket/job/train.py"));
    let finished = train(&tree, &store.variables());
    assert_eq!(
        (finished.code, &*finished.stdout),
        (
            Some(0),
            &*format!("alone {}\n", tree.path("code/train.py").display())
        ),
        "{}",
        finished.stderr
    );
    // What comes in several pieces is read once more for its checksum.
    let large = [&b"print('large')\n"[..], &vec![b'#'; 9 << 20]].concat();
    store.put("bucket", "job/train.py", &large);
    let tree = job(Some("s3://bucket/job/train.py"));
    let finished = train(&tree, &store.variables());
    assert_eq!(finished.stdout, "large\n", "{}", finished.stderr);
    // There is no first byte of it to be asked for.
    let tree = job(Some("s3://bucket/empty")).hyperparameter("sagemaker_program", "empty");
    let finished = train(&tree, &store.variables());
    assert!(tree.path("code/empty").exists(), "{}", finished.stderr);
}

#[test]
fn a_folder_of_objects() {
    let script = "import os, zlib
from package.words import WORD
data = open('data/deep/er/large.bin', 'rb').read()
print(WORD, len(data), zlib.crc32(data), os.path.getsize('package/__init__.py'))
";
    let large = noise(9 << 20);
    let store = bucket(&[
        // What a console makes of "create folder".
        ("job/code/", b""),
        ("job/code/package/", b""),
        ("job/code/train.py", script.as_bytes()),
        ("job/code/package/__init__.py", b""),
        ("job/code/package/words.py", b"WORD = 'found'\n"),
        ("job/codes/train.py", b"raise SystemExit('another folder')"),
        ("job/code/data/with-checksum.bin", &large),
        ("job/code.py", b"raise SystemExit('another file')"),
    ]);
    // Its tag is no checksum.
    store.put_multipart("bucket", "job/code/data/deep/er/large.bin", &large, 5 << 20);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    for location in ["s3://bucket/job/code", "s3://bucket/job/code/"] {
        let tree = job(Some(location));
        let finished = train(&tree, &proxy.variables());
        assert_eq!(
            (finished.code, &*finished.stdout),
            (
                Some(0),
                &*format!("found {} 0\n", weight(&large).trim_end())
            ),
            "{}",
            finished.stderr
        );
        let mut found = names(&tree.path("code"));
        found.retain(|name| !name.starts_with("__") && name != MARKER);
        assert_eq!(found, ["data", "package", "train.py"]);
    }
    let pieces = proxy.requests();
    let is_piece = |range: &str| {
        let asked = pieces.iter().filter(|seen| {
            seen.target.contains("large.bin") && seen.header("range") == Some(range)
        });
        asked.count() == 2
    };
    assert!(
        is_piece("bytes=0-4194303") && is_piece("bytes=8388608-9437183"),
        "a large one comes in pieces"
    );
}

#[test]
fn a_folder_of_more_objects_than_a_page_lists() {
    const N_OBJECTS: usize = 1_050;
    let script =
        "import os\nprint(sum(int(open('many/' + name).read()) for name in os.listdir('many')))\n";
    let store = bucket(&[("job/train.py", script.as_bytes())]);
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in (lane..N_OBJECTS).step_by(4) {
                    let text = n.to_string();
                    store.put("bucket", &format!("job/many/{n:04}"), text.as_bytes());
                }
            });
        }
    });
    let tree = job(Some("s3://bucket/job/"));
    let finished = train(&tree, &store.variables());
    let sum = N_OBJECTS * (N_OBJECTS - 1) / 2;
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), &*format!("{sum}\n")),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_large_archive_is_unpacked_while_its_pieces_arrive() {
    let data = noise(17 << 20);
    let packed = gzip(&tar_with_data(WEIGHS, &data));
    let store = bucket(&[]);
    store.put_multipart("bucket", "large.tar.gz", &packed, 6 << 20);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let tree = job(Some("s3://bucket/large.tar.gz"));
    let finished = train(&tree, &proxy.variables());
    assert_eq!(
        (finished.code, finished.stdout),
        (Some(0), weight(&data)),
        "{}",
        finished.stderr
    );
    let mut ranges: Vec<String> = proxy
        .requests()
        .iter()
        .filter(|seen| is_of_content(seen))
        .map(|seen| {
            assert!(
                seen.header("if-match").is_some(),
                "of one version: {seen:?}"
            );
            seen.header("range").unwrap().to_owned()
        })
        .collect();
    let n_asked = ranges.len();
    ranges.sort();
    ranges.dedup();
    assert_eq!((ranges.len(), n_asked), (5, 5), "{ranges:?}");
}

#[test]
fn how_far_it_is_is_said_after_two_seconds() {
    let data = noise(1_600_000);
    let store = bucket(&[("code.tar", &tar_with_data(WEIGHS, &data))]);
    let slow = Rule::new(Action::Slow(500_000)).path("code.tar");
    let proxy = FaultProxy::start(&store.endpoint(), vec![slow]);
    let tree = job(Some("s3://bucket/code.tar"));
    let process = start_train(&tree, &proxy.variables());
    let line = process.stderr_line("fetching the code");
    assert!(line.contains("total_mb=1"), "{line}");
    let finished = process.wait();
    assert_eq!(finished.stdout, weight(&data), "{}", finished.stderr);
}

#[test]
fn what_is_there_already_is_not_fetched_again() {
    let store = bucket(&[("code.tar.gz", &gzip(&archive()))]);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let (tree, _) = runs(&proxy.variables(), "s3://bucket/code.tar.gz");
    let n_before = proxy.requests().len();
    let finished = train(&tree, &proxy.variables());
    check_ran(&tree, &finished);
    line_with(
        &finished,
        &["already holds this code", "s3://bucket/code.tar.gz"],
    );
    let fresh = &proxy.requests()[n_before..];
    assert!(
        !fresh.is_empty() && !fresh.iter().any(is_of_content),
        "{fresh:?}"
    );

    // The same address, and another object there.
    store.put(
        "bucket",
        "code.tar.gz",
        &tar_with_data("print('the other')", b""),
    );
    let finished = train(&tree, &proxy.variables());
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "the other\n"),
        "{}",
        finished.stderr
    );
    line_with(&finished, &["is replaced", "s3://bucket/code.tar.gz"]);
    assert_eq!(names(&tree.path("code")), [MARKER, "data.bin", "train.py"]);

    fs::write(tree.path("code/train.py"), "print('worked on')").unwrap();
    store.put("bucket", "code.tar.gz", &gzip(&archive()));
    let finished = train(&tree, &proxy.variables());
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(4), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    assert!(
        report.contains("files were changed since: `train.py`"),
        "{report}"
    );
    assert!(report.contains("empty the code directory"), "{report}");
    assert_eq!(tree.read("code/train.py"), "print('worked on')");
}

#[test]
fn a_folder_with_one_more_object_is_another_folder() {
    let store = bucket(&[("job/train.py", b"import os\nprint(sorted(os.listdir()))")]);
    let tree = job(Some("s3://bucket/job/"));
    let listing = |names: &str| format!("['{MARKER}', {names}]\n");
    let finished = train(&tree, &store.variables());
    assert_eq!(
        finished.stdout,
        listing("'train.py'"),
        "{}",
        finished.stderr
    );
    let finished = train(&tree, &store.variables());
    line_with(&finished, &["already holds this code"]);
    store.put("bucket", "job/more.txt", b"more");
    let finished = train(&tree, &store.variables());
    assert_eq!(
        finished.stdout,
        listing("'more.txt', 'train.py'"),
        "{}",
        finished.stderr
    );
    line_with(&finished, &["is replaced", "s3://bucket/job/"]);
}

#[test]
fn code_of_the_image_stays_and_nobody_is_asked() {
    let store = bucket(&[("code.tar.gz", &gzip(&archive()))]);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let tree = job(Some("s3://bucket/code.tar.gz")).file("code/train.py", "print('of the image')");
    let finished = train(&tree, &proxy.variables());
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "of the image\n"),
        "{}",
        finished.stderr
    );
    line_with(
        &finished,
        &["WARN", "nothing is fetched", "s3://bucket/code.tar.gz"],
    );
    assert_eq!(proxy.requests(), []);
}

#[test]
fn what_is_not_there_is_named() {
    let store = bucket(&[("job/code.tar.gz", b"")]);
    let variables = store.variables();
    let report = is_refused(
        &variables,
        "s3://bucket/job/missing.tar.gz",
        &[
            "`s3://bucket/job/missing.tar.gz`",
            "NoSuchKey",
            "sagemaker_submit_directory",
        ],
    );
    assert!(report.contains("check the bucket and the key"), "{report}");
    let report = is_refused(
        &variables,
        "s3://nowhere/code.tar.gz",
        &["`s3://nowhere/code.tar.gz`", "NoSuchBucket"],
    );
    assert!(report.contains("check the bucket and the key"), "{report}");
    is_refused(
        &variables,
        "s3://nowhere/folder/",
        &["`s3://nowhere/folder", "NoSuchBucket"],
    );
    let report = is_refused(
        &variables,
        "s3://bucket/empty/folder/",
        &["`s3://bucket/empty/folder/`", "there is nothing below"],
    );
    assert!(
        report.contains("check the bucket and the prefix"),
        "{report}"
    );
}

/// A-01, from a store.
#[test]
fn an_archive_that_leaves_its_directory_is_refused_whole() {
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    header.set_mode(0o644);
    // The library refuses such names where it can.
    header.as_mut_bytes()[..7].copy_from_slice(b"../evil");
    header.set_cksum();
    let mut tar = tar_with_data("print('never')", b"data");
    let ends = tar.len() - 1024;
    tar.truncate(ends);
    tar.extend(header.as_bytes());
    tar.extend(b"evil");
    tar.resize(tar.len().div_ceil(512) * 512 + 1024, 0);
    let store = bucket(&[("evil.tar", &tar), ("evil.tar.gz", &gzip(&tar))]);
    for key in ["evil.tar", "evil.tar.gz"] {
        let location = format!("s3://bucket/{key}");
        let report = is_refused(&store.variables(), &location, &[&location, "`../evil`"]);
        assert!(
            report.contains("pack names relative to the directory"),
            "{report}"
        );
    }
}

#[test]
fn names_that_no_directory_takes_are_refused_whole() {
    let store = bucket(&[
        ("clash/a", b"a file"),
        ("clash/a/b", b"below it"),
        ("clash/train.py", b"print('never')"),
        ("empty//train.py", b"print('never')"),
    ]);
    is_refused(
        &store.variables(),
        "s3://bucket/clash/",
        &["`s3://bucket/clash/`", "`a"],
    );
    is_refused(&store.variables(), "s3://bucket/empty/", &["empty"]);
}

/// Runs a job with a volume of 1 MiB in the place of a folder. What it printed last is what was left on the volume.
#[track_caller]
fn with_small_volume(
    tree: &OptMl,
    folder: &Path,
    variables: &[(&'static str, String)],
) -> Finished {
    assert!(
        rustix::process::geteuid().is_root(),
        "a volume is mounted by root: run the tests as root"
    );
    let script = r#"mount -t tmpfs -o size=1m none "$1"
code=0; "$2" train || code=$?
echo "left: $(ls -A "$1")"
exit $code"#;
    let binary = binary();
    let words = ["--mount", "sh", "-euc", script, "sh", text(folder)];
    let mut words: Vec<&std::ffi::OsStr> = words.iter().map(AsRef::as_ref).collect();
    words.push(&binary);
    let mut all = vec![("SAGEMAKER_BASE_DIR", tree.base().as_os_str())];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (*name, value.as_ref())),
    );
    Proc::start("unshare", words, &all).wait()
}

#[track_caller]
fn check_no_space(tree: &OptMl, finished: &Finished, wanted: &[&str]) {
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(4), "left: \n"),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    for text in wanted {
        assert!(report.contains(text), "no {text:?} in {report}");
    }
    check_nothing_left(tree);
}

/// D-01, while code arrives.
#[test]
fn a_volume_that_is_too_small_is_named_and_left_empty() {
    let data = noise(3 << 20);
    let folder = tempfile::tempdir().unwrap();
    let tar = tar_with_data(WEIGHS, &data);
    let zip = packed_by_python(folder.path(), &data);
    let store = bucket(&[
        ("code.tar.gz", &gzip(&tar)),
        ("code.zip", &zip),
        ("folder/train.py", &data),
    ]);
    let variables = store.variables();
    for key in ["code.tar.gz", "code.zip", "folder/train.py", "folder/"] {
        let location = format!("s3://bucket/{key}");
        let tree = job(Some(&location));
        let finished = with_small_volume(&tree, &tree.path("code"), &variables);
        check_no_space(&tree, &finished, &["space", "give the volume more space"]);
    }
    let tree = job(Some("s3://bucket/code.zip"));
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut variables = variables;
    variables.push(("TMPDIR", text(&scratch).to_owned()));
    let finished = with_small_volume(&tree, &scratch, &variables);
    let wanted = [
        text(&scratch),
        "space",
        "set TMPDIR to a folder with more space",
    ];
    check_no_space(&tree, &finished, &wanted);
}

/// A zip archive of [`WEIGHS`] and a file.
fn packed_by_python(folder: &Path, data: &[u8]) -> Vec<u8> {
    let (file, archive) = (folder.join("data.bin"), folder.join("code.zip"));
    fs::write(&file, data).unwrap();
    let script = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    archive.writestr('train.py', sys.argv[3])
    archive.write(sys.argv[2], 'data.bin')
";
    let words = ["-c", script, text(&archive), text(&file), WEIGHS];
    let packed = Proc::start("python3", words, &[]).wait();
    assert_eq!(packed.code, Some(0), "{packed:?}");
    fs::read(archive).unwrap()
}

#[test]
fn a_large_zip_archive_is_stored_first_and_goes_again() {
    let data = noise(9 << 20);
    let folder = tempfile::tempdir().unwrap();
    let store = bucket(&[("code.zip", &packed_by_python(folder.path(), &data))]);
    let tree = job(Some("s3://bucket/code.zip"));
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut variables = store.variables();
    variables.push(("TMPDIR", text(&scratch).to_owned()));
    let process = start_train(&tree, &variables);
    let finished = process.wait();
    assert_eq!(finished.stdout, weight(&data), "{}", finished.stderr);
    assert_eq!(names(&scratch), [""; 0]);
}
