//! Uploads: one request for what is small, parts for what is large, and nothing that is half there.

use std::io;

use object_store::{MultipartUpload, PutPayload};
use tokio::{sync::OwnedSemaphorePermit, task::JoinSet};
use tracing::debug;

use super::{client::Client, error::StoreFault, objects::Objects, settings::Tuning};

/// Something to be stored: a file as it was at one moment.
pub trait Content: Sync {
    /// Its size.
    fn n_bytes(&self) -> u64;
    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// It can't be read, or has become shorter.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Whether it is still what it was.
    fn is_unchanged(&self) -> bool;
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored whole.
    Stored,
    /// It changed while it was read: nothing was stored.
    Changed,
}

pub(super) fn put(
    client: &Client,
    objects: &Objects,
    key: &str,
    content: &dyn Content,
) -> Result<Put, StoreFault> {
    let tuning = *client.settings().tuning();
    let n_bytes = content.n_bytes();
    if n_bytes > tuning.part_bytes {
        return put_in_parts(client, objects, key, content);
    }
    client.wait(async {
        let _room = room(client, n_bytes).await;
        let whole = match read(client, content, (0, n_bytes)) {
            Ok(whole) if content.is_unchanged() => whole,
            Ok(_) => return Ok(Put::Changed),
            Err(_) if !content.is_unchanged() => return Ok(Put::Changed),
            Err(err) => return Err(StoreFault::Local(err)),
        };
        objects.put(key, whole).await?;
        Ok(Put::Stored)
    })
}

fn put_in_parts(
    client: &Client,
    objects: &Objects,
    key: &str,
    content: &dyn Content,
) -> Result<Put, StoreFault> {
    let mut upload = client.wait(objects.put_in_parts(key))?;
    let done = client.wait(async {
        match send_parts(client, objects, content, &mut *upload).await? {
            Put::Changed => Ok(Put::Changed),
            Put::Stored => {
                let completed = upload.complete().await;
                completed.map_err(|error| objects.fault(&error))?;
                Ok(Put::Stored)
            }
        }
    });
    if !matches!(done, Ok(Put::Stored)) {
        client.tidy_up(async {
            if let Err(error) = upload.abort().await {
                // It costs storage until a rule of the bucket removes it; there is nobody to mend it here.
                debug!(key, %error, "parts of an upload are left behind");
            }
        });
    }
    done
}

async fn send_parts(
    client: &Client,
    objects: &Objects,
    content: &dyn Content,
    upload: &mut dyn MultipartUpload,
) -> Result<Put, StoreFault> {
    let tuning = client.settings().tuning();
    let n_bytes = content.n_bytes();
    let part_bytes = part_bytes(n_bytes, tuning);
    let mut under_way: JoinSet<object_store::Result<()>> = JoinSet::new();
    let mut offset = 0;
    while offset < n_bytes {
        let n_part = part_bytes.min(n_bytes - offset);
        let room = room(client, n_part).await;
        let part = match read(client, content, (offset, n_part)) {
            Ok(part) => part,
            Err(_) if !content.is_unchanged() => return Ok(Put::Changed),
            Err(err) => return Err(StoreFault::Local(err)),
        };
        // What has changed so far need not be sent to its end.
        if !content.is_unchanged() {
            return Ok(Put::Changed);
        }
        let sent = upload.put_part(part);
        under_way.spawn_on(
            async move {
                let _room = room;
                sent.await
            },
            client.runtime().handle(),
        );
        offset += n_part;
        while under_way.len() >= tuning.n_parts {
            join(&mut under_way, objects).await?;
        }
    }
    while !under_way.is_empty() {
        join(&mut under_way, objects).await?;
    }
    if content.is_unchanged() {
        Ok(Put::Stored)
    } else {
        Ok(Put::Changed)
    }
}

async fn join(
    under_way: &mut JoinSet<object_store::Result<()>>,
    objects: &Objects,
) -> Result<(), StoreFault> {
    match under_way.join_next().await {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(objects.fault(&error)),
        Some(Err(error)) => Err(StoreFault::Protocol(error.to_string())),
    }
}

/// Whole mebibytes, so many that the store's number of parts is enough.
fn part_bytes(n_bytes: u64, tuning: &Tuning) -> u64 {
    let least = n_bytes.div_ceil(tuning.max_parts.max(1));
    let least = if least > tuning.part_bytes {
        least.next_multiple_of(1 << 20)
    } else {
        least
    };
    least.max(tuning.part_bytes)
}

/// Waits until `n_bytes` more may be in memory. What is larger than all of the room takes all of it.
async fn room(client: &Client, n_bytes: u64) -> Option<OwnedSemaphorePermit> {
    let all = client.settings().tuning().upload_bytes;
    let n_bytes = usize::try_from(n_bytes).unwrap_or(usize::MAX).clamp(1, all);
    let n_permits = u32::try_from(n_bytes).unwrap_or(u32::MAX);
    let room = std::sync::Arc::clone(client.upload_room());
    // Never closed.
    room.acquire_many_owned(n_permits).await.ok()
}

fn read(
    client: &Client,
    content: &dyn Content,
    (offset, n_bytes): (u64, u64),
) -> io::Result<PutPayload> {
    let n_bytes = usize::try_from(n_bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut buffer = client.upload_buffers().of_length(n_bytes);
    content.read_exact_at(&mut buffer, offset)?;
    Ok(PutPayload::from(client.upload_buffers().lend(buffer)))
}

#[cfg(test)]
mod tests;
