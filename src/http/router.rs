//! The table of routes, in the order a reader looks for them, and the order of the middleware.

use super::{
    auth, authcheck, changed_projects, changelog, cors, documentation, events, files, health, indexes, login,
    observe::{self, Observer},
    oidc, outside, projects, publishers, push, pypi_json, search, simple, status, timed, tokens, tox_results,
    upload, users,
    web::{self, Theme, manage},
    webhooks,
};
use crate::{
    error::{Error, Result},
    service::Service,
};
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request},
    handler::Handler,
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::{any, delete, get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{convert::Infallible, sync::Arc};
use tower::ServiceExt;

/// Everything the server answers.
pub fn router(
    service: Service,
    metrics: PrometheusHandle,
) -> impl tower::Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let theme = Arc::new(Theme::new(service.config.server.theme.clone()));
    let index = get(indexes::show)
        .put(indexes::create)
        .patch(indexes::modify)
        .delete(indexes::remove)
        .post(upload::upload.layer(DefaultBodyLimit::disable()))
        // PUSH is a method of its own, which the table of methods does not know.
        .fallback(push::push);
    let user = get(users::show).put(users::create).patch(users::modify).delete(users::remove);
    let project =
        get(projects::show).delete(projects::remove).patch(projects::set_status).post(changed_projects::call);
    let release = get(projects::show_version).delete(projects::remove_version).patch(projects::yank);
    let measured = get(health::metrics).with_state((service.clone(), metrics));
    let file = get(files::serve).delete(files::remove).patch(files::yank);

    let routes = Router::new()
        .route("/", get(users::list))
        .route("/+status", get(status::status))
        .route("/+login", get(web::login_page).post(login::login))
        .route("/+logout", post(web::logout))
        .route("/+api", get(status::api))
        .route("/+authcheck", any(authcheck::without_handler))
        .route("/{user}/+api", get(status::api))
        .route("/{user}/{index}/+api", get(status::index_api))
        .route("/+changelog", get(changelog::page))
        .route("/+changelog/{serial}", get(changelog::changelog))
        .route("/+events", get(events::events))
        .route("/+diagram.svg", get(web::diagram::whole))
        .route("/+search", get(search::search))
        .route("/+theme", get(web::theme_page))
        .route("/+searchhelp", get(web::search_help))
        .route("/_/oidc/audience", get(oidc::audience))
        .route("/_/oidc/mint-token", post(oidc::mint))
        .route("/_/oidc/github/mint-token", post(oidc::mint))
        .route("/_/oidc/burn-token", post(oidc::burn))
        .route("/{user}/+token-create", post(tokens::create))
        .route("/{user}/+tokens", get(tokens::list).post(manage::create_token))
        .route("/{user}/+tokens/", get(tokens::list).post(manage::create_token))
        .route("/{user}/+tokens/{id}", get(tokens::show).delete(tokens::revoke).post(manage::revoke_token))
        .route("/{user}", user.clone())
        .route("/{user}/", user)
        .route("/{user}/{index}", index.clone())
        .route("/{user}/{index}/", index)
        .route("/{user}/{index}/+publishers", get(publishers::list).post(publishers::create))
        .route("/{user}/{index}/+publishers/", get(publishers::list).post(publishers::create))
        .route("/{user}/{index}/+publishers/{id}", delete(publishers::remove).post(manage::delete_publisher))
        .route("/{user}/{index}/+diagram.svg", get(web::diagram::around))
        .route("/{user}/{index}/+search", get(search::search))
        .route("/{user}/{index}/+changelog", get(changelog::page))
        .route("/packages/{user}/{index}/+f/{first}/{next}/{filename}", get(files::serve))
        .route("/packages/{user}/{index}/+e/{dir}/{filename}", get(files::serve))
        .route("/{user}/{index}/+f/{first}/{next}/{filename}", file.clone().post(tox_results::receive))
        .route("/{user}/{index}/+e/{dir}/{filename}", file)
        .route("/{user}/{index}/{project}", project.clone())
        .route("/{user}/{index}/{project}/", project)
        .route("/{user}/{index}/{project}/{version}", release.clone())
        .route("/{user}/{index}/{project}/{version}/", release)
        .merge(simple_pages())
        .merge(about_releases())
        .merge(webhooks())
        .merge(forms())
        .layer(from_fn_with_state(service.clone(), auth::authenticate))
        .route("/+static/{*path}", get(web::asset))
        .route("/favicon.ico", get(web::favicon))
        .route("/robots.txt", get(web::robots))
        .route("/+health/live", get(health::live))
        .route("/+health/ready", get(health::ready))
        .route("/metrics", measured)
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(Extension(theme.clone()))
        .layer(from_fn(authcheck::keep_from_open_routes))
        .layer(from_fn_with_state(service.clone(), documentation::keep_apart))
        .layer(from_fn_with_state(Observer::new(service.clone(), theme), observe::observe))
        .layer(from_fn(web::protect))
        .with_state(service.clone());
    let routes = cors::layer(routes, &service.config.server.cors_origins);
    let routes = timed::layer(routes, &service.config.server);
    // The path is rewritten before it is matched.
    routes.map_request(move |request| {
        let outside_url = service.config.server.outside_url.as_deref();
        let mut request = outside::rewrite(request, outside_url);
        match authcheck::turn(&mut request) {
            true => outside::rewrite(request, outside_url),
            false => request,
        }
    })
}

