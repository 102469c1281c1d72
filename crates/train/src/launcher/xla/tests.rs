use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

fn job(n_hosts: u32) -> Job {
    let mut job = Job::of(n_hosts);
    job.n_gpus = 4;
    job
}

#[test]
fn one_host() {
    insta::assert_snapshot!(job(1).shown(Launcher::Xla), @"
    /bin/python3
      -m torch_xla.distributed.xla_spawn
      --num_gpus 4 train.py
      --lr 0.1
      NCCL_DEBUG=info
      NCCL_PROTO=simple
      FI_EFA_USE_DEVICE_RDMA=1
      OFI_NCCL_NIC_DUP_CONNS=4
      XRT_HOST_ORDINAL=0
      XRT_SHARD_WORLD_SIZE=1
      XRT_WORKERS=localservice:0;algo-1:43857
      GPU_NUM_DEVICES=4
    ");
}

#[test]
fn several_hosts() {
    let job = job(2).rank(1).var("NCCL_DEBUG", "WARN");
    insta::assert_snapshot!(job.shown(Launcher::Xla), @"
    /bin/python3
      -m torch_xla.distributed.xla_spawn
      --num_gpus 4 train.py
      --lr 0.1
      NCCL_PROTO=simple
      FI_EFA_USE_DEVICE_RDMA=1
      OFI_NCCL_NIC_DUP_CONNS=4
      XRT_HOST_ORDINAL=1
      XRT_SHARD_WORLD_SIZE=2
      XRT_WORKERS=localservice:0;algo-1:43857|localservice:1;algo-2:43857
      GPU_NUM_DEVICES=4
      XRT_MESH_SERVICE_ADDRESS=algo-1:53957
    ");
}

#[test]
fn scripts_and_gpus_only() {
    let error = |job: Job| job.plan(Launcher::Xla).unwrap_err().to_string();
    insta::assert_snapshot!(error(Job::of(1)), @"`xla` needs a GPU, and this machine has none");
    let package = job(1).script("/bin/python3", &["-m", "train", "--token", "secret"], true);
    insta::assert_snapshot!(error(package), @"`xla` starts Python scripts only, and `train` is none");
    let program = job(1).script("/opt/ml/code/train.sh", &["--token", "secret"], false);
    insta::assert_snapshot!(error(program), @"`xla` starts Python scripts only, and `/opt/ml/code/train.sh` is none");
}
