//! Jobs that a scheduler has started, without the platform's files.

use super::*;
use crate::cluster::{Cluster, Engine, Placement};

fn variables(all: &[(&str, &str)]) -> Memory {
    let source = Memory::new();
    all.iter().fold(source, |source, (name, value)| {
        source.with_var(*name, *value)
    })
}

fn slurm(rank: &str) -> Memory {
    variables(&[
        ("SLURM_JOB_ID", "7"),
        ("SLURM_NNODES", "3"),
        ("SLURM_NODEID", rank),
        ("SLURM_JOB_NODELIST", "node-[01-03]"),
    ])
}

fn texts(all: &[Text]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_scheduler_says_stands_for_the_files() {
    let source = slurm("1");
    let env = load(&source).unwrap();
    assert_eq!(texts(env.hosts()), ["node-01", "node-02", "node-03"]);
    assert_eq!(env.current_host().to_string(), "node-02");
    assert_eq!(env.master_hostname().to_string(), "node-01");
    assert!(env.hyperparameters().is_empty());
    let origin = env.resources().origin("hosts").to_string();
    assert!(origin.starts_with("variable `SLURM_"), "{origin}");
    let cluster = Cluster::of_job(&source, &env).unwrap();
    assert_eq!((cluster.n_hosts, cluster.rank), (3, Some(1)));
    assert_eq!(cluster.learnt_from.engine, Engine::Slurm);
}

#[test]
fn files_that_are_there_count() {
    let source = slurm("0").with_file(
        "/opt/ml/input/config/hyperparameters.json",
        r#"{"sagemaker_program": "train.py"}"#,
    );
    let env = load(&source).unwrap();
    assert_eq!(env.user_entry_point().unwrap().to_string(), "train.py");
}

#[test]
fn hosts_that_are_only_counted_get_names() {
    let source = variables(&[
        ("LWS_LEADER_ADDRESS", "leader.svc"),
        ("LWS_GROUP_SIZE", "3"),
        ("LWS_WORKER_INDEX", "2"),
        ("HOSTNAME", "pod-2"),
    ]);
    let env = load(&source).unwrap();
    assert_eq!(texts(env.hosts()), ["leader.svc", "host-1", "pod-2"]);
    assert_eq!(env.current_host().to_string(), "pod-2");
    let cluster = Cluster::of_job(&source, &env).unwrap();
    assert_eq!((cluster.n_hosts, cluster.rank), (3, Some(2)));
    assert!(cluster.hosts.is_empty());
}

#[test]
fn a_machine_beside_the_hosts_is_alone() {
    let source = variables(&[
        ("HOSTNAME", "launcher-0"),
        ("OMPI_MCA_orte_default_hostfile", "/h"),
    ])
    .with_file("/h", "worker-0 slots=1\nworker-1 slots=1\n");
    let env = load(&source).unwrap();
    assert_eq!(texts(env.hosts()), ["launcher-0"]);
    let cluster = Cluster::of_job(&source, &env).unwrap();
    assert_eq!(cluster.placement, Placement::Outside);
    assert_eq!(cluster.n_hosts, 2);
}

#[test]
fn without_both_the_files_are_missed() {
    let errors = load(&Memory::new()).unwrap_err();
    assert!(
        messages(&errors).contains("resourceconfig.json"),
        "{}",
        messages(&errors)
    );
}

#[test]
fn one_of_several_schedulers_can_be_chosen() {
    let disagreeing = || {
        slurm("1")
            .with_var("SKYPILOT_NUM_NODES", "2")
            .with_var("SKYPILOT_NODE_RANK", "0")
            .with_var("SKYPILOT_NODE_IPS", "10.0.0.1\n10.0.0.2")
    };
    let errors = load(&disagreeing()).unwrap_err();
    let text = messages(&errors);
    assert!(
        text.contains("it says 2 hosts") && text.contains("says 3 hosts"),
        "{text}"
    );
    let hint = errors[0].hint().unwrap();
    assert!(
        hint.ends_with("or name the other in OPTML_CLUSTER"),
        "{hint}"
    );
    for (word, n_hosts) in [("slurm", 3), ("skypilot", 2)] {
        let source = disagreeing().with_var("OPTML_CLUSTER", word);
        let env = load(&source).unwrap();
        assert_eq!(env.hosts().len(), n_hosts, "{word}");
    }
    let wrong = disagreeing().with_var("OPTML_CLUSTER", "slrum");
    assert!(messages(&load(&wrong).unwrap_err()).contains("OPTML_CLUSTER"));
    let silent = disagreeing().with_var("OPTML_CLUSTER", "batch");
    assert!(
        messages(&load(&silent).unwrap_err())
            .contains("AWS Batch says nothing about the hosts here")
    );
}
