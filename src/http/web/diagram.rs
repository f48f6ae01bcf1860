//! Pictures of inheritance as files of their own: `/+diagram.svg` of all indexes, `/{user}/{index}/+diagram.svg` of what
//! one index has to do with.

use super::Page;
use crate::{
    error::{Error, Result},
    http::extract::IndexPath,
    model::{diagram::Layout, index::Index},
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::{HeaderValue, header::CONTENT_TYPE};
use minijinja::{context, value::Serde};
use std::sync::Arc;

/// `GET /+diagram.svg`
pub(in crate::http) async fn whole(State(service): State<Service>, page: Page) -> Result<Response> {
    let all = ops::indexes::all(&service, &page.caller).await?;
    let diagram =
        ops::diagram::whole(&service, &all.iter().map(|index| &**index).collect::<Vec<&Index>>()).await?;
    picture(&service, &page, diagram, None)
}

/// `GET /{user}/{index}/+diagram.svg`
pub(in crate::http) async fn around(
    State(service): State<Service>,
    IndexPath(index): IndexPath,
    page: Page,
) -> Result<Response> {
    ops::resolve::readable(&service, &page.caller, &index).await?;
    let all = ops::indexes::all(&service, &page.caller).await?;
    let diagram =
        ops::diagram::around(&service, &index, &all.iter().map(|index| &**index).collect::<Vec<&Index>>())
            .await?;
    picture(&service, &page, diagram, Some(index.to_string()))
}

fn picture(
    service: &Service,
    page: &Page,
    diagram: Option<Arc<Layout>>,
    name: Option<String>,
) -> Result<Response> {
    let diagram = diagram.ok_or_else(|| {
        Error::NotFound("there is nothing to draw: no index inherits here, or too many do".into())
    })?;
    let context = context! { diagram => Serde(&*diagram), name, alone => true };
    let mut response = page.render(service, "diagram.svg", context)?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    Ok(response)
}
