//! `optml env`: what the script would see, and where each value came from.

use std::fmt::Write;

use optml::session::{Failed, Session, misconfigured};
use optml_contract::{
    Cluster, Layout, Origin, Source,
    export::{self, Exported},
    failure::{is_secret_name, redact},
    json::{Json, Object},
    python,
    setting::Setting,
    vars::{self, Owner},
};
use optml_train::run::Loaded;

use crate::arguments::EnvFormat;

#[cfg(test)]
mod tests;

pub(super) fn run(session: &mut Session, format: EnvFormat) -> Result<u8, Failed> {
    let mut problems = std::mem::take(&mut session.option_problems);
    let layout = Layout::locate(&session.source).unwrap_or_else(|problem| {
        problems.push(problem);
        Layout::at(optml_contract::layout::BASE_DIR)
    });
    let loaded = optml_train::run::load(&session.source, &layout, &session.supervisor);
    let seen = loaded.and_then(|job| {
        let cluster = Cluster::of_job(&session.source, &job.env)?;
        Ok((job, cluster))
    });
    let (job, cluster) = match seen {
        Ok(seen) if problems.is_empty() => seen,
        Ok(_) => return Err(misconfigured(&problems)),
        Err(more) => {
            problems.extend(more);
            return Err(misconfigured(&problems));
        }
    };
    let text = match format {
        EnvFormat::Table => table(&job, &cluster, &session.source),
        EnvFormat::Json => python::dumps(&json(&job, &cluster)) + "\n",
        EnvFormat::Shell => shell(&job.exported, &session.source),
    };
    session.console.print(text.as_bytes());
    Ok(0)
}

/// The views of the job, and the cluster.
fn json(job: &Loaded, cluster: &Cluster) -> Json {
    let views = job.env.to_json();
    let views = views.as_object().into_iter().flat_map(Object::iter);
    let views = views.map(|(name, view)| (name.clone(), view.clone()));
    Json::Object(
        views
            .chain([("cluster".into(), cluster.to_json())])
            .collect(),
    )
}

/// Three columns, the widest first two aligned; then the cluster in two.
fn table(job: &Loaded, cluster: &Cluster, source: &dyn Source) -> String {
    let mut rows: Vec<[String; 3]> = export::settings(&job.env, source).iter().map(row).collect();
    rows.extend(options(source));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let (names, values) = (width(0), width(1));
    let mut text = String::new();
    for [name, value, origin] in &rows {
        writeln!(text, "{name:names$}  {value:values$}  {origin}")
            .expect("a String takes all that is written to it");
    }
    text.push_str("\ncluster\n");
    let rows = cluster.rows();
    let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        let value = one_line(&value);
        writeln!(text, "  {name:names$}  {value}")
            .expect("a String takes all that is written to it");
    }
    for note in &job.exported.notes {
        writeln!(text, "note: {note}").expect("a String takes all that is written to it");
    }
    text
}

/// A longer value is cut in the table; the other formats have all of it.
const WIDEST: usize = 60;

fn row(setting: &Setting) -> [String; 3] {
    let name = setting.name.to_string();
    let value = shown(&name, &setting.value.to_string());
    [name, value, setting.origin.to_string()]
}

/// How we run: each of our own variables.
fn options(source: &dyn Source) -> impl Iterator<Item = [String; 3]> {
    vars::ALL
        .iter()
        .filter(|variable| variable.owner == Owner::Optml)
        .map(|variable| {
            let set = source.var(variable.name).filter(|value| !value.is_empty());
            let (value, origin) = match set {
                Some(value) => (
                    value.to_string_lossy().into_owned(),
                    Origin::variable(variable.name),
                ),
                None => (variable.default.to_owned(), Origin::Default),
            };
            [
                variable.name.to_owned(),
                shown(variable.name, &value),
                origin.to_string(),
            ]
        })
}

/// On one line, without secrets, and not too wide.
fn shown(name: &str, value: &str) -> String {
    if is_secret_name(name) && !value.is_empty() {
        return "******".to_owned();
    }
    let mut text = one_line(value);
    if text.chars().count() > WIDEST {
        text = text.chars().take(WIDEST - 1).chain(['…']).collect();
    }
    text
}

/// On one line, and without secrets.
fn one_line(value: &str) -> String {
    let mut text = String::new();
    for c in redact(value).chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// What we add to the environment, as a shell reads it. A name that no shell can have is left as a comment.
fn shell(exported: &Exported, source: &dyn Source) -> String {
    let mut text = String::new();
    for (name, value) in &exported.vars {
        let inherited = name.to_str().and_then(|name| source.var(name));
        if inherited == Some(value.as_os_str()) {
            continue;
        }
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        let line = if is_identifier(&name) {
            format!("export {name}='{}'", value.replace('\'', r"'\''"))
        } else {
            format!("# {}: no shell can have this name", name.escape_debug())
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.bytes();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && characters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
