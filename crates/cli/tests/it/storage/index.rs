//! Requirements from a private index: its token reaches the installer, and nobody else.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use optml_testkit::{Action, FaultProxy, Finished, IndexFailure, OptMl, PackageIndex, Rule, wheel};

use super::{LIMIT, Variables, check_kept, check_stops, line_with, start_train, train};
use crate::install::{
    Installer::{self, Pip, Uv},
    Venv,
};

const ARN: &str = "arn:aws:codeartifact:eu-west-1:123456789012:repository/my-domain/my-repo";

/// Prints where its package comes from, and all of its environment.
const SCRIPT: &str = "import os, optml_probe\nprint(dict(os.environ))\nprint(optml_probe.WHERE)\n";

fn index() -> PackageIndex {
    PackageIndex::start(vec![
        wheel("optml-probe", "1.0", "WHERE = 'the oldest'\n"),
        wheel("optml-probe", "2.0", "WHERE = __file__\n"),
    ])
}

fn job() -> OptMl {
    OptMl::with_script("train.py", SCRIPT).file("code/requirements.txt", "optml-probe>=2\n")
}

/// What the environment says of this index, and all that is logged.
fn variables_of(index: &PackageIndex) -> Variables {
    let mut variables = index.variables();
    variables.push(("CA_REPOSITORY_ARN", ARN.to_owned()));
    variables.push(("OPTML_LOG_LEVEL", "trace".to_owned()));
    variables
}

#[track_caller]
fn installs(installer: Installer) {
    let (index, venv, tree) = (index(), Venv::new(), job());
    let variables = variables_of(&index);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let finished = venv.train(&tree, installer, &variables);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    venv.assert_inside(finished.stdout.lines().last().unwrap());
    check_kept(&[index.token()], &tree, &finished);
    let requests = index.requests();
    let asked: Vec<_> = requests
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .take(2)
        .collect();
    assert_eq!(
        asked,
        [
            "POST /v1/authorization-token?domain=my-domain&domain-owner=123456789012",
            "GET /v1/repository/endpoint?domain=my-domain&domain-owner=123456789012&format=pypi&repository=my-repo",
        ]
    );
    let signed = requests[0].header("authorization").unwrap();
    assert!(signed.contains("/eu-west-1/codeartifact/"), "{signed}");
    assert!(
        requests[2..]
            .iter()
            .all(|seen| seen.target.starts_with("/pypi/my-repo/simple/"))
    );
}

#[test]
fn pip_installs_from_it() {
    installs(Pip);
}

#[test]
fn uv_installs_from_it() {
    installs(Uv);
}

/// An installer that says what it was given: its words, and whether each place for an index holds the token.
const TELLS: &str = r#"#!/bin/sh
echo "words: $*"
for name in PIP_INDEX_URL UV_DEFAULT_INDEX UV_INDEX_URL; do
    eval "value=\$$name"
    case $value in
        http://aws:eyJ*@127.0.0.1:*/pypi/my-repo/simple/) echo "$name: it is there" ;;
    esac
done
exit "${INSTALLER_ENDS_WITH:-0}"
"#;

fn with_telling_uv(folder: &Path, variables: &mut Variables) {
    let uv = folder.join("uv");
    fs::write(&uv, TELLS).unwrap();
    fs::set_permissions(&uv, fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own tools are where the caller has them"
    )]
    let path = std::env::var("PATH").unwrap();
    variables.push(("PATH", format!("{}:{path}", folder.display())));
}

#[test]
fn the_token_is_in_the_environment_of_the_installer_alone() {
    for ends_with in ["0", "1"] {
        let (index, folder) = (index(), tempfile::tempdir().unwrap());
        let mut variables = variables_of(&index);
        with_telling_uv(folder.path(), &mut variables);
        variables.push(("INSTALLER_ENDS_WITH", ends_with.to_owned()));
        // Those of the user give way.
        variables.push((
            "PIP_INDEX_URL",
            "https://elsewhere.invalid/simple".to_owned(),
        ));
        let tree = job().file("code/train.py", "import os\nprint(dict(os.environ))\n");
        let finished = train(&tree, &variables);
        let code = if ends_with == "0" { 0 } else { 4 };
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
            let line = format!("{name}: it is there");
            assert!(finished.stdout.contains(&line), "{}", finished.stdout);
        }
        assert!(
            finished.stdout.contains("words: pip install"),
            "{}",
            finished.stdout
        );
        check_kept(&[index.token()], &tree, &finished);
        assert_eq!(finished.stdout.contains("CA_REPOSITORY_ARN"), code == 0);
    }
}

