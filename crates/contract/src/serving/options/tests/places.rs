//! Where it listens.

use super::{options, problems, shown, *};

#[test]
fn the_rule_for_the_interface_is_shown() {
    let host = |change: fn(&mut Circumstances), vars: &[(&str, &str)]| {
        let mut setup = Setup::vars(vars);
        change(&mut setup.circumstances);
        shown(&setup.options(), "host")
    };
    let own = |_: &mut Circumstances| {};
    let rows = [
        host(own, &[]),
        host(own, &[("OPTML_PORT", "80"), ("OPTML_HOST", "")]),
        host(|c| c.has_opt_ml = true, &[]),
        host(|c| (c.has_opt_ml, c.called_serve) = (true, true), &[]),
        host(|c| (c.is_pid_1, c.called_serve) = (true, true), &[]),
        host(own, &[("SAGEMAKER_BIND_TO_PORT", "80")]),
        host(|c| c.is_pid_1 = true, &[("OPTML_HOST", " 10.0.0.7 ")]),
        host(own, &[("OPTML_HOST", "::")]),
    ];
    assert_eq!(
        rows,
        [
            "127.0.0.1 (default)",
            "127.0.0.1 (default)",
            "0.0.0.0 (`/opt/ml` exists)",
            "0.0.0.0 (we are called `serve`)",
            "0.0.0.0 (we are process 1)",
            "0.0.0.0 (SAGEMAKER_BIND_TO_PORT)",
            "10.0.0.7 (OPTML_HOST)",
            ":: (OPTML_HOST)",
        ]
    );
}

#[test]
fn the_port_is_ours_then_the_platforms() {
    let port = |vars: &[_]| shown(&options(vars), "port");
    assert_eq!(port(&[]), "8080 (default)");
    let platform = ("SAGEMAKER_BIND_TO_PORT", " 9_000 ");
    assert_eq!(port(&[platform]), "9000 (SAGEMAKER_BIND_TO_PORT)");
    let both = options(&[platform, ("OPTML_PORT", "0")]);
    assert_eq!(shown(&both, "port"), "any that is free (OPTML_PORT)");
    assert_eq!(
        both.notes,
        ["variable `SAGEMAKER_BIND_TO_PORT` is not used: variable `OPTML_PORT` counts"]
    );
    assert_eq!(both.bind.address().to_string(), "0.0.0.0:0");
}

#[test]
fn a_project_file_counts_less_than_any_variable() {
    let file = [(vars::OPTML_PORT, "7000")];
    let alone = Setup::default().file(&file).options();
    assert_eq!(shown(&alone, "port"), "7000 (`/p/optml.toml` at `/key`)");
    let below = Setup::vars(&[("SAGEMAKER_BIND_TO_PORT", "80")]).file(&file);
    assert_eq!(
        shown(&below.options(), "port"),
        "80 (SAGEMAKER_BIND_TO_PORT)"
    );
    let bad = Setup::default().file(&[(vars::OPTML_PORT, "70000")]);
    insta::assert_snapshot!(bad.problems(), @"read `/p/optml.toml` at `/key`: `70000` is not between 0 and 65535");
}

#[test]
fn a_bad_place_is_refused() {
    insta::assert_snapshot!(problems(&[
        ("OPTML_HOST", "localhost"),
        ("OPTML_PORT", "http"),
        ("OPTML_METRICS_PORT", "-1"),
    ]), @"
    read variable `OPTML_PORT`: `http` is not a whole number
    read variable `OPTML_HOST`: `localhost` is not an IP address
      `0.0.0.0` listens on every interface, `127.0.0.1` on this machine only
    read variable `OPTML_METRICS_PORT`: `-1` is not between 0 and 65535
    ");
    insta::assert_snapshot!(problems(&[("SAGEMAKER_BIND_TO_PORT", "")]), @"read variable `SAGEMAKER_BIND_TO_PORT`: `` is not a whole number");
}

#[test]
fn two_ports_are_not_one() {
    let any = options(&[("OPTML_PORT", "0"), ("OPTML_METRICS_PORT", "0")]);
    assert_eq!(
        shown(&any, "metrics port"),
        "any that is free (OPTML_METRICS_PORT)"
    );
    assert_eq!(shown(&options(&[]), "metrics port"), "off (default)");
    insta::assert_snapshot!(problems(&[
        ("OPTML_METRICS_PORT", "8080"),
    ]), @"
    read variable `OPTML_METRICS_PORT`: port 8080 is already that of `/ping` and `/invocations`
      give one of them another port
    ");
    insta::assert_snapshot!(problems(&[
        ("OPTML_PORT", "80"),
        ("OPTML_METRICS_PORT", "81"),
        ("OPTML_HTTP", "srv"),
        ("OPTML_HTTP_PORT", "81"),
    ]), @"
    read variable `OPTML_HTTP_PORT`: port 81 is already that of variable `OPTML_METRICS_PORT`
      give one of them another port
    ");
}
