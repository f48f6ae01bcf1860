//! `/{user}/{index}/{project}/{version}/+toxresults/{file}[/{result}]`: what tests of a file said (devpi-web).

use super::{
    Page,
    crumbs::{crumbs, version_path},
    files,
};
use crate::{
    error::{Error, Result},
    http::{
        extract::{ToxResultPath, VersionPath},
        outside::Root,
        respond,
    },
    model::{
        attachment::Attachment,
        name::encode,
        tox_run::{Command, Environment},
    },
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{Value, context};

/// Most results that are shown in a list.
const SHOWN: usize = 50;

/// The results about a file, newest first.
pub(in crate::http) async fn list(
    State(service): State<Service>,
    Root(root): Root,
    page: Page,
    path: ToxResultPath,
) -> Result<Response> {
    let ToxResultPath { release, filename, .. } = &path;
    if let Some(normalized) = &release.normalized {
        return Ok(respond::found(&root, normalized));
    }
    let results = about(&service, &page, &path).await?;
    let read = results.iter().take(SHOWN).map(|it| ops::tox_results::run(&service, it));
    let runs = futures::future::join_all(read).await;
    let list = list_path(&path);
    let shown = results.iter().zip(runs).map(|(it, run)| files::test(it, run.ok().flatten().as_ref(), &list));
    let data = results.iter().map(|it| it.link(&page.root)).collect::<serde_json::Value>();
    let context = context! {
        title => format!("Tests of {filename}"),
        crumbs => way(&path, false),
        filename,
        release => version_path(&release.index, &release.project, &release.version),
        results => shown.collect::<Vec<_>>(),
        hidden => results.len().saturating_sub(SHOWN),
        data => minijinja::value::Serde(data),
    };
    page.render(&service, "tox_results.html", context)
}

/// One result.
pub(in crate::http) async fn show(
    State(service): State<Service>,
    Root(root): Root,
    page: Page,
    path: ToxResultPath,
) -> Result<Response> {
    let ToxResultPath { release, filename, result } = &path;
    if let Some(normalized) = &release.normalized {
        return Ok(respond::found(&root, normalized));
    }
    let results = about(&service, &page, &path).await?;
    let found = results.iter().find(|it| it.filename == *result);
    let found = found.ok_or_else(|| Error::NotFound(format!("there is no tox result {result}")))?;
    let run = ops::tox_results::run(&service, found).await?;
    let context = context! {
        title => format!("Tests of {filename}"),
        crumbs => way(&path, true),
        filename,
        release => version_path(&release.index, &release.project, &release.version),
        list => list_path(&path),
        result => files::test(found, run.as_ref(), &list_path(&path)),
        environments => run.iter().flat_map(|run| &run.environments).map(environment).collect::<Vec<_>>(),
        data => minijinja::value::Serde(found.link(&page.root)),
    };
    page.render(&service, "tox_result.html", context)
}

async fn about(service: &Service, page: &Page, path: &ToxResultPath) -> Result<Vec<Attachment>> {
    let VersionPath { index, project, version, .. } = &path.release;
    ops::tox_results::about(service, &page.caller, index, project, version, &path.filename).await
}

fn list_path(path: &ToxResultPath) -> String {
    let VersionPath { index, project, version, .. } = &path.release;
    format!("{}/+toxresults/{}", version_path(index, project, version), encode(&path.filename))
}

fn way(path: &ToxResultPath, is_result: bool) -> Vec<Value> {
    let VersionPath { index, project, version, .. } = &path.release;
    let (segments, list) =
        ([index.user.as_str(), index.index.as_str(), project.as_str(), version], list_path(path));
    let pages = [("Tests", list.as_str()), ("Result", "")];
    crumbs(&segments, if is_result { &pages } else { &pages[..1] })
}

fn environment(it: &Environment) -> Value {
    let commands = |all: &[Command]| {
        let all = all.iter().map(|it| {
            context! {
                line => it.line.as_str(),
                output => it.output.as_str(),
                is_cut => it.is_cut,
                exit_code => it.exit_code.as_str(),
                is_failed => it.is_failed,
            }
        });
        all.collect::<Vec<_>>()
    };
    context! {
        name => it.name.as_str(),
        state => match it.is_passed {
            Some(true) => "passed",
            Some(false) => "failed",
            None => "unknown",
        },
        python => it.python.as_str(),
        packages => it.packages.clone(),
        setup => commands(&it.setup),
        test => commands(&it.test),
    }
}
