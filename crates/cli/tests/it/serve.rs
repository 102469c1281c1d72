//! The server as clients and the platform see it.

mod hostile;
mod life;
mod models;
mod rig;
mod workers;
