//! A project of an index: its status, and its deletion.

use super::{confirm, demand, log_in};
use crate::{
    error::Result,
    http::{
        extract::ProjectPath,
        web::{
            Form, Page,
            crumbs::{crumbs, index_path, project_path},
            form::{Fields, again},
        },
    },
    model::{limit::Permission, name::IndexName, name::ProjectName, page::Status},
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{context, value::Serde};
use serde_json::{Map, Value, json};

/// `GET /{user}/{index}/{project}/+manage`.
pub(in crate::http) async fn page(
    State(service): State<Service>,
    page: Page,
    ProjectPath { index, project, .. }: ProjectPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    show(&service, &page, &index, &project, None, None).await
}

/// `POST /{user}/{index}/{project}/+manage`: what field `do` says, `status` or `delete`.
pub(in crate::http) async fn change(
    State(service): State<Service>,
    ProjectPath { index, project, .. }: ProjectPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let is_deletion = fields.text("do") == "delete";
    let changed = async {
        if is_deletion {
            confirm(&fields, project.as_str())?;
            return ops::remove::project(&service, &page.caller, &index, &project, false).await;
        }
        let reason = fields.text("reason");
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        let status = Status { status: fields.text("status").to_owned(), reason };
        ops::projects::set_status(&service, &page.caller, &index, &project, &status).await
    };
    match changed.await {
        Ok(()) if is_deletion => Ok(page.done(&index_path(&index), "project-deleted")),
        Ok(()) => Ok(page.done(&project_path(&index, &project), "saved")),
        Err(error) => {
            let form = async |problem: &str| {
                show(&service, &page, &index, &project, Some(&fields), Some(problem)).await
            };
            again(error, form).await
        }
    }
}

async fn show(
    service: &Service,
    page: &Page,
    index_name: &IndexName,
    project: &ProjectName,
    fields: Option<&Fields>,
    problem: Option<&str>,
) -> Result<Response> {
    let status = ops::projects::status(service, &page.caller, index_name, project).await?;
    let (index, _) = ops::indexes::show(service, &page.caller, index_name, false).await?;
    let may = service.policy.may_delete_from(&page.caller, Permission::DelProject, &index, project);
    demand(may, &page.caller, &format!("no permission to modify project {project}"))?;
    let form: Map<String, Value> = match fields {
        Some(fields) => fields.shown(),
        None => json!(status).as_object().cloned().unwrap_or_default(),
    };
    let segments = [index_name.user.as_str(), index_name.index.as_str(), project.as_str()];
    let context = context! {
        title => format!("Manage {project}"),
        crumbs => crumbs(&segments, &[("Manage", "")]),
        path => format!("{}/+manage", project_path(index_name, project)),
        index => index_name.to_string(),
        project => project.as_str(),
        is_volatile => index.volatile,
        statuses => Status::ALL,
        form => Serde(&form),
        problem,
    };
    page.render(service, "manage/project.html", context)
}
