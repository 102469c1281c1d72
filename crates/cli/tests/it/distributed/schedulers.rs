//! Who takes part: groups of hosts, hosts that a scheduler has placed, hosts of `optml local`; and parameter servers.

use std::{fs, net::TcpListener};

use optml_testkit::{OptMl, Proc};
use serde_json::{Value, json};

use super::{
    Job,
    native::{PYTHON, lines, with_script},
};
use crate::rig::binary;

/// A tree as it is elsewhere: nothing there says which hosts there are.
pub(super) fn outside_the_platform(tree: &OptMl) {
    fs::remove_file(tree.path("input/config/resourceconfig.json")).unwrap();
}

pub(super) const WHO: &str = "import os
get = os.environ.get
print(get('RANK'), get('WORLD_SIZE'), get('MASTER_ADDR'), get('MASTER_PORT'), flush=True)
";

#[test]
fn only_the_groups_of_the_distribution_train_together() {
    let groups: [(&str, &str, &[&str]); 2] = [
        ("data", "ml.c5.xlarge", &["algo-1"]),
        ("train", "ml.p3.2xlarge", &["algo-3", "algo-2"]),
    ];
    let job = Job::new(3, |tree| {
        with_script(tree, WHO)
            .instance_groups(&groups)
            .hyperparameter("sagemaker_distribution_instance_groups", r#"["train"]"#)
    });
    let ended = job
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PROCESSES_PER_HOST", "1")
        .variable("OPTML_PYTHON", PYTHON)
        .train();
    ended.check_success();
    // The master is the first of its group, as listed; the rest follow by number.
    assert_eq!(lines(&ended, 1), ["None None None None"], "{}", ended.log());
    assert_eq!(lines(&ended, 3), ["0 2 algo-3 7777"], "{}", ended.log());
    assert_eq!(lines(&ended, 2), ["1 2 algo-3 7777"], "{}", ended.log());
    let note = "nothing is launched here: this host is none of those that train together";
    assert!(ended.on(1).stderr.contains(note), "{}", ended.log());
}

#[test]
fn hosts_of_slurm_find_each_other() {
    let mut job = Job::new(2, |tree| with_script(tree, WHO))
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PYTHON", PYTHON)
        .variable("OPTML_PROCESSES_PER_HOST", "2");
    for host in [1, 2] {
        let place = (host - 1).to_string();
        for (name, value) in [
            ("SLURM_JOB_ID", "7"),
            ("SLURM_NNODES", "2"),
            ("SLURM_NODEID", &place),
            ("SLURM_PROCID", &place),
            ("SLURM_STEP_ID", "0"),
            ("SLURM_NTASKS", "2"),
            ("PMIX_RANK", &place),
            ("SLURM_JOB_NODELIST", "algo-[1-2]"),
        ] {
            job = job.variable_on(host, name, value);
        }
        outside_the_platform(job.tree(host));
    }
    let ended = job.train();
    ended.check_success();
    for host in [1, 2] {
        let ranks = [2 * host - 2, 2 * host - 1];
        let expected = ranks.map(|rank| format!("rank {rank} | {rank} 4 algo-1 7777"));
        assert_eq!(lines(&ended, host), expected, "{}", ended.log());
    }
}

#[test]
fn hosts_of_a_pytorch_job_are_not_taken_for_ranks() {
    let mut job = Job::new(2, |tree| with_script(tree, WHO))
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PYTHON", PYTHON)
        .variable("OPTML_PROCESSES_PER_HOST", "2")
        .variable("WORLD_SIZE", "2")
        .variable("MASTER_ADDR", "algo-1")
        .variable("MASTER_PORT", "23456");
    for host in [1, 2] {
        job = job.variable_on(host, "RANK", &(host - 1).to_string());
        outside_the_platform(job.tree(host));
    }
    let ended = job.train();
    ended.check_success();
    for host in [1, 2] {
        let ranks = [2 * host - 2, 2 * host - 1];
        let expected = ranks.map(|rank| format!("rank {rank} | {rank} 4 algo-1 23456"));
        assert_eq!(lines(&ended, host), expected, "{}", ended.log());
    }
}

#[test]
fn nothing_is_launched_inside_a_rank() {
    let mut job = Job::new(1, |tree| with_script(tree, WHO))
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PYTHON", PYTHON)
        .variable("OPTML_PROCESSES_PER_HOST", "2");
    for (name, value) in [
        ("RANK", "1"),
        ("LOCAL_RANK", "1"),
        ("WORLD_SIZE", "2"),
        ("LOCAL_WORLD_SIZE", "2"),
    ] {
        job = job.variable(name, value);
    }
    let ended = job.train();
    ended.check_success();
    assert_eq!(lines(&ended, 1), ["1 2 None None"], "{}", ended.log());
    let note = "nothing is launched here: a launcher has started this process";
    assert!(ended.on(1).stderr.contains(note), "{}", ended.log());
}

#[test]
fn pods_of_a_job_set_find_each_other() {
    let mut job = Job::new(2, |tree| with_script(tree, WHO))
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PYTHON", PYTHON)
        .variable("OPTML_NNODES", "2")
        .variable("JOBSET_NAME", "js")
        .variable("REPLICATED_JOB_NAME", "node");
    for host in [1, 2] {
        job = job.variable_on(host, "JOB_COMPLETION_INDEX", &(host - 1).to_string());
        for other in [1, 2] {
            let name = format!("js-node-0-{}.js", other - 1);
            job.hosts.show_name(host, &name, other);
        }
        outside_the_platform(job.tree(host));
    }
    let ended = job.train();
    ended.check_success();
    for host in [1, 2] {
        let line = format!("{} 2 js-node-0-0.js 7777", host - 1);
        assert_eq!(lines(&ended, host), [line], "{}", ended.log());
    }
}

/// Stands in for TensorFlow, which has no place in these tests: what it is told is real, and so is the port of a server.
const TENSORFLOW: &str = "class train:
    class ClusterSpec(dict):
        pass
class distribute:
    class Server:
        def __init__(self, spec, job_name, task_index):
            import socket
            port = int(spec[job_name][task_index].rpartition(':')[2])
            self.socket = socket.create_server(('', port))
            print('serving', job_name, task_index, flush=True)
        def join(self):
            while True:
                self.socket.accept()
";

const PARAMETERS: &str = "import json, os, socket, time
import tensorflow
config = json.loads(os.environ['TF_CONFIG'])
print(os.environ['TF_CONFIG'], flush=True)
if config['task']['type'] == 'worker':
    # The script of the master is over, and its server still serves.
    while not os.path.exists(os.environ['GO']):
        time.sleep(0.02)
    host, _, port = config['cluster']['ps'][0].rpartition(':')
    socket.create_connection((host, int(port)), timeout=20).close()
    print('served', flush=True)
";

#[test]
fn servers_of_tensorflow_end_after_the_last_script() {
    let shared = tempfile::tempdir().unwrap();
    let go = shared.path().join("go");
    let job = Job::new(2, |tree| {
        with_script(tree, PARAMETERS)
            .file("modules/tensorflow.py", TENSORFLOW)
            .hyperparameter("sagemaker_parameter_server_enabled", "true")
    });
    let mut job = job
        .variable("OPTML_PYTHON", PYTHON)
        .variable("GO", go.to_str().unwrap());
    for host in [1, 2] {
        let modules = job.tree(host).path("modules");
        job = job.variable_on(host, "PYTHONPATH", modules.to_str().unwrap());
    }
    let running = job.start();
    running.on(1).stderr_line("the script has ended");
    running.on(1).stdout_line("serving ps 0");
    fs::write(&go, "").unwrap();
    let ended = running.wait();
    ended.check_success();
    let cluster = json!({
        "master": ["algo-1:2222"],
        "ps": ["algo-1:2223", "algo-2:2223"],
        "worker": ["algo-2:2222"],
    });
    for (host, kind) in [(1, "master"), (2, "worker")] {
        let line = lines(&ended, host)
            .into_iter()
            .find(|line| line.starts_with('{'));
        let config: Value = serde_json::from_str(line.unwrap()).unwrap();
        let task = json!({"index": 0, "type": kind});
        let expected = json!({"cluster": cluster, "environment": "cloud", "task": task});
        assert_eq!(config, expected);
    }
    assert!(lines(&ended, 2).contains(&"served"), "{}", ended.log());
    assert!(
        lines(&ended, 2).contains(&"server | serving ps 1"),
        "{}",
        ended.log()
    );
}

/// Stands in for `MXNet`, of which nothing can be installed any more: imported as anything but a worker it serves.
const MXNET: &str = "import os, time
role = os.environ['DMLC_ROLE']
names = ['DMLC_PS_ROOT_URI', 'DMLC_PS_ROOT_PORT', 'DMLC_NUM_WORKER', 'DMLC_NUM_SERVER']
print(role, *[os.environ[name] for name in names], flush=True)
if role != 'worker':
    time.sleep(1000)
";

#[test]
fn servers_of_mxnet_know_their_roles() {
    let job = Job::new(2, |tree| {
        with_script(tree, "import mxnet")
            .file("modules/mxnet.py", MXNET)
            .hyperparameter("sagemaker_parameter_server_enabled", "true")
    });
    let mut job = job.variable("OPTML_PYTHON", PYTHON);
    for host in [1, 2] {
        let modules = job.tree(host).path("modules");
        job = job.variable_on(host, "PYTHONPATH", modules.to_str().unwrap());
    }
    let root = format!("{} 8000 2 2", job.hosts.address(1));
    let ended = job.train();
    ended.check_success();
    let worker = format!("worker {root}");
    for host in [1, 2] {
        assert!(lines(&ended, host).contains(&&*worker), "{}", ended.log());
    }
}

#[test]
fn hosts_of_a_local_run_train_together() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.py"), WHO).unwrap();
    for (network, first) in [("namespaces", "algo-1"), ("loopback", "127.0.1.1")] {
        let words = [
            "local",
            "train",
            "--hosts",
            "2",
            "--host-network",
            network,
            "--launcher",
            "native",
            "--processes-per-host",
            "2",
        ];
        // On loopback addresses the ports are those of the machine, which other tests use too.
        let port = free_port().to_string();
        let variables = [
            ("OPTML_PYTHON", PYTHON.as_ref()),
            ("OPTML_CONTROL_PORT", port.as_ref()),
        ];
        let mut command = Proc::command(binary(), words, &variables);
        command.current_dir(folder.path());
        let finished = Proc::start_command(command).wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let mut lines: Vec<_> = finished.stdout.lines().collect();
        lines.sort_unstable();
        let expected: Vec<_> = (0..4)
            .map(|rank| {
                let host = rank / 2 + 1;
                format!("algo-{host} | rank {rank} | {rank} 4 {first} 7777")
            })
            .collect();
        assert_eq!(lines, expected, "{}", finished.stderr);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
