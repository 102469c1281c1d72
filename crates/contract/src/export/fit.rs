//! Keeps the script startable when its environment is larger than the kernel takes.
//!
//! First, a single string that is too long goes to a file. Then, if everything together comes near the limit, all
//! variables of single hyperparameters and all argument words go, and files hold them. What the caller still adds
//! (interpreter, script) lives in the last quarter.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use super::{ExecLimits, Exported, Note, Spill};

/// The variables that together hold all that may be left out.
const AGGREGATES: [&str; 3] = ["SM_HPS", "SM_USER_ARGS", "SM_TRAINING_ENV"];

/// A pointer in the array that `execve` builds.
const POINTER_BYTES: usize = size_of::<usize>();

type Pairs = Vec<(OsString, OsString)>;

/// Leaves `inherited` as it is, and takes from `ours` and `args` what is too much.
pub(super) fn fit(
    inherited: Pairs,
    ours: Pairs,
    args: Vec<OsString>,
    notes: Vec<Note>,
    limits: ExecLimits,
) -> Exported {
    let mut fitting = Fitting {
        ours,
        args,
        spills: Vec::new(),
        notes,
    };
    fitting.leave_out_long_strings(limits.string_bytes);
    let inherited_bytes = inherited.iter().map(var_bytes).sum();
    fitting.leave_out_hyperparameters(inherited_bytes, limits.total_bytes / 4 * 3);
    let mut vars = inherited;
    vars.append(&mut fitting.ours);
    Exported {
        vars,
        args: fitting.args,
        spills: fitting.spills,
        notes: fitting.notes,
    }
}

struct Fitting {
    ours: Pairs,
    args: Vec<OsString>,
    spills: Vec<Spill>,
    notes: Vec<Note>,
}

impl Fitting {
    fn leave_out_long_strings(&mut self, limit_bytes: usize) {
        let is_long = |pair: &mut (OsString, OsString)| {
            pair_bytes(&pair.0, &pair.1) > limit_bytes && pair.0.as_bytes().starts_with(b"SM_")
        };
        for (name, value) in self.ours.extract_if(.., is_long).collect::<Vec<_>>() {
            self.notes.push(Note::TooLong {
                variable: name.to_string_lossy().into_owned(),
                bytes: pair_bytes(&name, &value),
                limit_bytes,
            });
            // `SM_HPS` holds each hyperparameter too, is longer, and goes to a file.
            if !is_hyperparameter(&name) {
                self.spills.push(spill(&name, value));
            }
        }
        if self.args.iter().any(|word| word.len() + 1 > limit_bytes) {
            self.leave_out_args();
        }
    }

    fn leave_out_hyperparameters(&mut self, inherited_bytes: usize, limit_bytes: usize) {
        let in_vars: usize = self.ours.iter().map(var_bytes).sum();
        let in_args: usize = self
            .args
            .iter()
            .map(|word| word.len() + 1 + POINTER_BYTES)
            .sum();
        let bytes = inherited_bytes + in_vars + in_args;
        if bytes <= limit_bytes {
            return;
        }
        let n_before = self.ours.len();
        self.ours.retain(|(name, _)| !is_hyperparameter(name));
        self.notes.push(Note::TooMuch {
            n_variables: n_before - self.ours.len(),
            bytes,
            limit_bytes,
        });
        for name in AGGREGATES {
            self.leave_out(name);
        }
        self.leave_out_args();
    }

    fn leave_out_args(&mut self) {
        self.leave_out("SM_USER_ARGS");
        if !self.args.is_empty() {
            let n_words = self.args.len();
            self.notes.push(Note::NoArguments { n_words });
            self.args.clear();
        }
    }

    fn leave_out(&mut self, name: &str) {
        if let Some(place) = self.ours.iter().position(|(other, _)| other == name) {
            let (name, value) = self.ours.remove(place);
            self.spills.push(spill(&name, value));
        }
    }
}

fn spill(name: &OsStr, value: OsString) -> Spill {
    let variable = name.to_string_lossy().into_owned();
    Spill {
        file_name: format!("{}.json", variable.to_ascii_lowercase().replace('_', "-")),
        variable,
        contents: value.into_vec(),
    }
}

fn is_hyperparameter(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"SM_HP_")
}

/// `NAME=value` and its NUL.
fn pair_bytes(name: &OsStr, value: &OsStr) -> usize {
    name.len() + value.len() + 2
}

fn var_bytes((name, value): &(OsString, OsString)) -> usize {
    pair_bytes(name, value) + POINTER_BYTES
}
