use std::sync::Mutex as StdMutex;

use optml_contract::source::Memory;

use super::*;

/// Stands in for the services that give credentials, which answer only inside of a cloud: it records what is asked of
/// them, and gives the answers of the script.
#[derive(Debug, Clone, Default)]
struct Services {
    asked: Arc<StdMutex<Vec<Asked>>>,
    answers: Arc<StdMutex<Vec<Scripted>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    what: String,
    authorization: Option<String>,
    body: String,
}

#[derive(Debug, Clone)]
struct Scripted {
    path: &'static str,
    status: u16,
    body: String,
}

impl Services {
    fn answer(&self, path: &'static str, status: u16, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|scripted| scripted.path != path);
        answers.push(Scripted {
            path,
            status,
            body: body.to_owned(),
        });
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.what.clone()).collect()
    }

    fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().cloned().unwrap()
    }
}

impl HttpSend for Services {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign_core::Result<http::Response<Bytes>> {
        let header = request.headers().get("authorization");
        self.asked.lock().unwrap().push(Asked {
            what: format!("{} {}", request.method(), request.uri()),
            authorization: header.map(|value| value.to_str().unwrap().to_owned()),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        });
        let answers = self.answers.lock().unwrap();
        let scripted = answers
            .iter()
            .find(|scripted| scripted.path == request.uri().path());
        let Some(scripted) = scripted else {
            return Err(reqsign_core::Error::unexpected("no connection can be made"));
        };
        let answer = http::Response::builder().status(scripted.status);
        Ok(answer.body(Bytes::from(scripted.body.clone())).unwrap())
    }
}

fn credentials(variables: &[(&str, &str)], services: &Services) -> Credentials {
    let mut source = Memory::new().with_var("HOME", "/nonexistent");
    for (name, value) in variables {
        source = source.with_var(*name, *value);
    }
    Credentials::with_sender(&Settings::read(&source, ""), services.clone())
}

/// Who we are: the id of the key, or the text of the error.
fn who(credentials: &Credentials) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    match runtime.block_on(credentials.get_credential()) {
        Ok(found) => Ok(found.key_id.clone()),
        Err(error) => Err(error.to_string()),
    }
}

fn in_seconds(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// The answer of a container's endpoint.
fn given(id: &str, seconds: i64) -> String {
    format!(
        r#"{{"RoleArn":"r","AccessKeyId":"{id}","SecretAccessKey":"SECRET","Token":"SECRET","Expiration":"{}"}}"#,
        in_seconds(seconds)
    )
}

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "variables"),
    ("AWS_SECRET_ACCESS_KEY", "SECRET"),
];
const RELATIVE: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/task");
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

#[test]
fn the_first_source_that_is_configured_counts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let token = write("token", "JWT\n");
    let profiles = write(
        "credentials",
        "[default]\naws_access_key_id = profile\naws_secret_access_key = SECRET\n",
    );
    let services = Services::default();
    services.answer("/v2/task", 200, &given("container", 3_600));
    services.answer("/", 200, &web_identity("identity"));
    services.answer("/latest/api/token", 200, "IMDS");
    services.answer("/latest/meta-data/iam/security-credentials/", 200, "role");
    let metadata = given("machine", 3_600).replacen('{', r#"{"Code":"Success","Message":"","#, 1);
    let role = "/latest/meta-data/iam/security-credentials/role";
    services.answer(role, 200, &metadata);

    let mut all = vec![
        KEYS[0],
        KEYS[1],
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_SHARED_CREDENTIALS_FILE", &profiles),
        RELATIVE,
    ];
    for (n_fewer, expected) in [
        (0, "variables"),
        (2, "identity"),
        (2, "profile"),
        (1, "container"),
        (1, "machine"),
    ] {
        all.drain(..n_fewer);
        assert_eq!(who(&credentials(&all, &services)).as_deref(), Ok(expected));
    }
    let metadata = "http://169.254.169.254/latest";
    assert_eq!(
        services.asked(),
        [
            "POST https://sts.amazonaws.com/".to_owned(),
            "GET http://169.254.170.2/v2/task".to_owned(),
            format!("PUT {metadata}/api/token"),
            format!("GET {metadata}/meta-data/iam/security-credentials/"),
            format!("GET {metadata}/meta-data/iam/security-credentials/role"),
        ]
    );
}

