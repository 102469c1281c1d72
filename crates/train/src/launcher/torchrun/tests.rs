use std::num::NonZeroU16;

use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

fn shown(job: &Job) -> String {
    job.shown(Launcher::Torchrun)
}

fn with_options(mut job: Job, options: &str) -> Job {
    job.options.torchrun_options = Some(options.to_owned());
    job
}

#[test]
fn one_host() {
    insta::assert_snapshot!(shown(&Job::of(1)), @"
    /bin/torchrun
      --nnodes 1
      --nproc_per_node 1 train.py
      --lr 0.1
    ");
}

#[test]
fn several_hosts_by_rank() {
    let mut job = Job::of(12).rank(9);
    job.options.processes_per_host = NonZeroU16::new(8);
    // `algo-10` is the tenth, not the second.
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 12
      --nproc_per_node 8
      --master_addr algo-1
      --master_port 7777
      --node_rank 9 train.py
      --lr 0.1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-10
    ");
}

#[test]
fn packages_and_programs() {
    let package = Job::of(1).script("/bin/python3", &["-m", "train", "--lr", "0.1"], true);
    insta::assert_snapshot!(shown(&package), @"
    /bin/torchrun
      --nnodes 1
      --nproc_per_node 1
      -m train
      --lr 0.1
    ");
    let program = Job::of(1).script("/opt/ml/code/train.sh", &["--lr", "0.1"], false);
    insta::assert_snapshot!(shown(&program), @"
    /bin/torchrun
      --nnodes 1
      --nproc_per_node 1
      --no_python /opt/ml/code/train.sh
      --lr 0.1
    ");
}

#[test]
fn the_interpreter_that_is_named_or_that_has_it() {
    let mut job = Job::of(1);
    job.options.python = Some("python3.12".to_owned());
    insta::assert_snapshot!(shown(&job), @"
    /bin/python3
      -m torch.distributed.run
      --nnodes 1
      --nproc_per_node 1 train.py
      --lr 0.1
    ");
    job.options.python = None;
    job.tools.torchrun = None;
    assert!(shown(&job).starts_with("/bin/python3\n  -m torch.distributed.run\n"));
}

#[test]
fn compiling_for_neuron() {
    let job = Job::of(1).var("RUN_NEURON_PARALLEL_COMPILE", "1");
    insta::assert_snapshot!(shown(&job), @"
    /bin/neuron_parallel_compile /bin/torchrun
      --nnodes 1
      --nproc_per_node 1 train.py
      --lr 0.1
    ");
    let mut job = Job::of(1).var("RUN_NEURON_PARALLEL_COMPILE", "1");
    job.tools.neuron_parallel_compile = None;
    let error = job.plan(Launcher::Torchrun).unwrap_err();
    insta::assert_snapshot!(error, @"`torchrun` needs the program `neuron_parallel_compile`, which is not on PATH");
    let job = Job::of(1).var("RUN_NEURON_PARALLEL_COMPILE", "0");
    assert_eq!(shown(&job), shown(&Job::of(1)));
}

#[test]
fn what_the_job_sets_stays() {
    let job = Job::of(2)
        .efa()
        .var("NCCL_SOCKET_IFNAME", "^lo")
        .var("NCCL_PROTO", "")
        .var("FI_PROVIDER", "tcp");
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 2
      --nproc_per_node 1
      --master_addr algo-1
      --master_port 7777
      --node_rank 0 train.py
      --lr 0.1
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-1
      FI_EFA_USE_DEVICE_RDMA=1
      RDMAV_FORK_SAFE=1
    ");
}

#[test]
fn an_interface_that_is_not_there() {
    let mut job = Job::of(2);
    job.interface = None;
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 2
      --nproc_per_node 1
      --master_addr algo-1
      --master_port 7777
      --node_rank 0 train.py
      --lr 0.1
      NCCL_HOSTID=algo-1
    note: this machine has no network interface `eth0`: which one is used is left to the engine
    ");
}

#[test]
fn options_of_the_job_come_before_the_script() {
    let job = with_options(Job::of(2), "--max-restarts 3 --rdzv-conf timeout=900");
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 2
      --nproc_per_node 1
      --master_addr algo-1
      --master_port 7777
      --node_rank 0
      --max-restarts 3
      --rdzv-conf timeout=900 train.py
      --lr 0.1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-1
    ");
}

#[test]
fn another_rendezvous_leaves_out_fixed_numbers() {
    let job = with_options(Job::of(2).rank(1), "--rdzv-backend c10d --nnodes=1:4")
        .var("TRAINING_JOB_NAME", "job-7");
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nproc_per_node 1
      --rdzv_endpoint algo-1:7777
      --rdzv_id job-7
      --rdzv-backend c10d
      --nnodes=1:4 train.py
      --lr 0.1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-2
    ");
    let job = with_options(
        Job::of(2),
        "--rdzv_backend=etcd-v2 --rdzv_endpoint etcd:2379 --rdzv_id=x --nproc-per-node gpu",
    );
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 2
      --rdzv_backend=etcd-v2
      --rdzv_endpoint etcd:2379
      --rdzv_id=x
      --nproc-per-node gpu train.py
      --lr 0.1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-1
    ");
    let job = with_options(Job::of(1), "--standalone");
    insta::assert_snapshot!(shown(&job), @"
    /bin/torchrun
      --nnodes 1
      --nproc_per_node 1
      --standalone train.py
      --lr 0.1
    ");
}

#[test]
fn the_static_rendezvous_by_name_keeps_them() {
    let job = with_options(Job::of(2), "--rdzv-backend static");
    let text = shown(&job);
    assert!(
        text.contains("--node_rank 0") && !text.contains("--rdzv_id"),
        "{text}"
    );
}
