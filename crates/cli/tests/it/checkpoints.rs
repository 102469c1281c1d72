//! Checkpoints in a bucket: restored before the script sees them, kept in step while it runs.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, FileTimes},
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use optml_testkit::{Action, FaultProxy, Finished, OptMl, Proc, Rule, S3, pattern_byte};
use rustix::process::Signal;

use crate::rig::{self, binary};

const BUCKET: &str = "checkpoints";
const URL: (&str, &str) = ("OPTML_CHECKPOINT_URL", "s3://checkpoints/run/a");
const PREFIX: &str = "run/a/";

fn store(rules: Vec<Rule>) -> (S3, FaultProxy) {
    rig::bucket_with_faults(BUCKET, rules)
}

/// A job whose script is a shell's, in the folder of checkpoints. It first prints what it finds.
fn job(script: &str) -> OptMl {
    let script = format!(
        "#!/bin/sh
set -e
cd \"$SAGEMAKER_BASE_DIR/checkpoints\"
echo begin; find . -type f -printf '%P %s\\n' | sort; echo end
{script}
"
    );
    OptMl::with_script("train.sh", &script)
}

#[track_caller]
fn start(tree: &OptMl, store: &[(&str, String)]) -> Proc {
    let store = store.iter().map(|(name, value)| (*name, value.as_str()));
    rig::start(tree, &["train"], &store.chain([URL]).collect::<Vec<_>>())
}

