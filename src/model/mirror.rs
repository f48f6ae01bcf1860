//! What a mirror's settings say of its upstream (devpi-api, Options).

use std::time::Duration;
use url::Url;

/// How long what the upstream said is good for, unless `mirror_cache_expiry` says otherwise.
pub const CACHE_EXPIRY: Duration = Duration::from_secs(1800);

/// How long a reader waits for the upstream's page of a project, unless `mirror_timeout` says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The upstream of an index of type `mirror`.
#[derive(Clone)]
pub struct Mirror {
    /// `mirror_url` without credentials, its path with a final slash; `None`: not set yet, so nothing is found.
    pub url: Option<Url>,
    /// User and password that stood in `mirror_url`, decoded. Never to be shown.
    pub credentials: Option<(String, String)>,
    /// `mirror_cache_expiry`; zero: ask each time.
    pub cache_expiry: Duration,
    /// `mirror_timeout`.
    pub timeout: Duration,
    /// `mirror_no_project_list`: the list of projects is never fetched.
    pub no_project_list: bool,
    /// `mirror_use_external_urls`: who asks for a file that is not here is sent to the upstream.
    pub use_external_urls: bool,
    /// `mirror_ignore_serial_header`: an older `X-PyPI-Last-Serial` is no reason to distrust a page.
    pub ignore_serial_header: bool,
    /// `mirror_whitelist_exempt`: its files are taken even for projects that a stage has too.
    pub whitelist_exempt: bool,
    /// `mirror_web_url_fmt`: the upstream's page of a project for people, with `{name}`.
    pub web_url_fmt: Option<String>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").field("url", &self.url.as_ref().map(Url::as_str)).finish_non_exhaustive()
    }
}
