use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::options::LocalOptions;

use super::{count_files, fixed_paths, words};
use crate::plan::{LocalJob, Program, Setting, SettingOrigin};

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    (folder, path)
}

fn job(project: &Utf8Path, program: Program) -> LocalJob {
    let setting = |text: &str| Setting {
        text: text.to_owned(),
        origin: SettingOrigin::Flag { replaced: None },
    };
    LocalJob {
        project: project.to_owned(),
        program,
        hyperparameters: BTreeMap::from([
            ("lr".to_owned(), setting("1e-1")),
            ("name".to_owned(), setting("\"a b\"")),
            ("sagemaker_region".to_owned(), setting("x")),
        ]),
        channels: BTreeMap::new(),
        python: None,
        stop_grace: None,
        local: LocalOptions::default(),
        notes: Vec::new(),
    }
}

#[track_caller]
fn check_words(project: &Utf8Path, program: Program, expected: &[&str]) {
    assert_eq!(words(&job(project, program)), expected);
}

#[test]
fn the_words_are_those_that_the_script_gets() {
    let (_keep, path) = folder();
    let script = |name: &str| Program::Script(name.to_owned());
    check_words(
        &path,
        script("./fit.py"),
        &["python", "fit.py", "--lr", "0.1", "--name", "a b"],
    );
    check_words(
        &path,
        script("fit.sh"),
        &["./fit.sh", "--lr", "0.1", "--name", "a b"],
    );
    check_words(
        &path,
        script("fit"),
        &["./fit", "--lr", "0.1", "--name", "a b"],
    );
    check_words(
        &path,
        Program::Command(vec!["R".into(), "-q".into()]),
        &["R", "-q"],
    );
    check_words(&path, Program::Module("m:f".to_owned()), &["python", "m:f"]);
    fs::write(path.join("setup.py"), "").unwrap();
    check_words(
        &path,
        script("src/fit.py"),
        &["python", "-m", "src.fit", "--lr", "0.1", "--name", "a b"],
    );
    check_words(
        &path,
        script("fit.sh"),
        &["./fit.sh", "--lr", "0.1", "--name", "a b"],
    );
}

#[test]
fn a_fixed_path_is_warned_of_where_no_variable_is_read() {
    let (_keep, path) = folder();
    let warning = |text: &str| {
        fs::write(path.join("fit.py"), text).unwrap();
        fixed_paths(&job(&path, Program::Script("fit.py".to_owned())))
    };
    assert_eq!(
        warning("import os\nsave('/opt/ml/model')\n").unwrap(),
        "fit.py:2 names `/opt/ml`, which is not this run's tree: use `SM_MODEL_DIR` and its like"
    );
    assert_eq!(
        warning("os.environ.get('SM_MODEL_DIR', '/opt/ml/model')\n  # not /opt/ml\n"),
        None
    );
    assert_eq!(warning("\u{0}\n"), None);
    assert_eq!(
        fixed_paths(&job(&path, Program::Script("gone.py".to_owned()))),
        None
    );
}

#[test]
fn files_are_counted_at_every_depth() {
    let (_keep, path) = folder();
    fs::create_dir_all(path.join("a/b")).unwrap();
    for name in ["1", "a/2", "a/b/3"] {
        fs::write(path.join(name), "").unwrap();
    }
    assert_eq!(count_files(&path), 3);
    assert_eq!(count_files(&path.join("1")), 1);
    assert_eq!(count_files(&path.join("gone")), 0);
}
