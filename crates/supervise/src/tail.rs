//! The last bytes of a stream, in constant memory.

/// Keeps the last `limit` bytes that were written to it.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    n_seen: u64,
}

impl Tail {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            n_seen: 0,
        }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.n_seen += chunk.len() as u64;
        let keep = &chunk[chunk.len().saturating_sub(self.limit)..];
        // Twice the limit before it is cut down: each byte is moved once on average, not once a write.
        if self.bytes.len() + keep.len() > 2 * self.limit {
            let surplus = (self.bytes.len() + keep.len()).saturating_sub(self.limit);
            self.bytes.drain(..surplus.min(self.bytes.len()));
        }
        self.bytes.extend_from_slice(keep);
    }

    /// The kept bytes, and how many there were in all.
    pub(crate) fn finish(mut self) -> (Vec<u8>, u64) {
        let surplus = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..surplus);
        (self.bytes, self.n_seen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Tail;

    proptest! {
        #[test]
        fn is_the_end_of_what_was_written(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..50)) {
            let all: Vec<u8> = chunks.concat();
            let mut tail = Tail::new(32);
            for chunk in &chunks {
                tail.push(chunk);
                prop_assert!(tail.bytes.len() <= 64);
            }
            let (kept, n_seen) = tail.finish();
            prop_assert_eq!(n_seen, all.len() as u64);
            prop_assert_eq!(&kept[..], &all[all.len().saturating_sub(32)..]);
        }
    }
}
