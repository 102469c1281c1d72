//! Prints the reference page of variables: `docs/variables.md`.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(optml_contract::vars::reference_page().as_bytes())
}
