//! Pages with forms that change something, each by the operation that the API has for it.
//!
//! A form that went well leads with 303 to a page that says so. One that was wrong comes back as it was filled in, with the
//! message and the status of the error. Who may do what, the operations say; a page only spares a person forms in vain.

mod indexes;
mod projects;
mod publishers;
mod releases;
mod settings;
mod tokens;
mod upload;
mod users;
pub(in crate::http) mod webhooks;

pub(in crate::http) use indexes::{
    create as create_index, delete as delete_index, deletion as index_deletion, edit as edit_index,
    new as new_index, settings as index_settings,
};
pub(in crate::http) use projects::{change as change_project, page as project_forms};
pub(in crate::http) use publishers::{
    create as create_publisher, delete as delete_publisher, page as publishers,
};
pub(in crate::http) use releases::{change as change_release, page as release_forms};
pub(in crate::http) use tokens::{create as create_token, page as tokens, revoke as revoke_token};
pub(in crate::http) use upload::{page as upload_page, receive as upload};
pub(in crate::http) use users::{
    create as create_user, delete as delete_user, deletion as user_deletion, edit as edit_user,
    new as new_user, password as password_page, profile as user_profile, set_password,
};

use super::{Page, form::Fields};
use crate::{
    error::{Error, Result},
    http::respond,
    model::access::Caller,
};
use axum::response::Response;

/// Leads whoever is not logged in to the login, and from there back.
fn log_in(page: &Page) -> Option<Response> {
    let next: String = url::form_urlencoded::byte_serialize(page.uri.path().as_bytes()).collect();
    page.caller.is_anonymous().then(|| respond::see_other(page.prefix(), &format!("/+login?next={next}")))
}

/// Refuses to show a form that would be refused.
fn demand(allowed: bool, caller: &Caller, message: &str) -> Result<()> {
    match allowed {
        true => Ok(()),
        false => Err(Error::denied(caller, message)),
    }
}

/// What is deleted has its name typed.
fn confirm(fields: &Fields, name: &str) -> Result<()> {
    match fields.text("confirm") == name {
        true => Ok(()),
        false => Err(Error::Invalid(format!("type {name} to confirm that it is to be deleted"))),
    }
}
