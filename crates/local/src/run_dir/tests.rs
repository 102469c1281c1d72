use std::{collections::BTreeSet, fs, time::UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};

use super::RunDir;
use crate::hosts::Hosts;

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_run_has_its_folders_and_is_the_latest() {
    let (_keep, project) = folder();
    let first = RunDir::create(&project, UNIX_EPOCH).unwrap();
    let second = RunDir::create(&project, UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    assert!(first.id().starts_with("19700101T000000Z-") && first.id() < second.id());
    assert!(second.artifacts().is_dir());
    assert_eq!(
        second.host(Hosts::one().iter().next().unwrap()),
        project.join(".optml/runs").join(second.id()).join("algo-1")
    );
    assert_eq!(
        fs::read_link(project.join(".optml/runs/latest"))
            .unwrap()
            .to_str(),
        Some(second.id())
    );
    assert_eq!(
        fs::read_to_string(project.join(".optml/.gitignore")).unwrap(),
        "*\n"
    );
}

#[test]
fn runs_of_one_second_do_not_meet() {
    let (_keep, project) = folder();
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let ids = (0..25).map(|_| {
                        RunDir::create(&project, UNIX_EPOCH)
                            .unwrap()
                            .id()
                            .to_owned()
                    });
                    ids.collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 200);
    assert!(project.join(".optml/runs/latest").is_symlink());
    let left: Vec<_> = fs::read_dir(project.join(".optml/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 201, "only runs and `latest`: {left:?}");
}

#[test]
fn a_folder_called_latest_is_left_alone() {
    let (_keep, project) = folder();
    fs::create_dir_all(project.join(".optml/runs/latest/mine")).unwrap();
    RunDir::create(&project, UNIX_EPOCH).unwrap();
    assert!(project.join(".optml/runs/latest/mine").is_dir());
}

#[test]
fn an_own_gitignore_is_kept() {
    let (_keep, project) = folder();
    fs::create_dir(project.join(".optml")).unwrap();
    fs::write(project.join(".optml/.gitignore"), "mine\n").unwrap();
    RunDir::create(&project, UNIX_EPOCH).unwrap();
    assert_eq!(
        fs::read_to_string(project.join(".optml/.gitignore")).unwrap(),
        "mine\n"
    );
}

#[test]
fn a_project_that_cannot_be_written_is_named() {
    let (_keep, project) = folder();
    fs::write(project.join(".optml"), "a file").unwrap();
    let error = RunDir::create(&project, UNIX_EPOCH)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("make the run's folder `{project}/.optml/runs`: ")),
        "{error}"
    );
}
