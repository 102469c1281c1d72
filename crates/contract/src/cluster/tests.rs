use super::*;
use crate::{layout::Layout, machine::Count, source::Memory, training::Facts};

const SIZES: [u32; 4] = [1, 2, 10, 100];

fn machine(n_gpus: u32) -> Machine {
    Machine {
        cpus: Count::new(4, "test"),
        gpus: Count::new(n_gpus, "test"),
        neurons: Count::new(0, "test"),
    }
}

fn source(variables: &[(&str, &str)]) -> Memory {
    variables
        .iter()
        .fold(Memory::new(), |source, (name, value)| {
            source.with_var(*name, *value)
        })
}

fn with_job(source: Memory, hyperparameters: &str, resources: &str) -> Memory {
    let config = "/opt/ml/input/config";
    source
        .with_file(format!("{config}/hyperparameters.json"), hyperparameters)
        .with_file(format!("{config}/resourceconfig.json"), resources)
        .with_file(format!("{config}/inputdataconfig.json"), "{}")
}

fn of_job(source: &Memory, n_gpus: u32) -> Result<Cluster, Vec<ConfigError>> {
    let facts = Facts {
        machine: machine(n_gpus),
        smddprun_installed: false,
        smddpmprun_installed: false,
    };
    let env = TrainingEnv::load(source, &Layout::at("/opt/ml"), &facts).unwrap();
    Cluster::of_job(source, &env)
}

/// `resourceconfig.json` of so many hosts, the last first, seen from one of them (from 1).
fn resources(n_hosts: u32, current: u32) -> String {
    let hosts: Vec<_> = (1..=n_hosts).map(|i| format!("\"algo-{i}\"")).collect();
    format!(
        r#"{{"current_host": "algo-{current}", "hosts": [{}], "network_interface_name": "eth1"}}"#,
        hosts.join(",")
    )
}

#[track_caller]
fn found(variables: &[(&str, &str)]) -> Cluster {
    Cluster::of_machine(&source(variables), &machine(0)).unwrap()
}

#[track_caller]
fn refused(variables: &[(&str, &str)], expected: &[&str]) {
    let errors = Cluster::of_machine(&source(variables), &machine(0)).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected);
}

