use super::FailedRank;

/// Of torch 1.13, on the second of two hosts with two ranks each.
const SAID_AT_ONCE: &str = "Traceback (most recent call last):
  File \"/srv/code/train.py\", line 5, in load
    raise ValueError('no such label: %d' % n)
ValueError: no such label: 7
WARNING:torch.distributed.elastic.multiprocessing.api:Sending process 24695 closing signal SIGTERM
ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 1 (pid: 24699) of binary: /usr/bin/python3
";

/// What it says when it ends.
const LAST_WORDS: &str = "Traceback (most recent call last):
  File \"/usr/lib/python3/dist-packages/torch/distributed/run.py\", line 753, in run
    elastic_launch(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError: 
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
  <NO_OTHER_FAILURES>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2022-11-28_22:48:50
  host      : algo-2
  rank      : 5 (local_rank: 1)
  exitcode  : 1 (pid: 24699)
  error_file: <N/A>
============================================================
";

#[test]
fn a_rank_is_counted_until_torchrun_names_it() {
    assert_eq!(FailedRank::find(b"ValueError: no such label: 7\n"), None);
    let early = FailedRank::find(SAID_AT_ONCE.as_bytes()).unwrap();
    assert_eq!(early.rank(Some(1), 2), Some(3));
    assert_eq!(early.rank(None, 2), None);
    let late = [SAID_AT_ONCE, LAST_WORDS].concat();
    let late = FailedRank::find(late.as_bytes()).unwrap();
    assert_eq!(late.rank(Some(1), 2), Some(5));
}

#[test]
fn torch_2_writes_its_lines_in_another_form() {
    let line = "E1128 22:48:50.000000 140 torch/distributed/elastic/multiprocessing/api.py:882] failed (exitcode: -9) local_rank: 0 (pid: 7) of binary: /bin/sh\n";
    let failed = FailedRank::find(line.as_bytes()).unwrap();
    assert_eq!(failed.rank(Some(0), 1), Some(0));
}

#[test]
fn of_many_tracebacks_none_is_given_to_a_rank() {
    let text = [
        "Traceback (most recent call last):\nKeyError: 'a'\n",
        SAID_AT_ONCE,
    ]
    .concat();
    let failed = FailedRank::find(text.as_bytes()).unwrap();
    assert_eq!(failed.rank(Some(1), 2), None);
}
