//! Which launcher a job asks for.
//!
//! `OPTML_LAUNCHER` comes first, then the hyperparameters that the platform's SDK writes for a distribution. Neither
//! counts where nothing may be launched: inside a rank, and on a host that takes no part.

use std::fmt;

use optml_contract::{
    Origin, TrainingEnv,
    cluster::{Cluster, Placement},
    json::Json,
    options::{Launcher, Options},
    text::Text,
    vars,
};

use crate::launch::Work;

#[cfg(test)]
mod tests;

/// A launcher, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The launcher.
    pub launcher: Launcher,
    /// Why.
    pub why: Why,
    /// What a person should know, for the log.
    pub note: Option<String>,
}

/// Why a launcher was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Somebody asks for it.
    Asked(Origin),
    /// A launcher has started this process.
    InsideARank {
        /// What shows it.
        shown_by: Origin,
    },
    /// This host is none of those that train together.
    Outside,
    /// A framework's own training entry launches what it needs.
    Hook,
    /// Nobody asks for one.
    Nobody,
}

/// What asks for a launcher.
const FLAGS: [(&str, Asks); 7] = [
    ("sagemaker_mpi_enabled", Asks::For(Launcher::Mpirun)),
    ("sagemaker_pytorch_ddp_enabled", Asks::For(Launcher::Smddp)),
    (
        "sagemaker_torch_distributed_enabled",
        Asks::For(Launcher::Torchrun),
    ),
    (
        "sagemaker_distributed_dataparallel_enabled",
        Asks::For(Launcher::Smddp),
    ),
    (
        "sagemaker_pytorch_xla_multi_worker_enabled",
        Asks::For(Launcher::Xla),
    ),
    (
        "sagemaker_parameter_server_enabled",
        Asks::ForParameterServers,
    ),
    (
        "sagemaker_multi_worker_mirrored_strategy_enabled",
        Asks::For(Launcher::TensorflowWorkers),
    ),
];

#[derive(Debug, Clone, Copy)]
enum Asks {
    For(Launcher),
    /// Of the framework that is installed.
    ForParameterServers,
}

/// The launcher of a job. `has_package` tells if the user's interpreter has a package, and is only asked where it matters.
///
/// Of several hyperparameters the first of this list counts: MPI, `smddp` for `PyTorch`, torchrun, SageMaker's data
/// parallel library, XLA, parameter servers, TensorFlow's workers. A command of its own gets a launcher only by
/// `OPTML_LAUNCHER`; so does a framework's hook, which otherwise launches by itself.
///
/// **Source**: sagemaker-pytorch-training 3.0.0; sagemaker-tensorflow-training 20.5.0 has parameter servers first.
pub fn choose(
    options: &Options,
    env: &TrainingEnv,
    cluster: &Cluster,
    work: &Work,
    has_package: &dyn Fn(&str) -> bool,
) -> Chosen {
    let asked = match (options.launcher, work) {
        (Some(launcher), _) => Asked {
            launcher: Some(launcher),
            origin: Some(Origin::variable(vars::OPTML_LAUNCHER.name)),
        },
        (None, Work::EntryPoint(_)) => by_hyperparameters(env, has_package),
        (None, Work::Hook { .. } | Work::Command(_)) => Asked::default(),
    };
    let instead = match &cluster.placement {
        Placement::InsideARank { shown_by } => Why::InsideARank {
            shown_by: shown_by.clone(),
        },
        Placement::Outside => Why::Outside,
        Placement::Host => return asked.here(work),
    };
    let note = match &asked.origin {
        Some(origin) if asked.launcher != Some(Launcher::Plain) => Some(format!(
            "{origin} asks for a launcher, but nothing is launched here: {instead}"
        )),
        _ => None,
    };
    Chosen {
        launcher: Launcher::Plain,
        why: instead,
        note,
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(origin) => origin.fmt(f),
            Self::InsideARank { shown_by } => {
                write!(
                    f,
                    "a launcher has started this process, as {shown_by} shows"
                )
            }
            Self::Outside => f.write_str("this host is none of those that train together"),
            Self::Hook => f.write_str("the framework launches what it needs"),
            Self::Nobody => f.write_str("nothing asks for another"),
        }
    }
}

/// What a job asks for. With an origin and no launcher: for something that there is none for.
#[derive(Debug, Default)]
struct Asked {
    launcher: Option<Launcher>,
    origin: Option<Origin>,
}

impl Asked {
    /// The choice on a host that launches.
    fn here(self, work: &Work) -> Chosen {
        match (self.launcher, self.origin) {
            (Some(launcher), Some(origin)) => Chosen {
                launcher,
                why: Why::Asked(origin),
                note: None,
            },
            (_, origin) => Chosen {
                launcher: Launcher::Plain,
                why: match work {
                    Work::Hook { .. } => Why::Hook,
                    Work::Command(_) | Work::EntryPoint(_) => Why::Nobody,
                },
                note: origin.map(|origin| {
                    format!("{origin} asks for parameter servers, and the interpreter has neither `tensorflow` nor `mxnet`")
                }),
            },
        }
    }
}

fn by_hyperparameters(env: &TrainingEnv, has_package: &dyn Fn(&str) -> bool) -> Asked {
    let all = env.all_hyperparameters();
    let flag = FLAGS
        .into_iter()
        .find(|(name, _)| all.get(name).is_some_and(is_on));
    let Some((name, asks)) = flag else {
        return Asked::default();
    };
    let launcher = match asks {
        Asks::For(launcher) => Some(launcher),
        Asks::ForParameterServers if has_package("tensorflow") => Some(Launcher::TensorflowServers),
        Asks::ForParameterServers if has_package("mxnet") => Some(Launcher::Mxnet),
        Asks::ForParameterServers => None,
    };
    Asked {
        launcher,
        origin: Some(all.origin(&Text::from(name))),
    }
}

/// Python's truth, but for texts that say no: the text `False` switches MPI on in the reference.
fn is_on(value: &Json) -> bool {
    let says_no = |text: &str| {
        ["false", "0", "no", "off"]
            .iter()
            .any(|no| text.trim().eq_ignore_ascii_case(no))
    };
    value.is_truthy() && !value.as_text().and_then(Text::as_str).is_some_and(says_no)
}
