//! `optml env`: what the script would see, the same as the reference's in every recorded case.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use optml_contract::{json::Json, python};
use optml_testkit::{Finished, OptMl, Proc, conformance};

use crate::rig::{binary, start};

/// Without the tools that count accelerators: the recorded cases have none.
const NO_TOOLS: (&str, &str) = ("PATH", "/nowhere");

/// The four views that the reference was asked for.
const VIEWS: [&str; 4] = ["cmd_args", "env_vars", "process_env", "training_env"];

const ENV_JSON: [&str; 3] = ["env", "--format", "json"];

/// Where a case is that the reference refuses: what our message has to name, the file with its place or the variable.
const REFUSED: [(&str, &str); 10] = [
    (
        "bad-log-level-in-environment",
        "`SAGEMAKER_CONTAINER_LOG_LEVEL`",
    ),
    (
        "missing-hyperparameters",
        "/input/config/hyperparameters.json`: no such file",
    ),
    (
        "missing-resourceconfig",
        "/input/config/resourceconfig.json`: no such file",
    ),
    (
        "missing-inputdataconfig",
        "/input/config/inputdataconfig.json`: no such file",
    ),
    (
        "malformed-hyperparameters",
        "/input/config/hyperparameters.json`: ",
    ),
    (
        "hyperparameters-not-an-object",
        "/input/config/hyperparameters.json`: ",
    ),
    (
        "hyperparameters-empty-file",
        "/input/config/hyperparameters.json`: ",
    ),
    (
        "resourceconfig-without-hosts",
        "/input/config/resourceconfig.json` at `/hosts`",
    ),
    (
        "resourceconfig-empty",
        "/input/config/resourceconfig.json` at `/hosts`",
    ),
    (
        "resourceconfig-hosts-empty",
        "/input/config/resourceconfig.json` at `/hosts`",
    ),
];

fn cases() -> Vec<Json> {
    let text = fs::read_to_string(conformance().join("env/cases.jsonl")).unwrap();
    let cases: Vec<Json> = text
        .lines()
        .map(|line| Json::parse(line.as_bytes()).unwrap())
        .collect();
    assert_eq!(cases.len(), 82, "the recorded cases");
    cases
}

fn text(json: &Json) -> String {
    json.as_text().unwrap().as_str().unwrap().to_owned()
}

fn members(json: &Json) -> impl Iterator<Item = (String, &Json)> {
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str().unwrap().to_owned(), value))
}

/// Runs `optml WORDS…` on the tree of a case.
fn run(case: &Json, words: &[&str]) -> (tempfile::TempDir, Finished) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap().to_owned();
    let config = folder.path().join("input/config");
    fs::create_dir_all(&config).unwrap();
    for (name, content) in members(case.get("files").unwrap()) {
        fs::write(config.join(name), text(content)).unwrap();
    }
    let given: Vec<(String, String)> = members(case.get("env").unwrap())
        .map(|(name, value)| (name, text(value).replace("${BASE}", &base)))
        .collect();
    let mut variables: Vec<(&str, &std::ffi::OsStr)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_ref()))
        .collect();
    variables.extend([
        ("SAGEMAKER_BASE_DIR", base.as_ref()),
        (NO_TOOLS.0, NO_TOOLS.1.as_ref()),
    ]);
    let finished = Proc::start(binary(), words, &variables).wait();
    (folder, finished)
}

/// A recorded view, with our base directory and processor count in their places.
fn expected(view: &str, case: &Json, base: &Path, n_cpus: &str) -> Json {
    let recorded = python::dumps(case.get("training").unwrap().get(view).unwrap());
    // A property is a number, and a variable a text.
    let recorded = match view {
        "training_env" => recorded.replace("\"${CPUS}\"", n_cpus),
        _ => recorded,
    };
    let filled = recorded
        .replace("${CPUS}", n_cpus)
        .replace("${BASE}", base.to_str().unwrap());
    Json::parse(filled.as_bytes()).unwrap()
}

