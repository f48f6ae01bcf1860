//! API tokens of a user: listed, made, revoked. A new one is shown in the answer to its form, and never again.

use crate::{
    error::{Error, Result},
    http::{
        extract::{TokenPath, UserPath},
        respond::moment,
        tokens,
        web::{
            Form, Page,
            crumbs::crumbs,
            form::{Fields, again},
        },
    },
    model::{
        api_token::ApiToken,
        limit::Permission,
        name::{IndexName, encode},
    },
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::{HeaderValue, header::CACHE_CONTROL};
use minijinja::{Value, context, value::Serde};
use serde_json::{Map, json};
use time::OffsetDateTime;

/// From what `GET /{user}/+tokens` says as JSON.
pub(in crate::http) fn page(
    service: &Service,
    page: &Page,
    user: &str,
    tokens: &[ApiToken],
) -> Result<Response> {
    let form = json!({"allow": "some", "may_pkg_read": "on", "may_upload": "on", "expires": "90"});
    let form = form.as_object().cloned().unwrap_or_default();
    show(service, page, user, tokens, &form, None, None)
}

/// `POST /{user}/+tokens`: the one page that has the token itself.
pub(in crate::http) async fn create(
    State(service): State<Service>,
    UserPath(user): UserPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let created = async {
        let body = request(&fields)?;
        ops::tokens::create(&service, &page.caller, &user, &body).await
    };
    match created.await {
        Ok((token, text)) => {
            let tokens = ops::tokens::list(&service, &page.caller, &user).await?;
            let made = made(&page, &token, &text);
            let mut response = show(&service, &page, &user, &tokens, &Map::new(), Some(made), None)?;
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(error) => {
            let form = async |problem: &str| {
                let tokens = ops::tokens::list(&service, &page.caller, &user).await?;
                show(&service, &page, &user, &tokens, &fields.shown(), None, Some(problem))
            };
            again(error, form).await
        }
    }
}

/// `POST /{user}/+tokens/{id}`: revokes it.
pub(in crate::http) async fn revoke(
    State(service): State<Service>,
    TokenPath { user, id }: TokenPath,
    Form { page, .. }: Form,
) -> Result<Response> {
    ops::tokens::revoke(&service, &page.caller, &user, &id).await?;
    Ok(page.done(&format!("/{}/+tokens", encode(&user)), "token-revoked"))
}

/// What a form asks for, as the API takes it.
fn request(fields: &Fields) -> Result<Map<String, serde_json::Value>> {
    let mut body = Map::new();
    body.insert("description".into(), fields.text("description").into());
    if fields.text("allow") != "all" {
        let chosen = Permission::ALL.map(Permission::name).into_iter();
        let chosen: Vec<_> = chosen.filter(|name| fields.has(&format!("may_{name}"))).collect();
        if chosen.is_empty() {
            return Err(Error::invalid("choose at least one thing that the token is for"));
        }
        body.insert("allowed".into(), chosen.into());
    }
    for key in ["indexes", "projects"] {
        let names = fields.names(key);
        if !names.is_empty() {
            body.insert(key.into(), names.into());
        }
    }
    let expires = match fields.text("expires") {
        "never" => "never".into(),
        days => {
            let days: Option<i64> = days.parse().ok().filter(|days| (1..=36_500).contains(days));
            let days = days.ok_or_else(|| Error::invalid("choose when the token expires"))?;
            (OffsetDateTime::now_utc().unix_timestamp() + days * 24 * 3600).into()
        }
    };
    body.insert("expires".into(), expires);
    Ok(body)
}

/// A new token with lines to copy, for the first index that it names.
fn made(page: &Page, token: &ApiToken, text: &str) -> Value {
    let index = token.limit.scopes.iter().find_map(|scope| scope.indexes.as_ref()?.first());
    let index = index.map_or_else(|| "USER/INDEX".to_owned(), IndexName::url_path);
    let url = format!("{}/{index}/", page.root);
    let with_token = url.replacen("://", &format!("://__token__:{text}@"), 1);
    context! {
        text,
        twine => format!("twine upload --repository-url {url} --username __token__ --password {text} dist/*"),
        uv => format!("uv publish --publish-url {url} --token {text}"),
        pip => format!("pip install --index-url {with_token}+simple/ PROJECT"),
    }
}

fn show(
    service: &Service,
    page: &Page,
    user: &str,
    tokens: &[ApiToken],
    form: &Map<String, serde_json::Value>,
    made: Option<Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let now = OffsetDateTime::now_utc();
    let rows = tokens.iter().map(|token| {
        context! {
            id => token.id.to_string(),
            description => token.description.as_str(),
            restrictions => token.limit.restrictions(),
            created => moment(token.created_at),
            expires => token.expires_at.map(moment),
            is_expired => token.expires_at.is_some_and(|at| at <= now),
            last_used => token.last_used_at.map(moment),
        }
    });
    let context = context! {
        title => format!("API tokens of {user}"),
        crumbs => crumbs(&[user], &[("API tokens", "")]),
        path => format!("/{}/+tokens", encode(user)),
        data => Serde(tokens::listed(tokens)),
        tokens => rows.collect::<Vec<_>>(),
        permissions => Permission::ALL.map(|it| context! { name => it.name(), text => purpose(it) }),
        may_last => service.policy.may_make_long_tokens(&page.caller),
        form => Serde(form),
        made,
        problem,
    };
    page.render(service, "manage/tokens.html", context)
}

/// What a permission is for, in words.
fn purpose(permission: Permission) -> &'static str {
    match permission {
        Permission::PkgRead => "Read indexes and download",
        Permission::Upload => "Upload, yank and push",
        Permission::ToxresultUpload => "Send test results",
        Permission::DelEntry => "Delete files",
        Permission::DelVerdata => "Delete releases",
        Permission::DelProject => "Delete projects and set their status",
        Permission::IndexCreate => "Create indexes",
        Permission::IndexModify => "Change the settings of indexes",
        Permission::IndexDelete => "Delete indexes",
    }
}
