//! How many workers, how much each does at once, and how many threads it should have.

use super::{
    given::{Bytes, Given},
    program::Program,
    reader::{Number, Reader, to_u32},
};
use crate::{
    config::Origin,
    machine::Machine,
    vars::{self, Variable},
};

/// How many worker processes a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Fixed(u32),
    /// One for each GPU; without any, one for each processor, as far as memory goes.
    Auto {
        /// GPUs that there are.
        gpus: u32,
        /// Processors that there are.
        cores: u32,
        /// Memory that there is, if that is known. How many workers it holds is seen once the first has loaded.
        memory: Option<Bytes>,
    },
}

/// The variables that numeric libraries read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads {
    cores: u32,
    /// Those that the user has not set.
    names: Vec<&'static str>,
}

/// The most workers that can be asked for.
const MAX_WORKERS: u64 = 1024;

/// The most requests at once that one worker can be asked for.
const MAX_SLOTS: u64 = 1024;

/// The variables that say how many threads a numeric library starts.
const THREAD_VARIABLES: [Variable; 3] = [
    vars::OMP_NUM_THREADS,
    vars::MKL_NUM_THREADS,
    vars::OPENBLAS_NUM_THREADS,
];

impl Workers {
    /// The most that there will be, before anybody knows what one needs.
    pub fn at_most(self) -> u32 {
        match self {
            Self::Fixed(n) => n,
            Self::Auto { gpus: 0, cores, .. } => cores.max(1),
            Self::Auto { gpus, .. } => gpus,
        }
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        machine: &Machine,
        memory: Option<Bytes>,
        program: &Given<Program>,
    ) -> Given<Self> {
        let number = |variable| Number::new(variable, 1..=MAX_WORKERS);
        let fixed = reader.number(&[
            number(vars::OPTML_WORKERS),
            number(vars::SAGEMAKER_MODEL_SERVER_WORKERS),
            number(vars::SAGEMAKER_NUM_MODEL_WORKERS),
            number(vars::SAGEMAKER_TS_MAX_WORKERS),
            number(vars::MMS_DEFAULT_WORKERS_PER_MODEL).like_unset(&[0]),
            number(vars::TS_DEFAULT_WORKERS_PER_MODEL).like_unset(&[0]),
        ]);
        if let Program::Http(_) = program.value {
            if let Some(asked) = fixed.filter(|asked| asked.value != 1) {
                let note = format!(
                    "{} is not used: a program of kind `http` runs once",
                    asked.origin
                );
                reader.notes.push(note);
            }
            let origin = Origin::Derived("a program of kind `http` runs once".to_owned());
            return Given::new(Self::Fixed(1), origin);
        }
        if let Some(fixed) = fixed {
            return fixed.map(|n| Self::Fixed(to_u32(n)));
        }
        Given::default(Self::Auto {
            gpus: machine.gpus.value,
            cores: machine.cpus.value,
            memory,
        })
    }
}

/// Requests that one worker answers at once; none if the worker's kind decides.
pub(super) fn slots(reader: &mut Reader<'_>) -> Given<Option<u32>> {
    let number = Number::new(vars::OPTML_SLOTS, 1..=MAX_SLOTS);
    let given = reader.number(&[number]);
    given.map_or_else(|| Given::default(None), |n| n.map(|n| Some(to_u32(n))))
}

impl Threads {
    pub(super) fn read(reader: &Reader<'_>, machine: &Machine) -> Self {
        let names = THREAD_VARIABLES
            .iter()
            .map(|variable| variable.name)
            .filter(|name| reader.source.var(name).is_none())
            .collect();
        Self {
            cores: machine.cpus.value,
            names,
        }
    }

    /// What a worker's environment gets when there are so many workers: its share of the processors, at least one.
    pub fn variables(&self, n_workers: u32) -> Vec<(&'static str, String)> {
        let share = (self.cores / n_workers.max(1)).max(1).to_string();
        self.names
            .iter()
            .map(|name| (*name, share.clone()))
            .collect()
    }
}
