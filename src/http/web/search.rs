//! What a search found, and how one asks.

use super::{
    Page,
    crumbs::{crumbs, segments},
};
use crate::{
    error::{Error, Result},
    model::{
        name::{IndexName, encode},
        search::{self, Query},
    },
    ops::search::LAST_PAGE,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use minijinja::{Value, context, value::Serde};
use serde_json::Value as Json;
use url::form_urlencoded::Serializer;

/// Questions that are answered on the page of help, and what they find.
const EXAMPLES: [(&str, &str); 17] = [
    ("web framework", "projects with both words; the last may be the beginning of one"),
    ("web framework ", "both words as they are, since something follows the last, if only a space"),
    ("frame*", "words that begin so"),
    ("'web framework'", "these words side by side; so does \"web framework\" and web-framework"),
    ("flask OR django", "either"),
    ("flask NOT login", "the first without the second; so does flask -login"),
    ("flask AND (login OR admin)", "parentheses say what belongs together"),
    ("name:hello-world", "the project of this name, however it is spelled"),
    ("name:hello*", "projects whose names begin so"),
    ("user:root", "what is on the indexes of a user"),
    ("index:dev", "what is on indexes of this name, whoever has them"),
    ("path:/root/pypi/*", "what is on one index"),
    ("classifiers:'Programming Language :: Rust'", "projects with this classifier"),
    ("keywords:web", "projects with this keyword"),
    (
        "type:summary web",
        "the words in texts of this type alone: project (the name), summary, keywords, author, author_email, \
                          description, title and page (of documentation)",
    ),
    ("reqeusts", "names that are nearly so, after all that match"),
    ("*", "everything"),
];

/// From what `GET /+search` says as JSON; a question that is wrong is asked again.
pub(in crate::http) fn search(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    text: &str,
    found: Result<Json>,
) -> Result<Response> {
    let (data, problem) = match found {
        Ok(data) => (data, None),
        Err(Error::Invalid(problem)) => (Json::Null, Some(problem)),
        Err(error) => return Err(error),
    };
    let path = index.map_or_else(|| "/+search".to_owned(), |index| format!("/{}/+search", index.url_path()));
    let number = data["page"].as_u64().unwrap_or(1);
    let last = data["pages"].as_u64().unwrap_or_default().min(LAST_PAGE.into());
    let turned = |to: u64| (1..=last).contains(&to).then(|| asked(&path, text, to));
    let words = Query::parse(text).words;
    let hits: Vec<_> = data["items"].as_array().into_iter().flatten().map(|item| hit(item, &words)).collect();
    let context = context! {
        title => if text.is_empty() { "Search".to_owned() } else { format!("Search: {text}") },
        crumbs => index.map(|index| crumbs(&segments(index), &[("Search", &path)])),
        query => text,
        path => &path,
        problem,
        index => index.map(ToString::to_string),
        everywhere => index.map(|_| asked("/+search", text, 1)),
        hits,
        last_page => last,
        previous => turned(number.wrapping_sub(1)),
        next => turned(number + 1),
        data => Serde(&data),
    };
    let mut response = page.render(service, "search.html", context)?;
    if data.is_null() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// `GET /+searchhelp` (devpi-web: `searchhelp.pt`).
pub(in crate::http) async fn search_help(State(service): State<Service>, page: Page) -> Result<Response> {
    let examples = EXAMPLES.map(|(query, meaning)| {
        context! { query, meaning, path => asked("/+search", query, 1) }
    });
    page.render(&service, "search_help.html", context! { title => "How to search", examples })
}

fn asked(path: &str, text: &str, page: u64) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("query", text);
    if page > 1 {
        query.append_pair("page", &page.to_string());
    }
    format!("{path}?{}", query.finish())
}

fn hit(item: &Json, words: &[String]) -> Value {
    let text = |value: &Json, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let documentation = item["documentation"].as_array().into_iter().flatten().map(|page| {
        context! {
            title => text(page, "title"),
            version => text(page, "version"),
            path => text(page, "path").replacen("/+doc/", "/+d/", 1),
            snippet => marked(&page["snippet"], words),
        }
    });
    let (path, version) = (text(item, "path"), text(item, "version"));
    context! {
        name => marked(&item["name"], words),
        version_path => (!version.is_empty()).then(|| format!("{path}/{}", encode(&version))),
        index_path => path.rsplit_once('/').map(|(index, _)| index.to_owned()),
        summary => marked(&item["summary"], words),
        snippet => marked(&item["snippet"], words),
        documentation => documentation.collect::<Vec<_>>(),
        index => text(item, "index"),
        path,
        version,
    }
}

/// A text in pieces, of which those that were asked for are `found`.
fn marked(text: &Json, words: &[String]) -> Vec<Value> {
    let pieces = search::marked(text.as_str().unwrap_or_default(), words).into_iter();
    pieces.map(|(text, found)| context! { text, found }).collect()
}
