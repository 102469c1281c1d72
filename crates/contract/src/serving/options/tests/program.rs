//! What answers.

use super::{options, problems, shown, *};
use crate::serving::{Application, Interface};

const MODULE: (&str, &str) = ("SAGEMAKER_SERVING_MODULE", "pkg.app:main");
const EXEC: (&str, &str) = ("OPTML_EXEC", "./worker --fast 'a b'");
const HTTP: (&str, &str) = ("OPTML_HTTP", "srv --port {port}");

#[test]
fn what_is_set_decides_the_kind() {
    let kind = |vars: &[_]| shown(&options(vars), "kind");
    assert_eq!(kind(&[]), "functions (default)");
    assert_eq!(
        kind(&[("OPTML_KIND", "auto"), MODULE]),
        "application (SAGEMAKER_SERVING_MODULE)"
    );
    assert_eq!(kind(&[EXEC, MODULE]), "exec (OPTML_EXEC)");
    assert_eq!(kind(&[HTTP, MODULE]), "http (OPTML_HTTP)");
    let python = options(&[MODULE, ("OPTML_KIND", " python ")]);
    assert_eq!(shown(&python, "kind"), "functions (OPTML_KIND)");
    assert_eq!(
        python.notes,
        ["variable `SAGEMAKER_SERVING_MODULE` is not used: `OPTML_KIND` is `python`"]
    );
    for (word, interface) in [("wsgi", Interface::Wsgi), ("asgi", Interface::Asgi)] {
        let program = options(&[MODULE, ("OPTML_KIND", word)]).program.value;
        assert_eq!(program.kind(), word);
        assert!(program.is_python());
        assert_eq!(
            program,
            Program::Application(Application {
                module: "pkg.app".into(),
                attribute: "main".into(),
                interface: Some(interface),
            })
        );
    }
    assert!(!options(&[EXEC]).program.value.is_python());
}

#[test]
fn a_command_is_split_into_words() {
    let found = options(&[EXEC, ("OPTML_KIND", "exec")]);
    assert_eq!(
        shown(&found, "command"),
        "./worker --fast 'a b' (OPTML_EXEC)"
    );
    let Program::Exec(command) = found.program.value else {
        panic!("{:?}", found.program)
    };
    assert_eq!(command.arguments, ["--fast", "a b"]);
    let words = Setup::vars(&[HTTP]).command(&["srv", "a b", "{port}"]);
    let words = words.options();
    assert_eq!(
        shown(&words, "command"),
        "srv 'a b' {port} (the command after `--`)"
    );
    assert_eq!(
        words.notes,
        ["variable `OPTML_HTTP` is not used: the command after `--` counts"]
    );
    let secret = options(&[("OPTML_HTTP", "srv https://me:hunter2@host/")]);
    assert!(!shown(&secret, "command").contains("hunter2"));
}

#[test]
fn a_program_listens_where_it_is_told_or_where_it_says() {
    let listens = |vars: &[_]| shown(&options(vars), "it listens at");
    assert_eq!(listens(&[HTTP]), "a free port (default)");
    assert_eq!(
        listens(&[HTTP, ("SAGEMAKER_SAFE_PORT_RANGE", "25000-25999")]),
        "a free port of 25000-25999 (SAGEMAKER_SAFE_PORT_RANGE)"
    );
    assert_eq!(
        listens(&[HTTP, ("OPTML_HTTP_PORT", "3000")]),
        "port 3000 (OPTML_HTTP_PORT)"
    );
    let socket = ("OPTML_HTTP", "srv --uds {socket}");
    assert_eq!(
        listens(&[socket]),
        "a Unix socket (the command has `{socket}`)"
    );
    assert_eq!(
        listens(&[socket, ("OPTML_HTTP_SOCKET", "/run/s")]),
        "`/run/s` (OPTML_HTTP_SOCKET)"
    );
    let paths = options(&[HTTP, ("OPTML_HTTP_HEALTH", "/healthz")]);
    assert_eq!(
        shown(&paths, "its health path"),
        "/healthz (OPTML_HTTP_HEALTH)"
    );
    assert_eq!(
        shown(&paths, "its invocations path"),
        "/invocations (default)"
    );
    let unused = options(&[("OPTML_HTTP_PORT", "1"), ("OPTML_HTTP_HEALTH", "x")]);
    assert_eq!(
        unused.notes,
        [
            "variable `OPTML_HTTP_PORT` is not used: the kind is not `http`",
            "variable `OPTML_HTTP_HEALTH` is not used: the kind is not `http`",
        ]
    );
}

