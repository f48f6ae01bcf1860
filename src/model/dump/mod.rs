//! What devpi-server exports: the file `dataindex.json` and the files that it names (devpi: `importexport.py`).
//!
//! Dump version 2 is that of devpi-server 3 to 6, version 3 that of 7. Both are read, 2 is written: every devpi-server
//! reads it.

mod plan;
mod project;

pub use plan::{Plan, PlannedFile, PlannedIndex, PlannedProject, PlannedRelease, PlannedUser, Refused};
pub use project::{Mapping, ReleaseData};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The name of the file, in the folder of the export.
pub const DATA_INDEX: &str = "dataindex.json";

/// The dump version that is written.
const WRITTEN: &str = "2";

/// A hash in the form of devpi's that no password has: nobody logs in until somebody sets one.
pub const NO_PASSWORD: &str = concat!(
    "$argon2id$v=19$m=65536,t=3,p=4$c2VjcmV0cyBsZWZ0IG91dA$",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
);

/// The whole of `dataindex.json`.
#[derive(Serialize, Deserialize)]
pub struct Dump {
    #[serde(rename = "dumpversion")]
    version: Value,
    pub users: BTreeMap<String, Map<String, Value>>,
    pub indexes: BTreeMap<String, DumpIndex>,
}

/// An index and all that it has.
#[derive(Default, Serialize, Deserialize)]
pub struct DumpIndex {
    #[serde(rename = "indexconfig")]
    pub settings: Map<String, Value>,
    /// By name: the metadata of each version, and in version 3 the project's own settings beside them.
    #[serde(default)]
    pub projects: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    pub files: Vec<DumpFile>,
    /// Status of projects by name (PEP 792); only wheelyard writes and reads it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub project_status: BTreeMap<String, Map<String, Value>>,
}

/// What a file is (devpi: `Rel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    ReleaseFile,
    ToxResult,
    DocZip,
    #[serde(other)]
    Unknown,
}

/// A file of a release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DumpFile {
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(rename = "projectname")]
    pub project: String,
    #[serde(default)]
    pub version: Option<String>,
    /// Where its bytes are, below the folder of the export.
    #[serde(rename = "relpath")]
    pub path: String,
    #[serde(rename = "entrymapping", default)]
    pub mapping: Mapping,
    /// The release file that a tox result belongs to, by its path on the server.
    #[serde(rename = "for_entrypath", default, skip_serializing_if = "Option::is_none")]
    pub for_path: Option<String>,
    #[serde(default)]
    pub log: Option<Value>,
    /// The reason why it is yanked; only wheelyard writes and reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
}

impl Default for Dump {
    /// An empty one, to be written.
    fn default() -> Self {
        Self { version: WRITTEN.into(), users: BTreeMap::new(), indexes: BTreeMap::new() }
    }
}

impl Dump {
    /// The dump version.
    ///
    /// # Errors
    /// A text for the operator, when it is none that can be read.
    pub fn version(&self) -> Result<u8, String> {
        let text = self.version.as_str().map_or_else(|| self.version.to_string(), str::to_owned);
        match text.as_str() {
            "2" => Ok(2),
            "3" => Ok(3),
            _ => Err(format!(
                "{DATA_INDEX} has dump version {text}, expected 2 or 3: \
                 import it into a devpi-server 6 and export it from there"
            )),
        }
    }
}
