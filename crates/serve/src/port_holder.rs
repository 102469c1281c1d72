//! Which process has a port, as far as `/proc` shows it.

use std::{fs, path::Path};

#[cfg(test)]
mod tests;

/// `python3 (pid 17)`.
pub(crate) fn find(port: u16) -> Option<String> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|&pid| has_socket(pid, &inodes))
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{} (pid {pid})", name.trim())
        })
}

/// The sockets that listen on a port, from the text of the kernel's table.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            let is_it = columns.get(1)?.ends_with(&local) && *columns.get(3)? == LISTEN;
            is_it.then(|| columns.get(9)?.parse().ok()).flatten()
        })
        .collect()
}

fn has_socket(pid: u32, inodes: &[u64]) -> bool {
    let folder = format!("/proc/{pid}/fd");
    let descriptors = fs::read_dir(Path::new(&folder)).into_iter().flatten();
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| {
            let target = target.to_string_lossy();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'));
            inode.is_some_and(|inode| inode.parse().is_ok_and(|inode| inodes.contains(&inode)))
        })
}
