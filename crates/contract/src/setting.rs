//! One variable that we set for the script, and where its value came from.

use std::collections::{HashMap, hash_map::Entry};

use crate::{config::Origin, text::Text};

/// A variable of the script's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Text,
    /// Where the value came from.
    pub origin: Origin,
}

/// Variables in order. A name that comes again keeps its place and takes the new value, as in the reference.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    all: Vec<Setting>,
    places: HashMap<Text, usize>,
    /// Those whose value was replaced, with the value that they had.
    pub(crate) replaced: Vec<Setting>,
}

impl Settings {
    pub(crate) fn put(&mut self, name: impl Into<Text>, value: impl Into<Text>, origin: Origin) {
        let setting = Setting {
            name: name.into(),
            value: value.into(),
            origin,
        };
        match self.places.entry(setting.name.clone()) {
            Entry::Occupied(place) => {
                let place = &mut self.all[*place.get()];
                self.replaced.push(std::mem::replace(place, setting));
            }
            Entry::Vacant(place) => {
                place.insert(self.all.len());
                self.all.push(setting);
            }
        }
    }

    pub(crate) fn get(&self, name: &Text) -> Option<&Setting> {
        self.places.get(name).map(|&place| &self.all[place])
    }

    pub(crate) fn all(&self) -> &[Setting] {
        &self.all
    }

    pub(crate) fn into_all(self) -> Vec<Setting> {
        self.all
    }
}
