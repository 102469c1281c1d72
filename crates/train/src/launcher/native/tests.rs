use std::num::NonZeroU16;

use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

#[test]
fn plain_is_the_script_and_nothing_else() {
    let job = Job::of(2)
        .efa()
        .script("/code/train.sh", &["--lr", "0.1"], false);
    insta::assert_snapshot!(job.shown(Launcher::Plain), @"
    /code/train.sh
      --lr 0.1
    ");
}

#[test]
fn one_process_for_each_accelerator() {
    let mut job = Job::of(2).rank(1);
    job.n_gpus = 2;
    insta::assert_snapshot!(job.shown(Launcher::Native), @"
    rank 2: /bin/python3 train.py
      --lr 0.1
      RANK=2
      LOCAL_RANK=0
      WORLD_SIZE=4
      LOCAL_WORLD_SIZE=2
      GROUP_RANK=1
      GROUP_WORLD_SIZE=2
      NODE_RANK=1
      ROLE_RANK=2
      ROLE_WORLD_SIZE=4
      MASTER_ADDR=algo-1
      MASTER_PORT=7777
      OMP_NUM_THREADS=1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-2
    rank 3: /bin/python3 train.py
      --lr 0.1
      RANK=3
      LOCAL_RANK=1
      WORLD_SIZE=4
      LOCAL_WORLD_SIZE=2
      GROUP_RANK=1
      GROUP_WORLD_SIZE=2
      NODE_RANK=1
      ROLE_RANK=3
      ROLE_WORLD_SIZE=4
      MASTER_ADDR=algo-1
      MASTER_PORT=7777
      OMP_NUM_THREADS=1
      NCCL_SOCKET_IFNAME=eth0
      GLOO_SOCKET_IFNAME=eth0
      NCCL_HOSTID=algo-2
    ");
}

#[test]
fn a_host_that_is_alone_meets_itself() {
    let mut job = Job::of(1)
        .efa()
        .var("NCCL_PROTO", "LL")
        .var("OMP_NUM_THREADS", "");
    job.options.processes_per_host = NonZeroU16::new(1);
    job.n_gpus = 8;
    insta::assert_snapshot!(job.shown(Launcher::Native), @"
    rank 0: /bin/python3 train.py
      --lr 0.1
      RANK=0
      LOCAL_RANK=0
      WORLD_SIZE=1
      LOCAL_WORLD_SIZE=1
      GROUP_RANK=0
      GROUP_WORLD_SIZE=1
      NODE_RANK=0
      ROLE_RANK=0
      ROLE_WORLD_SIZE=1
      MASTER_ADDR=127.0.0.1
      MASTER_PORT=7777
      FI_PROVIDER=efa
      FI_EFA_USE_DEVICE_RDMA=1
      RDMAV_FORK_SAFE=1
    ");
}

#[test]
fn ranks_are_numbered_without_gaps() {
    let ranks = |host: u32| {
        let mut job = Job::of(100).rank(host);
        job.n_gpus = 8;
        let plan = job.plan(Launcher::Native).unwrap();
        let crate::launcher::Role::Runs(processes) = plan.role else {
            panic!("{plan:?}");
        };
        processes
            .into_iter()
            .filter_map(|process| process.rank)
            .collect::<Vec<_>>()
    };
    let all: Vec<u32> = (0..100).flat_map(ranks).collect();
    assert_eq!(all, (0..800).collect::<Vec<_>>());
}
