//! The page of a project: its versions over all bases, newest first.

use super::{
    Page,
    crumbs::{crumbs, index_path, project_path, version_path},
    files, install,
    listed::named,
    rights,
};
use crate::{
    error::{Error, Result},
    http::{extract::ProjectPath, projects::project_data, respond::moment},
    model::{
        attachment::Rel,
        index::Index,
        name::{IndexName, ProjectName},
        version,
    },
    ops::projects::{Project, Version},
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};
use std::cmp::Reverse;

/// How many versions are shown unless all are wanted.
const SHOWN: usize = 50;

/// From what `GET /{user}/{index}/{project}` says as JSON.
pub(in crate::http) fn project(
    service: &Service,
    page: &Page,
    path: &ProjectPath,
    found: Project,
    wants_all: bool,
) -> Result<Response> {
    let ProjectPath { index: asked, project, .. } = path;
    let Project { mut versions, status, scope, is_incomplete, stale } = found;
    let index = scope.order.iter().find(|index| index.name == *asked);
    let index = index.ok_or_else(|| Error::NoSuchIndex(asked.to_string()))?;
    versions.sort_by_cached_key(|version| Reverse(version::sort_key(&version.version)));
    let total = versions.len();
    let shown = if wants_all { total } else { SHOWN.min(total) };
    let latest = latest(&versions);
    let summary = latest.and_then(|latest| latest.first.release.metadata.get("summary")?.as_str());
    let pairs = scope.order.iter().zip(&scope.presences);
    let stages: Vec<_> = pairs.filter(|(it, presence)| it.mirror.is_none() && presence.exists).collect();
    let sources: Vec<_> =
        scope.order.iter().filter(|it| versions.iter().any(|version| has(version, it))).collect();
    let mirrors = sources.iter().filter(|it| it.mirror.is_some());
    let context = context! {
        title => format!("{project} on {asked}"),
        crumbs => crumbs(&[asked.user.as_str(), asked.index.as_str(), project.as_str()], &[]),
        name => project.as_str(),
        path => project_path(asked, project),
        index => named(index),
        summary,
        latest => latest.map(|latest| context! {
            version => latest.version.as_str(),
            path => version_path(asked, project, &latest.version),
        }),
        rows => versions[..shown].iter().map(|version| row(asked, project, version)).collect::<Vec<_>>(),
        total,
        hidden => total - shown,
        sources => sources.iter().map(|it| named(it)).collect::<Vec<_>>(),
        status => Serde(&status),
        blocked => scope.blocked.as_ref().map(|mirror| context! {
            mirror => mirror.to_string(),
            path => index_path(mirror),
            stages => stages.iter().map(|(it, _)| named(it)).collect::<Vec<_>>(),
            line => format!("devpi index {asked} mirror_whitelist+={project}"),
        }),
        only_mirrors => (index.mirror.is_none() && stages.is_empty())
            .then(|| mirrors.map(|it| named(it)).collect::<Vec<_>>()),
        is_incomplete,
        is_stale => stale.is_some(),
        install => install::lines(page, asked, project.as_str(), &scope.order),
        simple => format!("{}/+simple/{project}/", index_path(asked)),
        may => rights::on_project(service, &page.caller, index, project),
        data => Serde(project_data(versions, &page.root)),
    };
    page.render(service, "project.html", context)
}

/// The newest version that is not yanked and no pre-release, else the newest that is not yanked, else the newest.
fn latest(versions: &[Version]) -> Option<&Version> {
    let is_yanked = |version: &Version| {
        let files = files::of_release(&version.first);
        !files.is_empty() && files::yanked(&files).is_some()
    };
    let mut good = versions.iter().filter(|version| !is_yanked(version));
    let newest = good.clone().next();
    good.find(|version| version::is_stable(&version.version)).or(newest).or(versions.first())
}

fn has(version: &Version, index: &Index) -> bool {
    std::iter::once(&version.first).chain(&version.shadowing).any(|release| release.index.id == index.id)
}

fn row(asked: &IndexName, project: &ProjectName, version: &Version) -> Value {
    let files = files::of_release(&version.first);
    let yanked = files::yanked(&files);
    let uploaded_at = files.iter().filter_map(|file| file.uploaded_at).max();
    let has_docs = files::attached(&version.first, Rel::DocZip).next().is_some();
    let home = &version.first.index;
    context! {
        version => version.version.as_str(),
        path => version_path(asked, project, &version.version),
        index => named(home),
        uploaded_at => uploaded_at.map(moment),
        files => files.len(),
        yanked,
        is_prerelease => !version::is_stable(&version.version),
        documentation => has_docs.then(|| format!("{}/+d/", version_path(&home.name, project, &version.version))),
        shadowing => version.shadowing.iter().map(|release| context! {
            index => named(&release.index),
            path => version_path(&release.index.name, project, &version.version),
            files => files::of_release(release).len(),
        }).collect::<Vec<_>>(),
    }
}
