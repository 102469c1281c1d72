//! The tree that the platform would have made, in a temporary folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

/// A job's tree. Its files are written as it is built; the folder is removed with this value.
#[derive(Debug)]
pub struct OptMl {
    folder: tempfile::TempDir,
    hyperparameters: Map<String, Value>,
    hosts: Vec<String>,
    channels: Map<String, Value>,
}

impl Default for OptMl {
    fn default() -> Self {
        Self::new()
    }
}

impl OptMl {
    /// One host, no hyperparameters, no channels, no code.
    pub fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            hyperparameters: Map::new(),
            hosts: vec!["algo-1".to_owned()],
            channels: Map::new(),
        };
        for folder in ["input/config", "input/data", "code", "model", "output/data"] {
            fs::create_dir_all(tree.path(folder)).expect("a writable temporary folder");
        }
        tree.write()
    }

    /// A job whose entry point is this script.
    pub fn with_script(name: &str, content: &str) -> Self {
        Self::new()
            .file(&format!("code/{name}"), content)
            .hyperparameter("sagemaker_program", name)
    }

    /// The base directory.
    pub fn base(&self) -> &Path {
        self.folder.path()
    }

    /// A path below it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Adds a hyperparameter; its value is a text, as on the platform.
    #[must_use]
    pub fn hyperparameter(mut self, name: &str, value: &str) -> Self {
        self.hyperparameters.insert(name.to_owned(), value.into());
        self.write()
    }

    /// Names all hosts; the first is this one.
    #[must_use]
    pub fn hosts(mut self, names: &[&str]) -> Self {
        self.hosts = names.iter().map(|&name| name.to_owned()).collect();
        self.write()
    }

    /// Adds a channel with one file.
    #[must_use]
    pub fn channel(mut self, name: &str, file: &str, content: &str) -> Self {
        self.channels
            .insert(name.to_owned(), json!({ "TrainingInputMode": "File" }));
        self.write()
            .file(&format!("input/data/{name}/{file}"), content)
    }

    /// Writes a file; a script with a `#!` line, or a program, can be executed.
    #[must_use]
    pub fn file(self, relative: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(relative);
        let content = content.as_ref();
        fs::create_dir_all(path.parent().expect("a path below the base"))
            .expect("a writable temporary folder");
        fs::write(&path, content).expect("a writable temporary folder");
        if content.starts_with(b"#!") || content.starts_with(b"\x7fELF") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .expect("a file of our own");
        }
        self
    }

    /// The text of a file, or what is wrong with it.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| format!("<{relative}: {error}>"))
    }

    fn write(self) -> Self {
        let config = self.path("input/config");
        let resources = json!({ "current_host": self.hosts[0], "hosts": self.hosts });
        for (file, value) in [
            (
                "hyperparameters.json",
                Value::Object(self.hyperparameters.clone()),
            ),
            ("inputdataconfig.json", Value::Object(self.channels.clone())),
            ("resourceconfig.json", resources),
        ] {
            fs::write(config.join(file), value.to_string()).expect("a writable temporary folder");
        }
        self
    }
}
