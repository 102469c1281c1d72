//! Answers each body with itself, from two threads: `echo PORT`, on loopback.
//!
//! What an HTTP server costs for a body of a given size when it does nothing with it.

use std::{env, error::Error, net::Ipv4Addr};

use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tokio::net::TcpListener;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::args().nth(1).ok_or("usage: echo PORT")?.parse()?;
    let app = Router::new()
        .route("/ping", get(|| async {}))
        .route("/invocations", post(echo))
        .layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn echo(body: Bytes) -> Bytes {
    body
}
