//! `unpack ARCHIVE DIRECTORY`: unpacks as `optml train` does. The benchmark times it against `tar xzf`.

use std::{env, error::Error, path::Path};

use optml_train::archive::{self, Limits};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(source), Some(destination), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: unpack ARCHIVE DIRECTORY".into());
    };
    archive::extract(
        Path::new(&source),
        Path::new(&destination),
        &Limits::default(),
        &|| false,
    )?;
    Ok(())
}