/// Where two values part: one line each.
fn differences(place: &str, actual: Option<&Json>, expected: Option<&Json>, found: &mut String) {
    if let (Some(Json::Object(actual)), Some(Json::Object(expected))) = (actual, expected) {
        let names: Vec<_> = expected
            .iter()
            .chain(actual.iter())
            .map(|(name, _)| name)
            .collect();
        for (number, name) in names.iter().enumerate() {
            if !names[..number].contains(name) {
                let of = |object: &optml_contract::json::Object| {
                    object.get(name.as_str().unwrap()).cloned()
                };
                let (actual, expected) = (of(actual), of(expected));
                differences(
                    &format!("{place}/{name}"),
                    actual.as_ref(),
                    expected.as_ref(),
                    found,
                );
            }
        }
        return;
    }
    let [actual, expected] =
        [actual, expected].map(|value| value.map_or_else(|| "nothing".to_owned(), python::dumps));
    if actual != expected {
        writeln!(
            found,
            "{place}\n  ours      {actual}\n  reference {expected}"
        )
        .unwrap();
    }
}

/// What no process can be given: the reference shows such an environment and fails when it starts the script.
/// (`crates/contract/tests/conformance.rs` compares these cases too, before they are exported.)
fn unexportable(case: &Json) -> Option<&'static str> {
    let file = case
        .get("files")
        .unwrap()
        .get("hyperparameters.json")
        .map(text)
        .unwrap_or_default();
    let signs = [
        ("\"k=v\"", "the variable name `SM_HP_K=V` would hold `=`"),
        ("\\ud83d\"", "the single surrogate U+D83D"),
    ];
    signs
        .iter()
        .find(|(sign, _)| file.contains(sign))
        .map(|(_, reason)| *reason)
}

#[test]
fn the_recorded_cases_are_equal() {
    let mut found = String::new();
    let (mut n_equal, mut n_refused) = (0, 0);
    for case in cases()
        .iter()
        .filter(|case| case.get("training").unwrap().get("error").is_none())
    {
        let name = text(case.get("name").unwrap());
        let (folder, finished) = run(case, &ENV_JSON);
        if let Some(reason) = unexportable(case) {
            if finished.code != Some(3) || !finished.stderr.contains(reason) {
                writeln!(found, "{name}: {finished:?}").unwrap();
            }
            n_refused += 1;
            continue;
        }
        if finished.code != Some(0) {
            writeln!(found, "{name}: {finished:?}").unwrap();
            continue;
        }
        let ours = Json::parse(finished.stdout.as_bytes()).unwrap();
        let n_cpus = python::dumps(ours.get("training_env").unwrap().get("num_cpus").unwrap());
        assert!(
            n_cpus.parse::<u32>().is_ok_and(|n| n > 0),
            "{name}: {n_cpus}"
        );
        assert!(
            members(&ours)
                .map(|(name, _)| name)
                .eq(["cluster"].into_iter().chain(VIEWS).map(str::to_owned)),
            "{name}: {}",
            finished.stdout
        );
        for view in VIEWS {
            let expected = expected(view, case, folder.path(), &n_cpus);
            differences(
                &format!("{name}: {view}"),
                ours.get(view),
                Some(&expected),
                &mut found,
            );
        }
        n_equal += 1;
    }
    assert!(found.is_empty(), "{found}");
    assert_eq!(
        (n_equal, n_refused),
        (63, 9),
        "with the ten that the reference refuses: all 82"
    );
}

#[test]
fn a_command_has_the_recorded_environment() {
    let mut found = String::new();
    let mut n_compared = 0;
    for case in cases() {
        let recorded = case.get("training").unwrap();
        if recorded.get("error").is_some() || unexportable(&case).is_some() {
            continue;
        }
        let name = text(case.get("name").unwrap());
        let (folder, finished) = run(&case, &["exec", "--", "/bin/cat", "/proc/self/environ"]);
        assert_eq!(finished.code, Some(0), "{name}: {}", finished.stderr);
        let seen = variables(&finished.stdout);
        let n_cpus = seen["SM_NUM_CPUS"];
        for (variable, value) in members(&expected("env_vars", &case, folder.path(), n_cpus)) {
            let (seen, value) = (seen.get(&*variable).copied(), text(value));
            if seen != Some(&*value) {
                writeln!(
                    found,
                    "{name}: {variable}\n  ours      {seen:?}\n  reference {value:?}"
                )
                .unwrap();
            }
            n_compared += 1;
        }
    }
    assert!(found.is_empty(), "{found}");
    assert!(n_compared > 63 * 30, "{n_compared}");
}

