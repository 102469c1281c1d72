//! Requirements are installed once, before the model is loaded, while `/ping` says so.
//!
//! Which installer does what is told in `crate::install`.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use optml_testkit::Proc;

use super::{state, wait_for_state};
use crate::serve::rig::Serving;

const USES_PROBE: &str = "
import optml_probe
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept):
    return optml_probe.WHERE, 'text/plain'
";

/// A wheel with one module, made without a build tool.
const WHEEL: &str = r#"
import sys, zipfile
info = "optml_probe-1.0.dist-info/"
with zipfile.ZipFile(sys.argv[1] + "/optml_probe-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("optml_probe.py", "WHERE = __file__\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: optml-probe\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "optml_probe.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")
"#;

/// A throw-away environment, so that nothing is installed into the tests' own.
fn venv(serving: &Serving) -> PathBuf {
    let folder = serving.path().join("venv");
    let made = Proc::start(
        "python3",
        ["-m", "venv", "--without-pip", folder.to_str().unwrap()],
        &[],
    )
    .wait();
    assert_eq!(made.code, Some(0), "{made:?}");
    folder.join("bin/python")
}

#[test]
fn requirements_are_installed_once_from_a_folder_of_wheels() {
    let serving = Serving::functions(USES_PROBE)
        .file("model/code/requirements.txt", "optml-probe==1.0\n")
        .file("wheels/.keep", "")
        .variable("OPTML_WORKERS", "2")
        .variable("UV_NO_CACHE", "1");
    let wheels = serving.path().join("wheels");
    let made = Proc::start("python3", ["-c", WHEEL, wheels.to_str().unwrap()], &[]).wait();
    assert_eq!(made.code, Some(0), "{made:?}");
    let python = venv(&serving);
    let served = serving
        .variable("OPTML_WHEELS", wheels.to_str().unwrap())
        .variable("OPTML_PYTHON", python.to_str().unwrap())
        .ready();
    let place = served.invoke("a/b", b"x").text();
    assert!(place.contains("/venv/lib/"), "{place}");
    let finished = served.stop();
    let n = finished.stderr.matches("optml: installing ").count();
    assert_eq!(n, 1, "{}", finished.stderr);
}

/// An installer of ours that takes its time, and may fail.
fn with_installer(serving: Serving, ending: &str) -> Serving {
    let folder = serving.path().display().to_string();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {folder}/installs\nwhile [ ! -e {folder}/go ]; do sleep 0.02; done\n{ending}\n"
    );
    let serving = serving.file("bin/uv", &script);
    let program = serving.path().join("bin/uv");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the interpreter is where the tests have theirs"
    )]
    let path = std::env::var("PATH").unwrap();
    serving.variable("PATH", &format!("{folder}/bin:{path}"))
}

#[test]
fn ping_says_that_requirements_are_being_installed() {
    let serving =
        Serving::functions("def model_fn(d): pass\ndef transform_fn(a, b, c, d): return b")
            .file("model/code/requirements.txt", "optml-probe==1.0\n");
    let served = with_installer(serving, "exit 0").start();
    wait_for_state(&served, "installing");
    served.wait_for_file("installs");
    assert_eq!(state(&served)["reason"], "installing requirements");
    let answer = served.invoke("a/b", b"x");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("ModelNotReadyException"));
    served.touch("go");
    served.wait_ready();
}

#[test]
fn an_installation_that_fails_ends_the_server() {
    let serving =
        Serving::functions("def model_fn(d): pass\ndef transform_fn(a, b, c, d): return b")
            .file("model/code/requirements.txt", "optml-probe==1.0\n")
            .file("go", "");
    let finished = with_installer(
        serving,
        "echo 'error: No solution found: optml-probe is not there' >&2\nexit 1",
    )
    .fails();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    let start = finished.stderr.rfind("error: ").unwrap();
    let end = &finished.stderr[start..];
    assert!(end.contains("optml-probe is not there"), "{end}");
    assert!(end.contains("requirements.txt"), "{end}");
}

#[test]
fn a_signal_while_requirements_are_being_installed_ends_the_server() {
    let serving =
        Serving::functions("def model_fn(d): pass\ndef transform_fn(a, b, c, d): return b")
            .file("model/code/requirements.txt", "optml-probe==1.0\n");
    let served = with_installer(serving, "exit 0").start();
    served.wait_for_file("installs");
    let begun = std::time::Instant::now();
    assert_eq!(served.stop().code, Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(6));
}
