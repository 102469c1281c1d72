//! Reads an object as fast as the server gives it: `reader http://HOST:PORT/BUCKET/KEY [FILE]`.
//!
//! Eight connections, each with the next eight megabytes of the object again and again. The bytes are dropped, or written to
//! their place in the file when one is named.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use s3::head::{Head, HeadReader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().unwrap_or_default();
    let Some((address, path)) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return Err("usage: reader http://HOST:PORT/BUCKET/KEY [FILE]".into());
    };
    let file = arguments.next().map(File::create).transpose()?;
    let object = Object {
        address,
        path,
        n_bytes: Connection::open(address)?
            .ask("HEAD", path, "")?
            .n_body_bytes()?,
    };
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..N_CONNECTIONS)
            .map(|_| scope.spawn(|| read_parts(&object, &next, file.as_ref())))
            .collect();
        readers.into_iter().try_for_each(|reader| {
            reader
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a reader panicked")))
        })
    })?;
    Ok(())
}

struct Object<'a> {
    address: &'a str,
    path: &'a str,
    n_bytes: u64,
}

struct Connection {
    stream: TcpStream,
    heads: HeadReader,
}

/// Takes parts until none is left.
fn read_parts(object: &Object<'_>, next: &AtomicU64, file: Option<&File>) -> io::Result<()> {
    let mut connection = Connection::open(object.address)?;
    let mut buf = vec![0; PART_BYTES];
    loop {
        let start = next.fetch_add(PART_BYTES as u64, Ordering::Relaxed);
        if start >= object.n_bytes {
            return Ok(());
        }
        let end = object.n_bytes.min(start + PART_BYTES as u64);
        let range = format!("Range: bytes={start}-{}\r\n", end - 1);
        let n_bytes = connection.ask("GET", object.path, &range)?.n_body_bytes()?;
        if n_bytes != end - start {
            return Err(io::Error::other("the part has another size"));
        }
        let part = buf
            .get_mut(..usize::try_from(n_bytes).unwrap_or(usize::MAX))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        connection.fill(part)?;
        if let Some(file) = file {
            file.write_all_at(part, start)?;
        }
    }
}

impl Connection {
    fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            heads: HeadReader::default(),
        })
    }

    fn ask(&mut self, method: &str, path: &str, fields: &str) -> io::Result<Head> {
        self.stream.write_all(
            format!("{method} /{path} HTTP/1.1\r\nHost: stub\r\n{fields}\r\n").as_bytes(),
        )?;
        let head = self
            .heads
            .read(&mut self.stream)?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        if !head.part(1).starts_with('2') {
            return Err(io::Error::other(format!(
                "{method} /{path}: status {}",
                head.part(1)
            )));
        }
        Ok(head)
    }

    fn fill(&mut self, part: &mut [u8]) -> io::Result<()> {
        let came_with_head = self.heads.take(part.len());
        let (first, rest) = part.split_at_mut(came_with_head.len());
        first.copy_from_slice(&came_with_head);
        self.stream.read_exact(rest)
    }
}

const N_CONNECTIONS: usize = 8;
const PART_BYTES: usize = 8 << 20;
