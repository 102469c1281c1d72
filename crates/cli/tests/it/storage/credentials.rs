//! Who we are to AWS: each source that there is, their order, and what is said where there is none.
//!
//! The services that give credentials answer only inside of a cloud; servers of answers on loopback stand in for them.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use optml_testkit::{Action, FaultProxy, Rule, S3};

use super::{
    Variables, answers, bucket, check_refused, keys, line_with, service, timed_train, train,
};
use crate::code::{archive, check_ran, job};

const LOCATION: &str = "s3://bucket/code.tar";

fn store() -> S3 {
    bucket(&[("code.tar", &archive())])
}

/// Region and endpoint, and no credentials.
fn variables_of(proxy: &FaultProxy) -> Variables {
    let mut variables = proxy.variables();
    variables.retain(|(name, _)| !name.contains("KEY"));
    // Whatever machine this is, it has no say.
    variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
    variables
}

/// Fetches with these variables, and gives the ids of the keys that signed, each once.
#[track_caller]
fn signers(
    store: &S3,
    more: &[(&'static str, String)],
    rules: Vec<Rule>,
) -> Vec<(String, Option<String>)> {
    let proxy = FaultProxy::start(&store.endpoint(), rules);
    let mut variables = variables_of(&proxy);
    variables.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    variables.extend(more.iter().cloned());
    let tree = job(Some(LOCATION));
    let finished = train(&tree, &variables);
    check_ran(&tree, &finished);
    let mut found: Vec<_> = proxy
        .requests()
        .iter()
        .map(|seen| {
            let header = seen.header("authorization").expect("a signed request");
            let (_, id) = header.split_once("Credential=").unwrap();
            let id = id.split('/').next().unwrap().to_owned();
            (id, seen.header("x-amz-security-token").map(str::to_owned))
        })
        .collect();
    found.dedup();
    found
}

fn one(id: &str, token: Option<&str>) -> Vec<(String, Option<String>)> {
    vec![(id.to_owned(), token.map(str::to_owned))]
}

fn in_variables() -> Variables {
    vec![
        ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ]
}

#[test]
fn the_variables_win_and_nobody_else_is_asked() {
    let store = store();
    let agent = service(vec![answers(
        "/creds",
        200,
        &keys("ASIACONTAINER", "s", "t"),
    )]);
    let full = (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        format!("{}/creds", agent.endpoint()),
    );
    let folder = home("[default]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n");
    let home = ("HOME", folder.path().to_str().unwrap().to_owned());
    let mut all = in_variables();
    all.extend([full.clone(), home.clone()]);
    assert_eq!(signers(&store, &all, vec![]), one("AKIAENVIRONMENT", None));
    all.push(("AWS_SESSION_TOKEN", "session".to_owned()));
    assert_eq!(
        signers(&store, &all, vec![]),
        one("AKIAENVIRONMENT", Some("session"))
    );
    // The files come before the container.
    assert_eq!(
        signers(&store, &[full.clone(), home], vec![]),
        one("AKIAPROFILE", None)
    );
    assert_eq!(agent.requests(), []);
    assert_eq!(
        signers(&store, &[full], vec![]),
        one("ASIACONTAINER", Some("t"))
    );
}

fn home(credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    home
}

#[test]
fn a_profile_of_the_files() {
    let store = store();
    let home = home(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n\n\
         [team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = s\naws_session_token = t\n",
    );
    let path = home.path().to_str().unwrap().to_owned();
    let named = ("AWS_PROFILE", "team".to_owned());
    let home_of = |more: &[(&'static str, String)]| {
        let mut all = vec![("HOME", path.clone())];
        all.extend(more.iter().cloned());
        all
    };
    assert_eq!(
        signers(&store, &home_of(&[]), vec![]),
        one("AKIADEFAULT", None)
    );
    assert_eq!(
        signers(&store, &home_of(&[named]), vec![]),
        one("AKIATEAM", Some("t"))
    );
    let file = home
        .path()
        .join(".aws/credentials")
        .to_str()
        .unwrap()
        .to_owned();
    let elsewhere = [("AWS_SHARED_CREDENTIALS_FILE", file)];
    assert_eq!(
        signers(&store, &elsewhere, vec![]),
        one("AKIADEFAULT", None)
    );
}

#[test]
fn the_endpoint_of_a_container_with_its_token_from_a_file() {
    let store = store();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "the token of the pod\n").unwrap();
    let first = answers("/creds", 200, &keys("ASIAFIRST", "s", "t1")).once();
    let next = answers("/creds", 200, &keys("ASIANEXT", "s", "t2"));
    let agent = service(vec![first, next]);
    let of_pod = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/creds", agent.endpoint()),
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file.to_str().unwrap().to_owned(),
        ),
    ];
    // A store that does not know them any more is answered with new ones.
    let expired = Rule::new(Action::error(400, "ExpiredToken")).once();
    let found = signers(&store, &of_pod, vec![expired]);
    let both = [one("ASIAFIRST", Some("t1")), one("ASIANEXT", Some("t2"))].concat();
    assert_eq!(found, both);
    let asked = agent.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for seen in asked {
        assert_eq!(seen.header("authorization"), Some("the token of the pod"));
    }
}

#[test]
fn a_container_endpoint_that_fails_is_the_error() {
    let store = store();
    let agent = service(vec![answers("/creds", 403, r#"{"code":"AccessDenied"}"#)]);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let mut variables = variables_of(&proxy);
    variables.push((
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        format!("{}/creds", agent.endpoint()),
    ));
    let tree = job(Some(LOCATION));
    let finished = train(&tree, &variables);
    let report = check_refused(
        &tree,
        &finished,
        &[
            "no credentials",
            "the container's endpoint gave none",
            "not authorized",
        ],
    );
    assert!(report.contains("give the job a role"), "{report}");
    assert_eq!(proxy.requests(), []);
}

#[test]
fn the_metadata_service_of_the_machine() {
    let store = store();
    let role = answers(
        "/security-credentials/the-role",
        200,
        &keys("ASIAMACHINE", "s", "t"),
    );
    let machine = service(vec![
        answers("/latest/api/token", 200, "IMDSTOKEN").method("PUT"),
        role.method("GET"),
        answers("/security-credentials/", 200, "the-role").method("GET"),
    ]);
    let of_machine = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.endpoint()),
        ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
    ];
    assert_eq!(
        signers(&store, &of_machine, vec![]),
        one("ASIAMACHINE", Some("t"))
    );
    let asked = machine.requests();
    assert_eq!(asked[0].method, "PUT");
    for seen in &asked[1..] {
        assert_eq!(seen.header("x-aws-ec2-metadata-token"), Some("IMDSTOKEN"));
    }
}

#[test]
fn where_there_are_none_it_says_where_it_looked() {
    let store = store();
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let disabled = variables_of(&proxy);
    let mut unanswered = disabled.clone();
    unanswered.retain(|(name, _)| *name != "AWS_EC2_METADATA_DISABLED");
    unanswered.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", nobody));
    let both = [
        (disabled, "which AWS_EC2_METADATA_DISABLED switches off"),
        (unanswered, "Connection refused"),
    ];
    for (variables, why) in both {
        let tree = job(Some(LOCATION));
        let (finished, took) = timed_train(&tree, &variables);
        let wanted = [
            "no credentials",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "profile files",
            "web identity",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "metadata service",
            why,
        ];
        let report = check_refused(&tree, &finished, &wanted);
        assert!(report.contains("give the job a role"), "{report}");
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
    assert_eq!(proxy.requests(), []);
}

#[test]
fn credentials_do_not_come_in_plain_text_from_elsewhere() {
    let store = store();
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let mut variables = variables_of(&proxy);
    // An address for documentation: nobody has it.
    let elsewhere = "http://192.0.2.1/creds".to_owned();
    variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere));
    let tree = job(Some(LOCATION));
    let (finished, took) = timed_train(&tree, &variables);
    check_refused(
        &tree,
        &finished,
        &[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is `http://192.0.2.1/creds`",
            "without TLS",
        ],
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn what_gave_them_is_said_to_who_debugs() {
    let store = store();
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let mut variables = variables_of(&proxy);
    variables.extend(in_variables());
    variables.push(("OPTML_LOG_LEVEL", "debug".to_owned()));
    let tree = job(Some(LOCATION));
    let finished = train(&tree, &variables);
    line_with(&finished, &["credentials of AWS", "the environment"]);
}
