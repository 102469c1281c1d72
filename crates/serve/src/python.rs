//! The Python worker: its source, as it is handed to an interpreter.
//!
//! The parts share one namespace, in the order of their numbers; each is a noun of its own.

/// What the interpreter is told on its command line: read the source from the descriptor, and run it.
pub(crate) const BOOT: &str = include_str!("python/boot.py");

/// The whole source.
pub(crate) const SOURCE: &str = concat!(
    include_str!("python/00_worker.py"),
    include_str!("python/10_frames.py"),
    include_str!("python/20_arena.py"),
    include_str!("python/30_faults.py"),
    include_str!("python/35_media.py"),
    include_str!("python/40_decode.py"),
    include_str!("python/45_encode.py"),
    include_str!("python/50_context.py"),
    include_str!("python/55_results.py"),
    include_str!("python/57_replies.py"),
    include_str!("python/60_functions.py"),
    include_str!("python/65_warmup.py"),
    include_str!("python/68_application.py"),
    include_str!("python/70_wsgi.py"),
    include_str!("python/75_asgi.py"),
    include_str!("python/80_alone.py"),
    include_str!("python/82_threads.py"),
    include_str!("python/84_loop.py"),
    include_str!("python/90_life.py"),
);
