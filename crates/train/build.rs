//! Builds the library that `same_name` carries: it is loaded into programs of the user, so it is no part of the binary.

use std::{path::Path, process::Command};

#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told everything by variables, and runs the compiler"
)]
fn main() {
    const SOURCE: &str = "preload/gethostname.rs";
    println!("cargo::rerun-if-changed={SOURCE}");
    let var = |name: &str| std::env::var_os(name);
    let folder = var("OUT_DIR").expect("cargo sets it");
    let library = Path::new(&folder).join("gethostname.so");
    let mut compiler = Command::new(var("RUSTC").expect("cargo sets it"));
    compiler
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "--crate-name=gethostname",
        ])
        .args(["-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols"])
        .args(["-Clink-arg=-nostartfiles", "-Clink-arg=-nostdlib"])
        .arg("--target")
        .arg(var("TARGET").expect("cargo sets it"))
        .arg("-o")
        .arg(&library)
        .arg(SOURCE);
    if let Some(linker) = var("RUSTC_LINKER") {
        compiler.arg("-Clinker").arg(linker);
    }
    let status = compiler.status().expect("the compiler runs");
    assert!(status.success(), "the compiler refused {SOURCE}: {status}");
}