#[test]
fn what_the_reference_refuses_is_refused_with_its_place() {
    let refused: Vec<Json> = cases()
        .into_iter()
        .filter(|case| case.get("training").unwrap().get("error").is_some())
        .collect();
    assert_eq!(refused.len(), REFUSED.len());
    for case in refused {
        let name = text(case.get("name").unwrap());
        let (_, place) = REFUSED
            .iter()
            .find(|(other, _)| *other == name)
            .unwrap_or_else(|| panic!("no place is known for {name}"));
        let (folder, finished) = run(&case, &ENV_JSON);
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(3), ""),
            "{name}: {}",
            finished.stderr
        );
        let place = match place.strip_prefix('/') {
            Some(_) => format!("`{}{place}", folder.path().display()),
            None => (*place).to_owned(),
        };
        let said = finished
            .stderr
            .lines()
            .any(|line| line.starts_with("error: ") && line.contains(&place));
        assert!(said, "{name}: no {place} in {}", finished.stderr);
    }
}

/// Values that a shell would trip over, and names that it cannot have.
fn awkward() -> OptMl {
    OptMl::with_script("train.py", "")
        .hyperparameter("quotes", "it's \"quoted\" and `ticked`")
        .hyperparameter("lines", "one\ntwo\n\nthree\n")
        .hyperparameter("substitution", "$(touch evil) ${HOME} $1 \\n \\")
        .hyperparameter("spaces", "  leading, trailing \t ")
        .hyperparameter("unicode", "ünïcode \u{1f600}")
        .hyperparameter("learning-rate", "0.1")
        .hyperparameter("0digit", "x")
        .hyperparameter("empty", "")
        .channel("my-train", "a.csv", "1")
}

/// The variables of a process, from what is in `/proc/self/environ`.
fn variables(environ: &str) -> BTreeMap<&str, &str> {
    environ
        .split_terminator('\0')
        .map(|entry| entry.split_once('=').unwrap())
        .collect()
}

#[test]
fn a_shell_reads_what_the_script_gets() {
    let tree = awkward();
    let seen = start(&tree, &["train", "--", "cat", "/proc/self/environ"], &[]).wait();
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    let seen = variables(&seen.stdout);
    let printed = start(&tree, &["env", "--format", "shell"], &[]).wait();
    assert_eq!((printed.code, &*printed.stderr), (Some(0), ""));
    fs::write(tree.path("env.sh"), &printed.stdout).unwrap();

    let mut sourced = Proc::command(
        "sh",
        ["-eu", "-c", ". ./env.sh; exec cat /proc/self/environ"],
        &[("SAGEMAKER_BASE_DIR", tree.base().as_ref())],
    );
    sourced.current_dir(tree.base());
    let sourced = Proc::start_command(sourced).wait();
    assert_eq!((sourced.code, &*sourced.stderr), (Some(0), ""));
    let sourced = variables(&sourced.stdout);

    let is_identifier = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut n_compared = 0;
    for (name, value) in &seen {
        if is_identifier(name) {
            assert_eq!(sourced.get(name), Some(value), "{name}");
            n_compared += 1;
        } else {
            assert_eq!(sourced.get(name), None, "{name}");
            let comment = format!("# {name}: ");
            assert!(printed.stdout.contains(&comment), "no {comment}");
        }
    }
    assert!(n_compared > 30, "{n_compared}");
    assert_eq!(sourced["SM_HP_LINES"], "one\ntwo\n\nthree\n");
    assert_eq!(
        sourced["SM_HP_SUBSTITUTION"],
        "$(touch evil) ${HOME} $1 \\n \\"
    );
    assert_eq!(sourced["SM_HP_LEARNING_RATE"], "0.1");
    assert!(!tree.path("evil").exists());
    // `sh` adds `PWD` and its like; nothing else is only there.
    let additions: Vec<_> = sourced
        .keys()
        .filter(|name| !seen.contains_key(*name))
        .collect();
    assert!(
        additions
            .iter()
            .all(|name| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name)),
        "{additions:?}"
    );
}