/// What a scheduler sets on host `rank` of `n`, and what is to be derived from it: host names (of `n`, if there are
/// any), address and port of the first, processes a host.
struct Case {
    engine: Engine,
    variables: fn(n: u32, rank: u32) -> Vec<(&'static str, String)>,
    host: Option<fn(rank: u32) -> String>,
    master: &'static str,
    port: u16,
    n_processes: u32,
}

fn list(n: u32, separator: &str, host: fn(u32) -> String) -> String {
    (0..n).map(host).collect::<Vec<_>>().join(separator)
}

fn address(i: u32) -> String {
    format!("10.0.{}.{}", i / 250, 1 + i % 250)
}

fn node(i: u32) -> String {
    format!("node{i:03}")
}

fn pod(i: u32) -> String {
    format!("js-node-0-{i}.js")
}

fn task(i: u32) -> String {
    format!("job-worker-{i}.job")
}

const CASES: [Case; 10] = [
    Case {
        engine: Engine::Torchrun,
        variables: |n, rank| {
            vec![
                ("PET_NNODES", n.to_string()),
                ("PET_NODE_RANK", rank.to_string()),
                ("PET_NPROC_PER_NODE", "8".to_owned()),
                ("PET_MASTER_ADDR", "job-node-0-0.job".to_owned()),
                ("PET_MASTER_PORT", "29400".to_owned()),
            ]
        },
        host: None,
        master: "job-node-0-0.job",
        port: 29400,
        n_processes: 8,
    },
    Case {
        engine: Engine::PyTorchJob,
        variables: |n, rank| {
            vec![
                ("WORLD_SIZE", n.to_string()),
                ("RANK", rank.to_string()),
                ("MASTER_ADDR", "job-master-0".to_owned()),
                ("MASTER_PORT", "23456".to_owned()),
            ]
        },
        host: None,
        master: "job-master-0",
        port: 23456,
        n_processes: 1,
    },
    Case {
        engine: Engine::LeaderWorkerSet,
        variables: |n, rank| {
            vec![
                ("LWS_GROUP_SIZE", n.to_string()),
                ("LWS_WORKER_INDEX", rank.to_string()),
                ("LWS_LEADER_ADDRESS", "lws-0.lws.default".to_owned()),
            ]
        },
        host: None,
        master: "lws-0.lws.default",
        port: 7777,
        n_processes: 1,
    },
    Case {
        engine: Engine::Slurm,
        variables: |n, rank| {
            vec![
                ("SLURM_JOB_ID", "7".to_owned()),
                ("SLURM_NNODES", n.to_string()),
                ("SLURM_NODEID", rank.to_string()),
                ("SLURM_PROCID", rank.to_string()),
                ("SLURM_STEP_ID", "0".to_owned()),
                ("SLURM_NTASKS", n.to_string()),
                ("PMIX_RANK", rank.to_string()),
                ("SLURM_JOB_NODELIST", format!("node[000-{:03}]", n - 1)),
                ("SLURM_GPUS_ON_NODE", "4".to_owned()),
            ]
        },
        host: Some(node),
        master: "node000",
        port: 7777,
        n_processes: 4,
    },
    Case {
        engine: Engine::IndexedJob,
        variables: |n, rank| {
            vec![
                ("OPTML_NNODES", n.to_string()),
                ("JOB_COMPLETION_INDEX", rank.to_string()),
                ("JOBSET_NAME", "js".to_owned()),
                ("REPLICATED_JOB_NAME", "node".to_owned()),
            ]
        },
        host: Some(pod),
        master: "js-node-0-0.js",
        port: 7777,
        n_processes: 1,
    },
    Case {
        engine: Engine::AwsBatch,
        variables: |n, rank| {
            let mut variables = vec![
                ("AWS_BATCH_JOB_NUM_NODES", n.to_string()),
                ("AWS_BATCH_JOB_NODE_INDEX", rank.to_string()),
                ("AWS_BATCH_JOB_MAIN_NODE_INDEX", "0".to_owned()),
                ("HOSTNAME", "10.0.0.1".to_owned()),
            ];
            if rank > 0 {
                let name = "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS";
                variables.push((name, "10.0.0.1".to_owned()));
            }
            variables
        },
        host: None,
        master: "10.0.0.1",
        port: 7777,
        n_processes: 1,
    },
    Case {
        engine: Engine::SkyPilot,
        variables: |n, rank| {
            vec![
                ("SKYPILOT_NUM_NODES", n.to_string()),
                ("SKYPILOT_NODE_RANK", rank.to_string()),
                ("SKYPILOT_NODE_IPS", list(n, "\n", address)),
                ("SKYPILOT_NUM_GPUS_PER_NODE", "0".to_owned()),
            ]
        },
        host: Some(address),
        master: "10.0.0.1",
        port: 7777,
        n_processes: 1,
    },
    Case {
        engine: Engine::Dstack,
        variables: |n, rank| {
            vec![
                ("DSTACK_NODES_NUM", n.to_string()),
                ("DSTACK_NODE_RANK", rank.to_string()),
                ("DSTACK_NODES_IPS", list(n, "\n", address)),
                ("DSTACK_MASTER_NODE_IP", "10.0.0.1".to_owned()),
                ("DSTACK_GPUS_PER_NODE", "2".to_owned()),
            ]
        },
        host: Some(address),
        master: "10.0.0.1",
        port: 7777,
        n_processes: 2,
    },
    Case {
        engine: Engine::Volcano,
        variables: |n, rank| {
            vec![
                ("VC_TASK_INDEX", rank.to_string()),
                ("VC_WORKER_HOSTS", list(n, ",", task)),
            ]
        },
        host: Some(task),
        master: "job-worker-0.job",
        port: 7777,
        n_processes: 1,
    },
    Case {
        engine: Engine::TensorFlow,
        variables: |n, rank| {
            let worker = |i| format!("\"{}:2222\"", node(i));
            let workers: Vec<_> = (0..n).map(worker).collect();
            let workers = workers.join(",");
            let config = format!(
                r#"{{"cluster": {{"worker": [{workers}]}}, "task": {{"type": "worker", "index": {rank}}}}}"#
            );
            vec![("TF_CONFIG", config)]
        },
        host: Some(node),
        master: "node000",
        port: 2222,
        n_processes: 1,
    },
];

#[test]
fn every_scheduler_is_understood_at_every_size() {
    for case in &CASES {
        for n in SIZES {
            for rank in [0, n / 2, n - 1] {
                check_case(case, n, rank);
            }
        }
    }
}

#[track_caller]
fn check_case(case: &Case, n: u32, rank: u32) {
    let variables = (case.variables)(n, rank);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let cluster = found(&variables);
    let place = format!("{} {rank} of {n}: {cluster:?}", case.engine);
    assert_eq!(cluster.learnt_from.engine, case.engine, "{place}");
    assert_eq!((cluster.n_hosts, cluster.rank), (n, Some(rank)), "{place}");
    assert_eq!(cluster.master_address, case.master, "{place}");
    assert_eq!(cluster.master_port.get(), case.port, "{place}");
    assert_eq!(cluster.processes_per_host, case.n_processes, "{place}");
    assert_eq!(cluster.placement, Placement::Host, "{place}");
    match case.host {
        Some(host) => {
            let expected: Vec<Text> = (0..n).map(|i| host(i).into()).collect();
            assert_eq!(cluster.hosts, expected, "{place}");
            assert_eq!(cluster.current_host, Some(host(rank).into()), "{place}");
        }
        None if n == 1 => assert_eq!(cluster.hosts.len(), 1, "{place}"),
        None => assert!(cluster.hosts.is_empty(), "{place}"),
    }
}

#[test]
fn a_rank_that_no_host_has_is_refused_everywhere() {
    for case in &CASES {
        for n in SIZES {
            let variables = (case.variables)(n, n);
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let errors = Cluster::of_machine(&source(&variables), &machine(0)).unwrap_err();
            let text = errors[0].to_string();
            // A rank that is a task too is wrong as both.
            assert!(
                errors.len() == 1 || case.engine == Engine::Slurm,
                "{errors:?}"
            );
            assert!(
                text.contains(case.engine.rank_variable()) || text.contains("SLURM_PROCID"),
                "{text}"
            );
        }
    }
}

#[test]
fn nothing_said_is_one_host() {
    let cluster = found(&[]);
    assert_eq!((cluster.n_hosts, cluster.rank), (1, Some(0)));
    assert_eq!(cluster.hosts, ["localhost"]);
    assert_eq!(cluster.learnt_from.to_string(), "nobody: default");
    let named = source(&[]).with_file("/proc/sys/kernel/hostname", "box\n");
    let cluster = Cluster::of_machine(&named, &machine(8)).unwrap();
    assert_eq!(cluster.master_address, "box");
    assert_eq!(cluster.processes_per_host, 8);
}

#[test]
fn empty_variables_are_like_unset_ones() {
    for name in [
        "PET_NNODES",
        "LWS_GROUP_SIZE",
        "TF_CONFIG",
        "RAY_ADDRESS",
        "LOCAL_RANK",
    ] {
        let cluster = found(&[(name, "")]);
        assert_eq!(cluster.learnt_from.engine, Engine::Nobody, "{name}");
        assert_eq!(cluster.placement, Placement::Host, "{name}");
    }
}

#[test]
fn a_job_of_the_platform_has_the_references_master() {
    for n in SIZES {
        for current in [1, n.div_ceil(2), n] {
            let job = with_job(Memory::new(), "{}", &resources(n, current));
            let cluster = of_job(&job, 2).unwrap();
            assert_eq!(
                (cluster.n_hosts, cluster.rank),
                (n, Some(current - 1)),
                "{current} of {n}"
            );
            assert_eq!(cluster.master_address, "algo-1");
            assert_eq!(cluster.hosts[n as usize - 1], *format!("algo-{n}"));
            assert_eq!(cluster.master_port.get(), MASTER_PORT);
            assert_eq!(cluster.processes_per_host, 2);
            assert_eq!(cluster.network_interface, Some("eth1".into()));
        }
    }
    let job = r#"{"current_host": "algo-10", "hosts": ["algo-2", "algo-10", "algo-1", "algo-9"]}"#;
    let cluster = of_job(&with_job(Memory::new(), "{}", job), 0).unwrap();
    assert_eq!(cluster.hosts, ["algo-2", "algo-1", "algo-9", "algo-10"]);
    assert_eq!(cluster.rank, Some(3));
}

#[test]
fn only_distribution_groups_are_hosts() {
    const GROUPS: &str = r#""hosts": ["algo-1", "algo-2", "algo-3"], "instance_groups": [
        {"instance_group_name": "cpu", "hosts": ["algo-1"]},
        {"instance_group_name": "gpu", "hosts": ["algo-3", "algo-2"]}]"#;
    let hyperparameters = r#"{"sagemaker_distribution_instance_groups": "[\"gpu\"]"}"#;
    let seen_from = |host: &str, group: &str, hyperparameters| {
        let resources =
            format!(r#"{{"current_host": "{host}", "current_group_name": "{group}", {GROUPS}}}"#);
        of_job(&with_job(Memory::new(), hyperparameters, &resources), 0).unwrap()
    };
    let cluster = seen_from("algo-2", "gpu", hyperparameters);
    assert_eq!(cluster.hosts, ["algo-3", "algo-2"]);
    assert_eq!(cluster.rank, Some(1));
    assert_eq!(cluster.instance_groups.len(), 2);
    let cluster = seen_from("algo-1", "cpu", hyperparameters);
    assert_eq!((cluster.n_hosts, cluster.rank), (2, None));
    assert_eq!(cluster.placement, Placement::Outside);
    // Without a distribution all hosts are the job's.
    let cluster = seen_from("algo-2", "gpu", "{}");
    assert_eq!((cluster.n_hosts, cluster.rank), (3, Some(1)));
}

#[test]
fn processes_are_the_hyperparameters_then_the_machines() {
    let n_processes = |value: &str, n_gpus| {
        let hyperparameters = format!(r#"{{"sagemaker_mpi_num_of_processes_per_host": {value}}}"#);
        let job = with_job(Memory::new(), &hyperparameters, &resources(1, 1));
        of_job(&job, n_gpus).map(|cluster| cluster.processes_per_host)
    };
    for (value, n_gpus, expected) in [
        ("\"6\"", 2, 6),
        ("6", 2, 6),
        ("\"0\"", 2, 2),
        ("null", 2, 2),
        ("\"0\"", 0, 1),
    ] {
        assert_eq!(n_processes(value, n_gpus).unwrap(), expected, "{value}");
    }
    for value in ["-1", "\"many\"", "70000", "[1]", "1.5"] {
        let errors = n_processes(value, 0).unwrap_err();
        let text = errors[0].to_string();
        assert!(
            text.contains("at `/sagemaker_mpi_num_of_processes_per_host`"),
            "{text}"
        );
    }
}

#[test]
fn sources_that_agree_complete_each_other() {
    let variables = [
        ("PET_NNODES", "2"),
        ("PET_NODE_RANK", "1"),
        ("PET_MASTER_ADDR", "10.0.0.1"),
        ("PET_MASTER_PORT", "1234"),
        ("PET_NPROC_PER_NODE", "4"),
    ];
    let job = with_job(source(&variables), "{}", &resources(2, 2));
    let cluster = of_job(&job, 0).unwrap();
    assert_eq!(cluster.learnt_from.engine, Engine::SageMaker);
    let agreeing: Vec<_> = cluster.agreeing.iter().map(ToString::to_string).collect();
    assert_eq!(agreeing, ["torchrun: variable `PET_NNODES`"]);
    assert_eq!(cluster.master_address, "algo-1");
    assert_eq!(cluster.master_port.get(), 1234);
    assert_eq!(cluster.processes_per_host, 4);
    // Counts of one source and names of another.
    let cluster = found(&[
        ("PET_NNODES", "2"),
        ("PET_NODE_RANK", "1"),
        ("SLURM_JOB_ID", "7"),
        ("SLURM_NODEID", "1"),
        ("SLURM_JOB_NODELIST", "n[1-2]"),
    ]);
    assert_eq!(cluster.learnt_from.engine, Engine::Torchrun);
    assert_eq!(cluster.hosts, ["n1", "n2"]);
    assert_eq!(cluster.master_address, "n1");
}

#[test]
fn sources_that_disagree_are_shown_both() {
    refused(
        &[
            ("PET_NNODES", "4"),
            ("PET_NODE_RANK", "1"),
            ("LWS_GROUP_SIZE", "2"),
            ("LWS_WORKER_INDEX", "1"),
        ],
        &[
            "read variable `LWS_GROUP_SIZE`: it says 2 hosts, and variable `PET_NNODES` says 4 hosts",
            "read variable `PET_NNODES`: it says 4 hosts, and `PET_MASTER_ADDR` does not say where the first of them is",
        ],
    );
    let variables = [("PET_NNODES", "2"), ("PET_NODE_RANK", "0")];
    let job = with_job(source(&variables), "{}", &resources(2, 2));
    let errors = of_job(&job, 0).unwrap_err();
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "read variable `PET_NODE_RANK`: it says rank 0, and `/opt/ml/input/config/resourceconfig.json` at \
             `/current_host` says rank 1"
        ]
    );
    assert!(errors[0].hint().is_some());
    // A job on one node of Slurm's says nothing of what is started inside it.
    let slurm = [
        ("SLURM_JOB_ID", "7"),
        ("SLURM_NODEID", "0"),
        ("SLURM_JOB_NODELIST", "n1"),
    ];
    let job = with_job(source(&slurm), "{}", &resources(2, 2));
    assert_eq!(of_job(&job, 0).unwrap().n_hosts, 2);
}

