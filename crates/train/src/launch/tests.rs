use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt};

use camino::Utf8PathBuf;
use optml_contract::source::Memory;

use super::{Launch, LaunchError, Settings, Work, find_python};
use crate::entry::EntryPoint;

struct Code {
    _folder: tempfile::TempDir,
    dir: Utf8PathBuf,
}

/// A code directory with the given files, and a `bin` beside it that holds `python3` and `sh`.
fn code(files: &[(&str, &str, u32)]) -> Code {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    let dir = root.join("code");
    for (path, content, mode) in [("../bin/python3", "", 0o755), ("../bin/sh", "", 0o755)]
        .iter()
        .chain(files)
    {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::create_dir_all(&dir).unwrap();
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(*mode)).unwrap();
    }
    Code {
        _folder: folder,
        dir,
    }
}

fn plan(code: &Code, work: &Work) -> Result<Launch, LaunchError> {
    let source = Memory::new().with_var("PATH", code.dir.join("../bin").as_str());
    let arguments = ["--lr", "0.1"].map(OsString::from);
    Launch::plan(
        work,
        &code.dir,
        &source,
        Settings {
            python: None,
            arguments: &arguments,
        },
    )
}

#[track_caller]
fn check(files: &[(&str, &str, u32)], entry: &str, expected: &str) {
    let code = code(files);
    let launch = plan(&code, &Work::EntryPoint(EntryPoint::parse(entry).unwrap())).unwrap();
    let words: Vec<_> = launch
        .words
        .iter()
        .map(|word| word.to_str().unwrap())
        .collect();
    let line = format!("{} {}", launch.program.display(), words.join(" "));
    let line = line
        .replace(code.dir.join("../bin").as_str(), "BIN")
        .replace(code.dir.as_str(), "CODE");
    assert_eq!(line, expected);
    assert_eq!(launch.directory.as_deref(), Some(code.dir.as_path()));
}

#[test]
fn each_kind_of_entry_point_has_its_command() {
    check(
        &[("train.py", "", 0o644)],
        "train.py",
        "BIN/python3 train.py --lr 0.1",
    );
    check(
        &[("a/train.py", "", 0o644)],
        "./a/train.py",
        "BIN/python3 a/train.py --lr 0.1",
    );
    check(
        &[("train.py", "", 0o644), ("setup.py", "", 0o644)],
        "train.py",
        "BIN/python3 -m train --lr 0.1",
    );
    check(
        &[("train.sh", "#!/bin/bash\n", 0o755)],
        "train.sh",
        "CODE/train.sh --lr 0.1",
    );
    check(
        &[("train.sh", "echo no first line\n", 0o644)],
        "train.sh",
        "BIN/sh CODE/train.sh --lr 0.1",
    );
    check(
        &[("train.R", "#!/usr/bin/env Rscript\n", 0o755)],
        "train.R",
        "CODE/train.R --lr 0.1",
    );
    check(
        &[("train", "\x7fELF", 0o755)],
        "train",
        "CODE/train --lr 0.1",
    );
}

#[test]
fn a_script_without_the_execute_bit_gets_it() {
    let code = code(&[("train.sh", "#!/bin/sh\n", 0o640)]);
    plan(
        &code,
        &Work::EntryPoint(EntryPoint::parse("train.sh").unwrap()),
    )
    .unwrap();
    let mode = fs::metadata(code.dir.join("train.sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        mode & 0o777,
        0o750,
        "no more than who may read it may run it"
    );
}

#[test]
fn a_missing_entry_point_says_what_there_is() {
    let code = code(&[("trian.py", "", 0o644), ("util.py", "", 0o644)]);
    let error = plan(
        &code,
        &Work::EntryPoint(EntryPoint::parse("train.py").unwrap()),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string().replace(code.dir.as_str(), "CODE"),
        "the entry point `train.py` is not in `CODE`, which holds `trian.py`, `util.py`"
    );
}

#[test]
fn commands_are_looked_up_and_get_no_hyperparameters() {
    let code = code(&[]);
    let launch = plan(
        &code,
        &Work::Command(["sh", "-c", "x"].map(OsString::from).to_vec()),
    )
    .unwrap();
    assert_eq!(launch.program, code.dir.join("../bin/sh"));
    assert_eq!(
        (launch.words, launch.directory),
        (["-c", "x"].map(OsString::from).to_vec(), None)
    );
    let error = plan(&code, &Work::Command(vec!["nope".into()])).unwrap_err();
    assert_eq!(error.to_string(), "no program `nope` is on PATH");
}

#[test]
fn hooks() {
    assert_eq!(
        Work::hook("pkg.training:main").unwrap(),
        Work::Hook {
            module: "pkg.training".into(),
            function: "main".into()
        }
    );
    for bad in ["pkg", "a:b:c", ":main", "pkg:"] {
        assert_eq!(
            Work::hook(bad).unwrap_err().to_string(),
            format!("`{bad}` is not MODULE:FUNCTION")
        );
    }
    let launch = plan(&code(&[]), &Work::hook("a.b:c").unwrap()).unwrap();
    assert_eq!(launch.display_words()[..2], ["python3", "-c"]);
    assert_eq!(launch.display_words()[3..], ["a.b", "c"]);
}

#[test]
fn the_interpreter_is_the_users() {
    let code = code(&[]);
    let source = Memory::new().with_var("PATH", code.dir.join("../bin").as_str());
    assert_eq!(
        find_python(&source, None).unwrap(),
        code.dir.join("../bin/python3")
    );
    assert_eq!(
        find_python(&source, Some("/opt/python")).unwrap(),
        Utf8PathBuf::from("/opt/python")
    );
    assert_eq!(
        find_python(&source, Some("python3.8"))
            .unwrap_err()
            .to_string(),
        "no Python interpreter `python3.8` is on PATH"
    );
    assert_eq!(
        find_python(&Memory::new().with_var("PATH", "/nowhere"), None)
            .unwrap_err()
            .to_string(),
        "no Python interpreter `python3` or `python` is on PATH"
    );
}