fn web_identity(id: &str) -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>SECRET</SecretAccessKey><SessionToken>SECRET</SessionToken><Expiration>{}</Expiration></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        in_seconds(3_600)
    )
}

#[test]
fn half_a_pair_of_keys_is_none() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("container", 3_600));
    let found = who(&credentials(&[KEYS[0], RELATIVE], &services));
    assert_eq!(found.as_deref(), Ok("container"));
}

#[test]
fn a_web_identity_shows_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "JWT.WITH.DOTS\n").unwrap();
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
    ];
    let services = Services::default();
    services.answer("/", 200, &web_identity("identity"));
    let identity = credentials(&variables, &services);
    assert_eq!(who(&identity).as_deref(), Ok("identity"));
    let body = services.last().body;
    assert!(body.contains("WebIdentityToken=JWT.WITH.DOTS&"), "{body}");
    assert!(body.contains("RoleArn=arn%3Aaws%3Aiam"), "{body}");

    // Configured, and broken: nobody else is asked.
    std::fs::remove_file(&token).unwrap();
    let found = who(&credentials(
        &[variables[0], variables[1], RELATIVE],
        &services,
    ));
    let error = found.unwrap_err();
    assert!(error.contains("the web identity gave none"), "{error}");
    assert_eq!(services.asked().len(), 1);
}

#[test]
fn a_profile_is_chosen_by_its_name_in_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let section = |name: &str, id: &str| {
        format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = SECRET\n\n")
    };
    let one = folder.path().join("credentials");
    let other = folder.path().join("config");
    std::fs::write(
        &one,
        section("default", "first") + &section("lab", "second"),
    )
    .unwrap();
    std::fs::write(&other, section("profile field", "third")).unwrap();
    let files = [
        ("AWS_SHARED_CREDENTIALS_FILE", one.to_str().unwrap()),
        ("AWS_CONFIG_FILE", other.to_str().unwrap()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let services = Services::default();
    for (profile, expected) in [("", "first"), ("lab", "second"), ("field", "third")] {
        let mut all = files.to_vec();
        all.push(("AWS_PROFILE", profile));
        assert_eq!(who(&credentials(&all, &services)).as_deref(), Ok(expected));
    }
    let mut all = files.to_vec();
    all.push(("AWS_PROFILE", "nobody"));
    assert!(who(&credentials(&all, &services)).is_err());
    assert!(services.asked().is_empty(), "files ask nobody");
}

#[test]
fn files_are_looked_for_at_home() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(
        home.path().join(".aws/credentials"),
        "[default]\naws_access_key_id = home\naws_secret_access_key = SECRET\n",
    )
    .unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    let found = who(&credentials(&variables, &Services::default()));
    assert_eq!(found.as_deref(), Ok("home"));
}

#[test]
fn the_containers_endpoint_has_a_token_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "TOKEN-OF-FILE\n").unwrap();
    let services = Services::default();
    services.answer("/v1/credentials", 200, &given("pod", 3_600));
    let variables = [
        (FULL, "http://169.254.170.23/v1/credentials"),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.to_str().unwrap(),
        ),
    ];
    let pod = credentials(&variables, &services);
    assert_eq!(who(&pod).as_deref(), Ok("pod"));
    let asked = services.last();
    assert_eq!(asked.what, "GET http://169.254.170.23/v1/credentials");
    assert_eq!(asked.authorization.as_deref(), Some("TOKEN-OF-FILE"));
}

#[test]
fn without_tls_nobody_else_is_asked_for_credentials() {
    for (uri, is_asked) in [
        ("http://169.254.170.2/c", true),
        ("http://169.254.170.23/c", true),
        ("http://[fd00:ec2::23]/c", true),
        ("http://127.0.0.1:51679/c", true),
        ("http://127.9.9.9/c", true),
        ("http://[::1]:80/c", true),
        ("http://localhost:1/c", true),
        ("https://anywhere.example/c", true),
        ("http://anywhere.example/c", false),
        ("http://169.254.169.254/c", false),
        ("http://localhost.example/c", false),
        ("http://127.0.0.1.example/c", false),
        ("http://localhost@anywhere.example/c", false),
        ("ftp://anywhere.example/c", false),
        ("/c", false),
        ("no uri at all", false),
    ] {
        let services = Services::default();
        services.answer("/c", 200, &given("found", 3_600));
        let found = who(&credentials(&[(FULL, uri)], &services));
        assert_eq!(found.is_ok(), is_asked, "{uri}: {found:?}");
        assert_eq!(services.asked().len(), usize::from(is_asked), "{uri}");
        if let Err(error) = found {
            let expected = format!(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is `{uri}`, and without TLS credentials are only taken from this machine"
            );
            assert!(error.contains(&expected), "{error}");
        }
    }
}

