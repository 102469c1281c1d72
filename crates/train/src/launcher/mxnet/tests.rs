use optml_contract::options::Launcher;

use crate::launcher::tests::Job;

fn shown(job: &Job) -> String {
    job.shown(Launcher::Mxnet)
}

#[test]
fn the_first_host_has_the_scheduler() {
    insta::assert_snapshot!(shown(&Job::of(2)), @r#"
    helps: /bin/python3
      -c "import mxnet"
      DMLC_NUM_WORKER=2
      DMLC_NUM_SERVER=2
      DMLC_ROLE=scheduler
      DMLC_PS_ROOT_URI=10.0.0.1
      DMLC_PS_ROOT_PORT=8000
      PS_VERBOSE=0
    helps: /bin/python3
      -c "import mxnet"
      DMLC_NUM_WORKER=2
      DMLC_NUM_SERVER=2
      DMLC_ROLE=server
      DMLC_PS_ROOT_URI=10.0.0.1
      DMLC_PS_ROOT_PORT=8000
      PS_VERBOSE=0
    rank 0: /bin/python3 train.py
      --lr 0.1
      DMLC_NUM_WORKER=2
      DMLC_NUM_SERVER=2
      DMLC_ROLE=worker
      DMLC_PS_ROOT_URI=10.0.0.1
      DMLC_PS_ROOT_PORT=8000
      PS_VERBOSE=0
    "#);
}

#[test]
fn the_others_have_a_server() {
    let job = Job::of(2)
        .rank(1)
        .hp("_ps_port", "9000")
        .hp("_ps_verbose", "2");
    insta::assert_snapshot!(shown(&job), @r#"
    helps: /bin/python3
      -c "import mxnet"
      DMLC_NUM_WORKER=2
      DMLC_NUM_SERVER=2
      DMLC_ROLE=server
      DMLC_PS_ROOT_URI=10.0.0.1
      DMLC_PS_ROOT_PORT=9000
      PS_VERBOSE=2
    rank 1: /bin/python3 train.py
      --lr 0.1
      DMLC_NUM_WORKER=2
      DMLC_NUM_SERVER=2
      DMLC_ROLE=worker
      DMLC_PS_ROOT_URI=10.0.0.1
      DMLC_PS_ROOT_PORT=9000
      PS_VERBOSE=2
    "#);
}

#[test]
fn a_port_that_is_none() {
    let error = Job::of(2)
        .hp("_ps_port", "\"a\"")
        .plan(Launcher::Mxnet)
        .unwrap_err();
    insta::assert_snapshot!(error, @"hyperparameter `_ps_port`: `a` is no port");
}

#[test]
fn a_first_host_without_an_address() {
    let mut job = Job::of(2);
    job.master_ip = None;
    let text = shown(&job);
    assert!(text.contains("DMLC_PS_ROOT_URI=algo-1"), "{text}");
    assert!(
        text.ends_with("note: `algo-1` has no address here: MXNet's scheduler may not start\n"),
        "{text}"
    );
}
