//! TensorFlow's `TF_CONFIG`.

use std::{collections::HashSet, num::NonZeroU16};

use super::super::{
    MAX_HOSTS,
    claim::Claim,
    engine::Engine,
    problem::ClusterProblem,
    reader::{Reader, Said},
};
use crate::{
    config::{ConfigErrorKind, Origin},
    json::{Json, Object},
    text::Text,
    vars,
};

/// The kinds of task that have hosts, in the order of ranks. An evaluator belongs to no cluster.
const KINDS: [&str; 4] = ["chief", "master", "worker", "ps"];

/// **Shape**
/// ```json
/// {"cluster": {"chief": ["h1:2222"], "worker": ["h2:2222"], "ps": ["h1:2223"]}, "task": {"type": "worker", "index": 0}}
/// ```
/// Several tasks may share a host: the rank is that of the host.
pub(super) fn tf_config(reader: &mut Reader<'_>) -> Option<Claim> {
    let Said { value, origin } = reader.text(vars::TF_CONFIG)?;
    let mut draft = reader.draft(Engine::TensorFlow);
    let config = object(&value, &origin, reader)?;
    let Some(Json::Object(cluster)) = config.get("cluster").filter(|value| value.is_truthy())
    else {
        return None;
    };
    let addresses = addresses(cluster, &origin, reader)?;
    let mut seen = HashSet::new();
    let names = addresses.iter().map(|(_, address)| split(address).0);
    let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    let own = own_address(&config, &addresses, &origin, reader);
    draft.rank = match &own {
        Task::At(address) => {
            let place = names.iter().position(|name| *name == split(address).0);
            place
                .and_then(|place| u32::try_from(place).ok())
                .map(|value| Said {
                    value,
                    origin: origin.clone(),
                })
        }
        Task::Evaluator | Task::Unknown => None,
    };
    draft.is_outside = matches!(own, Task::Evaluator);
    draft.port = addresses.first().and_then(|(_, first)| split(first).1);
    draft.hosts = reader.checked_hosts(names.into_iter(), origin);
    draft.finish(reader)
}

/// Who we are in the list.
enum Task {
    At(String),
    Evaluator,
    Unknown,
}

fn object(text: &Text, origin: &Origin, reader: &mut Reader<'_>) -> Option<Object> {
    let kind = match Json::parse_text(text) {
        Ok(Json::Object(object)) => return Some(object),
        Ok(other) => ConfigErrorKind::wrong_type("an object", &other),
        Err(err) => ConfigErrorKind::NotJson(err),
    };
    reader.problem(origin.clone(), kind);
    None
}

/// Each task's kind and address, by rank.
fn addresses(
    cluster: &Object,
    origin: &Origin,
    reader: &mut Reader<'_>,
) -> Option<Vec<(&'static str, String)>> {
    let mut addresses = Vec::new();
    for kind in KINDS {
        let Some(value) = cluster.get(kind) else {
            continue;
        };
        let texts = value.as_array().and_then(|all| {
            let texts = all.iter().map(|one| one.as_text().map(Text::to_string));
            texts.collect::<Option<Vec<_>>>()
        });
        let Some(texts) = texts else {
            let problem = ConfigErrorKind::wrong_type("an array of strings", value);
            reader.problem(origin.clone(), problem);
            return None;
        };
        addresses.extend(texts.into_iter().map(|text| (kind, text)));
    }
    if addresses.len() > MAX_HOSTS as usize {
        reader.refuse(origin.clone(), ClusterProblem::TooManyHosts);
        return None;
    }
    Some(addresses)
}

fn own_address(
    config: &Object,
    addresses: &[(&'static str, String)],
    origin: &Origin,
    reader: &mut Reader<'_>,
) -> Task {
    let Some(task) = config.get("task").filter(|task| task.is_truthy()) else {
        return Task::Unknown;
    };
    let kind = task.get("type").and_then(Json::as_text).cloned();
    let kind = kind.unwrap_or_default();
    if kind == "evaluator" {
        return Task::Evaluator;
    }
    let index = match task.get("index") {
        Some(Json::Int(index)) => index.to_u64(),
        Some(Json::Text(index)) => index.as_str().and_then(|index| index.parse().ok()),
        None => Some(0),
        Some(_) => None,
    };
    let Some(index) = index else {
        let found = task.get("index").unwrap_or(&Json::Null);
        reader.problem(
            origin.clone(),
            ConfigErrorKind::wrong_type("a number for the task's index", found),
        );
        return Task::Unknown;
    };
    let mut same = addresses.iter().filter(|(other, _)| kind == **other);
    let nth = usize::try_from(index).ok().and_then(|n| same.nth(n));
    let Some((_, address)) = nth else {
        reader.refuse(origin.clone(), ClusterProblem::NoSuchTask { kind, index });
        return Task::Unknown;
    };
    Task::At(address.clone())
}

/// A host and its port. An address of version 6 stands in brackets.
fn split(address: &str) -> (&str, Option<NonZeroU16>) {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().and_then(NonZeroU16::new)),
        None => (address, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}
