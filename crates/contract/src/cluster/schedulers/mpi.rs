//! The list of hosts that the MPI Operator mounts.

use std::io;

use camino::Utf8Path;

use super::super::{
    MAX_HOSTS, MAX_PROCESSES,
    claim::Claim,
    engine::Engine,
    reader::{Reader, Said},
};
use crate::{
    config::{ConfigErrorKind, Origin},
    text::Text,
    vars,
};

/// The machine that runs `mpirun` is mostly none of the hosts.
///
/// The file counts only when a variable names it: images may carry one from elsewhere.
pub(super) fn host_file(reader: &mut Reader<'_>) -> Option<Claim> {
    let variable = reader.first_set([
        vars::OMPI_MCA_ORTE_DEFAULT_HOSTFILE,
        vars::I_MPI_HYDRA_HOST_FILE,
        vars::HYDRA_HOST_FILE,
    ])?;
    let path = reader.text(variable)?.value.to_string();
    let mut draft = reader.draft(Engine::HostFile);
    let lines = contents(Utf8Path::new(&path), reader)?;
    let origin = Origin::file(Utf8Path::new(&path));
    let lines: Vec<(&str, Option<&str>)> = lines
        .lines()
        .filter_map(line)
        .take(MAX_HOSTS as usize + 1)
        .collect();
    let names = lines.iter().map(|(name, _)| *name);
    let hosts = reader.checked_hosts(names, origin.clone())?;
    let place = reader.own_place(&hosts.value);
    draft.is_outside = place.is_none();
    draft.rank = place
        .and_then(|place| u32::try_from(place).ok())
        .map(|value| Said {
            value,
            origin: origin.clone(),
        });
    draft.n_processes = same_slots(&lines, &origin, reader);
    draft.hosts = Some(hosts);
    draft.finish(reader)
}

fn contents(path: &Utf8Path, reader: &mut Reader<'_>) -> Option<String> {
    let kind = match reader.source.read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Some(text),
            Err(_) => ConfigErrorKind::NotUtf8,
        },
        // The variable may name a file that the operator mounts later, on the launcher alone.
        Err(err) if err.kind() == io::ErrorKind::NotFound => return None,
        Err(err) if err.kind() == io::ErrorKind::FileTooLarge => ConfigErrorKind::TooLarge,
        Err(err) => ConfigErrorKind::Unreadable(err),
    };
    reader.problem(Origin::file(path), kind);
    None
}

/// A host and its number of processes: `HOST slots=N` or `HOST:N`.
fn line(line: &str) -> Option<(&str, Option<&str>)> {
    let text = line.split('#').next().unwrap_or_default();
    let mut words = text.split_whitespace();
    let name = words.next()?;
    if let Some(slots) = words.find_map(|word| word.strip_prefix("slots=")) {
        return Some((name, Some(slots)));
    }
    match name.split_once(':') {
        // An address of version 6 has more than one colon.
        Some((host, slots)) if !slots.contains(':') => Some((host, Some(slots))),
        _ => Some((name, None)),
    }
}

/// The number of processes, if every host has the same.
fn same_slots(
    lines: &[(&str, Option<&str>)],
    origin: &Origin,
    reader: &mut Reader<'_>,
) -> Option<u32> {
    let mut all = Vec::with_capacity(lines.len());
    for slots in lines.iter().filter_map(|(_, slots)| *slots) {
        let n = slots.parse::<u32>().ok();
        let Some(n) = n.filter(|n| (1..=MAX_PROCESSES).contains(n)) else {
            let kind = ConfigErrorKind::OutOfRange {
                value: Text::from(slots),
                min: 1,
                max: MAX_PROCESSES.into(),
            };
            reader.problem(origin.clone(), kind);
            return None;
        };
        all.push(n);
    }
    let first = *all.first()?;
    let is_same = all.len() == lines.len() && all.iter().all(|&n| n == first);
    is_same.then_some(first)
}
