//! An S3 of one process on loopback: `stub [--object BUCKET/KEY=FILE]...`.
//!
//! Objects given at start are served by `sendfile`; what is uploaded is counted and thrown away, and the kernel does not even copy it here.
//! No signature is checked, and a connection has a thread. It prints its address, and ends when its standard input does: it cannot outlive the
//! benchmark. `GET /_stats` tells what was uploaded and when, by the clock of Python's `time.monotonic()`; `POST /_reset` forgets it.

mod connection;
mod request;
mod store;

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    thread,
};

use store::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(store_of(env::args().skip(1))?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = Arc::clone(&store);
            // A client that goes away, or talks nonsense, loses its connection.
            thread::spawn(move || connection::serve(stream, &store).ok());
        }
    });
    // Nothing is ever sent here: this waits for the end.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn store_of(mut arguments: impl Iterator<Item = String>) -> Result<Store, Box<dyn Error>> {
    let mut store = Store::default();
    while let Some(option) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        let Some((name, path)) = value.split_once('=').filter(|_| option == "--object") else {
            return Err("usage: stub [--object BUCKET/KEY=FILE]...".into());
        };
        store.serve(name, path)?;
    }
    Ok(store)
}