#[test]
fn what_is_wrong_names_its_variable() {
    refused(
        &[("PET_NNODES", "many")],
        &["read variable `PET_NNODES`: `many` is not a whole number"],
    );
    refused(
        &[("PET_NNODES", "0")],
        &["read variable `PET_NNODES`: `0` is not between 1 and 100000"],
    );
    refused(
        &[("PET_NNODES", "100001")],
        &["read variable `PET_NNODES`: `100001` is not between 1 and 100000"],
    );
    refused(
        &[("PET_NNODES", "2:4")],
        &["read variable `PET_NNODES`: `2:4` is a range, and the hosts have no fixed ranks"],
    );
    refused(
        &[("PET_NNODES", "2:x")],
        &["read variable `PET_NNODES`: `2:x` is not a whole number"],
    );
    refused(
        &[("PET_NNODES", "2"), ("PET_MASTER_ADDR", "a")],
        &[
            "read variable `PET_NNODES`: it says 2 hosts, and `PET_NODE_RANK` does not say which of them this is",
        ],
    );
    refused(
        &[("PET_NNODES", "1"), ("PET_MASTER_PORT", "65536")],
        &["read variable `PET_MASTER_PORT`: `65536` is not between 1 and 65535"],
    );
    refused(
        &[("PET_NNODES", "1"), ("PET_NPROC_PER_NODE", "-1")],
        &["read variable `PET_NPROC_PER_NODE`: `-1` is not between 0 and 65536"],
    );
    refused(
        &[("PET_NNODES", "1"), ("PET_MASTER_ADDR", "-oProxyCommand=x")],
        &[
            "read variable `PET_MASTER_ADDR`: `-oProxyCommand=x` is not the name or address of a host",
        ],
    );
    refused(
        &[("SKYPILOT_NODE_RANK", "0"), ("SKYPILOT_NODE_IPS", "\n \n")],
        &["read variable `SKYPILOT_NODE_IPS`: the list is empty"],
    );
    refused(
        &[("SKYPILOT_NODE_RANK", "0"), ("SKYPILOT_NODE_IPS", "a\na")],
        &["read variable `SKYPILOT_NODE_IPS`: `a` is there more than once"],
    );
    refused(
        &[
            ("DSTACK_NODES_NUM", "3"),
            ("DSTACK_NODE_RANK", "0"),
            ("DSTACK_NODES_IPS", "a\nb"),
        ],
        &[
            "read variable `DSTACK_NODES_NUM`: it says 3 hosts, and variable `DSTACK_NODES_IPS` says 2 hosts",
        ],
    );
    refused(
        &[
            ("SLURM_JOB_ID", "7"),
            ("SLURM_NODEID", "0"),
            ("SLURM_JOB_NODELIST", "n[1-"),
        ],
        &["read variable `SLURM_JOB_NODELIST`: the brackets do not match"],
    );
    refused(
        &[
            ("AWS_BATCH_JOB_NUM_NODES", "2"),
            ("AWS_BATCH_JOB_NODE_INDEX", "0"),
            ("AWS_BATCH_JOB_MAIN_NODE_INDEX", "2"),
        ],
        &["read variable `AWS_BATCH_JOB_MAIN_NODE_INDEX`: `2` is not between 0 and 1"],
    );
    refused(
        &[
            ("RANK", "4"),
            ("WORLD_SIZE", "4"),
            ("LOCAL_RANK", "0"),
            ("LOCAL_WORLD_SIZE", "4"),
        ],
        &["read variable `RANK`: `4` is not between 0 and 3"],
    );
}

