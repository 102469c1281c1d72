//! The recorded values of the reference, each case a named test.
//!
//! The data is in `conformance/` of the repository; `OPTML_CONFORMANCE` names another folder.

#![expect(
    clippy::unwrap_used,
    reason = "a test with its own main: a panic is a failed case"
)]

use std::{fmt::Write as _, fs, path::PathBuf, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use optml_contract::{
    ConfigError, Facts, Layout, TrainingEnv,
    hyperparameters::Hyperparameters,
    json::{Json, Object},
    machine::{Count, Machine},
    python,
    source::Memory,
    text::Text,
};

const BASE: &str = "/base";
const N_CPUS: u32 = 7;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = environment_cases();
    trials.extend(vectors());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `env/cases.jsonl`: one test for the newer reference, one for the older.
fn environment_cases() -> Vec<Trial> {
    let mut trials = Vec::new();
    for line in read("env/cases.jsonl").lines() {
        let line = line
            .replace(
                "\"num_cpus\": \"${CPUS}\"",
                &format!("\"num_cpus\": {N_CPUS}"),
            )
            .replace("${CPUS}", &N_CPUS.to_string())
            .replace("${BASE}", BASE);
        let case = parse(&line);
        let name = text(member(&case, "name"));
        let containers = case.clone();
        trials.push(Trial::test(format!("env::{name}::training"), move || {
            equals_training(&case)
        }));
        trials.push(Trial::test(format!("env::{name}::containers"), move || {
            equals_containers(&containers)
        }));
    }
    assert_eq!(trials.len(), 2 * 82, "cases of env/cases.jsonl");
    trials
}

fn equals_training(case: &Json) -> Result<(), Failed> {
    let expected = member(case, "training");
    match (load(case), expected.get("error")) {
        (Ok(env), None) => same("", &env.to_json(), expected),
        (Err(errors), Some(_)) => names_the_place(&errors, case),
        (Ok(_), Some(error)) => {
            Err(format!("the reference fails with {}", python::dumps(error)).into())
        }
        (Err(errors), None) => Err(format!("the reference loads it: {errors:?}").into()),
    }
}

/// What the older reference has too, the newer one and ours have equal.
fn equals_containers(case: &Json) -> Result<(), Failed> {
    let expected = member(case, "containers");
    let env = match (load(case), expected.get("error")) {
        (Ok(env), None) => env,
        (Err(_), Some(_)) => return Ok(()),
        (ours, _) => return Err(format!("one fails, the other does not: {ours:?}").into()),
    };
    // With several groups the older one takes the first of all hosts for the master.
    let several_groups = env.is_hetero();
    let differs = |key: &str| several_groups && ["is_master", "master_hostname"].contains(&key);
    let ours = env.to_json();
    for (view, expected) in object(expected)
        .iter()
        .map(|(view, expected)| (text(&view.into()), expected))
    {
        let actual = member(&ours, &view);
        let Some(expected) = expected.as_object() else {
            same(&view, actual, expected)?;
            continue;
        };
        for (key, expected) in expected.iter() {
            let key = text(&key.into());
            match key.as_str() {
                "SM_TRAINING_ENV" => {
                    let (actual, expected) =
                        (parse(&text(member(actual, &key))), parse(&text(expected)));
                    for (key, expected) in object(&expected).iter() {
                        let key = text(&key.into());
                        if !differs(&key) {
                            same(
                                &format!("SM_TRAINING_ENV/{key}"),
                                member(&actual, &key),
                                expected,
                            )?;
                        }
                    }
                }
                _ if differs(&key) => {}
                _ => same(&format!("{view}/{key}"), member(actual, &key), expected)?,
            }
        }
    }
    Ok(())
}

/// Each error names the file or the variable that this case is about.
fn names_the_place(errors: &[ConfigError], case: &Json) -> Result<(), Failed> {
    let name = text(member(case, "name"));
    let place = match name.as_str() {
        "bad-log-level-in-environment" => "`SAGEMAKER_CONTAINER_LOG_LEVEL`",
        "missing-hyperparameters" => "`/base/input/config/hyperparameters.json`: no such file",
        "missing-resourceconfig" => "`/base/input/config/resourceconfig.json`: no such file",
        "missing-inputdataconfig" => "`/base/input/config/inputdataconfig.json`: no such file",
        "malformed-hyperparameters"
        | "hyperparameters-not-an-object"
        | "hyperparameters-empty-file" => "`/base/input/config/hyperparameters.json`: ",
        "resourceconfig-without-hosts" | "resourceconfig-empty" | "resourceconfig-hosts-empty" => {
            "`/base/input/config/resourceconfig.json` at `/hosts`"
        }
        _ => return Err(format!("no place is known for {name}").into()),
    };
    if errors.iter().any(|error| error.to_string().contains(place)) {
        Ok(())
    } else {
        Err(format!("none names {place}: {errors:?}").into())
    }
}

fn load(case: &Json) -> Result<TrainingEnv, Vec<ConfigError>> {
    let mut source = Memory::new().with_var("SAGEMAKER_BASE_DIR", BASE);
    for (name, contents) in object(member(case, "files")).iter() {
        source = source.with_file(format!("{BASE}/input/config/{name}"), text(contents));
    }
    for (name, value) in object(member(case, "env")).iter() {
        source = source.with_var(name.to_os().unwrap(), text(value));
    }
    let layout = Layout::locate(&source).unwrap();
    TrainingEnv::load(&source, &layout, &facts(N_CPUS, 0))
}

fn facts(n_cpus: u32, n_gpus: u32) -> Facts {
    Facts {
        machine: Machine {
            cpus: Count::new(n_cpus, "given"),
            gpus: Count::new(n_gpus, "given"),
            neurons: Count::new(0, "given"),
        },
        smddprun_installed: false,
        smddpmprun_installed: false,
    }
}

/// The groups of `training/vectors.json` that must be equal.
fn vectors() -> Vec<Trial> {
    type Check = fn(&Json) -> Result<(), Failed>;
    let groups: [(&str, usize, Check); 5] = [
        ("hyperparameter_values", 113, hyperparameter_value),
        ("hyperparameter_keys", 31, hyperparameter_key),
        ("key_order", 2, key_order),
        ("non_string_json_values", 8, non_string_value),
        ("environment_examples", 6, environment_example),
    ];
    let vectors = parse(&read("training/vectors.json"));
    let mut trials = Vec::new();
    for (group, n_vectors, check) in groups {
        let vectors = member(&vectors, group).as_array().unwrap();
        assert_eq!(vectors.len(), n_vectors, "vectors of {group}");
        for (i, vector) in vectors.iter().cloned().enumerate() {
            trials.push(Trial::test(
                format!("vectors::{group}::{i:03}"),
                move || check(&vector),
            ));
        }
    }
    trials
}

fn hyperparameter_value(vector: &Json) -> Result<(), Failed> {
    let loaded = one_hyperparameter(member(vector, "raw"));
    same(
        "SM_HPS",
        &variable(&loaded, "SM_HPS"),
        member(vector, "SM_HPS"),
    )?;
    decoded_value(&loaded, vector)
}

fn non_string_value(vector: &Json) -> Result<(), Failed> {
    decoded_value(&one_hyperparameter(member(vector, "json_value")), vector)
}

fn one_hyperparameter(raw: &Json) -> TrainingEnv {
    let file = Json::Object([(Text::from("k"), raw.clone())].into_iter().collect());
    load_files(
        &file,
        &parse(r#"{"current_host": "h", "hosts": ["h"]}"#),
        &parse("{}"),
        Memory::new(),
        (1, 0),
    )
}

fn decoded_value(env: &TrainingEnv, vector: &Json) -> Result<(), Failed> {
    let decoded = env.all_hyperparameters().get("k").unwrap();
    let python_type = match decoded {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Int(_) => "int",
        Json::Float(_) => "float",
        Json::Text(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    };
    let expected = member(vector, "decoded");
    same("type", &python_type.into(), member(expected, "py_type"))?;
    same(
        "repr",
        &python::repr(decoded).into(),
        member(expected, "repr"),
    )?;
    same(
        "argv",
        &env.to_cmd_args().into_iter().collect(),
        member(vector, "argv"),
    )?;
    same(
        "SM_HP_K",
        &variable(env, "SM_HP_K"),
        member(vector, "SM_HP_K"),
    )
}

/// The vectors of keys were made from the mapping functions, before the split that takes reserved names away.
fn hyperparameter_key(vector: &Json) -> Result<(), Failed> {
    let key = member(vector, "key").as_text().unwrap();
    let file: Object = [(key.clone(), "v".into())].into_iter().collect();
    let hyperparameters = Hyperparameters::parse(&file, "h.json".into()).unwrap();
    same(
        "argv",
        &hyperparameters.all()[0].to_args().into_iter().collect(),
        member(vector, "argv"),
    )?;
    let name = format!("SM_HP_{}", key.to_upper());
    same("env", &name.as_str().into(), member(vector, "env"))
}

fn key_order(vector: &Json) -> Result<(), Failed> {
    let keys = member(vector, "keys").as_array().unwrap();
    let file: Object = keys
        .iter()
        .map(|key| (key.as_text().unwrap().clone(), "v".into()))
        .collect();
    let args = Hyperparameters::parse(&file, "h.json".into())
        .unwrap()
        .to_args();
    same(
        "argv",
        &args.into_iter().step_by(2).collect(),
        member(vector, "argv_names"),
    )
}

fn environment_example(example: &Json) -> Result<(), Failed> {
    let mut source = Memory::new().with_var(
        "AWS_DEFAULT_REGION",
        text(member(example, "aws_default_region")),
    );
    for (name, value) in object(member(example, "process_env")).iter() {
        source = source.with_var(name.to_os().unwrap(), text(value));
    }
    let file = |key| member(example, key);
    let counts = (
        number(member(example, "cpus")),
        number(member(example, "gpus")),
    );
    let (hyperparameters, resources, channels) = (
        file("hyperparameters"),
        file("resourceconfig"),
        file("inputdataconfig"),
    );
    let env = load_files(hyperparameters, resources, channels, source, counts);
    let ours = env.to_json();
    same(
        "args",
        member(&ours, "cmd_args"),
        member(example, "expected_user_args"),
    )?;
    same(
        "process",
        member(&ours, "process_env"),
        member(example, "expected_process_env_side_effects"),
    )?;
    let expected = member(example, "expected_env");
    same("env", member(&ours, "env_vars"), expected)?;
    // Here the reference's order is recorded too.
    let names = |json: &Json| {
        object(json)
            .iter()
            .map(|(name, _)| name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    same(
        "order",
        &names(member(&ours, "env_vars")).as_str().into(),
        &names(expected).as_str().into(),
    )
}

fn load_files(
    hyperparameters: &Json,
    resources: &Json,
    channels: &Json,
    source: Memory,
    (n_cpus, n_gpus): (u32, u32),
) -> TrainingEnv {
    let layout = Layout::at("/opt/ml");
    let source = source
        .with_file(layout.hyperparameters_file(), hyperparameters.to_pretty())
        .with_file(layout.resources_file(), resources.to_pretty())
        .with_file(layout.channels_file(), channels.to_pretty());
    TrainingEnv::load(&source, &layout, &facts(n_cpus, n_gpus)).unwrap()
}

fn variable(env: &TrainingEnv, name: &str) -> Json {
    env.to_env_vars()
        .into_iter()
        .find(|(other, _)| *other == name)
        .unwrap()
        .1
        .into()
}

/// Compares as the text that both have, and says where they part.
fn same(place: &str, actual: &Json, expected: &Json) -> Result<(), Failed> {
    if let (Some(actual), Some(expected)) = (actual.as_object(), expected.as_object()) {
        let mut differences = String::new();
        for (key, value) in expected.iter() {
            let found = actual
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, found)| found);
            let result = found.map_or_else(
                || Err("missing".into()),
                |found| same(&key.to_string(), found, value),
            );
            if let Err(failed) = result {
                writeln!(
                    differences,
                    "{place}/{key}: {}",
                    failed.message().unwrap_or_default()
                )
                .unwrap();
            }
        }
        for (key, _) in actual
            .iter()
            .filter(|(key, _)| !expected.iter().any(|(name, _)| name == *key))
        {
            writeln!(differences, "{place}/{key}: not in the reference").unwrap();
        }
        return if differences.is_empty() {
            Ok(())
        } else {
            Err(differences.into())
        };
    }
    let (actual, expected) = (python::dumps(actual), python::dumps(expected));
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{place}\n  ours      {actual}\n  reference {expected}").into())
    }
}

fn read(file: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "names the data of this test, not a part of the contract"
    )]
    let given = std::env::var_os("OPTML_CONFORMANCE").map(PathBuf::from);
    let folder = given
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance"));
    let path = folder.join(file);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn parse(json: &str) -> Json {
    Json::parse(json.as_bytes()).unwrap()
}

fn member<'a>(json: &'a Json, key: &str) -> &'a Json {
    json.get(key).unwrap_or_else(|| panic!("no `{key}`"))
}

fn object(json: &Json) -> &Object {
    json.as_object().unwrap()
}

fn text(json: &Json) -> String {
    json.as_text().unwrap().as_str().unwrap().to_owned()
}

fn number(json: &Json) -> u32 {
    python::dumps(json).parse().unwrap()
}
