//! The data channels of a job: `inputdataconfig.json`.
//!
//! Only the names have a meaning for us. What the platform says about a channel is passed on, and can be asked for.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin, load_object},
    json::{Json, Object},
    layout::{Layout, stays_below},
    source::Source,
    text::Text,
};

/// The channels of a job, in the order of the file.
///
/// **Shape**
/// ```json
/// {"train": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None",
///            "ContentType": "text/csv"}}
/// ```
/// **Source**: the SageMaker developer guide, and files of real jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    path: Utf8PathBuf,
    object: Object,
    all: Vec<Channel>,
}

/// One channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: Text,
    /// Where its files are.
    pub directory: Text,
    /// What the platform says about it.
    pub config: Json,
}

impl Channels {
    /// Reads `inputdataconfig.json`.
    ///
    /// # Errors
    /// The file cannot be read or is no JSON object, or a name leads out of the data directory.
    pub fn load(source: &dyn Source, layout: &Layout) -> Result<Self, Vec<ConfigError>> {
        let path = layout.channels_file();
        let object = load_object(source, &path).map_err(|err| vec![err])?;
        Self::parse(object, &path, &layout.data())
    }

    /// Reads what `inputdataconfig.json` holds; the channels are below `data`.
    ///
    /// # Errors
    /// A name leads out of the data directory.
    pub fn parse(
        object: Object,
        path: &Utf8Path,
        data: &Utf8Path,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut all = Vec::with_capacity(object.len());
        let mut problems = Vec::new();
        for (name, config) in object.iter() {
            if !stays_below(name.as_bytes()) {
                let kind = ConfigErrorKind::Escapes {
                    directory: data.to_owned(),
                };
                problems.push(Origin::within(path, "", name).error(kind));
                continue;
            }
            let mut directory = Text::from(data.as_str());
            directory.push_str("/");
            directory.push_text(name);
            all.push(Channel {
                name: name.clone(),
                directory,
                config: config.clone(),
            });
        }
        if problems.is_empty() {
            Ok(Self {
                path: path.to_owned(),
                object,
                all,
            })
        } else {
            Err(problems)
        }
    }

    /// The whole file.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Every channel.
    pub fn all(&self) -> &[Channel] {
        &self.all
    }

    /// The names, by code points.
    pub fn sorted_names(&self) -> Vec<&Text> {
        let mut names: Vec<_> = self.all.iter().map(|channel| &channel.name).collect();
        names.sort();
        names
    }

    /// The file and key of a channel.
    pub fn origin(&self, name: &Text) -> Origin {
        Origin::within(&self.path, "", name)
    }
}

impl Channel {
    /// The media type of the files, if the job says one.
    pub fn content_type(&self) -> Option<&Text> {
        self.setting("ContentType")
    }

    /// How the files arrive: `File` (also for `FastFile`) or `Pipe`.
    pub fn input_mode(&self) -> Option<&Text> {
        self.setting("TrainingInputMode")
    }

    /// Who gets which files: `FullyReplicated` or `ShardedByS3Key`.
    pub fn distribution(&self) -> Option<&Text> {
        self.setting("S3DistributionType")
    }

    /// How records are wrapped: `None` or `RecordIO`.
    pub fn record_wrapper(&self) -> Option<&Text> {
        self.setting("RecordWrapperType")
    }

    fn setting(&self, key: &str) -> Option<&Text> {
        self.config.get(key)?.as_text()
    }
}

#[cfg(test)]
mod tests;
