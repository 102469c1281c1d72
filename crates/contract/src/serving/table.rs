//! The start-up table: every option in plain words, and where it came from.

use std::{fmt::Display, time::Duration};

use super::{
    given::{Bytes, Given},
    options::{AccessLog, CsvShape, ErrorDetail, PingCompat, ServeOptions},
    program::{Application, HttpProgram, Listens, Program},
    reader::without_secrets,
    workers::Workers,
};
use crate::config::Origin;

/// A line of the start-up table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub name: &'static str,
    /// What counts, with its unit.
    pub value: String,
    /// The name of a variable, a file and a key, a reason, or `default`.
    pub origin: String,
}

impl ServeOptions {
    /// Every option, as the start-up table shows it. Passwords in values are hidden.
    pub fn table(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.place_rows(&mut rows);
        self.program_rows(&mut rows);
        self.worker_rows(&mut rows);
        self.limit_rows(&mut rows);
        self.time_rows(&mut rows);
        self.answer_rows(&mut rows);
        self.batch_rows(&mut rows);
        rows
    }

    fn place_rows(&self, rows: &mut Vec<Row>) {
        rows.push(row("host", &self.bind.host));
        rows.push(port("port", &self.bind.port));
        rows.push(match &self.metrics_port {
            Some(given) => port("metrics port", given),
            None => unset("metrics port", "off"),
        });
    }

    fn program_rows(&self, rows: &mut Vec<Row>) {
        rows.push(shown("kind", &self.program, |program| {
            program.kind().to_owned()
        }));
        match &self.program.value {
            Program::Functions => rows.push(shown("module", &self.code.entry, |entry| {
                entry.module.clone()
            })),
            Program::Application(Application {
                module, attribute, ..
            }) => rows.push(shown("application", &self.program, |_| {
                format!("{module}:{attribute}")
            })),
            Program::Exec(command) => {
                rows.push(shown("command", &self.program, |_| {
                    without_secrets(&command.to_string())
                }));
            }
            Program::Http(program) => self.http_rows(program, rows),
        }
        rows.push(row("model directory", &self.model_dir));
        rows.push(optional(
            "code directory",
            self.code.directory.as_ref(),
            "none",
        ));
        if self.program.value.is_python() {
            rows.push(optional("python", self.python.as_ref(), "the one on PATH"));
            rows.push(optional(
                "wheels",
                self.wheels.as_ref(),
                "from the package index",
            ));
        }
    }

    fn http_rows(&self, program: &HttpProgram, rows: &mut Vec<Row>) {
        rows.push(shown("command", &self.program, |_| {
            without_secrets(&program.command.to_string())
        }));
        rows.push(shown("it listens at", &program.listens, listens));
        rows.push(row("its health path", &program.health));
        rows.push(row("its invocations path", &program.invocations));
    }

    fn worker_rows(&self, rows: &mut Vec<Row>) {
        rows.push(shown("workers", &self.workers, |workers| match workers {
            Workers::Fixed(n) => n.to_string(),
            Workers::Auto { gpus: 0, cores, .. } => {
                format!(
                    "up to {}, one a processor, as memory allows",
                    (*cores).max(1)
                )
            }
            Workers::Auto { gpus, .. } => format!("{gpus}, one a GPU"),
        }));
        rows.push(shown(
            "requests at once in a worker",
            &self.slots,
            |slots| slots.map_or_else(|| "as its kind allows".to_owned(), |n| n.to_string()),
        ));
        rows.push(shown("worker replaced after", &self.max_requests, |most| {
            most.map_or_else(|| "never".to_owned(), |n| format!("{n} requests"))
        }));
        rows.push(shown("worker replaced above", &self.max_rss, |most| {
            most.map_or_else(|| "never".to_owned(), |limit| limit.to_string())
        }));
        if self.reload.value {
            rows.push(on_or_off("reload", &self.reload));
        }
    }

    fn limit_rows(&self, rows: &mut Vec<Row>) {
        rows.push(shown("queue", &self.queue.n_waiting, |n| {
            format!("{n} requests")
        }));
        rows.push(match &self.queue.timeout {
            Some(given) => shown("queue timeout", given, duration),
            None => unset("queue timeout", "that of the request"),
        });
        let limits = &self.limits;
        rows.push(row("largest body", &limits.body));
        rows.push(row("all bodies at once", &limits.in_flight));
        rows.push(row("largest head", &limits.head));
        rows.push(shown("fields in a head", &limits.n_fields, u32::to_string));
        rows.push(row("longest URI", &limits.uri));
        rows.push(shown("connections", &limits.n_connections, u32::to_string));
    }

