use std::{fs, os::unix::fs::symlink};

use camino::Utf8PathBuf;
use optml_contract::{
    Layout,
    failure::{Exception, Failure, Phase},
};

use super::{Author, Report};

struct Tree {
    _folder: tempfile::TempDir,
    layout: Layout,
}

fn tree() -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let base = Utf8PathBuf::from_path_buf(folder.path().join("ml")).unwrap();
    fs::create_dir(&base).unwrap();
    Tree {
        _folder: folder,
        layout: Layout::at(base),
    }
}

fn failure() -> Failure {
    let mut failure = Failure::new(Phase::Script);
    failure.exception = Some(Exception {
        type_name: "ValueError".into(),
        message: "bad".into(),
        place: None,
    });
    failure
}

fn files(layout: &Layout) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(layout.output())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_failure_makes_its_folder_and_both_files() {
    let tree = tree();
    let report = Report::begin(&tree.layout);
    assert_eq!(report.failure(&failure()), Author::Us);
    assert_eq!(files(&tree.layout), ["failure", "failure.json"]);
    assert!(
        fs::read_to_string(tree.layout.failure())
            .unwrap()
            .starts_with("ValueError: bad")
    );
}

#[test]
fn success_is_an_empty_file_and_an_old_one_is_gone_at_the_start() {
    let tree = tree();
    fs::create_dir_all(tree.layout.output()).unwrap();
    fs::write(tree.layout.success(), "old").unwrap();
    let report = Report::begin(&tree.layout);
    assert!(!tree.layout.success().exists());
    report.success();
    assert_eq!(fs::read(tree.layout.success()).unwrap(), b"");
    assert_eq!(files(&tree.layout), ["success"]);
}

#[test]
fn the_users_own_reason_stands() {
    let tree = tree();
    let report = Report::begin(&tree.layout);
    fs::write(tree.layout.failure(), "my own words").unwrap();
    assert_eq!(report.failure(&failure()), Author::User);
    assert_eq!(
        fs::read_to_string(tree.layout.failure()).unwrap(),
        "my own words"
    );
    assert_eq!(files(&tree.layout), ["failure", "failure.json"]);
}

#[test]
fn an_empty_file_and_one_from_before_are_replaced() {
    let tree = tree();
    fs::create_dir_all(tree.layout.output()).unwrap();
    fs::write(tree.layout.failure(), "from before").unwrap();
    assert_eq!(Report::begin(&tree.layout).failure(&failure()), Author::Us);
    assert!(
        fs::read_to_string(tree.layout.failure())
            .unwrap()
            .starts_with("ValueError")
    );

    fs::remove_file(tree.layout.failure()).unwrap();
    let report = Report::begin(&tree.layout);
    fs::write(tree.layout.failure(), "").unwrap();
    assert_eq!(report.failure(&failure()), Author::Us);
}

#[test]
fn links_are_replaced_not_followed_and_a_folder_in_the_way_is_said() {
    let tree = tree();
    fs::create_dir_all(tree.layout.output()).unwrap();
    let elsewhere = tree.layout.base().join("precious");
    fs::write(&elsewhere, "").unwrap();
    symlink(&elsewhere, tree.layout.failure()).unwrap();
    assert_eq!(Report::begin(&tree.layout).failure(&failure()), Author::Us);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"");

    fs::remove_file(tree.layout.failure()).unwrap();
    fs::create_dir(tree.layout.failure()).unwrap();
    assert_eq!(
        Report::begin(&tree.layout).failure(&failure()),
        Author::Nobody
    );
    assert_eq!(
        files(&tree.layout),
        ["failure", "failure.json"],
        "and nothing half-done is left"
    );
}

#[test]
fn nothing_is_made_where_there_is_no_tree() {
    let tree = tree();
    fs::remove_dir(tree.layout.base()).unwrap();
    assert_eq!(
        Report::begin(&tree.layout).failure(&failure()),
        Author::Nobody
    );
    assert!(!tree.layout.base().exists());
}
