mod outside;

use super::*;
use crate::{python::dumps, source::Memory};

const HOSTS: &str = r#"{"current_host": "algo-1", "hosts": ["algo-1"]}"#;

fn source(hyperparameters: &str, resources: &str) -> Memory {
    let layout = Layout::at("/b");
    Memory::new()
        .with_var("SAGEMAKER_BASE_DIR", "/b")
        .with_file(layout.hyperparameters_file(), hyperparameters)
        .with_file(layout.resources_file(), resources)
        .with_file(layout.channels_file(), r#"{"train": {}}"#)
}

fn load(source: &Memory) -> Result<TrainingEnv, Vec<ConfigError>> {
    let machine = Machine {
        cpus: Count::new(4, "processor affinity"),
        gpus: Count::new(1, "`nvidia-smi --list-gpus`"),
        neurons: Count::new(0, "no `neuron-ls`"),
    };
    let facts = Facts {
        machine,
        smddprun_installed: true,
        smddpmprun_installed: false,
    };
    TrainingEnv::load(source, &Layout::locate(source).unwrap(), &facts)
}

fn messages(errors: &[ConfigError]) -> String {
    let line = |error: &ConfigError| match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    };
    errors.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_problem_of_all_files_is_reported() {
    let source = Memory::new()
        .with_var("SAGEMAKER_CONTAINER_LOG_LEVEL", "INFO")
        .with_file("/opt/ml/input/config/hyperparameters.json", r#"{"sagemaker_program": "5", "sagemaker_job_name": "null",
            "sagemaker_region": "7", "sagemaker_s3_output": [], "sagemaker_distribution_instance_groups": 1}"#)
        .with_file("/opt/ml/input/config/resourceconfig.json", "{\"current_host\": \"a\",\n oops}");
    insta::assert_snapshot!(messages(&load(&source).unwrap_err()), @r"
    read `/opt/ml/input/config/resourceconfig.json`: not JSON: line 2 column 2: expected a member name in double quotes
      hint: the file must hold one JSON object in UTF-8
    read `/opt/ml/input/config/inputdataconfig.json`: no such file
      hint: the platform writes this file before it starts the container; `optml local train` makes one
    read variable `SAGEMAKER_CONTAINER_LOG_LEVEL`: `INFO` is not a whole number
      hint: levels are numbers: 10 debug, 20 info, 30 warning, 40 error
    read `/opt/ml/input/config/hyperparameters.json` at `/sagemaker_program`: expected a string, found a number
      hint: a value that looks like JSON is read as JSON: put the text in double quotes
    read `/opt/ml/input/config/hyperparameters.json` at `/sagemaker_job_name`: expected a string, found null
    read `/opt/ml/input/config/hyperparameters.json` at `/sagemaker_region`: expected a string, found a number
      hint: a value that looks like JSON is read as JSON: put the text in double quotes
    read `/opt/ml/input/config/hyperparameters.json` at `/sagemaker_s3_output`: expected a string, found an array
    ");
    let groups = source.with_file("/opt/ml/input/config/resourceconfig.json", HOSTS);
    let errors = load(&groups).unwrap_err();
    assert!(messages(&errors).contains(
        "at `/sagemaker_distribution_instance_groups`: expected an array, found a number"
    ));
}

#[test]
fn the_master_is_the_first_host_of_the_groups_that_train() {
    let resources = r#"{"current_host": "a-3", "hosts": ["a-1", "a-2", "a-3"], "current_group_name": "g2",
        "instance_groups": [{"instance_group_name": "g1", "hosts": ["a-1"]},
                            {"instance_group_name": "g2", "hosts": ["a-3", "a-2"]}]}"#;
    let master = |hyperparameters| {
        let env = load(&source(hyperparameters, resources)).unwrap();
        let groups = dumps(env.distribution_instance_groups());
        format!(
            "{groups} {} {} {}",
            env.distribution_hosts().len(),
            env.master_hostname(),
            env.is_master()
        )
    };
    assert_eq!(master("{}"), "[] 0 a-1 false");
    assert_eq!(
        master(r#"{"sagemaker_mpi_enabled": "true"}"#),
        r#"["g2"] 2 a-3 true"#
    );
    assert_eq!(
        master(r#"{"sagemaker_mpi_enabled": "False"}"#),
        r#"["g2"] 2 a-3 true"#
    );
    assert_eq!(
        master(r#"{"sagemaker_mpi_enabled": "false"}"#),
        "[] 0 a-1 false"
    );
    assert_eq!(
        master(r#"{"sagemaker_distribution_instance_groups": "[\"g1\"]"}"#),
        r#"["g1"] 1 a-1 false"#
    );
    assert_eq!(
        master(r#"{"sagemaker_distribution_instance_groups": "g2"}"#),
        r#""g2" 2 a-3 true"#
    );
    assert_eq!(
        master(r#"{"sagemaker_distribution_instance_groups": "[]"}"#),
        "[] 0 a-1 false"
    );
}

#[test]
fn the_program_may_come_from_a_variable() {
    let program = |variable: Option<&str>, hyperparameters| {
        let source = source(hyperparameters, HOSTS);
        let env = load(&match variable {
            Some(program) => source.with_var("SAGEMAKER_PROGRAM", program),
            None => source,
        });
        let env = env.unwrap();
        format!(
            "{:?} {}",
            env.user_entry_point().map(Text::to_string),
            env.module_name()
        )
    };
    assert_eq!(program(None, "{}"), "None None");
    assert_eq!(
        program(None, r#"{"sagemaker_program": "\"x.py.py\""}"#),
        r#"Some("x.py.py") x.py"#
    );
    assert_eq!(
        program(Some("e.sh"), r#"{"sagemaker_program": "a.py"}"#),
        r#"Some("e.sh") e.sh"#
    );
    assert_eq!(
        program(Some(""), r#"{"sagemaker_program": "a.py"}"#),
        r#"Some("a.py") "#
    );
    assert_eq!(program(None, r#"{"sagemaker_program": null}"#), "None None");
}

#[test]
fn model_parallelism_is_read_from_the_variable() {
    let enabled = |value| {
        dumps(
            &load(&source("{}", HOSTS).with_var("SM_HP_MP_PARAMETERS", value))
                .unwrap()
                .is_modelparallel_enabled(),
        )
    };
    assert_eq!(
        (enabled(""), enabled("{}"), enabled(r#"{"a":1}"#)),
        ("\"\"".into(), "false".into(), "true".into())
    );
    assert_eq!(
        load(&source("{}", HOSTS))
            .unwrap()
            .is_modelparallel_enabled(),
        Json::Null
    );
}

#[test]
fn an_instance_type_may_tell_the_neuron_cores() {
    let resources =
        r#"{"current_host": "a", "hosts": ["a"], "current_instance_type": "ml.trn2.48xlarge"}"#;
    let env = load(&source("{}", resources)).unwrap();
    assert_eq!(
        env.machine().neurons,
        Count::new(64, "instance type `ml.trn2.48xlarge`")
    );
}

#[test]
fn each_value_says_where_it_came_from() {
    let source = source(
        r#"{"sagemaker_region": "r", "lr": "0.1", "sagemaker_mpi_enabled": "true"}"#,
        HOSTS,
    )
    .with_var("SAGEMAKER_PROGRAM", "a.py");
    let env = load(&source).unwrap();
    let origins: Vec<_> = env
        .origins()
        .iter()
        .map(|s| format!("{} <- {}", s.name, s.origin))
        .collect();
    insta::assert_snapshot!(origins.join("\n"));
}

#[test]
fn the_listed_names_are_the_ones_that_are_set() {
    let resources = r#"{"current_host": "a", "hosts": ["a"], "topology": [1]}"#;
    let env = load(&source(r#"{"a": "1"}"#, resources)).unwrap();
    for setting in env.origins() {
        let name = match setting.name.as_str().unwrap() {
            "SM_CHANNEL_TRAIN" => "SM_CHANNEL_<NAME>".to_owned(),
            "SM_HP_A" => "SM_HP_<NAME>".to_owned(),
            name => name.to_owned(),
        };
        let listed = vars::ALL
            .iter()
            .any(|v| v.name == name && v.owner == vars::Owner::Script);
        assert!(listed, "{name} is not in the list of variables");
    }
}

#[test]
fn what_is_given_is_not_read() {
    let object = |text: &str| match Json::parse(text.as_bytes()) {
        Ok(Json::Object(object)) => Some(object),
        other => panic!("{other:?}"),
    };
    let given = Given {
        hyperparameters: object(r#"{"text": "5", "sagemaker_program": "a.py"}"#),
        resources: object(r#"{"current_host": "a", "hosts": ["a", "b"]}"#),
        channels: object(r#"{"test": {}}"#),
    };
    let facts = Facts {
        machine: Machine {
            cpus: Count::new(1, "given"),
            gpus: Count::new(0, "given"),
            neurons: Count::new(0, "given"),
        },
        smddprun_installed: false,
        smddpmprun_installed: false,
    };
    let layout = Layout::at("/b");
    let env = TrainingEnv::load_with(&Memory::new(), &layout, &facts, given).unwrap();
    // A text that looks like JSON stays one: whoever gives it has decoded it.
    assert_eq!(dumps(&env.hyperparameters().into()), r#"{"text":"5"}"#);
    assert_eq!(env.user_entry_point().unwrap(), &"a.py");
    assert_eq!(env.channels().all()[0].directory, "/b/input/data/test");
    let wrong = Given {
        resources: object("{}"),
        ..Given::default()
    };
    let errors = TrainingEnv::load_with(&source("{}", HOSTS), &layout, &facts, wrong).unwrap_err();
    insta::assert_snapshot!(messages(&errors), @r"
    read `resource_config` at `/hosts`: the key is missing
    read `resource_config` at `/current_host`: the key is missing
    ");
}

#[test]
fn the_machine_can_be_asked_later() {
    let resources =
        r#"{"current_host": "a", "hosts": ["a"], "current_instance_type": "ml.trn2.48xlarge"}"#;
    let mut env = load(&source("{}", resources)).unwrap();
    env.set_machine(Machine {
        cpus: Count::new(2, "asked"),
        gpus: Count::new(3, "asked"),
        neurons: Count::new(0, "asked"),
    });
    let machine = env.machine();
    // An instance type of a fixed number has it, whatever the tools say.
    assert_eq!(
        [
            machine.cpus.value,
            machine.gpus.value,
            machine.neurons.value
        ],
        [2, 3, 64]
    );
}

#[test]
fn a_key_has_a_variable() {
    let name = |key: &str| variable_name(&key.into()).to_string();
    assert_eq!(
        [name("lr-1"), name("ß"), name("")],
        ["SM_LR-1", "SM_SS", ""]
    );
}
