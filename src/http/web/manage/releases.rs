//! A release on exactly this index: yank, deletion, and push to another index.

use super::{confirm, log_in};
use crate::{
    error::{Error, Result},
    http::{
        extract::VersionPath,
        web::{
            Form, Page,
            crumbs::{crumbs, index_path, version_path},
            form::{Fields, again},
            rights,
        },
    },
    model::{
        access,
        file::File,
        index::Index,
        name::{IndexName, ProjectName},
    },
    ops::{
        self,
        projects::{Linked, Version},
        push::Asked,
        yank::Target,
    },
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{Value, context, value::Serde};
use serde_json::{Map, json};
use std::sync::Arc;

/// Which release is meant.
struct Meant {
    index: IndexName,
    project: ProjectName,
    version: String,
}

/// `GET /{user}/{index}/{project}/{version}/+manage`.
pub(in crate::http) async fn page(
    State(service): State<Service>,
    page: Page,
    VersionPath { index, project, version, .. }: VersionPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    let meant = Meant { index, project, version };
    let found = meant.find(&service, &page).await?;
    meant.show(&service, &page, found, &Map::new(), None).await
}

/// `POST /{user}/{index}/{project}/{version}/+manage`: what field `do` says, to the file that field `file` names.
pub(in crate::http) async fn change(
    State(service): State<Service>,
    VersionPath { index, project, version, .. }: VersionPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let meant = Meant { index, project, version };
    let found = meant.find(&service, &page).await?;
    match meant.change(&service, &page, &found.1, &fields).await {
        Ok(done) => Ok(done),
        Err(error) => {
            let form = async |problem: &str| {
                meant.show(&service, &page, found, &fields.shown(), Some(problem)).await
            };
            again(error, form).await
        }
    }
}

impl Meant {
    /// The index, and what is on it, not on its bases.
    async fn find(&self, service: &Service, page: &Page) -> Result<(Arc<Index>, Version)> {
        let Self { index, project, version } = self;
        let missing = || Error::NoSuchVersion { project: project.clone(), version: version.clone() };
        let shown = ops::projects::show(service, &page.caller, index, project, true).await;
        let shown = shown.map_err(|error| match error {
            Error::NoProject(_) => missing(),
            error => error,
        })?;
        let found = shown.versions.into_iter().find(|found| found.version == *version).ok_or_else(missing)?;
        let (index, _) = ops::indexes::show(service, &page.caller, index, false).await?;
        Ok((index, found))
    }

    /// The path of the page of the release.
    fn path(&self) -> String {
        version_path(&self.index, &self.project, &self.version)
    }

    async fn change(
        &self,
        service: &Service,
        page: &Page,
        version: &Version,
        fields: &Fields,
    ) -> Result<Response> {
        let (caller, index) = (&page.caller, &self.index);
        let release = Target::Release { project: &self.project, version: &self.version };
        let file = || named(version, fields.text("file"));
        let reason = Some(fields.text("reason"));
        let forms = format!("{}/+manage", self.path());
        Ok(match fields.text("do") {
            "yank" => {
                ops::yank::mark(service, caller, index, release, reason).await?;
                page.done(&forms, "yanked")
            }
            "unyank" => {
                ops::yank::mark(service, caller, index, release, None).await?;
                page.done(&forms, "unyanked")
            }
            "yank-file" => {
                ops::yank::mark(service, caller, index, Target::File(file()?), reason).await?;
                page.done(&forms, "yanked")
            }
            "unyank-file" => {
                ops::yank::mark(service, caller, index, Target::File(file()?), None).await?;
                page.done(&forms, "unyanked")
            }
            "delete-file" => {
                let file = file()?;
                confirm(fields, &file.filename)?;
                ops::remove::file(service, caller, file, false).await?;
                page.done(&index_path(index), "file-deleted")
            }
            "delete" => {
                confirm(fields, &self.version)?;
                ops::remove::release(service, caller, index, &self.project, &self.version, false).await?;
                page.done(&index_path(index), "release-deleted")
            }
            "push" => self.push(service, page, fields.text("target")).await?,
            other => return Err(Error::Invalid(format!("'{other}' is nothing that is done to a release"))),
        })
    }

    async fn push(&self, service: &Service, page: &Page, target: &str) -> Result<Response> {
        let name = target.parse::<IndexName>().map_err(|_| Error::invalid("choose the index to push to"))?;
        let body = json!({
            "name": self.project.as_str(),
            "version": self.version,
            "targetindex": name.to_string(),
        });
        let Asked::One(push) = ops::push::parse(body).map_err(Error::Invalid)? else {
            return Err(Error::Internal("a push of one release that is of many".into()));
        };
        ops::push::push(service, &page.caller, &self.index, &push).await?;
        let release = version_path(&name, &self.project, &self.version);
        Ok(page.done(&release, "pushed"))
    }

    async fn show(
        &self,
        service: &Service,
        page: &Page,
        (index, version): (Arc<Index>, Version),
        form: &Map<String, serde_json::Value>,
        problem: Option<&str>,
    ) -> Result<Response> {
        let Self { project, .. } = self;
        let segments = [self.index.user.as_str(), self.index.index.as_str(), project.as_str(), &self.version];
        let files: Vec<Value> = files(&version)
            .map(|file| context! { filename => file.filename.as_str(), yanked => file.yanked.as_deref(), size => file.size })
            .collect();
        let context = context! {
            title => format!("Manage {project} {}", self.version),
            crumbs => crumbs(&segments, &[("Manage", "")]),
            path => format!("{}/+manage", self.path()),
            index => self.index.to_string(),
            project => project.as_str(),
            version => self.version.as_str(),
            is_volatile => index.volatile,
            is_mirror => index.mirror.is_some(),
            is_yanked => files.iter().all(|file| file.get_attr("yanked").is_ok_and(|it| !it.is_none())),
            files,
            targets => self.targets(service, page).await?,
            may => rights::on_project(service, &page.caller, &index, project),
            form => Serde(form),
            problem,
        };
        page.render(service, "manage/release.html", context)
    }

    /// The indexes to which the viewer may push the release.
    async fn targets(&self, service: &Service, page: &Page) -> Result<Vec<String>> {
        let indexes = ops::indexes::all(service, &page.caller).await?;
        let indexes = indexes.iter().filter(|index| {
            index.name != self.index
                && index.mirror.is_none()
                && access::may_upload(&page.caller, index, Some(&self.project))
        });
        Ok(indexes.map(|index| index.name.to_string()).collect())
    }
}

/// The distribution files of a release of a stage.
fn files(version: &Version) -> impl Iterator<Item = &File> {
    version.first.files.iter().filter_map(|file| match file {
        Linked::File(file) => Some(file),
        Linked::Attachment(_) | Linked::Link(..) => None,
    })
}

fn named<'a>(version: &'a Version, filename: &str) -> Result<&'a File> {
    files(version).find(|file| file.filename == filename).ok_or(Error::NoSuchFile)
}
