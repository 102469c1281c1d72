//! Intermediate output: a real bucket, the faults on the way to it, and what is said of a file that did not arrive.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    time::{Duration, Instant},
};

use optml_testkit::{
    Action, DiscardingS3, FaultProxy, Finished, OptMl, Proc, Rule, S3, UploadEnd, pattern_byte,
};
use rustix::process::Signal;

use crate::rig;

const BUCKET: &str = "outputs";
const JOB: (&str, &str) = ("TRAINING_JOB_NAME", "job-1");
/// Where the files of [`job`] go.
const PREFIX: &str = "some/prefix/job-1/output/intermediate/";

fn store(rules: Vec<Rule>) -> (S3, FaultProxy) {
    rig::bucket_with_faults(BUCKET, rules)
}

/// A job whose script is a shell's, in its folder of intermediate output.
fn job(script: &str) -> OptMl {
    let script = format!("#!/bin/sh\nset -e\ncd \"$SM_OUTPUT_INTERMEDIATE_DIR\"\n{script}\n");
    with_output(OptMl::with_script("train.sh", &script))
}

fn with_output(tree: OptMl) -> OptMl {
    tree.hyperparameter("sagemaker_s3_output", "s3://outputs/some/prefix")
}

#[track_caller]
fn start(tree: &OptMl, store: &[(&str, String)], more: &[(&str, &str)]) -> Proc {
    let store = store.iter().map(|(name, value)| (*name, value.as_str()));
    let variables: Vec<_> = store.chain([JOB]).chain(more.iter().copied()).collect();
    rig::start(tree, &["train"], &variables)
}

/// Everything in the bucket, by what follows [`PREFIX`].
#[track_caller]
fn stored(s3: &S3) -> BTreeMap<String, String> {
    let objects = s3.list(BUCKET, "").into_iter();
    objects
        .map(|object| {
            let content = s3.get(BUCKET, &object.key).unwrap();
            let name = object.key.strip_prefix(PREFIX);
            let name = name.unwrap_or_else(|| panic!("`{}` lies elsewhere", object.key));
            (name.to_owned(), String::from_utf8(content).unwrap())
        })
        .collect()
}

