//! The frame around a document of a release (devpi-web, `docviewroot`).

use super::{Page, crumbs::project_path, security};
use crate::{error::Result, http::extract::DocumentPath, model::name::encode, service::Service};
use axum::response::Response;
use http::header::CONTENT_SECURITY_POLICY;
use minijinja::context;

/// With links to the same project's other versions that have documentation.
pub(in crate::http) fn documentation(
    service: &Service,
    page: &Page,
    path: &DocumentPath,
    version: &str,
    versions: &[String],
) -> Result<Response> {
    let DocumentPath { index, project, path: document, .. } = path;
    let project_path = project_path(index, project);
    let document = if document.is_empty() { "index.html" } else { document };
    let document = document.split('/').map(encode).collect::<Vec<_>>().join("/");
    // As it was asked for, so that `latest` stays what it is.
    let document = format!("{project_path}/{}/+doc/{document}", encode(&path.version));
    let origin = service.config.server.docs_base_url.as_ref().map(|url| url.origin().ascii_serialization());
    let frame = context! {
        title => format!("{project} {version}: documentation"),
        project => project.as_str(),
        version,
        release => format!("{project_path}/{}", encode(version)),
        document => match &origin {
            Some(origin) => format!("{origin}{document}"),
            None => format!("{}{document}", page.prefix()),
        },
        versions => versions.iter().map(|other| context! {
            version => other,
            path => format!("{project_path}/{}/+d/", encode(other)),
            is_shown => other == version,
        }).collect::<Vec<_>>(),
        data => context! { project => project.as_str(), version, versions => versions.to_vec() },
    };
    let mut response = page.render(service, "documentation.html", frame)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, security::FRAMING.clone());
    Ok(response)
}
