//! The report read back: what another host wrote with [`Failure::to_json`].

use super::{Ended, Exception, Failure, Phase, Place, RankException};
use crate::json::Json;

impl Failure {
    /// The failure that `report` tells of; `None` if it is no report of ours.
    ///
    /// Peak memory and core files are not told on: they are null in what comes of it.
    pub fn from_json(report: &Json) -> Option<Self> {
        let mut failure = Self::new(phase(&text(report.get("phase")?)?)?);
        failure.exception = report.get("exception").and_then(exception);
        failure.causes = all(report.get("causes"), exception);
        failure.other_ranks = all(report.get("other_ranks"), |other| {
            Some(RankException {
                rank: number(other.get("rank")?)?,
                exception: exception(other.get("exception")?)?,
            })
        });
        failure.ended = report.get("ended").and_then(ended);
        failure.hint = report.get("hint").and_then(text);
        failure.host = report.get("host").and_then(text);
        failure.rank = report.get("rank").and_then(number);
        failure.command = all(report.get("command"), text);
        let tail = |key| report.get(key).and_then(text).map(String::into_bytes);
        failure.stdout_tail = tail("stdout_tail").unwrap_or_default();
        failure.stderr_tail = tail("stderr_tail").unwrap_or_default();
        Some(failure)
    }
}

fn phase(name: &str) -> Option<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.name() == name)
}

fn exception(value: &Json) -> Option<Exception> {
    Some(Exception {
        type_name: text(value.get("type")?)?,
        message: text(value.get("message")?)?,
        place: value.get("place").and_then(place),
    })
}

fn place(value: &Json) -> Option<Place> {
    Some(Place {
        file: text(value.get("file")?)?,
        line: value.get("line").and_then(number),
        function: value.get("function").and_then(text),
        source: value.get("source").and_then(text),
    })
}

fn ended(value: &Json) -> Option<Ended> {
    let byte = |key| u8::try_from(number(value.get(key)?)?).ok();
    Some(match &*text(value.get("how")?)? {
        "exited" => Ended::Exited {
            code: byte("code")?,
        },
        "signaled" => Ended::Signaled {
            signal: byte("signal")?,
            core_dumped: value.get("core_dumped").is_some_and(Json::is_truthy),
            peak_rss_bytes: None,
        },
        "out_of_memory" => Ended::OutOfMemory {
            limit_bytes: None,
            peak_rss_bytes: None,
        },
        "stopped" => Ended::Stopped {
            signal: byte("signal")?,
            code: byte("code")?,
            killed: value.get("killed").is_some_and(Json::is_truthy),
        },
        "not_started" => Ended::NotStarted {
            reason: text(value.get("reason")?)?,
        },
        _ => return None,
    })
}

fn all<T>(values: Option<&Json>, read: impl Fn(&Json) -> Option<T>) -> Vec<T> {
    let values = values.and_then(Json::as_array).unwrap_or_default();
    values.iter().filter_map(read).collect()
}

fn text(value: &Json) -> Option<String> {
    value.as_text().map(ToString::to_string)
}

fn number(value: &Json) -> Option<u32> {
    match value {
        Json::Int(number) => number.as_str().parse().ok(),
        _ => None,
    }
}
