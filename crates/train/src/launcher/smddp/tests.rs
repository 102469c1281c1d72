use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

fn shown(job: &Job) -> String {
    job.shown(Launcher::Smddp)
}

#[test]
fn one_host() {
    let mut job = Job::of(1);
    job.n_gpus = 8;
    insta::assert_snapshot!(shown(&job), @"
    /bin/mpirun
      --host algo-1
      -np 8
      --allow-run-as-root
      --tag-output
      --oversubscribe
      -mca btl_tcp_if_include eth0
      -mca oob_tcp_if_include eth0
      -mca plm_rsh_no_tree_spawn 1
      -mca pml ob1
      -mca btl ^openib
      -mca orte_abort_on_non_zero_status 1
      -mca btl_vader_single_copy_mechanism none
      -mca plm_rsh_num_concurrent 1
      -x NCCL_SOCKET_IFNAME=eth0 -x NCCL_DEBUG=INFO -x PATH -x SMDATAPARALLEL_USE_SINGLENODE=1 -x RDMAV_FORK_SAFE=1 smddprun /bin/python3
      -m mpi4py train.py
      --lr 0.1
    ");
}

#[test]
fn several_hosts() {
    let mut job = Job::of(2)
        .efa()
        .hp("sagemaker_instance_type", "ml.p4d.24xlarge")
        .hp(
            "sagemaker_distributed_dataparallel_custom_mpi_options",
            "--NCCL_DEBUG VERSION -x A=1",
        );
    job.n_gpus = 8;
    insta::assert_snapshot!(shown(&job), @r#"
    /bin/mpirun
      --host algo-1:8,algo-2:8
      -np 16
      --allow-run-as-root
      --tag-output
      --oversubscribe
      -mca btl_tcp_if_include eth0
      -mca oob_tcp_if_include eth0
      -mca plm_rsh_no_tree_spawn 1
      -mca pml ob1
      -mca btl ^openib
      -mca orte_abort_on_non_zero_status 1
      -mca btl_vader_single_copy_mechanism none
      -mca plm_rsh_num_concurrent 2
      -x NCCL_SOCKET_IFNAME=eth0 -x NCCL_DEBUG=VERSION -x PATH -x SMDATAPARALLEL_USE_HOMOGENEOUS=1 -x FI_PROVIDER=efa -x RDMAV_FORK_SAFE=1
      -mca plm_rsh_args "-F /run/ssh_config"
      -mca oob_tcp_keepalive_time 10
      -mca oob_tcp_keepalive_intvl 5
      -mca oob_tcp_keepalive_probes 4
      -x A=1 -x NCCL_PROTO=simple -x FI_EFA_USE_DEVICE_RDMA=1 -x SMDATAPARALLEL_SERVER_ADDR=algo-1 -x SMDATAPARALLEL_SERVER_PORT=7592 -x SAGEMAKER_INSTANCE_TYPE=ml.p4d.24xlarge smddprun /bin/python3
      -m mpi4py train.py
      --lr 0.1
      NCCL_HOSTID=algo-1
    "#);
}

#[test]
fn the_other_hosts_serve() {
    insta::assert_snapshot!(shown(&Job::of(2).rank(1)), @"
    serves
      NCCL_HOSTID=algo-2
    ");
}

#[test]
fn without_the_library() {
    let mut job = Job::of(2);
    job.has_smddprun = false;
    let text = shown(&job);
    // The type of this machine, where the job names none.
    assert!(
        text.contains("-x SAGEMAKER_INSTANCE_TYPE=ml.c5.xlarge /bin/python3"),
        "{text}"
    );
    assert!(
        text.ends_with("note: `smddprun` is not on PATH: the ranks start without SageMaker's data parallel library\n"),
        "{text}"
    );
}
