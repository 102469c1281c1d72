//! Whole lines out of what `mpirun --tag-output` prints.
//!
//! Open MPI puts `[1,RANK]<stdout>:` before each piece that it has read from a rank, not before each line: where ranks
//! print parts of lines, the parts of several stand on one line, each behind its tag. Here the parts of each rank are put
//! together again. What has no tag is Open MPI's own, and passed on as it comes.
//!
//! A thread reads from a pipe that is given to the program and writes whole lines to where the program's output would
//! have gone.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    thread,
};

use rustix::pipe::{PipeFlags, pipe_with};

#[cfg(test)]
mod tests;

/// A rank that prints no end of a line for so long gets one.
const LINE_BYTES: usize = 256 * 1024;
/// The longest tag: `[4294967295,4294967295]<stddiag>:`.
const TAG_BYTES: usize = 40;

/// The end of a pipe for a program to write to; whole lines go to `outlet`, until the program and all that have the
/// pipe from it have closed it.
///
/// # Errors
/// No pipe or thread is to be had.
pub(crate) fn whole_lines(outlet: OwnedFd) -> io::Result<OwnedFd> {
    let (source, program_end) = pipe_with(PipeFlags::CLOEXEC)?;
    thread::Builder::new()
        .name("untangle".to_owned())
        .spawn(move || copy(&mut File::from(source), &mut File::from(outlet)))?;
    Ok(program_end)
}

fn copy(source: &mut impl Read, outlet: &mut impl Write) {
    let mut buffer = vec![0; 64 * 1024];
    let mut lines = Lines::default();
    let mut out = Vec::new();
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => lines.push(&buffer[..n], &mut out),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if outlet.write_all(&out).is_err() {
            // Nobody reads on: the program sees that when we go.
            return;
        }
        out.clear();
    }
    lines.finish(&mut out);
    // The same.
    let _ = outlet.write_all(&out);
}

/// Parts of lines, each with whose it is.
#[derive(Debug, Default)]
struct Lines {
    /// What may be the beginning of a tag.
    undecided: Vec<u8>,
    /// Whose the next bytes are; none: Open MPI's.
    current: Option<Vec<u8>>,
    /// Lines that have begun, by tag.
    begun: BTreeMap<Option<Vec<u8>>, Vec<u8>>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = std::mem::take(&mut self.undecided);
        rest.extend_from_slice(chunk);
        let mut rest = &rest[..];
        while let Some(first) = rest.first() {
            match first {
                b'[' => match tag(rest) {
                    Tag::Whole(n) => {
                        self.current = Some(rest[..n].to_vec());
                        rest = &rest[n..];
                    }
                    Tag::Begun => {
                        self.undecided = rest.to_vec();
                        return;
                    }
                    Tag::None => rest = self.take(rest, 1, out),
                },
                b'\n' => {
                    rest = self.take(rest, 1, out);
                    // The next line says whose it is.
                    self.current = None;
                }
                b'\r' => rest = self.take(rest, 1, out),
                _ => {
                    let n = rest
                        .iter()
                        .position(|byte| matches!(byte, b'[' | b'\n' | b'\r'));
                    rest = self.take(rest, n.unwrap_or(rest.len()), out);
                }
            }
        }
    }

    /// Adds some bytes to the line of whoever speaks; writes it when it is whole.
    fn take<'a>(&mut self, bytes: &'a [u8], n: usize, out: &mut Vec<u8>) -> &'a [u8] {
        let (bytes, rest) = bytes.split_at(n);
        let line = self.begun.entry(self.current.clone()).or_default();
        line.extend_from_slice(bytes);
        // A carriage return ends a line as well, so that progress is seen.
        if has_end(line) || line.len() >= LINE_BYTES {
            let line = self.begun.remove(&self.current).unwrap_or_default();
            write(self.current.as_deref(), &line, out);
        }
        rest
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        let undecided = std::mem::take(&mut self.undecided);
        self.take(&undecided, undecided.len(), out);
        for (tag, line) in &self.begun {
            write(tag.as_deref(), line, out);
        }
    }
}

fn write(tag: Option<&[u8]>, line: &[u8], out: &mut Vec<u8>) {
    if line.is_empty() {
        return;
    }
    out.extend_from_slice(tag.unwrap_or_default());
    out.extend_from_slice(line);
    if !has_end(line) {
        out.push(b'\n');
    }
}

fn has_end(line: &[u8]) -> bool {
    matches!(line.last(), Some(b'\n' | b'\r'))
}

enum Tag {
    /// It is one, of so many bytes.
    Whole(usize),
    /// It may become one.
    Begun,
    /// It is none.
    None,
}

/// `[1,0]<stdout>:` at the beginning of `bytes`.
fn tag(bytes: &[u8]) -> Tag {
    const STREAMS: [&[u8]; 3] = [b"stdout>:", b"stderr>:", b"stddiag>:"];
    let mut at = 1;
    for end in [&b","[..], b"]<"] {
        let n_digits = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        at += n_digits;
        let rest = &bytes[at..];
        if rest.len() < end.len() && end.starts_with(rest) && at < TAG_BYTES {
            return Tag::Begun;
        }
        if n_digits == 0 || !rest.starts_with(end) || at > TAG_BYTES {
            return Tag::None;
        }
        at += end.len();
    }
    let rest = &bytes[at..];
    match STREAMS.iter().find(|stream| rest.starts_with(stream)) {
        Some(stream) => Tag::Whole(at + stream.len()),
        None if STREAMS.iter().any(|stream| stream.starts_with(rest)) => Tag::Begun,
        None => Tag::None,
    }
}