#[track_caller]
fn train(tree: &OptMl, store: &[(&str, String)]) -> Finished {
    let finished = start(tree, store).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

/// What the script found: names and sizes.
#[track_caller]
fn found(finished: &Finished) -> Vec<String> {
    let (_, rest) = finished.stdout.split_once("begin\n").unwrap();
    let (found, _) = rest.split_once("end\n").unwrap();
    found.lines().map(str::to_owned).collect()
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

fn named<const N: usize>(files: [(&str, &str); N]) -> BTreeMap<String, String> {
    BTreeMap::from(files.map(|(name, content)| (name.to_owned(), content.to_owned())))
}

fn put(s3: &S3, name: &str, content: impl AsRef<[u8]>) {
    s3.put(BUCKET, &format!("{PREFIX}{name}"), content.as_ref());
}

/// The names in a folder, hidden ones too.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(50);
    while !holds() {
        assert!(Instant::now() < end, "not within 50 s: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// The job ends with the code for what it needs, and the script has not run.
#[track_caller]
fn refused(tree: &OptMl, store: &[(&str, String)], parts: &[&str]) {
    let finished = start(tree, store).wait();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    assert_eq!(finished.stdout, "", "the script has run");
    says(&finished.stderr, parts);
    says(
        &tree.read("output/failure"),
        &["restore the checkpoints", parts[0]],
    );
    assert!(!tree.path("output/success").exists());
}

#[test]
fn a_second_run_begins_where_the_first_one_ended() {
    let (s3, proxy) = store(vec![]);
    let first = job("echo 1 > step-1
mkdir -p deep/er; echo nested > 'deep/er/é %20'
: > empty
head -c 9000000 /dev/zero | tr '\\0' x > .large; mv .large large");
    let finished = train(&first, &proxy.variables());
    assert_eq!(found(&finished), [""; 0]);
    says(
        &finished.stderr,
        &[
            "checkpoints are restored",
            "n_files=0",
            "checkpoints: everything is uploaded",
        ],
    );
    let large = "x".repeat(9_000_000);
    let written = [
        ("deep/er/é %20", "nested\n"),
        ("empty", ""),
        ("large", &large),
        ("step-1", "1\n"),
    ];
    assert!(stored(&s3) == named(written), "{:?}", s3.list(BUCKET, ""));

    let n_before = proxy.requests().len();
    let second = job("cat deep/er/*; echo 2 > step-2; rm step-1");
    let finished = train(&second, &proxy.variables());
    let expected = ["deep/er/é %20 7", "empty 0", "large 9000000", "step-1 2"];
    assert_eq!(found(&finished), expected);
    assert!(finished.stdout.ends_with("end\nnested\n"));
    assert!(second.read("checkpoints/large") == large);
    // What was restored is not sent back.
    let sent: Vec<_> = proxy.requests()[n_before..]
        .iter()
        .filter(|seen| seen.method == "PUT")
        .map(|seen| seen.target.clone())
        .collect();
    assert_eq!(sent, ["/checkpoints/run/a/step-2"]);
    // Deletions are not passed on.
    assert_eq!(stored(&s3).len(), 5);
    assert!(
        names_in(&second.path("checkpoints"))
            .iter()
            .all(|name| !name.starts_with(".optml"))
    );
}

#[test]
fn an_empty_prefix_is_a_beginning() {
    let (s3, proxy) = store(vec![]);
    // Somebody else's, and what a console makes of a folder.
    s3.put(BUCKET, "run/ab", b"x");
    s3.put(BUCKET, "run/a/", b"");
    let finished = train(&job("echo first > one"), &proxy.variables());
    assert_eq!(found(&finished), [""; 0]);
    assert_eq!(
        s3.get(BUCKET, "run/a/one").as_deref(),
        Some(&b"first\n"[..])
    );
}

#[test]
fn more_objects_than_one_page_lists() {
    let (s3, proxy) = store(vec![]);
    for n in 0..130 {
        put(&s3, &format!("shard-{n:03}"), n.to_string());
    }
    let finished = train(&job(":"), &proxy.variables());
    let expected: Vec<_> = (0..130)
        .map(|n| format!("shard-{n:03} {}", n.to_string().len()))
        .collect();
    assert_eq!(found(&finished), expected);
}

#[test]
fn files_that_are_here_stay_when_they_are_newer() {
    // A container that starts again on the same disk.
    let (s3, proxy) = store(vec![]);
    for name in ["newer", "newer-of-same-size", "older", "missing"] {
        put(&s3, name, "theirs");
    }
    let tree = job("cat newer newer-of-same-size older missing")
        .file("checkpoints/newer", "ours, and longer")
        .file("checkpoints/newer-of-same-size", "ours!!")
        .file("checkpoints/older", "ours, and longer")
        .file("checkpoints/only-here", "ours");
    let now = SystemTime::now();
    let minute = Duration::from_mins(1);
    for (name, time) in [
        ("newer", now + minute),
        ("newer-of-same-size", now + minute),
        ("older", now - minute),
    ] {
        set_modified(&tree.path("checkpoints").join(name), time);
    }
    let finished = train(&tree, &proxy.variables());
    assert!(
        finished
            .stdout
            .ends_with("end\nours, and longerours!!theirstheirs"),
        "{}",
        finished.stdout
    );
    says(&finished.stderr, &["n_files=2", "n_kept=2"]);
    let expected = [
        ("missing", "theirs"),
        ("newer", "ours, and longer"),
        ("newer-of-same-size", "ours!!"),
        ("older", "theirs"),
        ("only-here", "ours"),
    ];
    assert_eq!(stored(&s3), named(expected));

    // The next start on this disk fetches nothing that is as the store has it.
    put(&s3, "other", "x");
    let tree = OptMl::with_script("train.sh", "#!/bin/sh\n:\n");
    train(&tree, &proxy.variables());
    let finished = train(&tree, &proxy.variables());
    says(&finished.stderr, &["n_files=0", "n_kept=6"]);
}

#[test]
fn a_kill_in_the_middle_of_a_restore_leaves_nothing_by_halves() {
    // D-02.
    let large: Vec<u8> = (0..9_000_000).map(pattern_byte).collect();
    let slow = Rule::new(Action::Slow(100_000)).method("GET").path("large");
    let (s3, proxy) = store(vec![slow]);
    put(&s3, "large", &large);
    put(&s3, "small", "small");
    let tree = job("true").file("checkpoints/old", "old");
    let process = start(&tree, &proxy.variables());
    let folder = tree.path("checkpoints");
    let beside = folder.join(format!(".optml-restore-{}", process.id()));
    until("a part of the large object", || {
        beside.join("small").exists() && beside.join("large").exists()
    });
    // After two seconds it says how far it is.
    let line = process.stderr_line("restoring the checkpoints");
    assert!(line.contains("total_mb=9"), "{line}");
    process.signal(Signal::KILL);
    let finished = process.wait();
    assert_eq!((finished.signal, &*finished.stdout), (Some(9), ""));
    let left = beside.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names_in(&folder), [left, "old".to_owned()]);

    let finished = train(&tree, &s3.variables());
    let expected = ["large 9000000", "old 3", "small 5"];
    assert_eq!(found(&finished), expected);
    assert!(fs::read(folder.join("large")).unwrap() == large);
    assert_eq!(names_in(&folder), ["large", "old", "small"]);
    let keys: Vec<_> = s3.list(BUCKET, "").into_iter().map(|o| o.key).collect();
    assert_eq!(keys, ["run/a/large", "run/a/old", "run/a/small"]);
}

#[test]
fn a_stop_signal_in_the_middle_of_a_restore() {
    for action in [Action::Stall, Action::Slow(1000)] {
        let (s3, proxy) = store(vec![Rule::new(action).method("GET").path("large")]);
        put(&s3, "large", vec![1; 5_000_000]);
        put(&s3, "small", "small");
        let tree = job("true").file("checkpoints/old", "old");
        let process = start(&tree, &proxy.variables());
        proxy.wait_for(
            |seen| seen.target.contains("large"),
            Duration::from_secs(50),
        );
        let begin = Instant::now();
        process.signal(Signal::TERM);
        let finished = process.wait();
        let took = begin.elapsed();
        assert_eq!(finished.code, Some(143), "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(names_in(&tree.path("checkpoints")), ["old"]);
        assert!(tree.read("output/failure").contains("SIGTERM"));
    }
}

#[test]
fn a_restore_that_fails_ends_the_job_before_the_script() {
    let denied = |action: Action, query: &str| Rule::new(action).method("GET").query(query);
    let (s3, proxy) = store(vec![denied(
        Action::error(403, "AccessDenied"),
        "list-type",
    )]);
    put(&s3, "one", "1");
    let tree = job("true").file("checkpoints/old", "old");
    refused(
        &tree,
        &proxy.variables(),
        &["access is denied: AccessDenied", "`s3:ListBucket`"],
    );
    assert_eq!(names_in(&tree.path("checkpoints")), ["old"]);

    // One object of two.
    let rule = Rule::new(Action::error(403, "AccessDenied")).path("two");
    let proxy = FaultProxy::start(&s3.endpoint(), vec![rule]);
    put(&s3, "two", "2");
    refused(
        &tree,
        &proxy.variables(),
        &[
            "s3://checkpoints/run/a/two",
            "access is denied",
            "`s3:GetObject`",
        ],
    );
    assert_eq!(
        names_in(&tree.path("checkpoints")),
        ["old"],
        "all or nothing"
    );

    let rule = Rule::new(Action::CorruptBody).path("two");
    let proxy = FaultProxy::start(&s3.endpoint(), vec![rule]);
    refused(
        &tree,
        &proxy.variables(),
        &["the content is damaged", "MD5"],
    );
    assert_eq!(
        names_in(&tree.path("checkpoints")),
        ["old"],
        "all or nothing"
    );
}

/// Training from the beginning by mistake costs more than a job that fails.
#[test]
fn a_list_that_is_none_is_no_empty_place() {
    let (s3, _) = store(vec![]);
    put(&s3, "one", "1");
    let page = Action::Status {
        status: 200,
        body: b"<html><body>Sign in to this network</body></html>".to_vec(),
        headers: vec![],
    };
    let rule = Rule::new(page).query("list-type");
    let proxy = FaultProxy::start(&s3.endpoint(), vec![rule]);
    let tree = job("true");
    refused(&tree, &proxy.variables(), &["it is no list of objects"]);
}

#[test]
fn a_body_that_never_comes_ends_the_job_in_bounded_time() {
    // D-04.
    let rule = Rule::new(Action::ShortBody(0)).method("GET").path("one");
    let (s3, proxy) = store(vec![rule]);
    put(&s3, "one", "checkpoint");
    let tree = job("true").file("checkpoints/old", "old");
    refused(&tree, &proxy.variables(), &["s3://checkpoints/run/a/one"]);
    assert_eq!(names_in(&tree.path("checkpoints")), ["old"]);
}

#[test]
fn a_body_that_breaks_off_once_is_fetched_again() {
    let rule = Rule::new(Action::ResetAfter(1_000_000))
        .method("GET")
        .path("one")
        .once();
    let short = Rule::new(Action::ShortBody(3))
        .method("GET")
        .path("two")
        .once();
    let busy = Rule::new(Action::slow_down()).query("list-type").times(2);
    let (s3, proxy) = store(vec![rule, short, busy]);
    let large: Vec<u8> = (0..3_000_000).map(pattern_byte).collect();
    put(&s3, "one", &large);
    put(&s3, "two", "checkpoint");
    let tree = job("true");
    let finished = train(&tree, &proxy.variables());
    assert_eq!(found(&finished), ["one 3000000", "two 10"]);
    assert!(fs::read(tree.path("checkpoints/one")).unwrap() == large);
}

#[test]
fn what_a_folder_can_not_hold_is_named() {
    let (s3, _) = store(vec![]);
    put(&s3, "a", "a file");
    put(&s3, "a/b", "and a folder");
    let tree = job("true");
    refused(
        &tree,
        &s3.variables(),
        &["the object `a", "rename or remove"],
    );
    assert_eq!(names_in(&tree.path("checkpoints")), [""; 0]);
}

#[test]
fn a_place_that_no_file_can_take_is_named_before_anything_is_moved() {
    let (s3, _) = store(vec![]);
    put(&s3, "a", "x");
    put(&s3, "taken", "x");
    let tree = job("true").file("checkpoints/taken/by", "x");
    refused(
        &tree,
        &s3.variables(),
        &["checkpoints/taken`: is a directory", "remove or rename"],
    );
    assert_eq!(names_in(&tree.path("checkpoints")), ["taken"]);

    let tree = job("true").file("checkpoints", "a file");
    refused(&tree, &s3.variables(), &["checkpoints`: File exists"]);
}

#[test]
fn a_volume_that_is_too_small_ends_the_job_with_nothing_left_on_it() {
    // D-01. A small file system in a mount namespace of its own, which the test looks at through the job's process.
    let (s3, proxy) = store(vec![]);
    put(&s3, "a-small", "x");
    for n in 0..3 {
        // Small enough to come beside each other, and one that comes in pieces.
        put(&s3, &format!("medium-{n}"), vec![1; 1_000_000]);
    }
    put(&s3, "z-large", vec![1; 5_000_000]);
    for size in ["2m", "6m"] {
        let tree = job("true").file("checkpoints/old", "old");
        let folder = tree.path("checkpoints");
        let script = "mount -t tmpfs -o size=$1 none \"$2\"; echo old > \"$2/old\"; \"$3\" train; code=$?; ls -A \"$2\"; exit $code";
        let exe = binary();
        let words = ["-m", "sh", "-c", script, "sh", size].map(OsStr::new);
        let words = words.into_iter().chain([folder.as_os_str(), &exe]);
        let variables = proxy.variables();
        let mut all: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, OsStr::new(value)))
            .collect();
        all.push((URL.0, OsStr::new(URL.1)));
        all.push(("SAGEMAKER_BASE_DIR", tree.base().as_os_str()));
        let finished = Proc::start("unshare", words, &all).wait();
        assert_eq!(finished.code, Some(4), "{}", finished.stderr);
        assert_eq!(finished.stdout, "old\n", "what is left on the volume");
        says(
            &finished.stderr,
            &["restore the checkpoints: ", "give the volume more space"],
        );
    }
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    let s3 = S3::start();
    refused(
        &job("true"),
        &s3.variables(),
        &["NoSuchBucket", "s3://checkpoints/run/a", "check the bucket"],
    );
}

#[test]
fn where_the_platform_keeps_checkpoints_it_is_left_to_it() {
    let (_s3, proxy) = store(vec![]);
    let tree = job("echo x > one")
        .file("input/config/checkpointconfig.json", "{}")
        .file("checkpoints/from-platform", "x");
    let finished = train(&tree, &proxy.variables());
    assert_eq!(found(&finished), ["from-platform 1"]);
    says(
        &finished.stderr,
        &["WARN", "OPTML_CHECKPOINT_URL is not used"],
    );
    assert_eq!(proxy.requests(), []);
}

#[test]
fn an_address_that_makes_no_sense_ends_the_job_before_anything_is_fetched() {
    let (_s3, proxy) = store(vec![]);
    let tree = job("true").hyperparameter("sagemaker_submit_directory", "s3://checkpoints/x.zip");
    for (url, reason) in [
        ("checkpoints", "`checkpoints` is no address of a store"),
        ("https://host/x?sig=hidden", "takes no uploads"),
        ("s3:///x", "names no bucket"),
    ] {
        let variables = proxy.variables();
        let store = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = store.chain([("OPTML_CHECKPOINT_URL", url)]).collect();
        let finished = rig::start(&tree, &["train"], &variables).wait();
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        says(&finished.stderr, &["`OPTML_CHECKPOINT_URL`", reason]);
        assert!(!finished.stderr.contains("hidden"), "{}", finished.stderr);
        assert_eq!((finished.stdout.as_str(), proxy.requests()), ("", vec![]));
    }
}

#[test]
fn a_script_that_is_stopped_or_fails_has_its_checkpoints_stored() {
    let (s3, proxy) = store(vec![]);
    let script = "trap 'echo 2 > last; exit 0' TERM; echo 1 > first; echo up
while :; do sleep 0.02; done";
    let tree = job(script);
    let process = start(&tree, &proxy.variables());
    process.stdout_line("up");
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(stored(&s3), named([("first", "1\n"), ("last", "2\n")]));

    let tree = job("echo 3 > last; kill -9 $$");
    let finished = start(&tree, &proxy.variables()).wait();
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    assert_eq!(found(&finished), ["first 2", "last 2"]);
    assert_eq!(stored(&s3), named([("first", "1\n"), ("last", "3\n")]));
}

#[test]
fn checkpoints_and_intermediate_output_are_kept_side_by_side() {
    let (s3, proxy) = store(vec![]);
    let tree = job("echo 1 > one; echo 2 > \"$SM_OUTPUT_INTERMEDIATE_DIR/two\"")
        .hyperparameter("sagemaker_s3_output", "s3://checkpoints/run/a/outputs");
    let mut variables = proxy.variables();
    variables.push(("TRAINING_JOB_NAME", "j".to_owned()));
    let finished = train(&tree, &variables);
    let expected = [("one", "1\n"), ("outputs/j/output/intermediate/two", "2\n")];
    assert_eq!(stored(&s3), named(expected));
    says(
        &finished.stderr,
        &[
            "checkpoints: everything is uploaded",
            "intermediate output: everything is uploaded",
        ],
    );
}

#[test]
fn a_person_continues_with_one_flag() {
    let (s3, proxy) = store(vec![]);
    let script = "import os
folder = os.path.join(os.environ['SAGEMAKER_BASE_DIR'], 'checkpoints')
path = os.path.join(folder, 'epoch')
epoch = int(open(path).read()) if os.path.exists(path) else 0
print('from epoch', epoch)
with open(path, 'w') as file:
    file.write(str(epoch + 1))
with open(os.path.join(os.environ['SM_MODEL_DIR'], 'model'), 'w') as file:
    file.write('m')
";
    let variables = proxy.variables();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, OsStr::new(value)))
        .collect();
    for epoch in 0..3 {
        // A clean folder each time.
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("train.py"), script).unwrap();
        let words = ["local", "train", "--checkpoint-s3", URL.1];
        let mut command = Proc::command(binary(), words, &variables);
        command.current_dir(project.path());
        let finished = Proc::start_command(command).wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.stdout, format!("from epoch {epoch}\n"));
        assert_eq!(stored(&s3), named([("epoch", &(epoch + 1).to_string())]));
    }

    // And a store that can't be read ends it before the script.
    proxy.add(Rule::new(Action::error(403, "AccessDenied")));
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("train.py"), script).unwrap();
    let words = ["local", "train", "--checkpoint-s3", URL.1];
    let mut command = Proc::command(binary(), words, &variables);
    command.current_dir(project.path());
    let finished = Proc::start_command(command).wait();
    assert_eq!((finished.code, &*finished.stdout), (Some(4), ""));
    says(
        &finished.stderr,
        &["training failed", "restore the checkpoints", "AccessDenied"],
    );
}

#[test]
fn the_example_trains_with_a_place_for_checkpoints() {
    let (s3, proxy) = store(vec![]);
    let original = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iris"));
    let project = tempfile::tempdir().unwrap();
    fs::create_dir_all(project.path().join("data/training")).unwrap();
    for name in ["optml.toml", "train.py", "data/training/iris.csv"] {
        fs::copy(original.join(name), project.path().join(name)).unwrap();
    }
    put(&s3, "earlier", "x");
    let variables = proxy.variables();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, OsStr::new(value)))
        .collect();
    let folder = project.path().to_str().unwrap();
    let words = ["local", "train", folder, "--checkpoint-s3", URL.1];
    let finished = Proc::start(binary(), words, &variables).wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    says(&finished.stderr, &["Completed in "]);
    let run = project.path().join(".optml/runs/latest/algo-1/checkpoints");
    assert_eq!(names_in(&run), ["earlier"]);
    assert_eq!(stored(&s3), named([("earlier", "x")]));
}
