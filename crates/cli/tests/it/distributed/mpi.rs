//! Open MPI, as Debian has it, with mpi4py, over hosts that reach each other by ssh.

mod failure;
mod gone;
mod stop;

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, time::SystemTime};

use optml_testkit::{Hosts, OptMl, Proc};
use serde_json::{Value, json};

use super::{BASE, Ended, Job, command_line, files_below};
use crate::install::{BACKEND, PYPROJECT};

/// A job of Python, with two ranks a host.
#[track_caller]
fn job(n_hosts: u8, script: &str) -> Job {
    Job::new(n_hosts, |tree| mpi(tree, script))
}

fn mpi(tree: OptMl, script: &str) -> OptMl {
    tree.file("code/train.py", script)
        .hyperparameter("sagemaker_program", "train.py")
        .hyperparameter("sagemaker_mpi_enabled", "true")
        .hyperparameter("sagemaker_mpi_num_of_processes_per_host", "2")
}

/// What the ranks have printed to standard output: each line with its rank, in their order.
#[track_caller]
fn by_rank(ended: &Ended) -> BTreeMap<u32, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for line in ended.on(1).stdout.lines() {
        let tagged = line
            .strip_prefix("[1,")
            .and_then(|rest| rest.split_once("]<stdout>:"));
        if let Some((rank, text)) = tagged {
            let rank = rank.parse().unwrap_or_else(|_| panic!("{line}"));
            all.entry(rank).or_default().push(text.to_owned());
        }
    }
    all
}

/// The one line of each rank, which is JSON.
#[track_caller]
fn reports(ended: &Ended) -> Vec<Value> {
    let by_rank = by_rank(ended);
    let lines = by_rank.values().map(|lines| {
        assert_eq!(lines.len(), 1, "{lines:?}");
        serde_json::from_str(&lines[0]).unwrap_or_else(|error| panic!("{error}: {}", lines[0]))
    });
    lines.collect()
}

/// Says what a rank knows, and what it has.
const TELL: &str = "import json, os, sys
from mpi4py import MPI
world = MPI.COMM_WORLD
print(json.dumps({
    'sum': world.allreduce(world.rank + 1),
    'neighbours': world.Split_type(MPI.COMM_TYPE_SHARED).size,
    'name': MPI.Get_processor_name(),
    'words': sys.argv[1:],
    'variables': dict(os.environ),
}), flush=True)
";

