//! Users: created, changed, deleted.

use super::{confirm, demand, log_in};
use crate::{
    error::{Error, Result},
    http::{
        extract::UserPath,
        web::{
            Form, Page, Session,
            crumbs::crumbs,
            form::{Fields, again, showing},
            session,
        },
    },
    model::{name::encode, user::UserPatch},
    ops::{self, users::Shown},
    service::Service,
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    response::Response,
};
use minijinja::{context, value::Serde};
use serde_json::{Map, Value};

/// `GET /+new-user`.
pub(in crate::http) async fn new(State(service): State<Service>, page: Page) -> Result<Response> {
    if !service.policy.may_create_user(&page.caller)
        && let Some(login) = log_in(&page)
    {
        return Ok(login);
    }
    demand(service.policy.may_create_user(&page.caller), &page.caller, "no permission to create users")?;
    new_form(&service, &page, &Map::new(), None)
}

/// `POST /+new-user`. Where everybody may, nobody needs a session for it.
pub(in crate::http) async fn create(State(service): State<Service>, request: Request) -> Result<Response> {
    let Form { page, fields } = match request.extensions().get::<Session>() {
        Some(_) => Form::from_request(request, &service).await?,
        None => {
            let (mut parts, body) = request.into_parts();
            let page = Page::from_request_parts(&mut parts, &service).await?;
            if session::is_of_another_origin(&parts.headers, &page.root) {
                return Err(Error::Forbidden("a page of another site may not create users here".into()));
            }
            Form { page, fields: Fields::read(body).await? }
        }
    };
    let user = fields.text("name");
    let created = async {
        let mut body = profile_of(&fields, &Map::new())?;
        body.insert("password".into(), new_password(&fields)?.into());
        let patch = UserPatch::parse(body, true).map_err(Error::Invalid)?;
        ops::users::create(&service, &page.caller, user, &patch).await
    };
    match created.await {
        Ok(()) if page.caller.is_anonymous() => Ok(page.done("/+login", "user-created")),
        Ok(()) => Ok(page.done(&format!("/{}", encode(user)), "user-created")),
        Err(error) => {
            again(error, async |problem| new_form(&service, &page, &fields.shown(), Some(problem))).await
        }
    }
}

fn new_form(
    service: &Service,
    page: &Page,
    form: &Map<String, Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let title = "New user";
    let context = context! { title, crumbs => crumbs(&[], &[(title, "")]), form => Serde(form), problem, is_new => true };
    page.render(service, "manage/user.html", context)
}

/// `GET /{user}/+edit`.
pub(in crate::http) async fn profile(
    State(service): State<Service>,
    page: Page,
    UserPath(user): UserPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    let Shown { user, .. } = ops::users::show(&service, &page.caller, &user).await?;
    let may = service.policy.may_modify_user(&page.caller, &user.name);
    demand(may, &page.caller, &format!("no permission to modify user {}", user.name))?;
    let mut form = user.profile;
    if let Some(custom_data) = form.get_mut("custom_data") {
        *custom_data = format!("{custom_data:#}").into();
    }
    profile_form(&service, &page, user.name.as_str(), &showing(form), None)
}

/// `POST /{user}/+edit`: only what differs from what the form showed is changed.
pub(in crate::http) async fn edit(
    State(service): State<Service>,
    UserPath(user): UserPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let edited = async {
        let patch = UserPatch::parse(profile_of(&fields, &fields.was()?)?, false).map_err(Error::Invalid)?;
        ops::users::modify(&service, &page.caller, &user, &patch).await
    };
    match edited.await {
        Ok(_) => Ok(page.done(&format!("/{}", encode(&user)), "saved")),
        Err(error) => {
            let form =
                async |problem: &str| profile_form(&service, &page, &user, &fields.shown(), Some(problem));
            again(error, form).await
        }
    }
}

fn profile_form(
    service: &Service,
    page: &Page,
    user: &str,
    form: &Map<String, Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let title = format!("Edit user {user}");
    let crumbs = crumbs(&[user], &[("Edit", "")]);
    let context = context! { title, crumbs, user, form => Serde(form), problem };
    page.render(service, "manage/user.html", context)
}