#[test]
fn every_problem_is_told() {
    refused(
        &[
            ("PET_NNODES", "x"),
            ("PET_NODE_RANK", "y"),
            ("LWS_GROUP_SIZE", "0"),
        ],
        &[
            "read variable `PET_NNODES`: `x` is not a whole number",
            "read variable `PET_NODE_RANK`: `y` is not a whole number",
            "read variable `LWS_GROUP_SIZE`: `0` is not between 1 and 100000",
        ],
    );
}

#[test]
fn a_tf_config_that_is_none_is_refused() {
    for (config, expected) in [
        ("[]", "expected an object, found an array"),
        (
            r#"{"cluster": {"worker": "a:1"}}"#,
            "expected an array of strings, found a string",
        ),
        (
            r#"{"cluster": {"worker": ["a:1", 2]}}"#,
            "expected an array of strings, found an array",
        ),
        (
            r#"{"cluster": {"worker": ["a b:1"]}}"#,
            "`a b` is not the name or address of a host",
        ),
        (
            r#"{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}"#,
            "there is no task `ps` 0",
        ),
        (
            r#"{"cluster": {"worker": ["a:1", "b:1"]}}"#,
            "it says 2 hosts, and `TF_CONFIG` does not say which of them this is",
        ),
    ] {
        refused(
            &[("TF_CONFIG", config)],
            &[&format!("read variable `TF_CONFIG`: {expected}")],
        );
    }
    // Several tasks on a host are one host.
    let shared = r#"{"cluster": {"master": ["h1:2222"], "ps": ["h1:2223", "h2:2223"], "worker": ["h2:2222"]},
        "task": {"type": "ps", "index": 1}}"#;
    let cluster = found(&[("TF_CONFIG", shared)]);
    assert_eq!(cluster.hosts, ["h1", "h2"]);
    assert_eq!((cluster.rank, cluster.master_port.get()), (Some(1), 2222));
}