/// The row of `name`: its value, and where that came from.
#[track_caller]
fn row(table: &str, name: &str) -> (String, String) {
    let row = table
        .lines()
        .find(|line| line.split(' ').next() == Some(name));
    let row = row.unwrap_or_else(|| panic!("no {name} in {table}"));
    let (value, origin) = row[name.len()..]
        .trim()
        .rsplit_once("  ")
        .unwrap_or(("", row[name.len()..].trim()));
    (value.trim().to_owned(), origin.trim().to_owned())
}

#[test]
fn the_table_shows_each_value_and_where_it_came_from() {
    let tree = awkward();
    let finished = start(
        &tree,
        &["env"],
        &[
            ("OPTML_STOP_GRACE_S", "7"),
            ("SAGEMAKER_PROGRAM", "other.py"),
        ],
    )
    .wait();
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let table = &*finished.stdout;
    assert!(
        table
            .lines()
            .all(|line| !line.chars().any(char::is_control))
    );
    let (value, origin) = row(table, "SM_HP_LEARNING-RATE");
    assert_eq!(value, "0.1");
    assert!(
        origin.contains("hyperparameters.json") && origin.contains("learning-rate"),
        "{origin}"
    );
    let (value, origin) = row(table, "SM_HOSTS");
    assert_eq!(value, "[\"algo-1\"]");
    assert!(origin.contains("resourceconfig.json"), "{origin}");
    let (_, origin) = row(table, "SM_CHANNEL_MY-TRAIN");
    assert!(origin.contains("inputdataconfig.json"), "{origin}");
    let (value, origin) = row(table, "SM_USER_ENTRY_POINT");
    assert!(
        value == "other.py" && origin.contains("`SAGEMAKER_PROGRAM`"),
        "{value} {origin}"
    );
    assert_eq!(
        row(table, "SM_LOG_LEVEL"),
        ("20".to_owned(), "default".to_owned())
    );
    assert_eq!(row(table, "OPTML_STOP_GRACE_S").0, "7");
    assert!(
        row(table, "OPTML_STOP_GRACE_S")
            .1
            .contains("OPTML_STOP_GRACE_S")
    );
    assert_eq!(
        row(table, "OPTML_LOG_STALL_S"),
        ("30".to_owned(), "default".to_owned())
    );
    // A flag is its variable.
    let finished = start(
        &tree,
        &["env", "--stop-grace", "8"],
        &[("OPTML_STOP_GRACE_S", "7")],
    )
    .wait();
    assert_eq!(row(&finished.stdout, "OPTML_STOP_GRACE_S").0, "8");
}

#[test]
fn the_table_hides_secrets_and_the_other_formats_do_not() {
    const SECRET: &str = "hunter2XYZ";
    let url = format!("https://aws:{SECRET}@repo.invalid/simple");
    let tree = OptMl::with_script("train.py", "")
        .hyperparameter("api_token", SECRET)
        .hyperparameter("db-password", SECRET)
        .hyperparameter("index", &url)
        .hyperparameter("tokenizer", "bert");
    let run = |format: &str| start(&tree, &["env", "--format", format], &[]).wait();
    let table = run("table");
    assert!(!table.stdout.contains(SECRET), "{}", table.stdout);
    assert!(row(&table.stdout, "SM_HP_API_TOKEN").0.starts_with("***"));
    assert!(
        row(&table.stdout, "SM_HP_INDEX")
            .0
            .contains("@repo.invalid")
    );
    assert_eq!(row(&table.stdout, "SM_HP_TOKENIZER").0, "bert");
    for format in ["json", "shell"] {
        assert!(
            run(format).stdout.contains(SECRET),
            "{format} is made to be used"
        );
    }
}

#[test]
fn looking_changes_nothing() {
    let tree = awkward();
    let before = listing(tree.base());
    for format in ["table", "json", "shell"] {
        assert_eq!(
            start(&tree, &["env", "--format", format], &[]).wait().code,
            Some(0)
        );
    }
    assert_eq!(listing(tree.base()), before);
}

/// Every path below a folder.
fn listing(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(listing(&path));
        }
        paths.push(path.display().to_string());
    }
    paths.sort();
    paths
}

