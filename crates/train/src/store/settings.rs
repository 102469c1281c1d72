//! What the variables and profile files say about stores: region, endpoint, and what credentials are looked for in. Pure
//! but for two small files.

use std::{collections::BTreeMap, fmt, fs, net::IpAddr, sync::Arc, time::Duration};

use camino::Utf8PathBuf;
use optml_contract::{Source, failure::is_secret_name};

/// The variables that stores, their credentials and their certificates go by, as they were when the job began.
#[derive(Clone, Default)]
pub struct Settings {
    variables: Arc<BTreeMap<String, String>>,
    region: Option<String>,
    tuning: Tuning,
}

/// Sizes, numbers and times of transfers. Memory of a download or an upload is about `n_parts` times `part_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// A download is asked for in pieces of this size. **Default** 4 MiB: a request's delay is small beside it.
    pub read_bytes: u64,
    /// Pieces of a download under way at once. **Default** 6: with those that wait for their reader, and the unpacking of
    /// what is read, they stay below the 64 MB that a job's transfers may take.
    pub n_reads: usize,
    /// A larger file is uploaded in parts. **Default** 8 MiB, as boto3.
    pub part_bytes: u64,
    /// The most parts that an upload may have. **Default** 10,000, the limit of S3. Larger files have larger parts.
    pub max_parts: u64,
    /// Parts of one file under way at once. **Default** 3.
    pub n_parts: usize,
    /// Bytes of all uploads in memory. **Default** 24 MiB.
    pub upload_bytes: usize,
    /// Objects fetched at once where there are many. **Default** 16.
    pub n_objects: usize,
    /// So long a failed request is asked again, from its beginning on. **Default** a minute: more is for whoever asks again later.
    pub retry_limit: Duration,
    /// So long an answer may be silent before it is asked for anew; that to an upload three times as long. **Default** 20 s: twice more
    /// within `retry_limit`.
    pub silence_limit: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            read_bytes: 4 << 20,
            n_reads: 6,
            part_bytes: 8 << 20,
            max_parts: 10_000,
            n_parts: 4,
            upload_bytes: 32 << 20,
            n_objects: 16,
            retry_limit: Duration::from_mins(1),
            silence_limit: Duration::from_secs(20),
        }
    }
}

/// Where S3 is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `https://host`, without a slash at its end.
    pub(super) url: String,
    /// The bucket is part of the host's name.
    pub(super) hosts_bucket: bool,
}

impl Settings {
    /// Takes over every variable that counts; those that are empty or no text are as good as unset.
    ///
    /// `job_region` is what the job's hyperparameters say, which `SAGEMAKER_REGION` stands for.
    pub fn read(source: &dyn Source, job_region: &str) -> Self {
        let variables: BTreeMap<String, String> = source
            .vars()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(|(name, value)| counts(name) && !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut settings = Self {
            variables: Arc::new(variables),
            region: None,
            tuning: Tuning::default(),
        };
        let job_region = Some(job_region).filter(|region| !region.is_empty());
        settings.region = settings
            .var("AWS_REGION")
            .or(job_region)
            .or(settings.var("SAGEMAKER_REGION"))
            .or(settings.var("AWS_DEFAULT_REGION"))
            .map(str::to_owned)
            .or_else(|| settings.profile_region());
        settings
    }

    /// The same with other sizes and times.
    #[must_use]
    pub fn with_tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Sizes, numbers and times.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// The region: `AWS_REGION`, the job's, `SAGEMAKER_REGION`, `AWS_DEFAULT_REGION`, the profile's; `None` if none says.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All of them.
    pub(super) fn vars(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The endpoint of a service of AWS, if a variable names one.
    pub(super) fn service_endpoint(&self, service: &str) -> Option<&str> {
        self.var(&format!("AWS_ENDPOINT_URL_{service}"))
            .or_else(|| self.var("AWS_ENDPOINT_URL"))
            .map(|url| url.trim_end_matches('/'))
    }

    /// Where a bucket is asked for: what a variable says, else AWS in `region`.
    pub(super) fn s3_endpoint(&self, bucket: &str, region: &str) -> Endpoint {
        let named = self
            .var("S3_ENDPOINT_URL")
            .map(|url| url.trim_end_matches('/'));
        let url = named.or_else(|| self.service_endpoint("S3")).map_or_else(
            || format!("https://s3.{region}.{}", domain(region)),
            str::to_owned,
        );
        // The certificate of AWS covers one label before its own name. Elsewhere nobody promises a name for each bucket.
        if !is_aws(&url) || bucket.contains('.') {
            return Endpoint {
                url,
                hosts_bucket: false,
            };
        }
        Endpoint {
            url: url.replacen("://", &format!("://{bucket}."), 1),
            hosts_bucket: true,
        }
    }

    pub(super) fn home(&self) -> Utf8PathBuf {
        self.var("HOME").unwrap_or("/").into()
    }

    /// The region of the profile, in the file that credentials are in or in the other one.
    fn profile_region(&self) -> Option<String> {
        let profile = self.var("AWS_PROFILE").unwrap_or("default");
        let file = |variable, name| {
            self.var(variable)
                .map_or_else(|| self.home().join(".aws").join(name), Utf8PathBuf::from)
        };
        let config = file("AWS_CONFIG_FILE", "config");
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let section = match profile {
            "default" => profile.to_owned(),
            other => format!("profile {other}"),
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        value_in(&read(config), &section, "region")
            .or_else(|| value_in(&read(credentials), profile, "region"))
    }
}

/// Values may be secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): (&String, &String)| {
            let is_secret = is_secret_name(name);
            (
                name.clone(),
                if is_secret { "***" } else { value }.to_owned(),
            )
        };
        f.debug_struct("Settings")
            .field("region", &self.region)
            .field("tuning", &self.tuning)
            .field(
                "variables",
                &self.variables.iter().map(shown).collect::<Vec<_>>(),
            )
            .finish()
    }
}

/// Whether a variable is about stores. The names themselves are in the list of the contract; the three clouds have more
/// of them than are worth a line there each.
fn counts(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
    const NAMES: [&str; 5] = [
        "HOME",
        "S3_ENDPOINT_URL",
        "SAGEMAKER_REGION",
        "SSL_CERT_FILE",
        "SERVICE_ACCOUNT",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What follows the name of a service in a region.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else if region.starts_with("us-iso-") {
        "c2s.ic.gov"
    } else if region.starts_with("us-isob-") {
        "sc2s.sgov.gov"
    } else {
        "amazonaws.com"
    }
}

fn is_aws(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    [
        "amazonaws.com",
        "amazonaws.com.cn",
        "c2s.ic.gov",
        "sc2s.sgov.gov",
    ]
    .iter()
    .any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|before| before.ends_with('.'))
    })
}

/// TLS, or an address that does not leave the machine: itself, and the endpoints of ECS and EKS.
pub(super) fn is_private(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<http::Uri>() else {
        return false;
    };
    if uri.scheme_str() == Some("https") {
        return true;
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| {
            address.is_loopback()
                || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"]
                    .iter()
                    .any(|known| known.parse() == Ok(address))
        })
}

/// A value in a file of `[section]` and `key = value` lines.
fn value_in(text: &str, section: &str, key: &str) -> Option<String> {
    let mut is_ours = false;
    let mut found = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            is_ours = name.trim() == section;
        } else if let Some((name, value)) = line.split_once('=')
            && is_ours
            && name.trim() == key
            && !value.trim().is_empty()
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests;
