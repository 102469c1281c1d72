use std::{ffi::OsString, fs, path::Path};

use super::{IndexUrl, InstallPlan, InstallRequest, Interpreter, Wheels};

fn interpreter() -> Interpreter {
    Interpreter {
        site_packages: "/usr/lib/python3/site-packages".into(),
        is_writable: true,
        has_user_site: true,
        is_externally_managed: false,
    }
}

fn request() -> InstallRequest {
    InstallRequest {
        index: None,
        package: false,
        requirements: true,
        wheels: None,
        python: "/usr/bin/python3".into(),
        uv: None,
        interpreter: interpreter(),
        in_container: true,
        user_base: "/tmp/python".into(),
    }
}

#[track_caller]
fn check(request: &InstallRequest, command: &str) -> InstallPlan {
    let plan = request.plan();
    let [step] = plan.steps.as_slice() else {
        panic!("one step expected: {plan:?}");
    };
    assert_eq!(step.argv.join(&OsString::from(" ")), command);
    plan
}

#[test]
fn nothing_to_install_is_no_step() {
    let mut request = request();
    request.requirements = false;
    assert_eq!(request.plan(), InstallPlan::default());
}

#[test]
fn pip_unless_there_is_uv() {
    let mut request = request();
    let plan = check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check -r requirements.txt",
    );
    assert_eq!(plan.steps[0].what, "requirements.txt");
    assert_eq!((&plan.steps[0].env, &plan.script_env), (&vec![], &vec![]));
    request.uv = Some("/bin/uv".into());
    check(
        &request,
        "/bin/uv pip install --python /usr/bin/python3 --system -r requirements.txt",
    );
}

#[test]
fn a_package_and_its_requirements_are_one_command() {
    let mut request = request();
    request.package = true;
    let plan = check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check . -r requirements.txt",
    );
    assert_eq!(plan.steps[0].what, "the package and requirements.txt");
    request.requirements = false;
    let plan = check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check .",
    );
    assert_eq!(plan.steps[0].what, "the package");
    request.uv = Some("/bin/uv".into());
    check(
        &request,
        "/bin/uv pip install --python /usr/bin/python3 --system .",
    );
}

#[test]
fn a_managed_environment_is_overruled_in_a_container_only() {
    let mut request = request();
    request.interpreter.is_externally_managed = true;
    check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check --break-system-packages -r requirements.txt",
    );
    request.in_container = false;
    check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check -r requirements.txt",
    );
    request.in_container = true;
    request.uv = Some("/bin/uv".into());
    check(
        &request,
        "/bin/uv pip install --python /usr/bin/python3 --system --break-system-packages -r requirements.txt",
    );
}

#[test]
fn a_read_only_environment_gets_a_user_base() {
    let mut request = request();
    request.uv = Some("/bin/uv".into());
    request.interpreter.is_writable = false;
    let plan = check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check --user -r requirements.txt",
    );
    let base = vec![("PYTHONUSERBASE".into(), "/tmp/python".into())];
    assert_eq!((&plan.steps[0].env, &plan.script_env), (&base, &base));
    // A virtual environment would not look there.
    request.interpreter.has_user_site = false;
    let plan = check(
        &request,
        "/bin/uv pip install --python /usr/bin/python3 --system -r requirements.txt",
    );
    assert_eq!(plan.script_env, []);
}

#[test]
fn wheels_instead_of_an_index() {
    let mut request = request();
    request.wheels = Some(Wheels {
        dir: "/opt/wheels".into(),
        has_setuptools: true,
    });
    check(
        &request,
        "/usr/bin/python3 -m pip install --disable-pip-version-check --no-index --find-links /opt/wheels -r requirements.txt",
    );
    request.wheels.as_mut().unwrap().has_setuptools = false;
    request.uv = Some("/bin/uv".into());
    check(
        &request,
        "/bin/uv pip install --python /usr/bin/python3 --system --no-index --find-links /opt/wheels --no-build-isolation \
         -r requirements.txt",
    );
}

#[test]
fn wheels_are_found() {
    let code = tempfile::tempdir().unwrap();
    let touch = |path: &str| {
        let path = code.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    let find = |named| Wheels::find(named, code.path());
    touch("wheels/README.md");
    assert_eq!(find(None), None);
    touch("wheelhouse/dep-1.0-py3-none-any.whl");
    let wheelhouse = Wheels {
        dir: code.path().join("wheelhouse"),
        has_setuptools: false,
    };
    assert_eq!(find(None), Some(wheelhouse));
    touch("wheels/setuptools-80.0-py3-none-any.whl");
    let wheels = Wheels {
        dir: code.path().join("wheels"),
        has_setuptools: true,
    };
    assert_eq!(find(None), Some(wheels));
    let named = Path::new("/does/not/exist");
    assert_eq!(find(Some(named)).unwrap().dir, named);
}

#[test]
fn the_probe_is_read() {
    let answer = b"a sitecustomize that prints\noptml site_packages=/usr/lib/python3/site-packages\noptml writable=1\n\
                   optml user_site=1\noptml externally_managed=0\n";
    assert_eq!(Interpreter::parse(answer), Ok(interpreter()));
    let err = Interpreter::parse(b"optml site_packages=/x\noptml writable=1\n").unwrap_err();
    assert_eq!(
        err.to_string(),
        "find `user_site` in the interpreter's answer `optml site_packages=/x\\noptml writable=1\\n`"
    );
}

#[test]
fn the_index_of_the_job_is_a_variable_of_the_installer_and_of_nobody_else() {
    let index = IndexUrl::with_token("https", "token-123", "host/pypi/repo");
    let plan = InstallRequest {
        index: Some(index.clone()),
        requirements: true,
        ..request()
    }
    .plan();
    let step = &plan.steps[0];
    for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
        let value = step.env.iter().find(|(other, _)| other == name);
        assert_eq!(
            value.map(|(_, value)| value.to_str().unwrap()),
            Some("https://aws:token-123@host/pypi/repo/simple/")
        );
    }
    assert!(!format!("{:?}{:?}", step.argv, step.shown()).contains("token-123"));
    assert!(!format!("{:?}", plan.script_env).contains("token-123"));
}

#[test]
fn a_folder_of_wheels_needs_no_index() {
    let plan = InstallRequest {
        index: Some(IndexUrl::with_token("https", "token-123", "host")),
        requirements: true,
        wheels: Some(Wheels {
            dir: "/wheels".into(),
            has_setuptools: true,
        }),
        ..request()
    }
    .plan();
    assert_eq!(plan.steps[0].env, []);
}
