//! The one list of variables: what each means, whether it is set or not.
//!
//! Code names a variable by its constant here, `docs/variables.md` is [`reference_page`], and `--help` shows [`Variable::doc`].

mod list;

use std::fmt::Write as _;

pub use self::list::*;

/// One variable of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name; `<NAME>` stands for a name from a file.
    pub name: &'static str,
    /// Who reads it.
    pub owner: Owner,
    /// What it means.
    pub doc: &'static str,
    /// What happens when it is not set.
    pub unset: &'static str,
    /// What happens when it is set to nothing.
    pub empty: &'static str,
    /// The value that counts when nothing else does; empty if there is none.
    pub default: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// Who reads a variable, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `train` reads it; the platform, the image or the job sets it.
    Train,
    /// `serve` reads it; the platform, the image or the endpoint sets it.
    Serve,
    /// optml reads it; it is ours.
    Optml,
    /// The script reads it; `train` sets it.
    Script,
}

/// The text of `docs/variables.md`.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Variables\n\n\
         Generated from `optml_contract::vars` by `cargo run -p optml-contract --example variables > docs/variables.md`.\n\
         Flags win over `OPTML_*`, `OPTML_*` over the platform's variables, these over files, files over defaults.\n",
    );
    for owner in [Owner::Optml, Owner::Train, Owner::Script, Owner::Serve] {
        let _ = write!(page, "\n## {}\n", owner.heading()); // A String takes everything.
        for variable in ALL.iter().filter(|variable| variable.owner == owner) {
            variable.write(&mut page);
        }
    }
    page
}

impl Variable {
    fn write(&self, page: &mut String) {
        let _ = write!(page, "\n### `{}`\n\n{}\n\n", self.name, self.doc); // A String takes everything.
        let default = if self.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", self.default)
        };
        let rows = [
            ("Unset", self.unset),
            ("Empty", self.empty),
            ("Default", &default),
            ("Source", self.source),
        ];
        for (label, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
            let _ = writeln!(page, "- {label}: {text}"); // A String takes everything.
        }
    }
}

impl Owner {
    fn heading(self) -> &'static str {
        match self {
            Self::Train => "Read by `train`",
            Self::Serve => "Read by `serve`",
            Self::Optml => "Ours",
            Self::Script => "Set for the script",
        }
    }
}

#[cfg(test)]
mod tests;