#[test]
fn the_launcher_of_an_mpi_job_is_none_of_its_hosts() {
    for n in SIZES {
        let lines: Vec<_> = (0..n)
            .map(|i| format!("job-worker-{i}.job.ns.svc slots=2\n"))
            .collect();
        let lines = lines.concat();
        let source = |name: &str| {
            source(&[
                ("OMPI_MCA_orte_default_hostfile", "/etc/mpi/hostfile"),
                ("HOSTNAME", name),
            ])
            .with_file("/etc/mpi/hostfile", format!("# hosts\n\n{lines}"))
        };
        let cluster = Cluster::of_machine(&source("job-launcher"), &machine(0)).unwrap();
        assert_eq!((cluster.n_hosts, cluster.rank), (n, None));
        assert_eq!(cluster.placement, Placement::Outside);
        assert_eq!(cluster.master_address, "job-worker-0.job.ns.svc");
        assert_eq!(cluster.processes_per_host, 2);
        let worker = format!("job-worker-{}", n - 1);
        let cluster = Cluster::of_machine(&source(&worker), &machine(0)).unwrap();
        assert_eq!((cluster.n_hosts, cluster.rank), (n, Some(n - 1)));
    }
    for (lines, expected) in [
        ("", "the list is empty"),
        ("a slots=x", "`x` is not between 1 and 65536"),
        ("a:0", "`0` is not between 1 and 65536"),
        ("a\na", "`a` is there more than once"),
        ("--x", "`--x` is not the name or address of a host"),
    ] {
        let source = source(&[("HYDRA_HOST_FILE", "/h")]).with_file("/h", lines);
        let errors = Cluster::of_machine(&source, &machine(0)).unwrap_err();
        assert_eq!(errors[0].to_string(), format!("read `/h`: {expected}"));
    }
}