/// A job that never comes to its script.
#[track_caller]
fn fails(
    index: &PackageIndex,
    more: &[(&'static str, &str)],
    code: i32,
) -> (String, Finished, OptMl) {
    let mut variables = variables_of(index);
    variables.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    variables.extend(
        more.iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let tree = job();
    let finished = train(&tree, &variables);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(code), ""),
        "{}",
        finished.stderr
    );
    check_kept(&[index.token()], &tree, &finished);
    (tree.read("output/failure"), finished, tree)
}

#[test]
fn a_name_of_no_repository_is_a_mistake_in_the_configuration() {
    let index = index();
    for arn in [
        "my-repo",
        "arn:aws:s3:::bucket",
        "arn:aws:codeartifact:eu-west-1:1:domain/d",
    ] {
        let (report, ..) = fails(&index, &[("CA_REPOSITORY_ARN", arn)], 3);
        let first = report.lines().next().unwrap();
        assert!(
            first.contains("`CA_REPOSITORY_ARN`") && first.contains(&format!("`{arn}`")),
            "{report}"
        );
        assert!(report.contains("repository/DOMAIN/REPOSITORY"), "{report}");
    }
    assert_eq!(index.requests(), []);
}

fn failure(target: &str, status: u16, kind: &str) -> IndexFailure {
    IndexFailure {
        target_contains: target.to_owned(),
        n_times: 100,
        status,
        kind: kind.to_owned(),
        message: "as the test wants it".to_owned(),
    }
}

#[test]
fn who_may_not_is_told_which_permissions_it_takes() {
    for target in ["/v1/authorization-token", "/v1/repository/endpoint"] {
        let index = index();
        index.fail(failure(target, 403, "AccessDeniedException"));
        let (report, ..) = fails(&index, &[], 4);
        let first = report.lines().next().unwrap();
        for text in [
            "`CA_REPOSITORY_ARN`",
            "AccessDeniedException",
            "codeartifact in eu-west-1",
        ] {
            assert!(first.contains(text), "{report}");
        }
        for permission in [
            "codeartifact:GetAuthorizationToken",
            "codeartifact:GetRepositoryEndpoint",
            "codeartifact:ReadFromRepository",
            "sts:GetServiceBearerToken",
        ] {
            assert!(report.contains(permission), "{report}");
        }
    }
}

#[test]
fn a_repository_that_is_missing_is_named() {
    let index = index();
    index.fail(failure("/v1/repository", 404, "ResourceNotFoundException"));
    let (report, ..) = fails(&index, &[], 4);
    assert!(report.contains("ResourceNotFoundException"), "{report}");
    assert!(report.contains("check region, account, domain"), "{report}");
    assert!(
        !report.contains("bucket"),
        "no remedy of another service: {report}"
    );
}

#[test]
fn nobody_at_the_endpoint_is_told_with_its_variable() {
    let index = index();
    let nobody = ("AWS_ENDPOINT_URL_CODEARTIFACT", "http://127.0.0.1:1");
    let (report, ..) = fails(&index, &[nobody], 4);
    assert!(report.contains("no connection can be made"), "{report}");
    assert!(report.contains("AWS_ENDPOINT_URL_CODEARTIFACT"), "{report}");
}

#[test]
fn a_stop_signal_ends_the_wait_for_a_token() {
    let index = index();
    let proxy = FaultProxy::start(&index.endpoint(), vec![Rule::new(Action::Stall)]);
    let mut variables = variables_of(&index);
    variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_CODEARTIFACT");
    variables.push(("AWS_ENDPOINT_URL_CODEARTIFACT", proxy.endpoint()));
    let tree = job();
    let process = start_train(&tree, &variables);
    proxy.wait_for(|_| true, LIMIT);
    check_stops(process);
}

#[test]
fn what_passes_is_waited_for() {
    for (status, kind, n_times) in [
        (429, "ThrottlingException", 2),
        (500, "InternalServerException", 2),
        (403, "ExpiredTokenException", 1),
    ] {
        let index = index();
        let mut busy = failure("/v1/authorization-token", status, kind);
        busy.n_times = n_times;
        index.fail(busy);
        let folder = tempfile::tempdir().unwrap();
        let mut variables = variables_of(&index);
        with_telling_uv(folder.path(), &mut variables);
        let tree = job().file("code/train.py", "print('trained')");
        let finished = train(&tree, &variables);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(index.requests().len() as u64, 2 + n_times);
    }
}

#[test]
fn a_folder_of_wheels_needs_no_index() {
    let index = index();
    let folder = tempfile::tempdir().unwrap();
    let mut variables = variables_of(&index);
    with_telling_uv(folder.path(), &mut variables);
    let (name, content) = wheel("optml-probe", "2.0", "");
    let tree = job()
        .file(&format!("code/wheels/{name}"), content)
        .file("code/train.py", "print('trained')");
    let finished = train(&tree, &variables);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    line_with(&finished, &["installing", "--no-index --find-links"]);
    assert!(
        !finished.stdout.contains("it is there"),
        "{}",
        finished.stdout
    );
    assert_eq!(index.requests(), []);
}

#[test]
fn without_requirements_nobody_is_asked() {
    let index = index();
    let tree = OptMl::with_script("train.py", "print('trained')");
    let finished = train(&tree, &variables_of(&index));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(index.requests(), []);
}