/// The lines of the section, each a name and a value.
#[track_caller]
fn cluster_row(table: &str, name: &str) -> String {
    let (_, section) = table.split_once("\ncluster\n").unwrap();
    let row = section
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_prefix(name))
        .find(|rest| rest.starts_with("  "));
    row.unwrap_or_else(|| panic!("no {name} in {table}"))
        .trim()
        .to_owned()
}

#[test]
fn one_host_is_a_cluster_too() {
    let tree = OptMl::with_script("train.py", "");
    let no_tools = [NO_TOOLS];
    let finished = start(&tree, &["env"], &no_tools).wait();
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let row = |name: &str| cluster_row(&finished.stdout, name);
    assert_eq!(row("hosts"), "1: algo-1");
    assert_eq!(row("current host"), "algo-1");
    assert_eq!(row("rank"), "0");
    assert_eq!(row("master address"), "algo-1");
    assert_eq!(row("master port"), "7777");
    assert_eq!(row("processes a host"), "1");
    assert_eq!(row("interface"), "eth0");
    let learnt_from = row("learnt from");
    assert!(
        learnt_from.starts_with("SageMaker: ") && learnt_from.contains("resourceconfig.json"),
        "{learnt_from}"
    );
}

/// Two hosts, seen from the second.
fn second_of_two() -> OptMl {
    let tree = OptMl::with_script("train.py", "");
    fs::write(
        tree.path("input/config/resourceconfig.json"),
        r#"{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth1"}"#,
    )
    .unwrap();
    tree
}

#[test]
fn a_cluster_is_one_view_of_the_platform_and_the_scheduler() {
    let tree = second_of_two();
    let variables = [
        NO_TOOLS,
        ("PET_NNODES", "2"),
        ("PET_NODE_RANK", "1"),
        ("PET_MASTER_ADDR", "10.0.0.1"),
        ("PET_MASTER_PORT", "2345"),
        ("PET_NPROC_PER_NODE", "4"),
    ];
    let finished = start(&tree, &["env"], &variables).wait();
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    assert_eq!(cluster_row(&finished.stdout, "hosts"), "2: algo-1, algo-2");
    let agreeing = cluster_row(&finished.stdout, "the same says");
    assert_eq!(agreeing, "torchrun: variable `PET_NNODES`");
    let finished = start(&tree, &ENV_JSON, &variables).wait();
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let json = Json::parse(finished.stdout.as_bytes()).unwrap();
    let value = |name: &str| python::dumps(json.get("cluster").unwrap().get(name).unwrap());
    for (name, expected) in [
        ("n_hosts", "2"),
        ("hosts", "[\"algo-1\",\"algo-2\"]"),
        ("current_host", "\"algo-2\""),
        ("rank", "1"),
        ("master_address", "\"algo-1\""),
        ("master_port", "2345"),
        ("processes_per_host", "4"),
        ("network_interface", "\"eth1\""),
        ("placement", "\"host\""),
        ("agreeing", "[\"torchrun: variable `PET_NNODES`\"]"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
}

#[test]
fn inside_a_rank_the_cluster_says_so() {
    let variables = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "2")];
    let finished = start(&second_of_two(), &["env"], &variables).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let inside = cluster_row(&finished.stdout, "inside a rank");
    assert_eq!(inside, "shown by variable `OMPI_COMM_WORLD_RANK`");
}

#[test]
fn what_contradicts_the_platform_is_an_error_that_shows_both() {
    let tree = second_of_two();
    let file = tree.path("input/config/resourceconfig.json");
    let variables = [
        ("PET_NNODES", "4"),
        ("PET_NODE_RANK", "1"),
        ("LWS_GROUP_SIZE", "x"),
    ];
    for format in ["table", "json", "shell"] {
        let finished = start(&tree, &["env", "--format", format], &variables).wait();
        assert_eq!((finished.code, &*finished.stdout), (Some(3), ""));
        let both = format!(
            "variable `PET_NNODES`: it says 4 hosts, and `{}` at `/hosts` says 2 hosts",
            file.display()
        );
        for expected in [
            &*both,
            "variable `LWS_GROUP_SIZE`: `x` is not a whole number",
        ] {
            assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        }
    }
}