#[test]
fn the_main_node_of_a_batch_job_has_rank_0() {
    for (index, rank) in [("2", 0), ("0", 1), ("1", 2), ("3", 3)] {
        let cluster = found(&[
            ("AWS_BATCH_JOB_NUM_NODES", "4"),
            ("AWS_BATCH_JOB_NODE_INDEX", index),
            ("AWS_BATCH_JOB_MAIN_NODE_INDEX", "2"),
            ("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS", "10.0.0.9"),
        ]);
        assert_eq!(cluster.rank, Some(rank), "{index}");
    }
}

#[test]
fn kinds_of_volcano_tasks_are_put_in_order() {
    let variables = [
        ("VC_TASK_INDEX", "1"),
        ("VC_WORKER_HOSTS", "j-worker-0.j,j-worker-1.j"),
        ("VC_MASTER_HOSTS", "j-master-0.j"),
    ];
    let named = |name: &str| {
        let source = source(&variables).with_var("HOSTNAME", name);
        Cluster::of_machine(&source, &machine(0))
    };
    let cluster = named("j-worker-1").unwrap();
    assert_eq!(cluster.master_address, "j-master-0.j");
    assert_eq!((cluster.n_hosts, cluster.rank), (3, Some(2)));
    let errors = named("other").unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "read variable `VC_MASTER_HOSTS`: `other` is in none of the lists of hosts"
    );
}

