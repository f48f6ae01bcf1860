//! Finds projects by words, names and fields, as far as the caller may read (devpi-api, search).

pub mod index;

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        index::Index,
        name::{IndexName, ProjectName},
        search::{self, Query},
    },
    ops::{resolve, simple::blocking},
    service::Service,
    store::{
        self,
        search::{Found, Part},
    },
};
use std::sync::Arc;

/// Longest question, in bytes, and how far results are counted in pages.
pub const LONGEST_QUERY: usize = 500;
pub const LAST_PAGE: u32 = 500;

/// Results of one page, and of a search by XML-RPC.
const PAGE_SIZE: u32 = 20;
const MOST_HITS: u32 = 200;

/// A page of what was found.
pub struct Results {
    pub hits: Vec<Hit>,
    /// How many there are on all pages.
    pub total: i64,
    /// How many pages there are.
    pub pages: i64,
}

/// A project that was found.
pub struct Hit {
    pub index: IndexName,
    pub project: ProjectName,
    /// As it is spelled at its latest version.
    pub name: String,
    /// The latest version; empty when there is none.
    pub version: String,
    pub summary: String,
    /// The place of the description that was asked for, if any.
    pub snippet: Option<String>,
    /// Greater is better; only to be compared with others of the same question.
    pub score: f64,
    /// The pages of its documentation that match best.
    pub documentation: Vec<HitPage>,
}

/// A page of documentation that was found.
pub struct HitPage {
    /// The release that it documents.
    pub version: String,
    pub path: String,
    pub title: String,
    pub snippet: Option<String>,
}

/// The results of a question on this page, the first being 1: over all indexes that the caller may read, or over one and
/// what it inherits, where of equal names the first in the resolution order counts.
///
/// # Errors
/// [`Error::Invalid`] for a question that is too long; as [`resolve::readable`] for the index; [`Error::Overloaded`] when
/// it takes too long, or too many are asked.
pub async fn search(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    text: &str,
    page: u32,
) -> Result<Results> {
    if text.len() > LONGEST_QUERY {
        return Err(Error::Invalid(format!("query must be of at most {LONGEST_QUERY} bytes")));
    }
    let first = page.saturating_sub(1) * PAGE_SIZE;
    let (hits, total) = find(service, caller, index, Query::parse(text), (first, PAGE_SIZE), true).await?;
    Ok(Results { hits, total, pages: (total + i64::from(PAGE_SIZE) - 1) / i64::from(PAGE_SIZE) })
}

/// The projects of an index, and of what it inherits, with any of these words in their names, and (or else or) any of
/// those in their summaries; the best, if there are very many.
///
/// # Errors
/// As [`search`].
pub async fn projects(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    [names, summaries]: [&[String]; 2],
    both: bool,
) -> Result<Vec<Hit>> {
    if names.iter().chain(summaries).map(String::len).sum::<usize>() > LONGEST_QUERY {
        return Err(Error::Invalid(format!("a search is of at most {LONGEST_QUERY} bytes")));
    }
    let query = Query::of_projects(names, summaries, both);
    Ok(find(service, caller, Some(index), query, (0, MOST_HITS), false).await?.0)
}

async fn find(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    query: Query,
    (offset, limit): (u32, u32),
    with_texts: bool,
) -> Result<(Vec<Hit>, i64)> {
    let mut order: Vec<Arc<Index>> = match index {
        Some(name) => {
            resolve::readable(service, caller, name).await?;
            resolve::whole_order(service, name).await?
        }
        None => resolve::all(service).await?.to_vec(),
    };
    order.retain(|index| service.policy.may_read(caller, index));
    let index_ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let (offset, limit) = (i64::from(offset), i64::from(limit));
    let part = Part { index_ids: &index_ids, first_only: index.is_some(), offset, limit, with_texts };
    let place = service.place(&service.searches, "too many searches at the same time").await?;
    let found = service.bounded(async {
        let mut db = service.db().await?;
        let (found, total) = store::search::find(&mut db, &query, &part).await?;
        if !found.is_empty() || offset == 0 {
            return Ok((found, total));
        }
        // Behind the last page no row tells how many there are.
        let first = Part { offset: 0, limit: 1, ..part };
        Ok((found, store::search::find(&mut db, &query, &first).await?.1))
    });
    let (found, total) = found.await?;
    drop(place);
    let is_readable = |hit: &Hit| {
        let index = order.iter().find(|index| index.name == hit.index);
        index.is_some_and(|index| service.policy.may_read_project(caller, index, &hit.project))
    };
    let shown = move || found.into_iter().filter_map(|found| hit(found, &query)).collect::<Vec<_>>();
    let hits = blocking(shown).await?;
    Ok((hits.into_iter().filter(is_readable).collect(), total))
}

/// `None` for a project that was deleted at this moment.
fn hit(found: Found, query: &Query) -> Option<Hit> {
    let (pages, projects): (Vec<_>, Vec<_>) =
        found.documents.into_iter().partition(|document| document.is_page);
    let project = projects.into_iter().next()?;
    let snippet = |body: &str| search::snippet(body, &query.words);
    let documentation = pages.into_iter().map(|page| HitPage {
        snippet: snippet(&page.body),
        version: page.version,
        path: page.path,
        title: page.title,
    });
    Some(Hit {
        snippet: snippet(&project.body),
        index: project.index,
        project: project.project,
        name: project.title,
        version: project.version,
        summary: project.summary,
        score: found.score,
        documentation: documentation.collect(),
    })
}
