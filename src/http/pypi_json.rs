//! `/{user}/{index}/pypi/…/json`: PyPI's JSON API, for tools that know PyPI, and mirroring ones.

use super::{
    extract::{ProjectPath, VersionPath},
    negotiate,
    simple::{self, Asked},
};
use crate::{
    error::Result,
    model::{
        name::{IndexName, ProjectName},
        page::{Base, Format},
        resolution::View,
    },
    ops::{self, simple::Wanted},
    service::Service,
};
use axum::{extract::State, response::Response};

/// `GET /{user}/{index}/pypi/{project}/json`: all releases, and of the newest what it says of itself.
pub(super) async fn project(
    State(service): State<Service>,
    ProjectPath { index, project, normalized }: ProjectPath,
    asked: Asked,
) -> Result<Response> {
    match normalized {
        Some(normalized) => Ok(asked.redirect(&normalized)),
        None => respond(&service, &asked, &index, &project, None).await,
    }
}

/// `GET /{user}/{index}/pypi/{project}/{version}/json`: one release.
pub(super) async fn release(
    State(service): State<Service>,
    VersionPath { index, project, version, normalized }: VersionPath,
    asked: Asked,
) -> Result<Response> {
    match normalized {
        Some(normalized) => Ok(asked.redirect(&normalized)),
        None => respond(&service, &asked, &index, &project, Some(&version)).await,
    }
}

async fn respond(
    service: &Service,
    asked: &Asked,
    index: &IndexName,
    project: &ProjectName,
    version: Option<&str>,
) -> Result<Response> {
    let (format, coding) = (Format::PypiJson, negotiate::coding(&asked.headers));
    let base = Base::Absolute(asked.root.clone());
    let wanted = Wanted { index, view: View::All, version, format, coding, base: &base };
    let page = ops::simple::project(service, &asked.caller, wanted, project).await?;
    simple::deliver(service, asked, wanted, &page).await
}
