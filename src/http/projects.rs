//! `/{user}/{index}/{project}[/{version}]`: devpi's JSON or a page, deletion, yank and status.

use super::{
    extract::{Json, ProjectPath, Query, VersionPath},
    respond,
    simple::{self, Asked},
    users::admit,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, file, name::ProjectName, page::Status},
    ops::{
        self,
        projects::{IndexRelease, Version},
        yank::Target,
    },
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::{Map, Value};

/// PyPI's word for `+simple`, which tools append to the URL of an index. So the page of a project of this name is only at
/// `+simple/simple/`.
const SIMPLE: &str = "simple";

/// `GET /{user}/{index}/{project}`: version data by version; installers get the simple page.
pub(super) async fn show(
    State(service): State<Service>,
    path: ProjectPath,
    query: Query,
    asked: Asked,
    page: Page,
) -> Result<Response> {
    if let Some(normalized) = &path.normalized {
        return Ok(asked.redirect(normalized));
    }
    let (index, project) = (&path.index, &path.project);
    if asked.means_simple() {
        let project = (project.as_str() != SIMPLE).then_some(project);
        return simple::respond(&service, &asked, index, project, &query).await;
    }
    let ignore_bases = query.has("ignore_bases");
    if page.wanted {
        let found = ops::projects::show(&service, &page.caller, index, project, ignore_bases).await?;
        return web::project(&service, &page, &path, found, query.has("all"));
    }
    admit(&asked.headers)?;
    let found = ops::projects::show(&service, &asked.caller, index, project, ignore_bases).await?;
    Ok(respond::result("projectconfig", project_data(found.versions, &asked.root)))
}

/// `DELETE /{user}/{index}/{project}`.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    ProjectPath { index, project, .. }: ProjectPath,
    query: Query,
) -> Result<Response> {
    ops::remove::project(&service, &caller, &index, &project, query.has("force")).await?;
    Ok(respond::message(StatusCode::OK, &format!("project {project} deleted from stage {index}")))
}

/// `PATCH /{user}/{index}/{project}` with `{"status": …, "reason": …}` (PEP 792; devpi has no such call).
pub(super) async fn set_status(
    State(service): State<Service>,
    caller: Caller,
    ProjectPath { index, project, .. }: ProjectPath,
    Json(body): Json,
) -> Result<Response> {
    let text = |key| match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::Invalid(format!("{key} must be a text"))),
    };
    let status = text("status")?.ok_or_else(|| Error::invalid("expected {\"status\": …, \"reason\": …}"))?;
    let status = Status { status, reason: text("reason")? };
    ops::projects::set_status(&service, &caller, &index, &project, &status).await?;
    Ok(respond::message(StatusCode::OK, &format!("project {project} is {}", status.status)))
}

/// `GET /{user}/{index}/{project}/{version}`.
pub(super) async fn show_version(
    State(service): State<Service>,
    path: VersionPath,
    query: Query,
    asked: Asked,
    page: Page,
) -> Result<Response> {
    if path.project.as_str() == SIMPLE && asked.means_simple() {
        let project = ProjectName::parse(&path.version).map_err(|_| Error::NoSuchProject(path.version))?;
        return simple::respond(&service, &asked, &path.index, Some(&project), &query).await;
    }
    if let Some(normalized) = &path.normalized {
        return Ok(asked.redirect(normalized));
    }
    let VersionPath { index, project, version, .. } = &path;
    if page.wanted {
        let found = ops::release::page(&service, &page.caller, index, project, version).await?;
        return web::release(&service, &page, &path, found);
    }
    admit(&asked.headers)?;
    let version = ops::projects::version(&service, &asked.caller, index, project, version).await?;
    Ok(respond::result("versiondata", version_data(version, &asked.root)))
}

/// `DELETE /{user}/{index}/{project}/{version}`.
pub(super) async fn remove_version(
    State(service): State<Service>,
    caller: Caller,
    VersionPath { index, project, version, .. }: VersionPath,
    query: Query,
) -> Result<Response> {
    ops::remove::release(&service, &caller, &index, &project, &version, query.has("force")).await?;
    Ok(respond::message(StatusCode::OK, &format!("project '{project}' version '{version}' deleted")))
}

/// `PATCH /{user}/{index}/{project}/{version}` with `{"yanked": …}` (PEP 592; devpi has no such call).
pub(super) async fn yank(
    State(service): State<Service>,
    caller: Caller,
    VersionPath { index, project, version, .. }: VersionPath,
    Json(body): Json,
) -> Result<Response> {
    let yanked = file::yank_request(&body).map_err(Error::Invalid)?;
    let target = Target::Release { project: &project, version: &version };
    ops::yank::mark(&service, &caller, &index, target, yanked.as_deref()).await?;
    let what = if yanked.is_some() { "yanked" } else { "no longer yanked" };
    Ok(respond::message(StatusCode::OK, &format!("project '{project}' version '{version}' is {what}")))
}

/// Version data by version.
pub(super) fn project_data(versions: Vec<Version>, root: &str) -> Value {
    let versions = versions.into_iter().map(|version| (version.version.clone(), version_data(version, root)));
    Value::Object(versions.collect())
}

/// Version data, with those of the same version on later indexes.
pub(super) fn version_data(version: Version, root: &str) -> Value {
    let mut data = release_data(version.first, root);
    if !version.shadowing.is_empty() {
        let shadowing: Vec<_> =
            version.shadowing.into_iter().map(|release| Value::Object(release_data(release, root))).collect();
        data.insert("+shadowing".into(), shadowing.into());
    }
    data.into()
}

fn release_data(IndexRelease { release, files, .. }: IndexRelease, root: &str) -> Map<String, Value> {
    let mut data = release.metadata;
    if !files.is_empty() {
        data.insert("+links".into(), files.iter().map(|file| file.link(root)).collect::<Vec<_>>().into());
    }
    data
}
