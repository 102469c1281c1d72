use optml_contract::cluster::Placement;

use super::*;
use crate::{entry::EntryPoint, launcher::tests::Job};

const FLAGS_BY_PRIORITY: [(&str, Launcher); 7] = [
    ("sagemaker_mpi_enabled", Launcher::Mpirun),
    ("sagemaker_pytorch_ddp_enabled", Launcher::Smddp),
    ("sagemaker_torch_distributed_enabled", Launcher::Torchrun),
    (
        "sagemaker_distributed_dataparallel_enabled",
        Launcher::Smddp,
    ),
    ("sagemaker_pytorch_xla_multi_worker_enabled", Launcher::Xla),
    (
        "sagemaker_parameter_server_enabled",
        Launcher::TensorflowServers,
    ),
    (
        "sagemaker_multi_worker_mirrored_strategy_enabled",
        Launcher::TensorflowWorkers,
    ),
];

fn entry() -> Work {
    Work::EntryPoint(EntryPoint::parse("train.py").unwrap())
}

fn hook() -> Work {
    Work::Hook {
        module: "a".to_owned(),
        function: "b".to_owned(),
    }
}

fn chosen(job: &Job, work: &Work, packages: &[&str]) -> Chosen {
    let has_package = |name: &str| packages.contains(&name);
    job.with(|site| choose(site.options, site.env, site.cluster, work, &has_package))
}

#[track_caller]
fn check(job: &Job, work: &Work, launcher: Launcher, why: &str) {
    let chosen = chosen(job, work, &["tensorflow"]);
    assert_eq!(
        (chosen.launcher, chosen.why.to_string().as_str()),
        (launcher, why)
    );
    assert_eq!(chosen.note, None);
}

#[test]
fn without_a_word_there_is_one_process() {
    check(
        &Job::of(2),
        &entry(),
        Launcher::Plain,
        "nothing asks for another",
    );
}

#[test]
fn each_flag_has_its_launcher_and_the_first_counts() {
    for first in 0..FLAGS_BY_PRIORITY.len() {
        let job = FLAGS_BY_PRIORITY[first..]
            .iter()
            .fold(Job::of(2), |job, (flag, _)| job.hp(flag, "true"));
        let (flag, launcher) = FLAGS_BY_PRIORITY[first];
        let origin = format!("`/opt/ml/input/config/hyperparameters.json` at `/{flag}`");
        check(&job, &entry(), launcher, &origin);
    }
}

#[test]
fn capture_has_nothing_to_do_with_launchers() {
    let job = Job::of(2).hp("sagemaker_toolkit_native_launcher_enabled", "true");
    check(&job, &entry(), Launcher::Plain, "nothing asks for another");
}

#[test]
fn texts_that_say_no_are_no() {
    for no in [
        "false", "False", "FALSE", "0", "no", "off", "", "null", "[]", "{}", "0.0", "\"no\"",
    ] {
        let job = Job::of(2).hp("sagemaker_mpi_enabled", no);
        assert_eq!(
            chosen(&job, &entry(), &[]).launcher,
            Launcher::Plain,
            "{no:?}"
        );
    }
    for yes in ["true", "True", "1", "yes", "on", "anything", "[0]"] {
        let job = Job::of(2).hp("sagemaker_mpi_enabled", yes);
        assert_eq!(
            chosen(&job, &entry(), &[]).launcher,
            Launcher::Mpirun,
            "{yes:?}"
        );
    }
}

#[test]
fn our_own_variable_comes_first() {
    let mut job = Job::of(2).hp("sagemaker_mpi_enabled", "true");
    for (_, launcher) in Launcher::WORDS {
        job.options.launcher = Some(launcher);
        for work in [entry(), hook(), Work::Command(vec!["x".into()])] {
            check(&job, &work, launcher, "variable `OPTML_LAUNCHER`");
        }
    }
}

#[test]
fn commands_and_hooks_get_no_launcher_by_hyperparameters() {
    let job = Job::of(2).hp("sagemaker_mpi_enabled", "true");
    check(
        &job,
        &hook(),
        Launcher::Plain,
        "the framework launches what it needs",
    );
    let command = Work::Command(vec!["x".into()]);
    check(&job, &command, Launcher::Plain, "nothing asks for another");
}

#[test]
fn parameter_servers_are_those_of_the_framework_that_is_there() {
    let job = Job::of(2).hp("sagemaker_parameter_server_enabled", "true");
    let both = chosen(&job, &entry(), &["mxnet", "tensorflow"]);
    assert_eq!(both.launcher, Launcher::TensorflowServers);
    assert_eq!(chosen(&job, &entry(), &["mxnet"]).launcher, Launcher::Mxnet);
    let none = chosen(&job, &entry(), &[]);
    assert_eq!((none.launcher, none.why), (Launcher::Plain, Why::Nobody));
    insta::assert_snapshot!(none.note.unwrap(), @"`/opt/ml/input/config/hyperparameters.json` at `/sagemaker_parameter_server_enabled` asks for parameter servers, and the interpreter has neither `tensorflow` nor `mxnet`");
}

#[test]
fn nothing_is_launched_inside_a_rank_or_outside_the_hosts() {
    let mut job = Job::of(2);
    job.edit = |cluster| {
        cluster.placement = Placement::InsideARank {
            shown_by: Origin::variable("LOCAL_RANK"),
        };
    };
    let inside = "a launcher has started this process, as variable `LOCAL_RANK` shows";
    check(&job, &entry(), Launcher::Plain, inside);
    job.options.launcher = Some(Launcher::Plain);
    check(&job, &entry(), Launcher::Plain, inside);
    job.options.launcher = Some(Launcher::Torchrun);
    insta::assert_snapshot!(chosen(&job, &entry(), &[]).note.unwrap(), @"variable `OPTML_LAUNCHER` asks for a launcher, but nothing is launched here: a launcher has started this process, as variable `LOCAL_RANK` shows");

    let mut job = Job::of(2).hp("sagemaker_mpi_enabled", "true");
    job.edit = |cluster| cluster.placement = Placement::Outside;
    let outside = chosen(&job, &entry(), &[]);
    assert_eq!(
        (outside.launcher, outside.why),
        (Launcher::Plain, Why::Outside)
    );
    insta::assert_snapshot!(outside.note.unwrap(), @"`/opt/ml/input/config/hyperparameters.json` at `/sagemaker_mpi_enabled` asks for a launcher, but nothing is launched here: this host is none of those that train together");
}
