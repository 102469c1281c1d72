use std::num::NonZeroU16;

use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

fn shown(job: &Job) -> String {
    job.shown(Launcher::Mpirun)
}

fn custom(job: Job, options: &str) -> Job {
    job.hp("sagemaker_mpi_custom_mpi_options", options)
}

#[test]
fn one_host() {
    insta::assert_snapshot!(shown(&Job::of(1).hp("lr", "0.1")), @"
    /bin/mpirun
      --host algo-1
      -np 1
      --allow-run-as-root
      --display-map
      --tag-output
      -mca btl_tcp_if_include eth0
      -mca oob_tcp_if_include eth0
      -mca plm_rsh_no_tree_spawn 1
      -bind-to none
      -map-by slot
      -mca pml ob1
      -mca btl ^openib
      -mca orte_abort_on_non_zero_status 1
      -mca btl_vader_single_copy_mechanism none
      -x NCCL_MIN_NRINGS=4 -x NCCL_SOCKET_IFNAME=eth0 -x NCCL_DEBUG=INFO -x PATH -x SM_HOSTS -x SM_HPS -x SM_USER_ENTRY_POINT -x SM_FRAMEWORK_PARAMS -x SM_INPUT_DATA_CONFIG -x SM_OUTPUT_DATA_DIR -x SM_CHANNELS -x SM_INSTANCE_GROUPS -x SM_INSTANCE_GROUPS_DICT -x SM_DISTRIBUTION_INSTANCE_GROUPS -x SM_IS_HETERO -x SM_MODULE_NAME -x SM_LOG_LEVEL -x SM_FRAMEWORK_MODULE -x SM_INPUT_DIR -x SM_INPUT_CONFIG_DIR -x SM_OUTPUT_DIR -x SM_MODEL_DIR -x SM_MODULE_DIR -x SM_USER_ARGS -x SM_OUTPUT_INTERMEDIATE_DIR -x SM_HP_LR -x SM_MASTER_ADDR -x SM_MASTER_PORT -x SM_HOST_COUNT -x SM_SOURCE_DIR -x SM_INPUT_DATA_DIR -x SM_OUTPUT_FAILURE -x PYTHONPATH /bin/python3
      -m mpi4py train.py
      --lr 0.1
    ");
}

#[test]
fn several_hosts_with_all_that_there_is() {
    let job = custom(
        Job::of(3).efa(),
        "-mca btl_base_verbose 1 --NCCL_DEBUG WARN -x EXTRA=1",
    )
    .hp("learning-rate", "0.1")
    .hp("sagemaker_mpi_num_of_processes_per_host", "8")
    .var("LD_LIBRARY_PATH", "/lib")
    .var("AWS_SECRET_ACCESS_KEY", "secret");
    insta::assert_snapshot!(shown(&job), @r#"
    /bin/mpirun
      --host algo-1:8,algo-2:8,algo-3:8
      -np 24
      --allow-run-as-root
      --display-map
      --tag-output
      -mca btl_tcp_if_include eth0
      -mca oob_tcp_if_include eth0
      -mca plm_rsh_no_tree_spawn 1
      -bind-to none
      -map-by slot
      -mca pml ob1
      -mca btl ^openib
      -mca orte_abort_on_non_zero_status 1
      -mca btl_vader_single_copy_mechanism none
      -x NCCL_MIN_NRINGS=4 -x NCCL_SOCKET_IFNAME=eth0 -x NCCL_DEBUG=WARN -x LD_LIBRARY_PATH -x PATH
      -mca plm_rsh_args "-F /run/ssh_config"
      -mca oob_tcp_keepalive_time 10
      -mca oob_tcp_keepalive_intvl 5
      -mca oob_tcp_keepalive_probes 4
      -mca btl_base_verbose 1
      -x EXTRA=1 -x FI_PROVIDER=efa -x NCCL_PROTO=simple -x FI_EFA_USE_DEVICE_RDMA=1 -x SM_HOSTS -x SM_HPS -x SM_USER_ENTRY_POINT -x SM_FRAMEWORK_PARAMS -x SM_INPUT_DATA_CONFIG -x SM_OUTPUT_DATA_DIR -x SM_CHANNELS -x SM_INSTANCE_GROUPS -x SM_INSTANCE_GROUPS_DICT -x SM_DISTRIBUTION_INSTANCE_GROUPS -x SM_IS_HETERO -x SM_MODULE_NAME -x SM_LOG_LEVEL -x SM_FRAMEWORK_MODULE -x SM_INPUT_DIR -x SM_INPUT_CONFIG_DIR -x SM_OUTPUT_DIR -x SM_MODEL_DIR -x SM_MODULE_DIR -x SM_USER_ARGS -x SM_OUTPUT_INTERMEDIATE_DIR -x SM_HP_LEARNING-RATE -x SM_MASTER_ADDR -x SM_MASTER_PORT -x SM_HOST_COUNT -x SM_SOURCE_DIR -x SM_INPUT_DATA_DIR -x SM_OUTPUT_FAILURE -x SM_HP_LEARNING_RATE -x PYTHONPATH /bin/python3
      -m mpi4py train.py
      --lr 0.1
      NCCL_HOSTID=algo-1
    "#);
}

#[test]
fn the_other_hosts_serve() {
    insta::assert_snapshot!(shown(&Job::of(3).rank(2)), @"
    serves
      NCCL_HOSTID=algo-3
    ");
}

#[test]
fn nothing_of_one_host_is_carried_to_another() {
    let text = shown(&Job::of(2));
    for name in [
        "SM_CURRENT_HOST",
        "SM_TRAINING_ENV",
        "SM_RESOURCE_CONFIG",
        "SM_NUM_GPUS",
    ] {
        assert!(!text.contains(&format!("-x {name} ")), "{name}: {text}");
    }
    assert!(
        text.contains("-x SM_HOSTS ") && text.contains("-x PYTHONPATH"),
        "{text}"
    );
}

#[test]
fn what_is_started() {
    let last = |job: &Job| {
        let text = shown(job);
        let (_, last) = text.split_once("PYTHONPATH ").unwrap();
        last.to_owned()
    };
    let package = Job::of(1).script("/bin/python3", &["-m", "train", "--lr", "0.1"], true);
    insta::assert_snapshot!(last(&package), @"
    /bin/python3
      -m mpi4py
      -m train
      --lr 0.1
    ");
    let program = Job::of(1).script("/opt/ml/code/train.sh", &["--lr", "0.1"], false);
    insta::assert_snapshot!(last(&program), @"
    /opt/ml/code/train.sh
      --lr 0.1
    ");
    let mut job = Job::of(1);
    job.tools.packages.clear();
    insta::assert_snapshot!(last(&job), @"
    /bin/python3 train.py
      --lr 0.1
    note: the interpreter has no package `mpi4py`: an exception in one rank ends the others only when it exits
    ");
}

#[test]
fn number_of_ranks() {
    let mut job = Job::of(2);
    job.options.processes_per_host = NonZeroU16::new(4);
    let text = shown(&job);
    assert!(
        text.contains("--host algo-1:4,algo-2:4") && text.contains("-np 8"),
        "{text}"
    );
    let given = |value: &str| Job::of(2).hp("sagemaker_mpi_num_processes", value);
    assert!(shown(&given("3")).contains("-np 3"));
    assert!(shown(&given("0")).contains("-np 2"));
    let error = given("many").plan(Launcher::Mpirun).unwrap_err();
    insta::assert_snapshot!(error, @r#"hyperparameter `sagemaker_mpi_num_processes`: `"many"` is no number of processes"#);
}

#[test]
fn what_the_job_gives_is_there_once() {
    let job = custom(
        Job::of(2).efa(),
        "--mca pml cm -mca oob_tcp_keepalive_time 99 --bind-to core -x FI_PROVIDER=tcp -x NCCL_PROTO --NCCL_DEBUG=TRACE",
    );
    let text = shown(&job);
    for (word, n) in [
        ("pml", 1),
        ("oob_tcp_keepalive_time", 1),
        ("bind-to", 1),
        ("FI_PROVIDER", 1),
        ("NCCL_PROTO", 1),
        ("NCCL_DEBUG", 1),
    ] {
        let found = text.split_whitespace().filter(|given| {
            let given = given.trim_start_matches('-');
            given.split('=').next() == Some(word)
        });
        assert_eq!(found.count(), n, "{word}: {text}");
    }
    assert!(text.contains("NCCL_DEBUG=TRACE"));
}

#[test]
fn variables_of_the_job_stay() {
    let job = Job::of(2)
        .efa()
        .var("NCCL_DEBUG", "WARN")
        .var("NCCL_SOCKET_IFNAME", "eth1")
        .var("NCCL_MIN_NRINGS", "8")
        .var("FI_PROVIDER", "tcp");
    let text = shown(&job);
    for name in [
        "NCCL_DEBUG",
        "NCCL_SOCKET_IFNAME",
        "NCCL_MIN_NRINGS",
        "FI_PROVIDER",
    ] {
        assert!(text.contains(&format!("-x {name} ")), "{name}: {text}");
    }
}

#[test]
fn an_interface_that_is_not_there_is_not_named() {
    let mut job = Job::of(2);
    job.interface = None;
    let text = shown(&job);
    assert!(
        !text.contains("if_include") && !text.contains("IFNAME"),
        "{text}"
    );
    assert!(
        text.ends_with("note: this machine has no network interface `eth0`: which one is used is left to the engine\n"),
        "{text}"
    );
}

#[test]
fn options_that_are_none() {
    let error = |options| {
        custom(Job::of(1), options)
            .plan(Launcher::Mpirun)
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error("--NCCL_DEBUG"), @"hyperparameter `sagemaker_mpi_custom_mpi_options`: `--NCCL_DEBUG` has no value");
    insta::assert_snapshot!(error("--NCCL_DEBUG -x A"), @"hyperparameter `sagemaker_mpi_custom_mpi_options`: `--NCCL_DEBUG` has no value");
    insta::assert_snapshot!(error("17"), @"hyperparameter `sagemaker_mpi_custom_mpi_options`: it is no text with options of `mpirun`");
}

#[test]
fn the_model_parallel_library() {
    let job = |parameters: &str, torch: &str| {
        let text = shown(
            &Job::of(1)
                .hp("mp_parameters", parameters)
                .var("SM_DLC_TORCH_VERSION", torch),
        );
        text.split_once("PYTHONPATH ").unwrap().1.to_owned()
    };
    insta::assert_snapshot!(job(r#"{"partitions": 2}"#, "2.1.0"), @"
    -x NCCL_PROTO=simple -x NCCL_ALGO=ring smddpmprun
      -i ml.c5.xlarge
      --allow-bypass /bin/python3
      -m mpi4py train.py
      --lr 0.1
    ");
    insta::assert_snapshot!(job(r#"{"ddp_dist_backend": "nccl"}"#, "1.13.1"), @"
    -x NCCL_PROTO=simple /bin/python3
      -m mpi4py train.py
      --lr 0.1
    ");
    insta::assert_snapshot!(job("{}", "2.1.0"), @"
    /bin/python3
      -m mpi4py train.py
      --lr 0.1
    ");
}
