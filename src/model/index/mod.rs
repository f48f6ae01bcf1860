//! An index and what it is set to (devpi-api, Indexes).

mod options;
pub mod place;
mod settings;
mod vocabulary;

pub use settings::Settings;

use super::{mirror::Mirror, name::IndexName, serial::Serial};
use options::Type;
use place::Place;
use serde_json::Value;
use std::sync::Arc;

/// The current state of an index.
#[derive(Debug, Clone)]
pub struct Index {
    pub id: i64,
    pub name: IndexName,
    pub settings: Settings,
    /// The last change of the settings, the creation of the index included.
    pub settings_serial: Serial,
    /// Files may be overwritten and everything deleted.
    pub volatile: bool,
    pub bases: Vec<IndexName>,
    pub acl_upload: Vec<String>,
    /// Who may send tox results.
    pub acl_toxresult_upload: Vec<String>,
    /// Who may see and download; `None`: everyone.
    pub acl_read: Option<Vec<String>>,
    /// Projects of which files of mirrors may stand beside those of stages, `*` for all (devpi: `mirror_whitelist`).
    pub whitelist: Vec<String>,
    /// Whitelists of the stages that answer for this one are added up instead of intersected.
    pub whitelist_union: bool,
    /// Its upstream; `None`: it is a stage.
    pub mirror: Option<Arc<Mirror>>,
    /// Where people find it.
    pub place: Place,
}

impl Index {
    pub fn new(id: i64, name: IndexName, settings: Settings, settings_serial: Serial) -> Self {
        Self {
            id,
            name,
            settings_serial,
            volatile: settings.stored().get("volatile") != Some(&Value::Bool(false)),
            bases: settings.bases(),
            acl_upload: settings.list("acl_upload"),
            acl_toxresult_upload: settings.list("acl_toxresult_upload"),
            acl_read: settings.stored().contains_key("acl_read").then(|| settings.list("acl_read")),
            whitelist: settings.list("mirror_whitelist"),
            // Without the option it is an index from before there was one (devpi).
            whitelist_union: settings.stored().get("mirror_whitelist_inheritance")
                != Some(&"intersection".into()),
            place: Place::new(settings.stored().get("custom_data")),
            mirror: (settings.index_type() == Type::Mirror).then(|| Arc::new(Mirror::new(settings.stored()))),
            settings,
        }
    }

    /// What people call it: the label that its `custom_data` give, else its name.
    pub fn label(&self) -> String {
        self.place.label.clone().unwrap_or_else(|| self.name.to_string())
    }

    /// Whether it is a mirror of this upstream, a `mirror_url` without credentials.
    pub fn mirrors(&self, source: &str) -> bool {
        let url = self.mirror.as_ref().and_then(|mirror| mirror.url.as_ref());
        url.is_some_and(|url| url.as_str() == source)
    }
}
