//! What hosts tell each other, as values and as JSON.

use std::time::Duration;

use optml_contract::{
    failure::Failure,
    json::{Json, Object},
    python,
};

use super::Outcome;

#[cfg(test)]
mod tests;

/// How much of a script's last words is told to other hosts.
const TOLD_TAIL_BYTES: usize = 8 * 1024;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// To the first host: who we are.
    Join(Member),
    /// To the first host: we could begin.
    Ready(Option<SshServer>),
    /// To the first host: it may start processes here.
    Serving,
    /// To the first host: we were asked to stop.
    Stopping,
    /// To the first host: something of ours has failed; it is not over here.
    Failing(Box<Failure>),
    /// To the first host: nothing of ours runs any more.
    Ended(Option<Box<Failure>>),
    /// To all: begin.
    Start {
        /// The public key of the first host, where it starts processes by ssh.
        key: Option<String>,
        /// Several hosts give themselves the same name.
        share_a_name: bool,
    },
    /// To all: end what runs.
    Stop {
        /// How long that may take; whole seconds.
        grace: Duration,
        /// A host was asked to stop, nothing has failed.
        gently: bool,
    },
    /// To all: this is how the job ended.
    Over(Outcome),
    /// To a host that can't take part, and why.
    Refused(String),
    /// We are alive.
    Beat,
}

/// A host that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its rank among the hosts.
    pub rank: u32,
    /// Its name, where it knows it.
    pub host: String,
    /// The name that the machine gives itself.
    pub node_name: String,
    /// What it takes the job to be; all hosts have to agree.
    pub terms: Terms,
}

/// What the hosts of a job have to agree in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How many hosts there are.
    pub n_hosts: u32,
    /// The word of the launcher.
    pub launcher: String,
    /// How many processes each host is to have.
    pub processes_per_host: u32,
    /// The version of optml.
    pub version: String,
}

/// How to reach a host by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshServer {
    /// The port of its server.
    pub port: u16,
    /// The key by which it is known, in the form of `known_hosts` without names.
    pub host_key: String,
}

impl Message {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, value): (&str, Json) = match self {
            Self::Join(member) => ("join", member.to_json()),
            Self::Ready(ssh) => ("ready", ssh.as_ref().map(SshServer::to_json).into()),
            Self::Failing(failure) => ("failing", told(failure)),
            Self::Ended(failure) => ("ended", failure.as_deref().map(told).into()),
            Self::Serving => ("serving", Json::Null),
            Self::Stopping => ("stopping", Json::Null),
            Self::Start { key, share_a_name } => {
                let key = ("key", key.as_deref().into());
                (
                    "start",
                    object([key, ("share_a_name", (*share_a_name).into())]),
                )
            }
            Self::Stop { grace, gently } => {
                let seconds = u32::try_from(grace.as_secs()).unwrap_or(u32::MAX);
                let grace = ("grace_s", seconds.into());
                ("stop", object([grace, ("gently", (*gently).into())]))
            }
            Self::Over(outcome) => (
                "over",
                outcome.as_ref().err().map(|failure| told(failure)).into(),
            ),
            Self::Refused(reason) => ("refused", reason.as_str().into()),
            Self::Beat => ("beat", Json::Null),
        };
        python::dumps(&object([(kind, value)])).into_bytes()
    }

    /// `None`: nothing that a host of this version says.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let message = Json::parse(bytes).ok()?;
        let (kind, value) = message.as_object()?.iter().next()?;
        let failure = || match value {
            Json::Null => Some(None),
            report => Some(Some(Box::new(Failure::from_json(report)?))),
        };
        Some(match kind.as_str()? {
            "join" => Self::Join(Member::from_json(value)?),
            "ready" => Self::Ready(match value {
                Json::Null => None,
                ssh => Some(SshServer::from_json(ssh)?),
            }),
            "failing" => Self::Failing(failure()??),
            "ended" => Self::Ended(failure()?),
            "serving" => Self::Serving,
            "start" => Self::Start {
                key: value.get("key").and_then(text),
                share_a_name: value.get("share_a_name").is_some_and(Json::is_truthy),
            },
            "stopping" => Self::Stopping,
            "stop" => Self::Stop {
                grace: Duration::from_secs(number(value.get("grace_s")?)?.into()),
                gently: value.get("gently").is_some_and(Json::is_truthy),
            },
            "over" => Self::Over(failure()?.map_or(Ok(()), Err)),
            "refused" => Self::Refused(text(value)?),
            "beat" => Self::Beat,
            _ => return None,
        })
    }
}

impl Member {
    fn to_json(&self) -> Json {
        let Terms {
            n_hosts,
            launcher,
            processes_per_host,
            version,
        } = &self.terms;
        object([
            ("rank", self.rank.into()),
            ("host", self.host.as_str().into()),
            ("node_name", self.node_name.as_str().into()),
            ("n_hosts", (*n_hosts).into()),
            ("launcher", launcher.as_str().into()),
            ("processes_per_host", (*processes_per_host).into()),
            ("version", version.as_str().into()),
        ])
    }

    fn from_json(value: &Json) -> Option<Self> {
        Some(Self {
            rank: number(value.get("rank")?)?,
            host: text(value.get("host")?)?,
            node_name: text(value.get("node_name")?)?,
            terms: Terms {
                n_hosts: number(value.get("n_hosts")?)?,
                launcher: text(value.get("launcher")?)?,
                processes_per_host: number(value.get("processes_per_host")?)?,
                version: text(value.get("version")?)?,
            },
        })
    }
}

impl SshServer {
    fn to_json(&self) -> Json {
        object([
            ("port", u32::from(self.port).into()),
            ("host_key", self.host_key.as_str().into()),
        ])
    }

    fn from_json(value: &Json) -> Option<Self> {
        let host_key = text(value.get("host_key")?)?;
        // It becomes a line of a file.
        let is_line = !host_key.contains(['\n', '\r']);
        is_line.then_some(Self {
            port: number(value.get("port")?)?.try_into().ok()?,
            host_key,
        })
    }
}

/// A failure without most of what the script printed: that is in the log of its own host.
fn told(failure: &Failure) -> Json {
    let last = |tail: &[u8]| tail[tail.len().saturating_sub(TOLD_TAIL_BYTES)..].to_vec();
    let told = Failure {
        stdout_tail: last(&failure.stdout_tail),
        stderr_tail: last(&failure.stderr_tail),
        ..failure.clone()
    };
    Json::parse(told.to_json().as_bytes()).expect("what we write is JSON")
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.into_iter();
    let object: Object = members.map(|(key, value)| (key.into(), value)).collect();
    object.into()
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
