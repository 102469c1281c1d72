//! The servers for tests of object storage, and the faults on the way to them, do what they say.

mod discarding;
mod faults;
mod packages;
mod s3;

use std::{net::SocketAddr, time::Duration};

use optml_testkit::Client;

/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(20);

/// A connection to `http://ADDRESS:PORT`.
fn connect(endpoint: &str) -> Client {
    Client::connect(address(endpoint))
}

fn address(endpoint: &str) -> SocketAddr {
    let address = endpoint.strip_prefix("http://").expect("plain HTTP");
    address.parse().expect("an address and a port")
}

/// Bytes that tell where they are.
fn bytes(n: usize) -> Vec<u8> {
    (0..n as u64).map(optml_testkit::pattern_byte).collect()
}

/// A signature in form, which is all that moto asks for.
const SIGNED: (&str, &str) = (
    "Authorization",
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
);
