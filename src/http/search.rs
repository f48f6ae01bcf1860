//! `GET /+search` over all indexes, and `GET /{user}/{index}/+search` over one and what it inherits (devpi-api, search).

use super::{
    extract::{IndexPath, Query},
    respond,
    users::admit,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        name::{IndexName, encode},
    },
    ops::{
        self,
        search::{Hit, LAST_PAGE, Results},
    },
    service::Service,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde_json::{Value, json};

/// What the query's `query` finds, on its `page`.
pub(super) async fn search(
    State(service): State<Service>,
    page: Page,
    index: Option<IndexPath>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response> {
    let text = query.get("query").unwrap_or_default();
    let index = index.map(|IndexPath(index)| index);
    let found = find(&service, &page.caller, index.as_ref(), text, query.get("page")).await;
    if page.wanted {
        return web::search(&service, &page, index.as_ref(), text, found);
    }
    admit(&headers)?;
    Ok(respond::result("searchresult", found?))
}

async fn find(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    text: &str,
    page: Option<&str>,
) -> Result<Value> {
    let page = page.map_or(Ok(1), str::parse).unwrap_or_default();
    if !(1..=LAST_PAGE).contains(&page) {
        return Err(Error::Invalid(format!("page must be a number from 1 to {LAST_PAGE}")));
    }
    let Results { hits, total, pages } = ops::search::search(service, caller, index, text, page).await?;
    let items: Vec<_> = hits.iter().map(shown).collect();
    Ok(json!({"query": text, "page": page, "pages": pages, "total": total, "items": items}))
}

fn shown(hit: &Hit) -> Value {
    let path = format!("/{}/{}", hit.index.url_path(), hit.project);
    let documentation = hit.documentation.iter().map(|page| {
        let relative: Vec<_> = page.path.split('/').map(encode).collect();
        json!({
            "title": page.title,
            "version": page.version,
            "path": format!("{path}/{}/+doc/{}", encode(&page.version), relative.join("/")),
            "snippet": page.snippet,
        })
    });
    json!({
        "name": hit.name,
        "version": hit.version,
        "index": hit.index.to_string(),
        "path": path,
        "summary": hit.summary,
        "snippet": hit.snippet,
        "score": (hit.score * 1000.0).round() / 1000.0,
        "documentation": documentation.collect::<Vec<_>>(),
    })
}