#[test]
fn contradictions_name_both() {
    insta::assert_snapshot!(problems(&[EXEC, HTTP]), @"
    read variable `OPTML_EXEC`: variable `OPTML_HTTP` names a program too
      keep one of them
    ");
    insta::assert_snapshot!(Setup::vars(&[EXEC]).command(&["srv"]).problems(), @"
    read variable `OPTML_EXEC`: the command after `--` names a program too
      keep one of them
    ");
    insta::assert_snapshot!(problems(&[("OPTML_KIND", "python"), EXEC]), @"
    read variable `OPTML_KIND`: kind `python` does not run what variable `OPTML_EXEC` names
      leave `OPTML_KIND` out, and what is set decides; or take the other setting away
    ");
    insta::assert_snapshot!(problems(&[("OPTML_KIND", "exec"), HTTP]), @"
    read variable `OPTML_KIND`: kind `exec` does not run what variable `OPTML_HTTP` names
      leave `OPTML_KIND` out, and what is set decides; or take the other setting away
    ");
    insta::assert_snapshot!(problems(&[("OPTML_KIND", "http")]), @"
    read variable `OPTML_KIND`: kind `http` runs what `OPTML_HTTP` names, and that is not set
      set it, or leave `OPTML_KIND` out
    ");
    insta::assert_snapshot!(problems(&[("OPTML_KIND", "asgi")]), @"
    read variable `OPTML_KIND`: kind `asgi` runs what `SAGEMAKER_SERVING_MODULE` names, and that is not set
      set it, or leave `OPTML_KIND` out
    ");
    let places = [
        ("OPTML_HTTP", "srv {socket}"),
        ("OPTML_HTTP_PORT", "3000"),
        ("OPTML_HTTP_SOCKET", "/run/s"),
    ];
    insta::assert_snapshot!(problems(&places), @"
    read variable `OPTML_HTTP_PORT`: variable `OPTML_HTTP_SOCKET` says another place where the program listens
      keep one of them
    read variable `OPTML_HTTP_PORT`: the command has a word with `{socket}`, and the program listens at a port
      `{port}` goes with a port, `{socket}` with a Unix socket: use one of them
    ");
    insta::assert_snapshot!(problems(&[HTTP, places[2]]), @"
    read variable `OPTML_HTTP_SOCKET`: the command has a word with `{port}`, and the program listens at a Unix socket
      `{port}` goes with a port, `{socket}` with a Unix socket: use one of them
    ");
    insta::assert_snapshot!(problems(&[("OPTML_HTTP", "srv {socket} {port}")]), @"
    read variable `OPTML_HTTP`: the command has a word with `{port}`, and the program listens at a Unix socket
      `{port}` goes with a port, `{socket}` with a Unix socket: use one of them
    ");
}

#[test]
fn what_is_badly_written_is_refused() {
    let long = "/".repeat(108);
    insta::assert_snapshot!(problems(&[
        ("OPTML_KIND", "Python"),
        ("OPTML_EXEC", "srv 'a"),
        ("SAGEMAKER_SERVING_MODULE", "app"),
    ]), @r#"
    read variable `OPTML_KIND`: `Python` is not one of `auto`, `python`, `wsgi`, `asgi`, `exec`, `http`
    read variable `OPTML_EXEC`: the quote ' is not closed
      words are split as a shell does, without expanding anything; quote with '…', "…" or a backslash
    read variable `SAGEMAKER_SERVING_MODULE`: `app` is not `module:attribute`
      write it like `package.module:app`
    "#);
    insta::assert_snapshot!(problems(&[("OPTML_KIND", "http"), ("OPTML_HTTP", "''")]), @"read variable `OPTML_HTTP`: it names no program");
    insta::assert_snapshot!(problems(&[
        HTTP,
        ("OPTML_HTTP_SOCKET", &long),
        ("OPTML_HTTP_HEALTH", "ping"),
        ("OPTML_HTTP_INVOCATIONS", "/a b"),
        ("SAGEMAKER_SAFE_PORT_RANGE", "9-1"),
    ]), @"
    read variable `OPTML_HTTP_SOCKET`: the path has 108 bytes, and a socket's path has at most 107
      choose a shorter path, for example below `/tmp`
    read variable `SAGEMAKER_SAFE_PORT_RANGE`: `9-1` is not a range of ports
      write `LOW-HIGH`, for example `1111-2222`
    read variable `OPTML_HTTP_HEALTH`: `ping` is not a path that begins with `/`
    read variable `OPTML_HTTP_INVOCATIONS`: `/a b` is not a path that begins with `/`
    ");
    insta::assert_snapshot!(Setup::default().command(&[""]).problems(), @"read the command after `--`: it names no program");
    for module in ["app:", ":app", "a.:b", "a b:c", "a:b:c", "a/b:c", "a:f()"] {
        let text = problems(&[("SAGEMAKER_SERVING_MODULE", module)]);
        assert!(
            text.contains(&format!("`{module}` is not `module:attribute`")),
            "{text}"
        );
    }
}
