//! Indexes: created, changed, deleted.

use super::{confirm, demand, log_in, settings};
use crate::{
    error::{Error, Result},
    http::{
        extract::{IndexPath, UserPath},
        web::{
            Form, Page,
            crumbs::{crumbs, index_path, segments},
            form::{Fields, again, showing},
        },
    },
    model::{
        index::{Index, Settings},
        limit::Permission,
        name::{IndexName, encode},
    },
    ops::{self, users::Shown},
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{context, value::Serde};
use serde_json::{Map, Value};

/// `GET /{user}/+new-index`.
pub(in crate::http) async fn new(
    State(service): State<Service>,
    page: Page,
    UserPath(user): UserPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    let Shown { user, .. } = ops::users::show(&service, &page.caller, &user).await?;
    let index = IndexName::parse(user.name.as_str(), "new").map_err(Error::Internal)?;
    let may = service.policy.may_modify_index(&page.caller, Permission::IndexCreate, &index);
    demand(may, &page.caller, &format!("no permission to create an index of {}", user.name))?;
    let mut form = settings::form(&fresh(user.name.as_str(), "stage")?);
    form.insert("type".into(), "stage".into());
    new_form(&service, &page, user.name.as_str(), &form, None).await
}

/// `POST /{user}/+new-index`.
pub(in crate::http) async fn create(
    State(service): State<Service>,
    UserPath(user): UserPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let index = fields.text("name");
    let created = async {
        let kind = if fields.text("type") == "mirror" { "mirror" } else { "stage" };
        let fresh = fresh(&user, kind)?;
        let (mut options, _) = settings::changes(&fields, &settings::form(&fresh), &fresh)?;
        options.insert("type".into(), kind.into());
        ops::indexes::create(&service, &page.caller, &user, index, &options).await
    };
    match created.await {
        Ok(_) => Ok(page.done(&format!("/{}/{}", encode(&user), encode(index)), "index-created")),
        Err(error) => {
            let form =
                async |problem: &str| new_form(&service, &page, &user, &fields.shown(), Some(problem)).await;
            again(error, form).await
        }
    }
}

/// What an index is set to before anybody says more.
fn fresh(user: &str, kind: &str) -> Result<Map<String, Value>> {
    let name = IndexName::parse(user, "new").map_err(|_| Error::NoSuchUser(user.to_owned()))?;
    let kind = [("type".to_owned(), kind.into())].into_iter().collect();
    Ok(Settings::create(&name, &kind).map_err(Error::Invalid)?.shown())
}

async fn new_form(
    service: &Service,
    page: &Page,
    user: &str,
    form: &Map<String, Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let title = format!("New index of {user}");
    let context = context! {
        title,
        crumbs => crumbs(&[user], &[("New index", "")]),
        user,
        is_new => true,
        form => Serde(form),
        base_fields => settings::base_fields(form),
        known => known(service, page, None).await?,
        problem,
    };
    page.render(service, "manage/index.html", context)
}

/// `GET /{user}/{index}/+edit`.
pub(in crate::http) async fn settings(
    State(service): State<Service>,
    page: Page,
    IndexPath(name): IndexPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    let (index, _) = ops::indexes::show(&service, &page.caller, &name, false).await?;
    let may = service.policy.may_modify_index(&page.caller, Permission::IndexModify, &name);
    demand(may, &page.caller, &format!("no permission to modify index {name}"))?;
    edit_form(&service, &page, &index, &showing(settings::form(&index.settings.shown())), None).await
}

/// `POST /{user}/{index}/+edit`: only what differs from what the form showed is changed.
pub(in crate::http) async fn edit(
    State(service): State<Service>,
    IndexPath(name): IndexPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let (index, _) = ops::indexes::show(&service, &page.caller, &name, false).await?;
    match save(&service, &page, &index, &fields).await {
        Ok(()) => Ok(page.done(&index_path(&name), "saved")),
        Err(error) => {
            let form = async |problem: &str| {
                edit_form(&service, &page, &index, &fields.shown(), Some(problem)).await
            };
            again(error, form).await
        }
    }
}

async fn save(service: &Service, page: &Page, index: &Index, fields: &Fields) -> Result<()> {
    let (options, removed) = settings::changes(fields, &fields.was()?, &index.settings.shown())?;
    ops::indexes::modify(service, &page.caller, &index.name, &options.into(), &removed).await?;
    Ok(())
}

async fn edit_form(
    service: &Service,
    page: &Page,
    index: &Index,
    form: &Map<String, Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let mut form = form.clone();
    form.insert("type".into(), index.settings.shown().remove("type").unwrap_or_default());
    let context = context! {
        title => format!("Settings of {}", index.name),
        crumbs => crumbs(&segments(&index.name), &[("Settings", "")]),
        path => index_path(&index.name),
        form => Serde(&form),
        base_fields => settings::base_fields(&form),
        known => known(service, page, Some(&index.name)).await?,
        problem,
    };
    page.render(service, "manage/index.html", context)
}

/// The names of the indexes that the viewer may read, to choose bases from.
async fn known(service: &Service, page: &Page, but: Option<&IndexName>) -> Result<Vec<String>> {
    let indexes = ops::indexes::all(service, &page.caller).await?;
    let names = indexes.iter().map(|index| &index.name);
    Ok(names.filter(|name| Some(*name) != but).map(IndexName::to_string).collect())
}

/// `GET /{user}/{index}/+delete`.
pub(in crate::http) async fn deletion(
    State(service): State<Service>,
    page: Page,
    IndexPath(name): IndexPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    deletion_form(&service, &page, &name, None).await
}

/// `POST /{user}/{index}/+delete`.
pub(in crate::http) async fn delete(
    State(service): State<Service>,
    IndexPath(name): IndexPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let deleted = async {
        confirm(&fields, &name.to_string())?;
        ops::indexes::delete(&service, &page.caller, &name).await
    };
    match deleted.await {
        Ok(()) => Ok(page.done(&format!("/{}", encode(name.user.as_str())), "index-deleted")),
        Err(error) => {
            again(error, async |problem| deletion_form(&service, &page, &name, Some(problem)).await).await
        }
    }
}

async fn deletion_form(
    service: &Service,
    page: &Page,
    name: &IndexName,
    problem: Option<&str>,
) -> Result<Response> {
    let (index, _) = ops::indexes::show(service, &page.caller, name, false).await?;
    let may = service.policy.may_modify_index(&page.caller, Permission::IndexDelete, name);
    demand(may, &page.caller, &format!("no permission to delete index {name}"))?;
    let context = context! {
        title => format!("Delete index {name}"),
        crumbs => crumbs(&segments(name), &[("Delete", "")]),
        name => name.to_string(),
        takes => ["all its projects and their files"],
        hindrance => (!index.volatile).then_some(
            "This index is not volatile: what is on it is to stay. Make it volatile in its settings first."
        ),
        problem,
    };
    page.render(service, "manage/delete.html", context)
}