/// Lists and pages for installers, and PyPI's JSON of projects and releases.
fn simple_pages() -> Router<Service> {
    Router::new()
        .route("/{user}/{index}/+simple", get(simple::list))
        .route("/{user}/{index}/+simple/", get(simple::list))
        .route("/{user}/{index}/+simple/{project}", get(simple::project))
        .route("/{user}/{index}/+simple/{project}/", get(simple::project))
        .route("/{user}/{index}/+simple/{project}/refresh", post(simple::refresh))
        .route("/{user}/{index}/+hosted", get(simple::list))
        .route("/{user}/{index}/+hosted/", get(simple::list))
        .route("/{user}/{index}/+hosted/{project}", get(simple::project))
        .route("/{user}/{index}/+hosted/{project}/", get(simple::project))
        .route("/{user}/{index}/+own", get(simple::list))
        .route("/{user}/{index}/+own/", get(simple::list))
        .route("/{user}/{index}/+own/{project}", get(simple::project))
        .route("/{user}/{index}/+own/{project}/", get(simple::project))
        .route("/{user}/{index}/pypi/{project}/json", get(pypi_json::project))
        .route("/{user}/{index}/pypi/{project}/json/", get(pypi_json::project))
        .route("/{user}/{index}/pypi/{project}/{version}/json", get(pypi_json::release))
        .route("/{user}/{index}/pypi/{project}/{version}/json/", get(pypi_json::release))
}

/// Documentation and results of tests.
fn about_releases() -> Router<Service> {
    Router::new()
        .route("/{user}/{index}/{project}/{version}/+doc", get(documentation::serve))
        .route("/{user}/{index}/{project}/{version}/+doc/", get(documentation::serve))
        .route("/{user}/{index}/{project}/{version}/+doc/{*path}", get(documentation::serve))
        .route("/{user}/{index}/{project}/{version}/+d", get(documentation::show))
        .route("/{user}/{index}/{project}/{version}/+d/", get(documentation::show))
        .route("/{user}/{index}/{project}/{version}/+d/{*path}", get(documentation::show))
        .route("/{user}/{index}/{project}/{version}/+toxresults/{filename}", get(web::tox_results))
        .route("/{user}/{index}/{project}/{version}/+toxresults/{filename}/{result}", get(web::tox_result))
}

/// Webhooks of the server, and of an index.
fn webhooks() -> Router<Service> {
    let all = get(webhooks::list).post(webhooks::create);
    let one =
        get(webhooks::show).patch(webhooks::modify).delete(webhooks::remove).post(manage::webhooks::change);
    Router::new()
        .route("/+webhooks", all.clone())
        .route("/+webhooks/", all.clone())
        .route("/+webhooks/{id}", one.clone())
        .route("/+webhooks/{id}/test", post(webhooks::test))
        .route("/+webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/+webhooks/{id}/deliveries/{delivery}/retry", post(webhooks::retry))
        .route("/{user}/{index}/+webhooks", all.clone())
        .route("/{user}/{index}/+webhooks/", all)
        .route("/{user}/{index}/+webhooks/{id}", one)
        .route("/{user}/{index}/+webhooks/{id}/test", post(webhooks::test))
        .route("/{user}/{index}/+webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/{user}/{index}/+webhooks/{id}/deliveries/{delivery}/retry", post(webhooks::retry))
}

/// Pages with forms, which are for people alone.
fn forms() -> Router<Service> {
    let upload = manage::upload.layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/+new-user", get(manage::new_user).post(manage::create_user))
        .route("/{user}/+edit", get(manage::user_profile).post(manage::edit_user))
        .route("/{user}/+password", get(manage::password_page).post(manage::set_password))
        .route("/{user}/+delete", get(manage::user_deletion).post(manage::delete_user))
        .route("/{user}/+new-index", get(manage::new_index).post(manage::create_index))
        .route("/{user}/{index}/+edit", get(manage::index_settings).post(manage::edit_index))
        .route("/{user}/{index}/+delete", get(manage::index_deletion).post(manage::delete_index))
        .route("/{user}/{index}/+upload", get(manage::upload_page).post(upload))
        .route("/{user}/{index}/{project}/+manage", get(manage::project_forms).post(manage::change_project))
        .route(
            "/{user}/{index}/{project}/{version}/+manage",
            get(manage::release_forms).post(manage::change_release),
        )
}

/// devpi answers 404 to what it has no route or no method for, never 405.
async fn nothing(request: Request) -> Result<Response> {
    match authcheck::asks(&request) {
        true => authcheck::without_handler(request).await,
        false => Err(Error::NotFound("there is nothing at this URL for this method".into())),
    }
}
