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
    /// What else `resourceconfig.json` says, and instead of what.
    resources: Map<String, Value>,
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
            resources: Map::new(),
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

    /// Names all hosts; the first is this one, unless [`OptMl::current_host`] says another.
    #[must_use]
    pub fn hosts(mut self, names: &[&str]) -> Self {
        self.hosts = names.iter().map(|&name| name.to_owned()).collect();
        self.write()
    }

    /// Says which of the hosts has this tree.
    #[must_use]
    pub fn current_host(mut self, name: &str) -> Self {
        self.resources
            .insert("current_host".to_owned(), name.into());
        self.write()
    }

    /// Names the network interface that leads to the other hosts.
    #[must_use]
    pub fn network_interface(mut self, name: &str) -> Self {
        self.resources
            .insert("network_interface_name".to_owned(), name.into());
        self.write()
    }

    /// Sorts the hosts into groups: the name of each, its instance type, its hosts. The current host is named before.
    #[must_use]
    pub fn instance_groups(mut self, groups: &[(&str, &str, &[&str])]) -> Self {
        let current = self
            .resources
            .get("current_host")
            .and_then(Value::as_str)
            .unwrap_or(&self.hosts[0]);
        let own = groups
            .iter()
            .find(|(_, _, hosts)| hosts.contains(&current))
            .expect("the current host is in a group");
        let (own_name, own_type) = (own.0, own.1);
        let all: Vec<Value> = groups
            .iter()
            .map(|(name, instance_type, hosts)| {
                json!({ "instance_group_name": name, "instance_type": instance_type, "hosts": hosts })
            })
            .collect();
        self.resources
            .insert("current_group_name".to_owned(), own_name.into());
        self.resources
            .insert("current_instance_type".to_owned(), own_type.into());
        self.resources
            .insert("instance_groups".to_owned(), all.into());
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
        let mut resources = self.resources.clone();
        resources
            .entry("current_host")
            .or_insert_with(|| self.hosts[0].as_str().into());
        resources.insert("hosts".to_owned(), json!(self.hosts));
        for (file, value) in [
            (
                "hyperparameters.json",
                Value::Object(self.hyperparameters.clone()),
            ),
            ("inputdataconfig.json", Value::Object(self.channels.clone())),
            ("resourceconfig.json", Value::Object(resources)),
        ] {
            fs::write(config.join(file), value.to_string()).expect("a writable temporary folder");
        }
        self
    }
}
