use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt, net::UnixListener},
};

use optml_contract::{
    config::Origin,
    serving::{CommandLine, Given},
};

use super::*;

fn given<T>(value: T) -> Given<T> {
    Given {
        value,
        origin: Origin::Default,
    }
}

fn plan(command: &str, listens: Listens, environment: &[(&str, &str)]) -> Result<Plan, PlanError> {
    let program = HttpProgram {
        command: CommandLine::split(OsStr::new(command)).unwrap(),
        listens: given(listens),
        health: given("/ping".to_owned()),
        invocations: given("/invocations".to_owned()),
    };
    let environment = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let limits = Limits {
        load: Duration::from_secs(1),
        kill_grace: Duration::ZERO,
        ping_period: Duration::from_secs(5),
        concurrency: NonZeroUsize::MIN,
    };
    Plan::try_new(&program, environment, limits)
}

fn port_of(place: &Place) -> u16 {
    let Place::Port(port) = place else {
        panic!("a port, not {place:?}");
    };
    *port
}

#[test]
fn the_port_is_put_into_words_and_environment() {
    let environment = [("PATH", "/bin"), ("PORT", "1"), ("HOME", "/")];
    let plan = plan(
        "sh --bind=0:{port} {port}{port} {socket}",
        Listens::Port(4321),
        &environment,
    );
    let (command, place) = plan.unwrap().launch().unwrap();
    assert_eq!(command.program, PathBuf::from("/bin/sh"));
    assert_eq!(command.arguments, ["--bind=0:4321", "43214321", "{socket}"]);
    let ports: Vec<_> = command
        .environment
        .iter()
        .filter(|(name, _)| name == "PORT")
        .collect();
    assert_eq!(ports, [&("PORT".into(), "4321".into())]);
    assert_eq!(command.environment.len(), 3);
    assert_eq!(place.host(), "127.0.0.1:4321");
    assert_eq!(place.to_string(), "127.0.0.1:4321");
}

#[test]
fn a_port_is_chosen_for_each_start() {
    let plan = plan("/bin/true {port}", Listens::ChosenPort(None), &[]).unwrap();
    let ports: BTreeSet<u16> = (0..5)
        .map(|_| {
            let (command, place) = plan.launch().unwrap();
            let port = port_of(&place);
            assert_eq!(command.arguments, [port.to_string().as_str()]);
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            port
        })
        .collect();
    assert!(!ports.contains(&0));
}

#[test]
fn a_port_of_the_range_is_chosen() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let Some(next) = port.checked_add(30) else {
        return;
    };
    let launch = |range| {
        plan("/bin/true", Listens::ChosenPort(Some(range)), &[])
            .unwrap()
            .launch()
    };
    let (_, place) = launch(port..=next).unwrap();
    let chosen = port_of(&place);
    assert!(chosen > port && chosen <= next, "{chosen}");
    let error = launch(port..=port).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "choose a port for the program: none of {port} to {port} is free"
        )),
        "{error}"
    );
}

#[test]
fn a_socket_is_put_into_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().to_str().unwrap();
    let plan = plan(
        "/bin/true unix:{socket} {port}",
        Listens::ChosenSocket,
        &[("TMPDIR", parent)],
    )
    .unwrap();
    let (command, place) = plan.launch().unwrap();
    let Place::Socket { path, .. } = &place else {
        panic!("a socket, not {place:?}");
    };
    let own = path.parent().unwrap().to_owned();
    assert_eq!(own.parent().unwrap(), folder.path());
    assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let word = format!("unix:{}", path.display());
    assert_eq!(command.arguments, [word.as_str(), "{port}"]);
    assert!(command.environment.iter().all(|(name, _)| name != "PORT"));
    assert_eq!(place.host(), "localhost");
    let _listener = UnixListener::bind(path).unwrap();
    drop(place);
    assert!(!own.exists());
}

#[test]
fn a_long_name_of_the_temporary_folder_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let plan = plan(
        "/bin/true",
        Listens::ChosenSocket,
        &[("TMPDIR", long.to_str().unwrap())],
    )
    .unwrap();
    let (_, place) = plan.launch().unwrap();
    assert!(place.to_string().starts_with("/tmp/optml-"), "{place}");
    assert!(place.to_string().len() <= 107);
}

#[test]
fn only_a_socket_that_nobody_listens_at_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let listens = Listens::Socket(path.to_str().unwrap().into());
    let plan = plan("/bin/true", listens, &[]).unwrap();
    std::fs::write(&path, "a file").unwrap();
    plan.launch().unwrap();
    assert!(path.exists(), "a file is left alone");
    std::fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    plan.launch().unwrap();
    assert!(path.exists(), "somebody listens");
    drop(listener);
    plan.launch().unwrap();
    assert!(!path.exists());
}

#[test]
fn the_program_must_be_there() {
    let missing = plan(
        "no-such-program {port}",
        Listens::ChosenPort(None),
        &[("PATH", "/bin")],
    );
    assert_eq!(
        missing.unwrap_err().to_string(),
        "no program `no-such-program` is on PATH"
    );
}