/// The hyperparameters that are hard to pass on, as the script is to have them.
const HARD: [(&str, &str); 6] = [
    ("A-B", "with spaces"),
    ("dotted.name", r#"it's a "quoted" $HOME `text`"#),
    ("empty", ""),
    ("lines", "one\ntwo\n"),
    ("unicode", "größe ✓"),
    ("zz", "*; exit 3"),
];

#[test]
fn each_rank_of_two_hosts_has_the_job_and_the_variables_of_its_own_host() {
    has_the_variables_of_its_own_host(2);
}

#[test]
fn each_rank_of_three_hosts_has_the_job_and_the_variables_of_its_own_host() {
    has_the_variables_of_its_own_host(3);
}

#[track_caller]
fn has_the_variables_of_its_own_host(n_hosts: u8) {
    let before = machines_files();
    let names: Vec<_> = (1..=n_hosts).map(|host| format!("algo-{host}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut job = Job::new(n_hosts, |tree| {
        let groups = [
            ("head", "ml.c5.xlarge", &names[..1]),
            ("rest", "ml.m5.large", &names[1..]),
        ];
        let tree = mpi(tree, TELL).instance_groups(&groups).hyperparameter(
            "sagemaker_distribution_instance_groups",
            r#"["head", "rest"]"#,
        );
        HARD.iter().fold(tree, |tree, (name, value)| {
            tree.hyperparameter(name, &json!(value).to_string())
        })
    });
    for host in 1..=n_hosts {
        job = job.variable_on(host, "OF_THIS_HOST", &format!("it's \"{host}\"\n$X"));
    }
    let ended = job.train();
    ended.check_success();
    assert_eq!(before, machines_files());
    let reports = reports(&ended);
    let n_ranks = 2 * usize::from(n_hosts);
    assert_eq!(reports.len(), n_ranks, "{}", ended.on(1).stdout);
    for (rank, report) in reports.iter().enumerate() {
        let host = 1 + rank / 2;
        let variable = |name: &str| {
            report["variables"][name]
                .as_str()
                .unwrap_or_else(|| panic!("rank {rank}: no {name}"))
        };
        assert_eq!(report["sum"], n_ranks * (n_ranks + 1) / 2);
        assert_eq!(report["neighbours"], 2, "rank {rank}");
        assert_eq!(report["name"], format!("algo-{host}"));
        assert_eq!(variable("SM_CURRENT_HOST"), format!("algo-{host}"));
        let (group, instance_type) = if host == 1 {
            ("head", "ml.c5.xlarge")
        } else {
            ("rest", "ml.m5.large")
        };
        assert_eq!(variable("SM_CURRENT_INSTANCE_TYPE"), instance_type);
        assert_eq!(variable("SM_CURRENT_INSTANCE_GROUP"), group);
        assert_eq!(variable("OF_THIS_HOST"), format!("it's \"{host}\"\n$X"));
        let file = ended.job.trees[host - 1].read("input/config/resourceconfig.json");
        let config = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(config(variable("SM_RESOURCE_CONFIG")), config(&file));
        let training_env = config(variable("SM_TRAINING_ENV"));
        assert_eq!(training_env["current_host"], format!("algo-{host}"));
        // Where hosts have names of their own, nothing stands between a rank and them.
        assert_eq!(report["variables"].get("LD_PRELOAD"), None);
        let words: Vec<_> = HARD
            .iter()
            .flat_map(|(name, value)| [format!("--{name}"), (*value).to_owned()])
            .collect();
        assert_eq!(report["words"], json!(words), "rank {rank}");
        for (name, value) in HARD {
            let name = format!("SM_HP_{}", name.to_uppercase());
            assert_eq!(variable(&name), value, "rank {rank}");
        }
    }
}

/// What a launcher might write outside of its job: the machine's variables, and root's keys.
fn machines_files() -> Vec<(String, Option<SystemTime>)> {
    let files = [
        "/etc/environment",
        "/root/.ssh",
        "/etc/ssh",
        "/root/.bashrc",
    ];
    let changed = files.map(|file| {
        let changed = fs::metadata(file).and_then(|file| file.modified());
        (file.to_owned(), changed.ok())
    });
    changed.into()
}

#[test]
fn ranks_know_their_neighbours_where_all_hosts_have_one_name() {
    let job = Job::on(Hosts::all_called("aws", 3), 3, |tree| mpi(tree, TELL));
    let ended = job.train();
    ended.check_success();
    let reports = reports(&ended);
    assert_eq!(reports.len(), 6, "{}", ended.on(1).stdout);
    for (rank, report) in reports.iter().enumerate() {
        assert_eq!(report["sum"], 21);
        assert_eq!(report["neighbours"], 2, "rank {rank}");
        assert_eq!(report["name"], format!("algo-{}", 1 + rank / 2));
        let loaded = report["variables"]["LD_PRELOAD"]
            .as_str()
            .unwrap_or_default();
        assert!(loaded.ends_with("/gethostname.so"), "{loaded}");
    }
}

/// Prints each word by itself, as a program without a buffer does.
const PARTS: &str = r#"#!/bin/sh
n=1
while [ $n -le 40 ]; do
    for word in line $n "of rank" "$OMPI_COMM_WORLD_RANK" with 'a[1,0]<tag' inside; do
        printf '%s ' "$word"
        printf '%s ' "$word" >&2
    done
    echo
    echo >&2
    n=$((n + 1))
done
printf 'no end'
"#;

#[test]
fn lines_of_twelve_ranks_are_whole() {
    let job = Job::new(2, |tree| {
        mpi(tree, "")
            .file("code/train.sh", PARTS)
            .hyperparameter("sagemaker_program", "train.sh")
            .hyperparameter("sagemaker_mpi_num_of_processes_per_host", "6")
    });
    let ended = job.train();
    ended.check_success();
    let by_rank = by_rank(&ended);
    assert_eq!(by_rank.len(), 12, "{:?}", by_rank.keys());
    for (rank, lines) in &by_rank {
        let line = |n: u32| format!("line {n} of rank {rank} with a[1,0]<tag inside ");
        let wanted: Vec<_> = (1..=40).map(line).chain(["no end".to_owned()]).collect();
        assert_eq!(lines, &wanted, "rank {rank}");
        for n in 1..=40 {
            let line = format!("\n[1,{rank}]<stderr>:{}\n", line(n));
            assert!(ended.on(1).stderr.contains(&line), "{line}");
        }
    }
}

#[test]
fn a_shell_script_runs_once_for_each_rank() {
    let script = "#!/bin/sh\necho \"$OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE on $SM_CURRENT_HOST: $*\"\n";
    let job = Job::new(2, |tree| {
        mpi(tree, "")
            .file("code/train.sh", script)
            .hyperparameter("sagemaker_program", "train.sh")
            .hyperparameter("lr", "0.1")
    });
    let ended = job.train();
    ended.check_success();
    let lines: Vec<_> = by_rank(&ended).into_values().flatten().collect();
    let wanted = [(0, 1), (1, 1), (2, 2), (3, 2)]
        .map(|(rank, host)| format!("{rank} of 4 on algo-{host}: --lr 0.1"));
    assert_eq!(lines, wanted);
}

#[test]
fn a_command_runs_once_for_each_rank() {
    let job = Job::new(2, |tree| tree);
    let words = [
        "train",
        "--launcher",
        "mpirun",
        "--",
        "sh",
        "-c",
        "echo \"$OMPI_COMM_WORLD_RANK on $SM_CURRENT_HOST: $0, $1\"",
        "two words",
        "it's",
    ];
    let ended = job
        .variable("OPTML_PROCESSES_PER_HOST", "2")
        .start_with(&words)
        .wait();
    ended.check_success();
    let lines: Vec<_> = by_rank(&ended).into_values().flatten().collect();
    let wanted = [(0, 1), (1, 1), (2, 2), (3, 2)]
        .map(|(rank, host)| format!("{rank} on algo-{host}: two words, it's"));
    assert_eq!(lines, wanted);
}

#[test]
fn a_package_is_installed_on_each_host_and_runs_below_mpi4py() {
    let job = Job::new(2, |tree| {
        let tree = mpi(tree, "")
            .file("code/pyproject.toml", PYPROJECT)
            .file("code/backend.py", BACKEND)
            .file(
                "code/optml_probe.py",
                "import sys\nfrom mpi4py import MPI\nprint(MPI.COMM_WORLD.allreduce(1), __name__, sys.argv[1:])\n",
            );
        tree.hyperparameter("sagemaker_program", "optml_probe")
            .hyperparameter("lr", "0.1")
    });
    // An interpreter of its own for each host, in one place, that has the packages of the tests' own.
    let ask = "import mpi4py, os\nprint(os.path.dirname(os.path.dirname(mpi4py.__file__)))";
    let packages = Proc::start("python3", ["-c", ask], &[]).wait().stdout;
    let site_packages = |job: &Job, host| {
        let mut lib = fs::read_dir(job.tree(host).path("venv/lib")).unwrap();
        lib.next().unwrap().unwrap().path().join("site-packages")
    };
    for host in 1..=2 {
        let words = ["-m", "venv", "--without-pip", &format!("{BASE}/venv")];
        job.run_on(host, "python3", &words);
        fs::write(
            site_packages(&job, host).join("of-the-tests.pth"),
            &packages,
        )
        .unwrap();
    }
    let ended = job
        .variable("OPTML_PYTHON", &format!("{BASE}/venv/bin/python"))
        .variable("UV_CACHE_DIR", &format!("{BASE}/cache"))
        .train();
    ended.check_success();
    for lines in by_rank(&ended).values() {
        assert_eq!(lines, &["4 __main__ ['--lr', '0.1']"]);
    }
    for host in 1..=2 {
        let file = site_packages(&ended.job, host).join("optml_probe.py");
        assert!(file.exists(), "host {host}");
    }
}

#[test]
fn credentials_are_seen_by_the_ranks_alone() {
    let script = "import os, sys, time
from mpi4py import MPI
assert os.environ['AWS_SECRET_ACCESS_KEY'] == 'hidden-of-' + os.environ['SM_CURRENT_HOST']
MPI.COMM_WORLD.Barrier()
if MPI.COMM_WORLD.rank == 0:
    print('all up', flush=True)
while not os.path.exists('/srv/seen'):
    time.sleep(0.05)
";
    let job = job(2, script)
        .variable_on(1, "AWS_SECRET_ACCESS_KEY", "hidden-of-algo-1")
        .variable_on(2, "AWS_SECRET_ACCESS_KEY", "hidden-of-algo-2")
        .variable("OPTML_LOG_LEVEL", "debug");
    let running = job.start();
    running.on(1).stdout_line("all up");
    let mut n_seen = 0;
    for host in 1..=2 {
        let members = running.job.hosts.members(host);
        assert!(members.len() >= 4, "host {host}: {members:?}");
        for pid in members {
            let words = command_line(pid);
            assert!(!words.contains("hidden-of"), "{words}");
        }
        for file in files_below(running.job.tree(host).base()) {
            let is_open = fs::metadata(&file)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0);
            if is_open {
                n_seen += 1;
                let content = fs::read(&file).unwrap();
                let content = String::from_utf8_lossy(&content);
                // The script says the first half of it.
                assert!(!content.contains("hidden-of-algo"), "{}", file.display());
            }
        }
    }
    assert!(n_seen > 4);
    for tree in &running.job.trees {
        fs::write(tree.path("seen"), "").unwrap();
    }
    let ended = running.wait();
    ended.check_success();
    for finished in &ended.finished {
        assert!(!finished.stdout.contains("hidden-of") && !finished.stderr.contains("hidden-of"));
    }
}
