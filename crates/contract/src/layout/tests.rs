use std::os::unix::ffi::OsStringExt as _;

use super::*;
use crate::source::Memory;

#[test]
fn the_base_is_a_variable_or_the_default() {
    let locate = |source: &Memory| Layout::locate(source).unwrap().base().to_string();
    assert_eq!(locate(&Memory::new()), "/opt/ml");
    assert_eq!(
        locate(&Memory::new().with_var("SAGEMAKER_BASE_DIR", "")),
        "/opt/ml"
    );
    assert_eq!(
        locate(&Memory::new().with_var("SAGEMAKER_BASE_DIR", "/x")),
        "/x"
    );
    let bad = std::ffi::OsString::from_vec(vec![b'/', 0xFF]);
    let err = Layout::locate(&Memory::new().with_var("SAGEMAKER_BASE_DIR", bad)).unwrap_err();
    assert_eq!(
        err.to_string(),
        "read variable `SAGEMAKER_BASE_DIR`: not UTF-8"
    );
}

#[test]
fn every_path_is_below_the_base() {
    let layout = Layout::at("/b");
    let paths = [
        layout.input(),
        layout.config(),
        layout.hyperparameters_file(),
        layout.resources_file(),
        layout.channels_file(),
        layout.data(),
        layout.channel("my-data.2").unwrap(),
        layout.model(),
        layout.code(),
        layout.output(),
        layout.output_data(),
        layout.intermediate(),
        layout.failure(),
        layout.failure_json(),
        layout.success(),
        layout.checkpoints(),
    ];
    insta::assert_snapshot!(paths.map(Utf8PathBuf::into_string).join("\n"), @"
    /b/input
    /b/input/config
    /b/input/config/hyperparameters.json
    /b/input/config/resourceconfig.json
    /b/input/config/inputdataconfig.json
    /b/input/data
    /b/input/data/my-data.2
    /b/model
    /b/code
    /b/output
    /b/output/data
    /b/output/intermediate
    /b/output/failure
    /b/output/failure.json
    /b/output/success
    /b/checkpoints
    ");
}

#[test]
fn a_channel_stays_in_its_place() {
    let layout = Layout::at("/b");
    for name in ["/etc", "..", "../x", "a/../../b", "a/.."] {
        let message = layout.channel(name).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("the channel name `{name}` leads out of `/b/input/data`")
        );
    }
    for name in ["a", "a..b", "...", "a/b"] {
        assert_eq!(
            layout.channel(name).unwrap(),
            format!("/b/input/data/{name}")
        );
    }
}

#[test]
fn directories_are_made_when_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let base = Utf8Path::from_path(directory.path()).unwrap().join("ml");
    let layout = Layout::at(base.clone());
    assert!(!base.exists());
    layout.create().unwrap();
    layout.create().unwrap();
    for path in ["model", "input/config", "input/data", "output/data", "code"] {
        assert!(base.join(path).is_dir(), "{path}");
    }
    fs::write(base.join("file"), "").unwrap();
    let err = Layout::at(base.join("file")).create().unwrap_err();
    assert_eq!(err.path, base.join("file/model"));
}
