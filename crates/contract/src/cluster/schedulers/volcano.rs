//! Volcano: a list of hosts for each kind of task, and the number of this one among its kind.

use super::super::{
    MAX_HOSTS,
    claim::Claim,
    engine::Engine,
    problem::ClusterProblem,
    reader::{Reader, Said},
};
use crate::{
    config::{ConfigErrorKind, Origin},
    text::Text,
    vars,
};

/// Kinds of task that lead, and come first.
const LEADING: [&str; 2] = ["VC_MASTER_HOSTS", "VC_CHIEF_HOSTS"];

/// With one kind of task its number is the rank; with several, the hosts of leading kinds come first, then the kinds
/// by name, and a host finds itself by its name.
pub(super) fn volcano(reader: &mut Reader<'_>) -> Option<Claim> {
    let index = reader.first_set([vars::VC_TASK_INDEX, vars::VK_TASK_INDEX])?;
    let lists = lists(reader);
    let (first, _) = lists.first()?;
    let origin = Origin::variable(first);
    let mut draft = reader.draft(Engine::Volcano);
    let names = lists.iter().flat_map(|(_, hosts)| hosts.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    draft.hosts = reader.checked_hosts(names.take(MAX_HOSTS as usize + 1), origin.clone());
    draft.rank = reader.index(index);
    if lists.len() > 1
        && let Some(hosts) = &draft.hosts
    {
        draft.rank = own_rank(&hosts.value, origin, reader);
    }
    draft.finish(reader)
}

/// The lists, by the name of their variable, in the order of ranks.
fn lists(reader: &Reader<'_>) -> Vec<(String, String)> {
    let mut lists: Vec<(String, String)> = reader
        .source
        .vars()
        .filter_map(|(name, value)| {
            let name = name.to_str()?;
            let is_list = name.starts_with("VC_") && name.ends_with("_HOSTS");
            is_list.then(|| (name.to_owned(), Text::from_os(value).to_string()))
        })
        .collect();
    lists.sort_by_key(|(name, _)| {
        let place = LEADING.iter().position(|leading| leading == name);
        (place.unwrap_or(LEADING.len()), name.clone())
    });
    lists
}

fn own_rank(hosts: &[Text], origin: Origin, reader: &mut Reader<'_>) -> Option<Said<u32>> {
    if let Some(place) = reader.own_place(hosts) {
        return u32::try_from(place)
            .ok()
            .map(|value| Said { value, origin });
    }
    let host = reader.own_name().unwrap_or_default();
    reader.problem(
        origin,
        ConfigErrorKind::Cluster(ClusterProblem::NotListed { host }),
    );
    None
}