    fn time_rows(&self, rows: &mut Vec<Row>) {
        let timeouts = &self.timeouts;
        rows.push(match &timeouts.request.fixed {
            Some(fixed) => shown("request timeout", fixed, duration),
            None => shown("request timeout", &timeouts.request.fallback, |fallback| {
                format!("{}, unless its header says", duration(fallback))
            }),
        });
        for (name, given) in [
            ("head timeout", &timeouts.head),
            ("body without progress", &timeouts.body_idle),
            ("idle connection", &timeouts.keep_alive),
            ("stream: to the first item", &timeouts.stream.first),
            ("stream: between items", &timeouts.stream.idle),
            ("stream: in all", &timeouts.stream.total),
            ("load timeout", &timeouts.load),
            ("drain", &timeouts.drain),
            ("kill grace", &timeouts.kill_grace),
        ] {
            rows.push(shown(name, given, duration));
        }
    }

    fn answer_rows(&self, rows: &mut Vec<Row>) {
        let formats = &self.formats;
        rows.push(row("default accept", &formats.default_accept));
        rows.push(on_or_off("strict types", &formats.strict_types));
        rows.push(on_or_off("strict JSON", &formats.strict_json));
        rows.push(worded("CSV shape", &formats.csv_shape, &CsvShape::WORDS));
        rows.push(shown(
            "shared memory from",
            &formats.shared_memory_from,
            |from| from.map_or_else(|| "never".to_owned(), |size: Bytes| size.to_string()),
        ));
        rows.push(worded(
            "error detail",
            &self.error_detail,
            &ErrorDetail::WORDS,
        ));
        rows.push(worded("access log", &self.access_log, &AccessLog::WORDS));
        rows.push(worded("ping", &self.ping.compat, &PingCompat::WORDS));
        rows.push(shown(
            "after a failure 503 for",
            &self.ping.fail_exit,
            duration,
        ));
        rows.push(shown("own health check every", &self.ping.period, duration));
        rows.push(on_or_off("application's own ping", &self.ping.app));
        rows.push(on_or_off("warm-up may fail", &self.warmup_optional));
    }

    fn batch_rows(&self, rows: &mut Vec<Row>) {
        if self.batch.is_job.value {
            rows.push(on_or_off("transform job", &self.batch.is_job));
        }
        if let Some(strategy) = &self.batch.strategy {
            rows.push(row("batch strategy", strategy));
        }
        if let Some(most) = &self.batch.max_concurrent_transforms {
            rows.push(row("concurrent transforms", most));
        }
    }
}

fn row<T: Display>(name: &'static str, given: &Given<T>) -> Row {
    shown(name, given, T::to_string)
}

fn shown<T>(name: &'static str, given: &Given<T>, show: impl FnOnce(&T) -> String) -> Row {
    Row {
        name,
        value: show(&given.value),
        origin: match &given.origin {
            Origin::Variable(name) => name.clone(),
            other => other.to_string(),
        },
    }
}

fn worded<T: Copy + PartialEq>(
    name: &'static str,
    given: &Given<T>,
    words: &[(&'static str, T)],
) -> Row {
    let word = words.iter().find(|(_, value)| *value == given.value);
    shown(name, given, |_| {
        word.map_or("", |(word, _)| word).to_owned()
    })
}

fn on_or_off(name: &'static str, given: &Given<bool>) -> Row {
    worded(name, given, &[("on", true), ("off", false)])
}

fn port(name: &'static str, given: &Given<u16>) -> Row {
    shown(name, given, |port| match port {
        0 => "any that is free".to_owned(),
        other => other.to_string(),
    })
}

fn optional<T: Display>(name: &'static str, given: Option<&Given<T>>, without: &str) -> Row {
    given.map_or_else(|| unset(name, without), |given| row(name, given))
}

fn unset(name: &'static str, value: &str) -> Row {
    shown(name, &Given::default(()), |()| value.to_owned())
}

fn listens(listens: &Listens) -> String {
    match listens {
        Listens::Port(port) => format!("port {port}"),
        Listens::ChosenPort(None) => "a free port".to_owned(),
        Listens::ChosenPort(Some(range)) => {
            format!("a free port of {}-{}", range.start(), range.end())
        }
        Listens::Socket(path) => format!("`{path}`"),
        Listens::ChosenSocket => "a Unix socket".to_owned(),
    }
}

fn duration(duration: &Duration) -> String {
    format!("{} s", duration.as_secs())
}
