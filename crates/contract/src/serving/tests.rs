use super::*;
use crate::{machine::Count, source::Memory};

fn load(vars: &[(&str, &str)]) -> Result<ServingEnv, Vec<ConfigError>> {
    let source = vars.iter().fold(Memory::new(), |source, (name, value)| {
        source.with_var(*name, *value)
    });
    let count = |n| Count::new(n, "given");
    let machine = Machine {
        cpus: count(4),
        gpus: count(1),
        neurons: count(0),
    };
    ServingEnv::load(&source, &Layout::at("/b"), &machine)
}

#[test]
fn without_variables_there_are_the_defaults() {
    let env = load(&[]).unwrap();
    assert!(env.use_nginx && !env.multi_model && !env.batch);
    assert_eq!(env.model_server_timeout, Duration::from_mins(1));
    assert_eq!(env.model_server_workers, 4);
    assert_eq!(env.default_accept, "application/json");
    assert_eq!(env.http_port, 8080);
    assert_eq!(env.module_dir, "/b/code");
    assert_eq!(env.log_level, 20);
    assert_eq!((env.safe_port_range, env.max_payload_bytes), (None, None));
    assert_eq!(
        (env.framework_module, env.user_entry_point, env.current_host),
        (None, None, None)
    );
}

#[test]
fn every_variable_is_read() {
    let env = load(&[
        ("SAGEMAKER_USE_NGINX", "No"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", " 3_0 "),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "2"),
        ("SAGEMAKER_SERVING_MODULE", "m:f"),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv"),
        ("SAGEMAKER_BIND_TO_PORT", "9000"),
        ("SAGEMAKER_SAFE_PORT_RANGE", "1111-2222"),
        ("SAGEMAKER_MULTI_MODEL", "TRUE"),
        ("SAGEMAKER_BATCH", "true"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "6"),
        ("SAGEMAKER_PROGRAM", "inference.py"),
        ("SAGEMAKER_SUBMIT_DIRECTORY", "s3://b/k"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "10"),
        ("CURRENT_HOST", "h"),
    ])
    .unwrap();
    assert!(!env.use_nginx && env.multi_model && env.batch);
    assert_eq!(env.model_server_timeout, Duration::from_secs(30));
    assert_eq!(
        (env.model_server_workers, env.http_port, env.log_level),
        (2, 9000, 10)
    );
    assert_eq!(env.safe_port_range, Some(1111..=2222));
    assert_eq!(env.max_payload_bytes, Some(6 << 20));
    let texts = [env.framework_module, env.user_entry_point, env.current_host]
        .map(|text| text.unwrap().to_string());
    assert_eq!(texts, ["m:f", "inference.py", "h"]);
    assert_eq!(
        (env.default_accept.to_string(), env.module_dir.to_string()),
        ("text/csv".into(), "s3://b/k".into())
    );
}

#[test]
fn the_newer_timeout_wins_unless_it_is_zero() {
    let timeout = |newer| {
        let vars = [
            ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "30"),
            ("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", newer),
        ];
        load(&vars).unwrap().model_server_timeout.as_secs()
    };
    assert_eq!((timeout("5"), timeout("0")), (5, 30));
}

#[test]
fn every_problem_is_reported() {
    let errors = load(&[
        ("SAGEMAKER_USE_NGINX", "maybe"),
        ("SAGEMAKER_BATCH", ""),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "-1"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "0"),
        ("SAGEMAKER_BIND_TO_PORT", "70000"),
        ("SAGEMAKER_SAFE_PORT_RANGE", "2222-1111"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "6MB"),
    ])
    .unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    read variable `SAGEMAKER_MODEL_SERVER_TIMEOUT`: `-1` is not between 0 and 4294967295
    read variable `SAGEMAKER_MODEL_SERVER_WORKERS`: `0` is not between 1 and 65535
    read variable `SAGEMAKER_MAX_PAYLOAD_IN_MB`: `6MB` is not a whole number
    read variable `SAGEMAKER_BIND_TO_PORT`: `70000` is not between 0 and 65535
    read variable `SAGEMAKER_USE_NGINX`: `maybe` is neither true nor false
    read variable `SAGEMAKER_SAFE_PORT_RANGE`: `2222-1111` is not a range of ports
    read variable `SAGEMAKER_BATCH`: `` is neither true nor false
    ");
}
