//! torchrun: one agent a host, which starts the ranks of that host.
//!
//! **Source**: sagemaker-training 5.1.4, `torch_distributed`, for the words; `PyTorch`, "torchrun (Elastic Launch)".

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use optml_contract::vars;

use super::{LauncherError, Part, Plan, Process, Site, words};

#[cfg(test)]
mod tests;

const NAME: &str = "torchrun";

/// torchrun with fixed hosts, unless `OPTML_TORCHRUN_OPTIONS` chooses another rendezvous.
///
/// The number of this host is its rank in the cluster, where `algo-2` is before `algo-10`; the reference takes its place
/// in the list of the platform. Packages and other programs are launched too.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    let (program, mut all_words) = agent(site)?;
    let given = Given::parse(site.options.torchrun_options.as_deref().unwrap_or_default());
    all_words.extend(own_words(site, &given)?.into_iter().map(OsString::from));
    all_words.extend(given.words.iter().map(OsString::from));
    if !site.launch.is_python {
        // With an underscore, as all of our words: torch before 2.0 knows no other spelling.
        all_words.push("--no_python".into());
        all_words.push(site.launch.program.clone().into());
    }
    // `-m PACKAGE` and `SCRIPT` mean the same to torchrun as to Python.
    all_words.extend_from_slice(&site.launch.words);
    let mut variables = words::Variables::new(site);
    variables.add_network();
    let mut plan = Plan::runs(vec![Process {
        rank: None,
        part: Part::Trains,
        program,
        words: all_words,
        variables: variables.into_all(),
    }]);
    plan.notes.extend(words::missing_interface(site));
    Ok(plan)
}

/// The program that is torchrun, and its first words.
fn agent(site: &Site<'_>) -> Result<(PathBuf, Vec<OsString>), LauncherError> {
    let (program, words) = match &site.tools.torchrun {
        // The program on PATH may belong to another interpreter than the one that is named.
        Some(torchrun) if site.options.python.is_none() => (torchrun.clone(), Vec::new()),
        _ => {
            let python = site.python(NAME)?;
            site.must_have("torch", NAME)?;
            let words = ["-m", "torch.distributed.run"].map(OsString::from);
            (python.to_owned(), words.to_vec())
        }
    };
    if site.var(vars::RUN_NEURON_PARALLEL_COMPILE) != Some(OsStr::new("1")) {
        return Ok((program, words));
    }
    // It compiles the graphs that a short run of the job traces.
    let Some(compiler) = &site.tools.neuron_parallel_compile else {
        return Err(LauncherError::NoProgram {
            launcher: NAME,
            program: "neuron_parallel_compile",
        });
    };
    let words = std::iter::once(program.into()).chain(words).collect();
    Ok((compiler.clone(), words))
}

/// What we have to say, as far as the job does not.
fn own_words(site: &Site<'_>, given: &Given) -> Result<Vec<String>, LauncherError> {
    let cluster = site.cluster;
    let master = cluster.master_address.to_string();
    let port = cluster.master_port.to_string();
    let mut options = vec![
        ("--nnodes", cluster.n_hosts.to_string()),
        ("--nproc_per_node", site.n_processes().to_string()),
    ];
    if given.finds_hosts_itself() {
        // The agents agree on numbers among themselves, at a meeting point that each of them must know.
        if !given.has("--standalone") {
            options.push(("--rdzv_endpoint", format!("{master}:{port}")));
            options.push(("--rdzv_id", job_id(site)));
        }
    } else if site.has_several_hosts() {
        options.push(("--master_addr", master));
        options.push(("--master_port", port));
        options.push(("--node_rank", site.rank(NAME)?.to_string()));
    }
    options.retain(|(name, _)| !given.has(name));
    let words = options
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    Ok(words.collect())
}

/// What all hosts of this job call it, and those of others don't.
fn job_id(site: &Site<'_>) -> String {
    let names = [site.env.job_name(), Some(site.env.sagemaker_job_name())];
    let mut names = names.into_iter().flatten().filter(|name| !name.is_empty());
    names
        .next()
        .map_or_else(|| "optml".to_owned(), ToString::to_string)
}

/// The words of the job for torchrun.
#[derive(Debug)]
struct Given {
    words: Vec<String>,
}

impl Given {
    fn parse(text: &str) -> Self {
        let words = text.split_whitespace().map(str::to_owned).collect();
        Self { words }
    }

    /// Whether an option is there, in either of torchrun's spellings.
    fn has(&self, option: &str) -> bool {
        self.place(option).is_some()
    }

    fn place(&self, option: &str) -> Option<usize> {
        let option = option.replace('_', "-");
        self.words.iter().position(|word| {
            let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
            name.replace('_', "-") == option
        })
    }

    /// Every rendezvous but the static one numbers the hosts by itself.
    fn finds_hosts_itself(&self) -> bool {
        if self.has("--standalone") {
            return true;
        }
        let Some(place) = self.place("--rdzv-backend") else {
            return false;
        };
        let word = &self.words[place];
        let next = || self.words.get(place + 1).map(String::as_str);
        word.split_once('=')
            .map_or_else(next, |(_, value)| Some(value))
            != Some("static")
    }
}
