//! The list itself, by who reads what, in the order of `docs/variables.md`.

use super::Variable;

/// Declares a constant for each variable, and the list of them.
macro_rules! variables {
    ($($constant:ident: $owner:ident, $name:literal, $doc:literal $(, unset $unset:literal)? $(, empty $empty:literal)?
       $(, default $default:literal)? $(, source $source:literal)?;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: $crate::vars::Variable = $crate::vars::Variable {
                name: $name,
                owner: $crate::vars::Owner::$owner,
                doc: $doc,
                unset: concat!($($unset)?),
                empty: concat!($($empty)?),
                default: concat!($($default)?),
                source: concat!($($source)?),
            };
        )*

        pub(super) const LISTED: &[$crate::vars::Variable] = &[$($constant),*];
    };
}

// Below the macro: only what follows it knows it.
mod ours;
mod script;
mod serve;
mod train;

pub use self::{ours::*, script::*, serve::*, train::*};

const PARTS: [&[Variable]; 4] = [ours::LISTED, train::LISTED, script::LISTED, serve::LISTED];

const N_ALL: usize = PARTS[0].len() + PARTS[1].len() + PARTS[2].len() + PARTS[3].len();

/// Every variable.
pub const ALL: &[Variable] = &{
    let mut all = [ours::LISTED[0]; N_ALL];
    let (mut part, mut n) = (0, 0);
    while part < PARTS.len() {
        let mut row = 0;
        while row < PARTS[part].len() {
            all[n] = PARTS[part][row];
            (row, n) = (row + 1, n + 1);
        }
        part += 1;
    }
    all
};