/// `GET /{user}/+password`.
pub(in crate::http) async fn password(
    State(service): State<Service>,
    page: Page,
    UserPath(user): UserPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    let Shown { user, .. } = ops::users::show(&service, &page.caller, &user).await?;
    let may = service.policy.may_change_password(&page.caller, &user.name);
    demand(may, &page.caller, &format!("no permission to change password for user {}", user.name))?;
    password_form(&service, &page, user.name.as_str(), None)
}

/// `POST /{user}/+password`. The session that changes the own password goes on, all others of the user end.
pub(in crate::http) async fn set_password(
    State(service): State<Service>,
    UserPath(user): UserPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let changed = async {
        let patch = UserPatch { password: Some(new_password(&fields)?), ..UserPatch::default() };
        ops::users::modify(&service, &page.caller, &user, &patch).await
    };
    match changed.await {
        Ok(_) => Ok(page.done(&format!("/{}", encode(&user)), "password-changed")),
        Err(error) => {
            again(error, async |problem| password_form(&service, &page, &user, Some(problem))).await
        }
    }
}

fn password_form(service: &Service, page: &Page, user: &str, problem: Option<&str>) -> Result<Response> {
    let title = format!("Change the password of {user}");
    let crumbs = crumbs(&[user], &[("Password", "")]);
    page.render(service, "manage/password.html", context! { title, crumbs, user, problem })
}

/// `GET /{user}/+delete`.
pub(in crate::http) async fn deletion(
    State(service): State<Service>,
    page: Page,
    UserPath(user): UserPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    deletion_form(&service, &page, &user, None).await
}

/// `POST /{user}/+delete`.
pub(in crate::http) async fn delete(
    State(service): State<Service>,
    UserPath(user): UserPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let deleted = async {
        confirm(&fields, &user)?;
        ops::users::delete(&service, &page.caller, &user).await
    };
    match deleted.await {
        Ok(()) => Ok(page.done("/", "user-deleted")),
        Err(error) => {
            again(error, async |problem| deletion_form(&service, &page, &user, Some(problem)).await).await
        }
    }
}

async fn deletion_form(
    service: &Service,
    page: &Page,
    user: &str,
    problem: Option<&str>,
) -> Result<Response> {
    let Shown { user, indexes } = ops::users::show(service, &page.caller, user).await?;
    let may = service.policy.may_delete_user(&page.caller, &user.name);
    demand(may, &page.caller, &format!("no permission to delete user {}", user.name))?;
    let fixed: Vec<_> =
        indexes.iter().filter(|index| !index.volatile).map(|index| index.name.to_string()).collect();
    let title = format!("Delete user {}", user.name);
    let context = context! {
        title,
        crumbs => crumbs(&[user.name.as_str()], &[("Delete", "")]),
        name => user.name.as_str(),
        takes => indexes.iter().map(|index| index.name.to_string()).collect::<Vec<_>>(),
        hindrance => (!fixed.is_empty()).then(|| format!(
            "These indexes are not volatile, so the user can't be deleted: {}. Make them volatile or delete them first.",
            fixed.join(", ")
        )),
        problem,
    };
    page.render(service, "manage/delete.html", context)
}

/// What a form changes of what it showed of a user, as the API takes it. What is empty is taken away.
fn profile_of(fields: &Fields, was: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    let keys = ["title", "email", "description", "custom_data"];
    for key in keys.into_iter().filter(|key| !fields.is_as_it(was, key)) {
        let value = match fields.text(key) {
            "" => Value::Null,
            text if key == "custom_data" => serde_json::from_str(text)
                .map_err(|error| Error::Invalid(format!("Custom data must be JSON: {error}")))?,
            text => text.replace("\r\n", "\n").into(),
        };
        body.insert(key.into(), value);
    }
    Ok(body)
}

fn new_password(fields: &Fields) -> Result<String> {
    let password = fields.verbatim("password");
    if password.is_empty() {
        return Err(Error::invalid("the password must not be empty"));
    }
    match password == fields.verbatim("password_again") {
        true => Ok(password.to_owned()),
        false => Err(Error::invalid("the two passwords are not the same")),
    }
}
