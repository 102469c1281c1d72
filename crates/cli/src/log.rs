//! Our own log: one line an event, to standard error, through the console, so that it never waits for a reader.

use std::{fmt, fmt::Write};

use optml_contract::{
    json::Json,
    options::{LogFormat, LogLevel},
    python,
    text::Text,
};
use optml_supervise::Console;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, prelude::*};

/// Sends the events of this process to `console`.
pub(crate) fn start(console: Console, format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Libraries tell of what they do; what it means for the job is told by us.
    let filter = filter_fn(move |event| {
        let is_ours = event.target().starts_with("optml");
        is_ours || *event.level() <= Level::WARN || level == LevelFilter::TRACE
    });
    let lines = Lines { console, format }
        .with_filter(filter)
        .with_filter(level);
    // An error means that a log was started before: then that one stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

#[derive(Debug)]
struct Lines {
    console: Console,
    format: LogFormat,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = format!("{:.3}", jiff::Timestamp::now());
        let line = match self.format {
            LogFormat::Text => fields.text(&now, *event.metadata().level()),
            LogFormat::Json => fields.json(&now, *event.metadata().level()),
        };
        self.console.log(line.as_bytes());
    }
}

/// The message of an event, and its other fields in order.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, format!("{value:.3}"));
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.push((field.name(), value));
        }
    }

    /// `2026-11-23T05:00:00.123Z INFO  optml: starting the script command=…`
    fn text(&self, now: &str, level: Level) -> String {
        let (message, rest) = self.message.split_once('\n').unwrap_or((&self.message, ""));
        let mut line = format!("{now} {level:<5} optml: {message}");
        for (name, value) in &self.others {
            let is_odd = |c: char| c == ' ' || c == '"' || c.is_control();
            let quoted = value.is_empty() || value.contains(is_odd);
            let result = if quoted {
                write!(line, " {name}={value:?}")
            } else {
                write!(line, " {name}={value}")
            };
            result.expect("a String takes all that is written to it");
        }
        line.push('\n');
        if !rest.is_empty() {
            line.push_str(rest.trim_end());
            line.push('\n');
        }
        line
    }

    fn json(&self, now: &str, level: Level) -> String {
        let quoted = |text: &str| python::dumps(&Json::Text(Text::from(text)));
        let level = level.as_str().to_ascii_lowercase();
        let mut line = format!(
            "{{\"ts\":{},\"level\":{},\"src\":\"optml\",\"msg\":{}",
            quoted(now),
            quoted(&level),
            quoted(&self.message)
        );
        for (name, value) in &self.others {
            write!(line, ",{}:{}", quoted(name), quoted(value))
                .expect("a String takes all that is written to it");
        }
        line.push_str("}\n");
        line
    }
}
