//! The report as JSON: `output/failure.json`.

use super::{Ended, Exception, Failure, Place, redact, redact_words, signal::signal_name};
use crate::{
    exit::ExitStyle,
    json::{Json, Object},
};

impl Failure {
    /// The content of `output/failure.json`, one object on several lines.
    ///
    /// **Shape** version 1; every key is always there, `null` where nothing is known:
    ///
    /// ```json
    /// {"version": 1, "phase": "script", "exit_code": 1,
    ///  "exception": {"type": "ValueError", "message": "…", "place":
    ///    {"file": "train.py", "line": 21, "function": "main", "source": "lr = float(args.lr)"}},
    ///  "causes": [], "other_ranks": [{"rank": 3, "exception": {}}],
    ///  "ended": {"how": "exited", "code": 1},
    ///  "hint": null, "host": "algo-1", "rank": null, "command": ["python", "train.py"],
    ///  "stdout_tail": "…", "stderr_tail": "…"}
    /// ```
    ///
    /// `exit_code` is the one of [`ExitStyle::Native`]. `how` is `exited`, `signaled`, `out_of_memory`, `stopped` or
    /// `not_started`. Bytes of a tail that are not UTF-8 are U+FFFD. Control characters are escaped, so that a terminal
    /// which shows the file obeys none of them.
    pub fn to_json(&self) -> String {
        let other_ranks = self.other_ranks.iter().map(|other| {
            object([
                ("rank", other.rank.into()),
                ("exception", exception(&other.exception)),
            ])
        });
        let report = object([
            ("version", VERSION.into()),
            ("phase", self.phase.name().into()),
            ("exit_code", number(self.exit_code(ExitStyle::Native))),
            ("exception", self.exception.as_ref().map(exception).into()),
            ("causes", self.causes.iter().map(exception).collect()),
            ("other_ranks", other_ranks.collect()),
            ("ended", self.ended.as_ref().map(ended).into()),
            ("hint", self.hint.as_deref().map(string).into()),
            ("host", self.host.as_deref().map(string).into()),
            ("rank", self.rank.into()),
            (
                "command",
                redact_words(&self.command)
                    .iter()
                    .map(|word| string(word))
                    .collect(),
            ),
            (
                "stdout_tail",
                string(&String::from_utf8_lossy(&self.stdout_tail)),
            ),
            (
                "stderr_tail",
                string(&String::from_utf8_lossy(&self.stderr_tail)),
            ),
        ]);
        report.to_pretty() + "\n"
    }
}

fn exception(exception: &Exception) -> Json {
    object([
        ("type", string(&exception.type_name)),
        ("message", string(&exception.message)),
        ("place", exception.place.as_ref().map(place).into()),
    ])
}

fn place(place: &Place) -> Json {
    object([
        ("file", string(&place.file)),
        ("line", place.line.into()),
        ("function", place.function.as_deref().map(string).into()),
        ("source", place.source.as_deref().map(string).into()),
    ])
}

fn ended(ended: &Ended) -> Json {
    match ended {
        Ended::Exited { code } => object([("how", "exited".into()), ("code", number(*code))]),
        Ended::Signaled {
            signal,
            core_dumped,
            peak_rss_bytes,
        } => object([
            ("how", "signaled".into()),
            ("signal", number(*signal)),
            ("name", signal_name(*signal).into()),
            ("core_dumped", (*core_dumped).into()),
            ("peak_rss_bytes", peak_rss_bytes.map(number).into()),
        ]),
        Ended::OutOfMemory {
            limit_bytes,
            peak_rss_bytes,
        } => object([
            ("how", "out_of_memory".into()),
            ("limit_bytes", limit_bytes.map(number).into()),
            ("peak_rss_bytes", peak_rss_bytes.map(number).into()),
        ]),
        Ended::Stopped {
            signal,
            code,
            killed,
        } => object([
            ("how", "stopped".into()),
            ("signal", number(*signal)),
            ("name", signal_name(*signal).into()),
            ("code", number(*code)),
            ("killed", (*killed).into()),
        ]),
        Ended::NotStarted { reason } => {
            object([("how", "not_started".into()), ("reason", string(reason))])
        }
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members: Object = members
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    members.into()
}

fn number(n: impl Into<u64>) -> Json {
    let n: u64 = n.into();
    Json::parse(n.to_string().as_bytes()).expect("decimal digits are JSON")
}

/// A text, redacted.
fn string(text: &str) -> Json {
    redact(text).as_str().into()
}

/// Raised when a key changes its meaning or goes; new keys don't raise it.
const VERSION: u32 = 1;
