//! Every rule is tested through [`ServeOptions::load`]: what is set, and what comes of it.

mod code;
mod limits;
mod places;
mod program;
mod values;
mod workers;

use super::*;
use crate::{machine::Count, source::Memory};

/// What a test sets.
#[derive(Debug, Default)]
struct Setup {
    source: Memory,
    circumstances: Circumstances,
    file: Vec<FileSetting>,
    command: Option<Vec<OsString>>,
    gpus: u32,
}

impl Setup {
    fn vars(vars: &[(&str, &str)]) -> Self {
        let source = vars.iter().fold(Memory::new(), |source, (name, value)| {
            source.with_var(*name, *value)
        });
        Self {
            source,
            ..Self::default()
        }
    }

    fn files(mut self, paths: &[&str]) -> Self {
        for path in paths {
            self.source = self.source.with_file(*path, "");
        }
        self
    }

    fn memory(mut self, n_bytes: &str) -> Self {
        self.source = self
            .source
            .with_file("/proc/self/cgroup", "0::/\n")
            .with_file(
                "/proc/self/mountinfo",
                "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            )
            .with_file("/sys/fs/cgroup/memory.max", n_bytes);
        self
    }

    fn command(mut self, words: &[&str]) -> Self {
        self.command = Some(words.iter().map(OsString::from).collect());
        self
    }

    fn file(mut self, settings: &[(Variable, &str)]) -> Self {
        self.file = settings
            .iter()
            .map(|(variable, value)| FileSetting {
                variable: *variable,
                value: (*value).to_owned(),
                origin: Origin::key("/p/optml.toml".into(), "key"),
            })
            .collect();
        self
    }

    fn load(&self) -> Result<ServeOptions, Vec<ConfigError>> {
        let count = |n| Count::new(n, "given");
        ServeOptions::load(&Inputs {
            source: &self.source,
            layout: &Layout::at("/b"),
            machine: &Machine {
                cpus: count(8),
                gpus: count(self.gpus),
                neurons: count(0),
            },
            circumstances: self.circumstances,
            file: &self.file,
            command: self.command.as_deref(),
        })
    }

    #[track_caller]
    fn options(&self) -> ServeOptions {
        self.load()
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// Every problem, with its remedy on a line below.
    #[track_caller]
    fn problems(&self) -> String {
        let problems = self.load().unwrap_err();
        let texts = problems.iter().map(|problem| match problem.hint() {
            Some(hint) => format!("{problem}\n  {hint}"),
            None => problem.to_string(),
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

#[track_caller]
fn options(vars: &[(&str, &str)]) -> ServeOptions {
    Setup::vars(vars).options()
}

#[track_caller]
fn problems(vars: &[(&str, &str)]) -> String {
    Setup::vars(vars).problems()
}

/// The row of the table, `value (origin)`.
#[track_caller]
fn shown(options: &ServeOptions, name: &str) -> String {
    let rows = options.table();
    let mut rows = rows.iter().filter(|row| row.name == name);
    let row = rows.next().unwrap_or_else(|| panic!("no row `{name}`"));
    assert!(rows.next().is_none(), "two rows `{name}`");
    format!("{} ({})", row.value, row.origin)
}