/// Waits until something holds that nobody tells us of.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(50);
    while !holds() {
        assert!(Instant::now() < end, "not within 50 s: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[track_caller]
fn says(finished: &Finished, texts: &[&str]) {
    for text in texts {
        let stderr = &finished.stderr;
        assert!(stderr.contains(text), "no {text:?} in {stderr}");
    }
}

fn is_put(method: &str) -> bool {
    method == "PUT"
}

#[test]
fn files_go_out_while_the_script_runs_under_the_keys_of_the_reference() {
    let (s3, proxy) = store(vec![]);
    let tree = job("echo one > created
echo half > modified
echo kept > removed
until [ -e ../first ]; do sleep 0.02; done
echo whole > modified
rm removed
echo moved > .hidden; mv .hidden moved
mkdir -p deep/er; echo nested > deep/er/file
mkdir -p ../aside/below; echo aside > ../aside/below/file; mv ../aside late
ln -s created link; mkfifo fifo; echo ours > .optml-x
until [ -e ../second ]; do sleep 0.02; done
echo last > last");
    let process = start(&tree, &proxy.variables(), &[]);
    let arrives = |name: &str, content: &str| {
        let key = format!("{PREFIX}{name}");
        until(name, || {
            s3.get(BUCKET, &key).as_deref() == Some(content.as_bytes())
        });
    };
    arrives("created", "one\n");
    arrives("modified", "half\n");
    arrives("removed", "kept\n");
    let tree = tree.file("output/first", "");
    arrives("modified", "whole\n");
    arrives("moved", "moved\n");
    arrives("deep/er/file", "nested\n");
    arrives("late/below/file", "aside\n");
    let tree = tree.file("output/second", "");
    let finished = process.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let expected = [
        ("created", "one\n"),
        ("deep/er/file", "nested\n"),
        ("last", "last\n"),
        ("late/below/file", "aside\n"),
        ("modified", "whole\n"),
        ("moved", "moved\n"),
        // Deletions are not passed on.
        ("removed", "kept\n"),
    ];
    let expected = expected.map(|(name, content)| (name.to_owned(), content.to_owned()));
    assert_eq!(stored(&s3), BTreeMap::from(expected));
    says(
        &finished,
        &[
            "uploading intermediate output",
            "links are not followed",
            "FIFOs, sockets and devices are not uploaded",
            "intermediate output: everything is uploaded",
        ],
    );
    assert_eq!(tree.read("output/intermediate/last"), "last\n");
}

#[test]
fn every_way_to_write_the_prefix_comes_to_the_same_keys() {
    let s3 = S3::start();
    s3.make_bucket(BUCKET);
    for (url, key) in [
        ("s3://outputs", "job-1/output/intermediate/a b%20é"),
        ("s3://outputs/", "job-1/output/intermediate/a b%20é"),
        ("s3://outputs/p/q/", "p/q/job-1/output/intermediate/a b%20é"),
        // As the SDK writes every hyperparameter.
        (
            "\"s3://outputs/json\"",
            "json/job-1/output/intermediate/a b%20é",
        ),
    ] {
        let tree = job("echo x > 'a b%20é'").hyperparameter("sagemaker_s3_output", url);
        let finished = start(&tree, &s3.variables(), &[]).wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let keys: Vec<_> = s3.list(BUCKET, "").into_iter().map(|o| o.key).collect();
        assert_eq!(keys, [key], "{url}");
        s3.delete(BUCKET, key);
    }
}

#[test]
fn thousands_of_small_files() {
    // A store that forgets the bytes: a real one here would be the slowest part by far.
    let s3 = DiscardingS3::start(&[]);
    let tree = job("for folder in $(seq 20); do
    mkdir -p many/$folder
    for file in $(seq 100); do echo $folder/$file > many/$folder/$file; done
done");
    let finished = start(&tree, &s3.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    says(&finished, &["everything is uploaded"]);
    let mut sizes = BTreeMap::new();
    for object in s3.objects() {
        assert_eq!(object.end, UploadEnd::Completed);
        sizes.insert(object.key, object.part_bytes);
    }
    let mut expected = BTreeMap::new();
    for folder in 1..=20 {
        for file in 1..=100 {
            let key = format!("{PREFIX}many/{folder}/{file}");
            let n_bytes = format!("{folder}/{file}\n").len() as u64;
            expected.insert(key, vec![n_bytes]);
        }
    }
    assert_eq!(sizes.len(), 2000);
    assert!(sizes == expected, "names or sizes differ");
}

#[test]
fn a_large_file_goes_in_parts() {
    let (s3, proxy) = store(vec![]);
    let script = "import os
with open(os.path.join(os.environ['SM_OUTPUT_INTERMEDIATE_DIR'], 'large'), 'wb') as file:
    file.write((bytes(range(251)) * 85000)[:20 * 1024 * 1024 + 1])
";
    let tree = with_output(OptMl::with_script("train.py", script));
    let finished = start(&tree, &proxy.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let content = s3.get(BUCKET, &format!("{PREFIX}large")).unwrap();
    let expected: Vec<u8> = (0..=20 << 20).map(pattern_byte).collect();
    assert!(content == expected, "the content differs");
    let mut parts: Vec<u64> = proxy
        .requests()
        .iter()
        .filter(|seen| seen.target.contains("partNumber="))
        .map(|seen| seen.n_body_bytes)
        .collect();
    parts.sort_unstable();
    assert_eq!(parts, [(4 << 20) + 1, 8 << 20, 8 << 20]);
    assert_eq!(s3.uploads(BUCKET), [""; 0]);
}

#[test]
fn a_file_that_is_written_all_the_time_is_never_stored_by_halves() {
    let (s3, proxy) = store(vec![]);
    let script = "import os, time
folder = os.environ['SM_OUTPUT_INTERMEDIATE_DIR']
n = 0
while not os.path.exists(os.path.join(folder, '../stop')):
    n += 1
    # In place, and by renaming: the two ways that programs write.
    with open(os.path.join(folder, 'in-place'), 'w') as file:
        for piece in range(4):
            file.write('%07d\\n' % n * 8192)
            file.flush()
    with open(os.path.join(folder, '.renamed'), 'w') as file:
        file.write('%07d\\n' % n * 32768)
    os.rename(os.path.join(folder, '.renamed'), os.path.join(folder, 'renamed'))
    # Every now and then it holds still long enough to be taken.
    time.sleep(0.3 if n % 16 == 0 else 0.005)
print('wrote', n)
";
    let tree = with_output(OptMl::with_script("train.py", script));
    let process = start(&tree, &proxy.variables(), &[]);
    let numbers_of = |name: &str| {
        let content = s3.get(BUCKET, &format!("{PREFIX}{name}"))?;
        let text = String::from_utf8(content).unwrap();
        assert_eq!(text.len(), 32768 * 8, "`{name}` is cut");
        let first = text[..7].to_owned();
        assert!(text.lines().all(|line| line == first), "`{name}` is mixed");
        Some(first)
    };
    for name in ["in-place", "renamed"] {
        let mut seen = std::collections::BTreeSet::new();
        let end = Instant::now() + Duration::from_secs(40);
        while seen.len() < 3 {
            assert!(Instant::now() < end, "`{name}`: only {seen:?}");
            seen.extend(numbers_of(name));
        }
    }
    let _tree = tree.file("output/stop", "");
    let finished = process.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let last: u64 = finished
        .stdout
        .trim()
        .strip_prefix("wrote ")
        .unwrap()
        .parse()
        .unwrap();
    for name in ["in-place", "renamed"] {
        assert_eq!(numbers_of(name), Some(format!("{last:07}")));
    }
}

#[test]
fn a_folder_that_is_there_before_is_somebody_elses() {
    let (_s3, proxy) = store(vec![]);
    let tree = job("echo x > file").file("output/intermediate/theirs", "x");
    let finished = start(&tree, &proxy.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(proxy.requests(), []);
    says(&finished, &["intermediate output is somebody else's"]);
}

#[test]
fn a_file_address_makes_the_folder_and_nothing_else() {
    let (_s3, proxy) = store(vec![]);
    let tree = job("echo x > file").hyperparameter("sagemaker_s3_output", "file:///somewhere");
    let finished = start(&tree, &proxy.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(proxy.requests(), []);
    assert_eq!(tree.read("output/intermediate/file"), "x\n");
}

#[test]
fn an_address_that_makes_no_sense_ends_the_job_before_anything_is_fetched() {
    let (_s3, proxy) = store(vec![]);
    for (url, reason) in [
        ("ftp://host/x", "`ftp://host/x` is no address of a store"),
        ("/tmp/x", "`/tmp/x` is no address of a store"),
        ("https://host/x?sig=hidden", "takes no uploads"),
        ("s3://", "`s3://` names no bucket"),
    ] {
        let tree = job("echo never")
            .hyperparameter("sagemaker_submit_directory", "s3://outputs/code.tar.gz")
            .hyperparameter("sagemaker_s3_output", url);
        let finished = start(&tree, &proxy.variables(), &[]).wait();
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        says(
            &finished,
            &[
                "hyperparameter `sagemaker_s3_output`",
                reason,
                "s3://BUCKET/PREFIX",
            ],
        );
        assert!(!finished.stderr.contains("hidden"), "{}", finished.stderr);
        assert!(tree.read("output/failure").contains(reason));
        assert_eq!((finished.stdout.as_str(), proxy.requests()), ("", vec![]));
        assert!(!tree.path("output/intermediate").exists());
    }
}

#[test]
fn without_a_job_name_two_jobs_would_overwrite_each_other() {
    let (_s3, proxy) = store(vec![]);
    let tree =
        job("echo never").hyperparameter("sagemaker_submit_directory", "s3://outputs/code.tar.gz");
    for unset in [None, Some(("TRAINING_JOB_NAME", ""))] {
        let variables = proxy.variables();
        let store = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = store.chain(unset).collect();
        let finished = rig::start(&tree, &["train"], &variables).wait();
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        says(&finished, &["`TRAINING_JOB_NAME`", "sagemaker_s3_output"]);
        assert_eq!((finished.stdout.as_str(), proxy.requests()), ("", vec![]));
    }
}

#[test]
fn uploads_that_are_denied_are_named_and_do_not_fail_the_job() {
    let denied = Rule::new(Action::error(403, "AccessDenied")).method("PUT");
    let (s3, proxy) = store(vec![denied]);
    let tree = job("echo 1 > one; mkdir sub; echo 2 > sub/two; echo 3 > 'th\nree'");
    let finished = start(&tree, &proxy.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(tree.path("output/success").exists());
    says(
        &finished,
        &[
            "not everything is uploaded",
            "not uploaded: `one`: ",
            "not uploaded: `sub/two`: ",
            // A key that no client of ours can express, on a line of its own.
            "not uploaded: `th\\nree`: store `s3://outputs/some/prefix/job-1/output/intermediate/th\\nree`: the key can't be used",
            "access is denied: AccessDenied",
            "`s3:PutObject`",
        ],
    );
    assert_eq!(stored(&s3), BTreeMap::new());
}

#[test]
fn a_store_that_is_overwhelmed_for_a_while_gets_everything() {
    // D-04. Every file is refused several times.
    let storm = Rule::new(Action::slow_down()).method("PUT").times(12);
    let broken = Rule::new(Action::ResetBeforeAnswer).method("PUT").times(2);
    let (s3, proxy) = store(vec![storm, broken]);
    let tree = job("for n in 1 2 3 4; do echo $n > file-$n; done");
    let finished = start(&tree, &proxy.variables(), &[]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    says(&finished, &["everything is uploaded"]);
    let expected = (1..=4).map(|n| (format!("file-{n}"), format!("{n}\n")));
    assert_eq!(stored(&s3), expected.collect());
    let n_puts = proxy
        .requests()
        .iter()
        .filter(|seen| is_put(&seen.method))
        .count();
    assert!(n_puts >= 4 + 14, "{n_puts}");
}

#[test]
fn a_success_that_is_an_error_leaves_nothing_and_is_said() {
    // D-04: the call that puts the parts together may fail under status 200.
    let lie = Rule::new(Action::OkWithError("InternalError".to_owned()))
        .method("POST")
        .query("uploadId");
    let (s3, proxy) = store(vec![lie]);
    let tree = job("head -c 9000000 /dev/zero > large; echo small > small");
    let finished = start(&tree, &proxy.variables(), &[("OPTML_UPLOAD_WAIT_S", "6")]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    says(&finished, &["not uploaded: `large`: "]);
    let keys: Vec<_> = s3.list(BUCKET, "").into_iter().map(|o| o.key).collect();
    assert_eq!(keys, [format!("{PREFIX}small")]);
    assert_eq!(s3.uploads(BUCKET), [""; 0]);
}

#[test]
fn after_a_stop_signal_the_last_files_still_go_out() {
    for code in [0, 7] {
        let (s3, proxy) = store(vec![]);
        let tree = job(&format!(
            "trap 'echo late > late; exit {code}' TERM
echo early > early
echo up
while :; do sleep 0.02; done"
        ));
        let process = start(&tree, &proxy.variables(), &[]);
        process.stdout_line("up");
        process.signal(Signal::TERM);
        let finished = process.wait();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        let expected = [("early", "early\n"), ("late", "late\n")];
        let expected = expected.map(|(name, content)| (name.to_owned(), content.to_owned()));
        assert_eq!(stored(&s3), BTreeMap::from(expected));
    }
}

#[test]
fn a_stop_signal_in_mid_upload_ends_within_the_grace() {
    // D-04. The store takes a part of a file and then nothing more.
    let held = Rule::new(Action::HoldRequestBody(1 << 20)).query("partNumber=");
    let (s3, proxy) = store(vec![held]);
    let tree = job("head -c 20000000 /dev/zero > large
echo up
while :; do sleep 0.02; done");
    let process = start(&tree, &proxy.variables(), &[("OPTML_STOP_GRACE_S", "1")]);
    process.stdout_line("up");
    let is_held = |seen: &optml_testkit::Seen| seen.n_body_bytes >= 1 << 20;
    proxy.wait_for(is_held, Duration::from_secs(50));
    assert_eq!(s3.uploads(BUCKET), [format!("{PREFIX}large")]);
    let begin = Instant::now();
    process.signal(Signal::TERM);
    let finished = process.wait();
    let took = begin.elapsed();
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    // A second for the grace, five for uploads, two to tidy up.
    assert!(took < Duration::from_secs(9), "{took:?}");
    says(
        &finished,
        &[
            "intermediate output: uploading what is left n_files=1 n_bytes=20000000",
            "not uploaded: `large`: the time was up",
        ],
    );
    assert_eq!(s3.uploads(BUCKET), [""; 0], "parts were left behind");
    assert_eq!(s3.list(BUCKET, ""), []);
}

#[test]
fn a_store_that_never_answers_costs_the_time_that_was_given() {
    let (_s3, proxy) = store(vec![Rule::new(Action::Stall)]);
    let tree = job("echo x > one; echo y > two; echo done");
    let process = start(&tree, &proxy.variables(), &[("OPTML_UPLOAD_WAIT_S", "1")]);
    process.stdout_line("done");
    let begin = Instant::now();
    let finished = process.wait();
    let took = begin.elapsed();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(tree.path("output/success").exists());
    says(
        &finished,
        &[
            "not uploaded: `one`: the time was up",
            "not uploaded: `two`: the time was up",
        ],
    );
    let asked = proxy.requests();
    assert!(
        asked.iter().any(|seen| is_put(&seen.method)),
        "nothing was tried: {asked:?}"
    );
}

#[test]
fn a_stop_signal_shortens_the_wait_for_uploads() {
    // The script is done, and its code stays what it was.
    for code in [0, 5] {
        let (_s3, proxy) = store(vec![Rule::new(Action::Stall).method("PUT")]);
        let tree = job(&format!("echo x > one; exit {code}"));
        let process = start(&tree, &proxy.variables(), &[("OPTML_STOP_GRACE_S", "1")]);
        process.stderr_line("the script has ended");
        proxy.wait_for(|seen| is_put(&seen.method), Duration::from_secs(50));
        let begin = Instant::now();
        process.signal(Signal::TERM);
        let finished = process.wait();
        let took = begin.elapsed();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(took < Duration::from_secs(9), "{took:?}");
        assert_eq!(tree.path("output/success").exists(), code == 0);
        says(&finished, &["not uploaded: `one`: the time was up"]);
    }
}

#[test]
fn a_store_that_is_not_there_costs_the_time_that_was_given() {
    // A port that nobody listens on any more.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let tree = job("echo x > one");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "x".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL_S3", endpoint),
    ];
    let finished = start(&tree, &variables, &[("OPTML_UPLOAD_WAIT_S", "1")]).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    says(&finished, &["not uploaded: `one`: "]);
}

#[test]
fn the_reason_of_a_failure_is_there_before_anything_is_waited_for() {
    let held = Rule::new(Action::HoldRequestBody(0)).method("PUT");
    let (s3, proxy) = store(vec![held]);
    let tree = job("echo x > file; echo 'no luck' >&2; exit 9");
    let process = start(&tree, &proxy.variables(), &[]);
    proxy.wait_for(|seen| is_put(&seen.method), Duration::from_secs(50));
    until("a failure file", || {
        tree.read("output/failure").contains("no luck")
    });
    assert_eq!(stored(&s3), BTreeMap::new(), "it is still held");
    proxy.release();
    let finished = process.wait();
    assert_eq!(finished.code, Some(9), "{}", finished.stderr);
    let expected = ("file".to_owned(), "x\n".to_owned());
    assert_eq!(stored(&s3), BTreeMap::from([expected]));
}