#[test]
fn releases_of_kubeflow_count_hosts_or_processes() {
    let job = |world: &'static str, more: &[(&'static str, &'static str)]| {
        let mut variables = vec![("WORLD_SIZE", world), ("RANK", "1"), ("MASTER_ADDR", "m")];
        variables.extend(more);
        found(&variables).n_hosts
    };
    assert_eq!(job("4", &[]), 4);
    assert_eq!(job("4", &[("PET_NPROC_PER_NODE", "2")]), 2);
    assert_eq!(job("4", &[("PET_NPROC_PER_NODE", "auto")]), 4);
    let both = [("PET_NNODES", "2"), ("PET_NODE_RANK", "1")];
    assert_eq!(job("2", &both), 2);
    let all = [both[0], both[1], ("PET_NPROC_PER_NODE", "2")];
    assert_eq!((job("2", &all), job("4", &all)), (2, 2));
}

#[test]
fn inside_a_rank_nothing_is_launched_again() {
    for (variables, shown_by) in [
        (
            &[
                ("RANK", "5"),
                ("WORLD_SIZE", "8"),
                ("LOCAL_RANK", "1"),
                ("LOCAL_WORLD_SIZE", "4"),
                ("MASTER_ADDR", "m"),
            ][..],
            "LOCAL_RANK",
        ),
        (
            &[("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "2")],
            "OMPI_COMM_WORLD_RANK",
        ),
        (&[("PMI_RANK", "0"), ("PMI_SIZE", "1")], "PMI_RANK"),
        (&[("PMIX_RANK", "0")], "PMIX_RANK"),
        (
            &[
                ("SLURM_JOB_ID", "7"),
                ("SLURM_STEP_ID", "0"),
                ("SLURM_NODEID", "0"),
                ("SLURM_PROCID", "3"),
                ("SLURM_NTASKS", "8"),
                ("SLURM_NNODES", "2"),
                ("SLURM_JOB_NODELIST", "n[1-2]"),
            ],
            "SLURM_PROCID",
        ),
        (&[("RAY_ADDRESS", "auto")], "RAY_ADDRESS"),
        (
            &[("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")],
            "RAY_JOB_CONFIG_JSON_ENV_VAR",
        ),
    ] {
        let cluster = found(variables);
        let expected = Placement::InsideARank {
            shown_by: Origin::variable(shown_by),
        };
        assert_eq!(cluster.placement, expected, "{variables:?}");
    }
    let cluster = found(&[
        ("RANK", "5"),
        ("WORLD_SIZE", "8"),
        ("LOCAL_RANK", "1"),
        ("LOCAL_WORLD_SIZE", "4"),
        ("MASTER_ADDR", "m"),
    ]);
    assert_eq!((cluster.n_hosts, cluster.rank), (2, Some(1)));
    assert_eq!(cluster.learnt_from.engine, Engine::Launcher);
}

#[test]
fn an_indexed_job_of_unknown_size_is_no_cluster() {
    let cluster = found(&[("JOB_COMPLETION_INDEX", "7")]);
    assert_eq!((cluster.n_hosts, cluster.rank), (1, Some(0)));
    let cluster = found(&[
        ("JOB_COMPLETION_INDEX", "1"),
        ("OPTML_NNODES", "2"),
        ("MASTER_ADDR", "job-0.svc"),
    ]);
    assert_eq!((cluster.n_hosts, cluster.rank), (2, Some(1)));
    refused(
        &[("JOB_COMPLETION_INDEX", "1"), ("OPTML_NNODES", "2")],
        &[
            "read variable `OPTML_NNODES`: it says 2 hosts, and `MASTER_ADDR` does not say where the first of them is",
        ],
    );
}

#[test]
fn an_endpoint_names_the_first_host() {
    for (endpoint, master, port) in [
        ("m:29500", "m", 29500),
        ("[fe80::1]:29500", "fe80::1", 29500),
        ("m", "m", 7777),
    ] {
        let cluster = found(&[
            ("PET_NNODES", "2"),
            ("PET_NODE_RANK", "0"),
            ("PET_RDZV_ENDPOINT", endpoint),
        ]);
        assert_eq!(cluster.master_address, master);
        assert_eq!(cluster.master_port.get(), port);
    }
    refused(
        &[("PET_NNODES", "1"), ("PET_RDZV_ENDPOINT", "m:x")],
        &["read variable `PET_RDZV_ENDPOINT`: `x` is not between 1 and 65535"],
    );
}

#[test]
fn the_json_has_all_of_it() {
    let job = with_job(Memory::new(), "{}", &resources(2, 2));
    let json = of_job(&job, 0).unwrap().to_json();
    insta::assert_snapshot!(crate::python::dumps(&json), @r#"{"agreeing":[],"current_host":"algo-2","hosts":["algo-1","algo-2"],"instance_groups":{},"learnt_from":"SageMaker: `/opt/ml/input/config/resourceconfig.json` at `/hosts`","master_address":"algo-1","master_port":7777,"n_hosts":2,"network_interface":"eth1","placement":"host","processes_per_host":1,"rank":1}"#);
}
