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

    /// The kept bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(self.limit)..]
    }

    /// The kept bytes from the beginning of a line on, where any line begins among them.
    pub(crate) fn lines(&self) -> &[u8] {
        let kept = self.bytes();
        if self.n_seen <= self.limit as u64 {
            return kept;
        }
        let start = kept.iter().position(|byte| *byte == b'\n');
        match start {
            Some(end) if end + 1 < kept.len() => &kept[end + 1..],
            _ => kept,
        }
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
            prop_assert_eq!(tail.n_seen, all.len() as u64);
            prop_assert_eq!(tail.bytes(), &all[all.len().saturating_sub(32)..]);
            prop_assert!(tail.bytes().ends_with(tail.lines()));
        }
    }

    #[test]
    fn lines_begin_at_a_beginning() {
        let check = |written: &[u8], expected: &[u8]| {
            let mut tail = Tail::new(8);
            tail.push(written);
            assert_eq!(tail.lines(), expected);
        };
        check(b"ab\ncd\n", b"ab\ncd\n");
        check(b"12345\n7\n", b"12345\n7\n");
        check(b"x12345\n7\n", b"7\n");
        check(b"no end in sight", b"in sight");
        check(b"x1234567\n", b"1234567\n");
    }
}