#[test]
fn the_relative_address_comes_before_the_full_one() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("container", 3_600));
    let both = [RELATIVE, (FULL, "http://anywhere.example/v2/task")];
    let found = who(&credentials(&both, &services));
    assert_eq!(found.as_deref(), Ok("container"));
    assert_eq!(services.asked(), ["GET http://169.254.170.2/v2/task"]);
}

#[test]
fn they_are_renewed_two_minutes_before_they_expire() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("long", 180));
    let found = credentials(&[RELATIVE], &services);
    assert_eq!(who(&found).as_deref(), Ok("long"));
    assert_eq!(who(&found).as_deref(), Ok("long"));
    assert_eq!(services.asked().len(), 1, "they hold for long enough");

    services.answer("/v2/task", 200, &given("short", 119));
    let found = credentials(&[RELATIVE], &services);
    assert_eq!(who(&found).as_deref(), Ok("short"));
    services.answer("/v2/task", 200, &given("new", 3_600));
    assert_eq!(who(&found).as_deref(), Ok("new"));
    assert_eq!(who(&found).as_deref(), Ok("new"));
    assert_eq!(services.asked().len(), 3);
}

#[test]
fn those_that_still_hold_outlive_a_failed_renewal() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("old", 60));
    let found = credentials(&[RELATIVE], &services);
    assert_eq!(who(&found).as_deref(), Ok("old"));
    services.answer("/v2/task", 500, "SECRET");
    assert_eq!(who(&found).as_deref(), Ok("old"));
    assert_eq!(services.asked().len(), 2, "it was tried");
}

#[test]
fn those_that_have_expired_are_an_error_when_there_are_no_others() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("gone", -10));
    let found = credentials(&[RELATIVE], &services);
    // The store will say so; nobody else can.
    assert_eq!(who(&found).as_deref(), Ok("gone"));
    services.answer("/v2/task", 404, "");
    let error = who(&found).unwrap_err();
    assert_eq!(
        error,
        "Generic S3 error: the container's endpoint gave none: ECS credentials endpoint not found"
    );
}

#[test]
fn new_ones_are_asked_for_after_they_were_refused() {
    let services = Services::default();
    services.answer("/v2/task", 200, &given("old", 3_600));
    let found = credentials(&[RELATIVE], &services);
    assert_eq!(who(&found).as_deref(), Ok("old"));
    services.answer("/v2/task", 200, &given("new", 3_600));
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    runtime.block_on(found.forget());
    assert_eq!(who(&found).as_deref(), Ok("new"));
}

#[test]
fn nobody_is_told_with_all_that_was_looked_for() {
    let error = who(&credentials(&[], &Services::default())).unwrap_err();
    assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
    assert!(
        error.contains("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        "{error}"
    );
    assert!(
        error.contains("failed to connect to IMDS: no connection can be made"),
        "{error}"
    );
}

#[test]
fn secrets_are_in_no_text() {
    let services = Services::default();
    let found = credentials(
        &[RELATIVE, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SECRET")],
        &services,
    );
    let mut texts = Vec::new();
    for (status, body) in [
        (200, r#"{"AccessKeyId":"a","SecretAccessKey":["SECRET"]}"#),
        (
            200,
            r#"{"AccessKeyId":"a","SecretAccessKey":"SECRET","Token":"SECRET","Expiration":"soon"}"#,
        ),
        (200, "SECRET"),
        (404, "SECRET"),
    ] {
        services.answer("/v2/task", status, body);
        texts.push(who(&found).unwrap_err());
    }
    services.answer("/v2/task", 200, &given("container", 3_600));
    assert_eq!(who(&found).as_deref(), Ok("container"));
    texts.push(format!("{found:?}"));
    texts.push(format!("{:?}", found.settings));
    for text in texts {
        assert!(
            !text.contains("SECRET") || text.contains("AWS_SECRET"),
            "{text}"
        );
    }
}
