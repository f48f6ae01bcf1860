//! `wheelyard init`: the first user, and the mirror that is its own.

use super::upstream_url::{Upstream, Wish};
use crate::{
    config::Config,
    model::name::{IndexName, UserName},
    ops,
    service::Service,
};
use clap::Args;
use serde_json::Map;

/// What the first user is made of.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Password of root; without one nobody can log in as root until it is set
    #[arg(long, env = "WHEELYARD_ROOT_PASSWORD", hide_env_values = true)]
    root_password: Option<String>,
    /// Simple index that the index root/pypi mirrors; without one, or with `none`, there is no such index
    #[arg(long, env = "WHEELYARD_MIRROR_URL", hide_env_values = true)]
    mirror_url: Option<String>,
}

pub(super) async fn run(options: Options) -> Result<(), String> {
    let Options { config, root_password, mirror_url } = options;
    let wish = Wish::parse(mirror_url.as_deref())?;
    let service = Service::start(config).await?;
    match create_root(&service, root_password.as_deref()).await? {
        true => println!("created user root"),
        false => println!("user root exists already"),
    }
    if let Wish::This(upstream) = wish {
        match create_mirror(&service, &upstream).await? {
            true => println!("created index root/pypi"),
            false => println!("index root/pypi exists already, or was deleted"),
        }
    }
    Ok(())
}

/// Creates `root` with this password, or with `None` one that no password opens; `false` if it is there already. It then
/// gets the password only if no other opens it.
///
/// # Errors
/// A text for the operator.
pub(super) async fn create_root(service: &Service, password: Option<&str>) -> Result<bool, String> {
    let hash = match password {
        Some(password) => ops::login::hash(service, password).await.map_err(|error| error.to_string())?,
        None => String::new(),
    };
    let created = ops::users::insert(service, None, &UserName::root(), &Map::new(), &hash).await;
    let created = created.map_err(|error| error.to_string())?;
    if !created && !hash.is_empty() {
        ops::users::open(service, &UserName::root(), &hash).await.map_err(|error| error.to_string())?;
    }
    Ok(created)
}

/// Creates `root/pypi`; `false` if it is there already, or somebody has deleted it.
///
/// # Errors
/// A text for the operator.
pub(super) async fn create_mirror(service: &Service, upstream: &Upstream) -> Result<bool, String> {
    let name = IndexName::parse("root", "pypi")?;
    let created = ops::indexes::insert_once(service, &name, &upstream.options()).await;
    created.map_err(|error| error.to_string())
}
