use std::{collections::BTreeMap, fs, time::UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use insta::assert_snapshot;
use optml_contract::{json::Json, options::LocalOptions};

use super::write;
use crate::{
    hosts::Hosts,
    plan::{JobChannel, LocalJob, Program, Setting, SettingOrigin},
    run_dir::RunDir,
};

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    (folder, path)
}

fn job(project: &Utf8Path) -> LocalJob {
    let setting = |text: &str| Setting {
        text: text.to_owned(),
        origin: SettingOrigin::Flag { replaced: None },
    };
    let channel = |path: &str, content_type: Option<&str>| JobChannel {
        path: project.join(path),
        content_type: content_type.map(str::to_owned),
    };
    LocalJob {
        project: project.to_owned(),
        program: Program::Script("fit.py".to_owned()),
        hyperparameters: BTreeMap::from([
            ("a\"b".to_owned(), setting("é\n")),
            ("lr".to_owned(), setting("0.1")),
        ]),
        channels: BTreeMap::from([
            ("one".to_owned(), channel("one.csv", None)),
            (
                "training".to_owned(),
                channel("data/training", Some("text/csv")),
            ),
        ]),
        python: None,
        stop_grace: None,
        local: LocalOptions::default(),
        notes: Vec::new(),
    }
}

fn resources(hosts: &Hosts, number: u8) -> String {
    let host = hosts.iter().find(|host| host.number == number).unwrap();
    super::resources(hosts, host).to_pretty()
}

fn read(path: &Utf8Path) -> Json {
    Json::parse(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_tree_is_what_the_platform_makes() {
    let (_keep, project) = folder();
    fs::create_dir_all(project.join("data/training")).unwrap();
    fs::write(project.join("data/training/x.csv"), "1\n").unwrap();
    fs::write(project.join("one.csv"), "2\n").unwrap();
    fs::write(project.join("fit.py"), "pass\n").unwrap();
    let run = RunDir::create(&project, UNIX_EPOCH).unwrap();
    let hosts = Hosts::one();
    let host = hosts.iter().next().unwrap();
    let layout = write(&job(&project), &run, &hosts, host).unwrap();

    assert_eq!(layout.base(), run.host(host));
    let hyperparameters = read(&layout.hyperparameters_file());
    let text = |key: &str| {
        hyperparameters
            .get(key)
            .and_then(Json::as_text)
            .and_then(|text| text.as_str())
    };
    assert_eq!(text("sagemaker_program"), Some("\"fit.py\""));
    assert_eq!((text("a\"b"), text("lr")), (Some("é\n"), Some("0.1")));
    assert_snapshot!(fs::read_to_string(layout.channels_file()).unwrap(), @r#"
    {
        "one": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None"
        },
        "training": {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None"
        }
    }
    "#);
    assert_eq!(
        fs::read_to_string(layout.channel("training").unwrap().join("x.csv")).unwrap(),
        "1\n"
    );
    assert_eq!(
        fs::read_to_string(layout.channel("one").unwrap().join("one.csv")).unwrap(),
        "2\n"
    );
    assert_eq!(
        fs::read_to_string(layout.code().join("fit.py")).unwrap(),
        "pass\n"
    );
    assert!(layout.model().is_dir() && layout.output_data().is_dir());
}

#[test]
fn there_is_one_host() {
    assert_snapshot!(resources(&Hosts::named(1), 1), @r#"
    {
        "current_host": "algo-1",
        "current_instance_type": "local",
        "current_group_name": "homogeneousCluster",
        "hosts": [
            "algo-1"
        ],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": "local",
                "hosts": [
                    "algo-1"
                ]
            }
        ],
        "network_interface_name": "eth0"
    }
    "#);
}

#[test]
fn there_are_several_hosts() {
    assert_snapshot!(resources(&Hosts::on_loopback(2), 2), @r#"
    {
        "current_host": "127.0.1.2",
        "current_instance_type": "local",
        "current_group_name": "homogeneousCluster",
        "hosts": [
            "127.0.1.1",
            "127.0.1.2"
        ],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": "local",
                "hosts": [
                    "127.0.1.1",
                    "127.0.1.2"
                ]
            }
        ],
        "network_interface_name": "lo"
    }
    "#);
    let many = resources(&Hosts::named(10), 10);
    assert!(many.contains("\"current_host\": \"algo-10\""), "{many}");
    assert!(
        many.contains("\"algo-1\",\n        \"algo-10\",\n        \"algo-2\""),
        "{many}"
    );
}

#[test]
fn a_command_has_no_program() {
    let mut job = job(Utf8Path::new("/p"));
    job.program = Program::Command(vec!["true".into()]);
    assert!(
        super::hyperparameters(&job)
            .get("sagemaker_program")
            .is_none()
    );
}
