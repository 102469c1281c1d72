//! New workers when the code changes: for development.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, UNIX_EPOCH},
};

use tokio::{task::spawn_blocking, time::sleep};

use crate::worker::Crew;

#[cfg(test)]
mod tests;

/// Looks twice a second, for as long as the server lives.
pub(crate) async fn watch(folders: Vec<PathBuf>, crew: Rc<Crew>) {
    let mut known = look(&folders).await;
    loop {
        sleep(PERIOD).await;
        let now = look(&folders).await;
        if now != known {
            known = now;
            crew.reload.notify_waiters();
        }
    }
}

async fn look(folders: &[PathBuf]) -> u64 {
    let folders = folders.to_vec();
    // A slow disk must not hold up requests.
    spawn_blocking(move || fingerprint(&folders))
        .await
        .unwrap_or_default()
}

/// Another number when a file of code has come, gone or changed.
fn fingerprint(folders: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut n_files = 0;
    for folder in folders {
        visit(folder, 0, &mut n_files, &mut hasher);
    }
    hasher.finish()
}

fn visit(folder: &Path, depth: usize, n_files: &mut usize, hasher: &mut DefaultHasher) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if *n_files >= MAX_FILES || name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                visit(&path, depth + 1, n_files, hasher);
            }
            continue;
        }
        let is_code = path.extension().is_some_and(|extension| {
            ["py", "json", "toml", "yaml", "yml"]
                .iter()
                .any(|code| extension == *code)
        });
        if !is_code {
            continue;
        }
        *n_files += 1;
        let Ok(meta) = fs::metadata(&path) else {
            continue;
        };
        let modified = meta.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        (path, meta.len(), modified).hash(hasher);
    }
}

const PERIOD: Duration = Duration::from_millis(500);
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 10_000;
