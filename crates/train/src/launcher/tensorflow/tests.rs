use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

#[test]
fn parameter_servers_beside_the_master() {
    let job = Job::of(3).hp("sagemaker_region", "eu-west-1");
    insta::assert_snapshot!(job.shown(Launcher::TensorflowServers), @r#"
    helps: /bin/python3
      -c CODE
      S3_REGION=eu-west-1
      TF_CPP_MIN_LOG_LEVEL=1
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"master": ["algo-1:2222"], "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"], "worker": ["algo-2:2222", "algo-3:2222"]}, "environment": "cloud", "task": {"index": 0, "type": "ps"}}
      CUDA_VISIBLE_DEVICES=
    rank 0: /bin/python3 train.py
      --lr 0.1
      S3_REGION=eu-west-1
      TF_CPP_MIN_LOG_LEVEL=1
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"master": ["algo-1:2222"], "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"], "worker": ["algo-2:2222", "algo-3:2222"]}, "environment": "cloud", "task": {"index": 0, "type": "master"}}
    "#);
}

#[test]
fn parameter_servers_beside_a_worker() {
    let job = Job::of(3).rank(2).var("TF_CPP_MIN_LOG_LEVEL", "0");
    insta::assert_snapshot!(job.shown(Launcher::TensorflowServers), @r#"
    helps: /bin/python3
      -c CODE
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"master": ["algo-1:2222"], "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"], "worker": ["algo-2:2222", "algo-3:2222"]}, "environment": "cloud", "task": {"index": 2, "type": "ps"}}
      CUDA_VISIBLE_DEVICES=
    rank 2: /bin/python3 train.py
      --lr 0.1
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"master": ["algo-1:2222"], "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"], "worker": ["algo-2:2222", "algo-3:2222"]}, "environment": "cloud", "task": {"index": 1, "type": "worker"}}
    "#);
}

#[test]
fn one_host_has_no_parameter_server() {
    insta::assert_snapshot!(Job::of(1).shown(Launcher::TensorflowServers), @"
    rank 0: /bin/python3 train.py
      --lr 0.1
      TF_CPP_MIN_LOG_LEVEL=1
      S3_USE_HTTPS=1
    note: parameter servers are for several hosts: none is started
    ");
}

#[test]
fn workers_of_a_strategy() {
    insta::assert_snapshot!(Job::of(2).rank(1).shown(Launcher::TensorflowWorkers), @r#"
    rank 1: /bin/python3 train.py
      --lr 0.1
      TF_CPP_MIN_LOG_LEVEL=1
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"worker": ["algo-1:8890", "algo-2:8890"]}, "environment": "cloud", "task": {"index": 1, "type": "worker"}}
    "#);
    insta::assert_snapshot!(Job::of(1).shown(Launcher::TensorflowWorkers), @r#"
    rank 0: /bin/python3 train.py
      --lr 0.1
      TF_CPP_MIN_LOG_LEVEL=1
      S3_USE_HTTPS=1
      TF_CONFIG={"cluster": {"worker": ["algo-1:8890"]}, "environment": "cloud", "task": {"index": 0, "type": "worker"}}
    "#);
}

#[test]
fn hosts_that_are_arranged_already_stay_so() {
    let config = r#"{"cluster": {"worker": ["algo-1:5000", "algo-2:5000"]}, "task": {"type": "worker", "index": 0}}"#;
    let job = Job::of(2).var("TF_CONFIG", config);
    for launcher in [Launcher::TensorflowServers, Launcher::TensorflowWorkers] {
        let text = job.shown(launcher);
        assert!(
            !text.contains("TF_CONFIG=") && !text.contains("helps"),
            "{text}"
        );
        assert!(
            text.contains("note: variable `TF_CONFIG` is set already"),
            "{text}"
        );
    }
}
