//! The names under which a script finds its values: the reference's, the newer SDK's, and spellings for shells.

use std::ffi::OsStr;

use super::Note;
use crate::{
    config::Origin,
    setting::{Setting, Settings},
    source::Source,
    text::Text,
    training::TrainingEnv,
    vars,
};

/// The port that the newer SDK tells its hosts to meet at.
const MASTER_PORT: &str = "7777";

/// Every variable that we set, and what happened to names that two wanted.
pub(super) fn all(env: &TrainingEnv, inherited: &dyn Source) -> (Settings, Vec<Note>) {
    let mut settings = env.settings();
    let mut notes = shared(&settings);
    env.put_process_env(&mut settings);
    add_sdk_names(env, inherited, &mut settings);
    add_aliases(inherited, &mut settings, &mut notes);
    settings.put(
        vars::PYTHONPATH.name,
        python_path(env, inherited),
        Origin::Derived("code directory".to_owned()),
    );
    (settings, notes)
}

fn shared(settings: &Settings) -> Vec<Note> {
    let note = |dropped: &Setting| {
        let kept = settings.get(&dropped.name)?.origin.clone();
        Some(Note::Shared {
            variable: dropped.name.clone(),
            kept,
            dropped: dropped.origin.clone(),
        })
    };
    settings.replaced.iter().filter_map(note).collect()
}

/// The names of the newer SDK that the reference lacks, unless somebody has set them already.
fn add_sdk_names(env: &TrainingEnv, inherited: &dyn Source, settings: &mut Settings) {
    let layout = env.layout();
    let derived = |from: &str| Origin::Derived(from.to_owned());
    let base = || derived("base directory");
    let rank = env.resources().current_rank(env.master_hostname());
    let names = [
        (
            vars::SM_MASTER_ADDR,
            Some(env.master_hostname().clone()),
            derived("hosts and groups"),
        ),
        (
            vars::SM_MASTER_PORT,
            Some(MASTER_PORT.into()),
            Origin::Default,
        ),
        (
            vars::SM_HOST_COUNT,
            Some(env.hosts().len().to_string().into()),
            env.resources().origin("hosts"),
        ),
        (
            vars::SM_CURRENT_HOST_RANK,
            Some(rank.to_string().into()),
            derived("hosts and groups"),
        ),
        (
            vars::SM_SOURCE_DIR,
            Some(layout.code().as_str().into()),
            base(),
        ),
        (
            vars::SM_ENTRY_SCRIPT,
            env.user_entry_point().cloned(),
            derived("`SM_USER_ENTRY_POINT`"),
        ),
        (
            vars::SM_INPUT_DATA_DIR,
            Some(layout.data().as_str().into()),
            base(),
        ),
        (
            vars::SM_OUTPUT_FAILURE,
            Some(layout.failure().as_str().into()),
            base(),
        ),
    ];
    for (variable, value, origin) in names {
        if let (Some(value), None) = (value, inherited.var(variable.name)) {
            settings.put(variable.name, value, origin);
        }
    }
}

/// For each channel and hyperparameter whose variable no shell can name, one that it can.
fn add_aliases(inherited: &dyn Source, settings: &mut Settings, notes: &mut Vec<Note>) {
    let mut aliases = Vec::new();
    for setting in settings.all() {
        let name = setting.name.as_bytes();
        let is_named_by_user = name.starts_with(b"SM_HP_") || name.starts_with(b"SM_CHANNEL_");
        if is_named_by_user && !name.iter().all(|&byte| is_identifier(byte.into())) {
            aliases.push((alias(&setting.name), setting.clone()));
        }
    }
    for (
        alias,
        Setting {
            name,
            value,
            origin,
        },
    ) in aliases
    {
        let ours = settings
            .get(&alias)
            .map(|setting| (setting.value.clone(), setting.origin.clone()));
        let taken = ours.or_else(|| {
            let theirs = inherited.var(alias.as_str()?)?;
            let environment = Origin::Derived("the inherited environment".to_owned());
            Some((Text::from_os(theirs), environment))
        });
        match taken {
            None => settings.put(alias, value, origin),
            Some((other, _)) if other == value => {}
            Some((_, kept)) => notes.push(Note::AliasTaken {
                alias,
                variable: name,
                kept,
            }),
        }
    }
}

fn alias(name: &Text) -> Text {
    let mut alias = String::with_capacity(name.as_bytes().len());
    let characters = name
        .code_points()
        .map(|code_point| match char::from_u32(code_point) {
            Some(character) if is_identifier(code_point) => character,
            _ => '_',
        });
    alias.extend(characters);
    alias.into()
}

fn is_identifier(code_point: u32) -> bool {
    matches!(
        char::from_u32(code_point),
        Some('A'..='Z' | '0'..='9' | '_')
    )
}

fn python_path(env: &TrainingEnv, inherited: &dyn Source) -> Text {
    let mut path = Text::from(env.layout().code().as_str());
    if let Some(rest) = inherited
        .var(vars::PYTHONPATH.name)
        .filter(|rest| *rest != OsStr::new(""))
    {
        path.push_str(":");
        path.push_text(&Text::from_os(rest));
    }
    path
}
