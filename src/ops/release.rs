//! A release as its page shows it: what is known of it, its description, and what stands beside it.

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        attachment::{Attachment, Rel},
        description::Description,
        metadata,
        name::{IndexName, ProjectName},
        page::Status,
        release,
        serial::Serial,
        tox_run::ToxRun,
        version,
    },
    ops::{
        mirrored,
        projects::{self, Linked, Version},
        resolve::Scope,
        simple, tox_results,
    },
    service::Service,
    store,
};
use deadpool_postgres::Object;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{cmp::Reverse, collections::HashMap, sync::Arc, time::Duration};

/// Most tox results that are read for a page of a release, the newest ones.
const MOST_RUNS: usize = 24;

/// How long one waits for others' descriptions to be rendered.
const PATIENCE: Duration = Duration::from_secs(20);

/// What there is of one version of a project.
pub struct Page {
    pub version: Version,
    /// All versions of the project, newest first.
    pub versions: Vec<String>,
    pub status: Status,
    /// What answers for the project.
    pub scope: Scope,
    /// Version data; of a mirror, what its stored core metadata say.
    pub metadata: Map<String, Value>,
    /// Whether more is known than what a mirror's link says.
    pub is_known: bool,
    /// `None`: there is none.
    pub description: Option<Arc<Description>>,
    /// Further digests of files, by their sha256: md5 and blake2b-256 in hex.
    pub digests: HashMap<String, [String; 2]>,
    /// What tox results say, by the path of the result.
    pub runs: HashMap<String, Arc<ToxRun>>,
}

/// The page of one version; `latest` and (without pre-releases) `stable` stand for the newest, unless there is one of
/// that name.
///
/// # Errors
/// [`Error::NoSuchVersion`]; those of [`projects::sources`] and of the object store.
pub async fn page(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    wanted: &str,
) -> Result<Page> {
    let missing = || Error::NoSuchVersion { project: project.clone(), version: wanted.to_owned() };
    let sources = projects::sources(service, caller, index, project).await?;
    let order = &sources.scope.order;
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let db = service.db().await?;
    let (stored, links) = tokio::try_join!(
        store::releases::versions(&db, &ids, project, Serial::NOW),
        mirrored::links_of(&db, sources.mirrors(), &sources.pending, project, Serial::NOW),
    )?;
    let linked = links.values().flatten().map(|link| link.version.clone());
    let mut versions: Vec<String> = stored.into_iter().map(|(_, version)| version).chain(linked).collect();
    versions.sort_by_cached_key(|version| (Reverse(version::sort_key(version)), version.clone()));
    versions.dedup();
    let found = match wanted {
        _ if versions.iter().any(|version| version == wanted) => Some(wanted),
        "latest" => versions.first().map(String::as_str),
        "stable" => versions.iter().map(String::as_str).find(|version| version::is_stable(version)),
        _ => None,
    };
    let found = found.ok_or_else(missing)?.to_owned();
    let version = projects::of_order(&db, order, project, Some(&found), links).await?;
    let version = version.into_iter().next().ok_or_else(missing)?;
    let (digests, status) = tokio::try_join!(
        store::files::digests(&db, &ids, project, Serial::NOW),
        sources.status(&db, project)
    )?;
    let (metadata, is_known) = metadata(&db, &version, project).await?;
    drop(db);
    let description = description(service, &metadata).await?;
    let runs = runs(service, &version).await;
    Ok(Page {
        version,
        versions,
        status,
        scope: sources.scope,
        metadata,
        is_known,
        description,
        digests,
        runs,
    })
}

/// Version data, and whether they are more than what a link says.
async fn metadata(
    db: &Object,
    version: &Version,
    project: &ProjectName,
) -> Result<(Map<String, Value>, bool)> {
    let first = &version.first;
    let mut metadata = first.release.metadata.clone();
    if first.index.mirror.is_none() {
        return Ok((metadata, true));
    }
    let stored = store::links::release_metadata(db, first.index.id, project, &version.version).await?;
    let Some(known) = stored.and_then(|bytes| metadata::parse(&bytes).ok()) else {
        return Ok((metadata, false));
    };
    let yanked = metadata.remove("yanked");
    release::merge(&mut metadata, &release::form(&known));
    metadata.extend(yanked.map(|yanked| ("yanked".to_owned(), yanked)));
    Ok((metadata, true))
}

/// The description of a release, from memory or else rendered.
async fn description(service: &Service, metadata: &Map<String, Value>) -> Result<Option<Arc<Description>>> {
    let text = |key| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let (description, content_type) = (text("description"), text("description_content_type"));
    if description.trim().is_empty() {
        return Ok(None);
    }
    let digest = Sha256::new().chain_update(content_type).chain_update([0]).chain_update(description);
    let key = hex::encode(digest.finalize());
    let render = async {
        let place = tokio::time::timeout(PATIENCE, service.renderings.clone().acquire_owned()).await;
        let place = place
            .map_err(|_| Error::Overloaded("too many descriptions are rendered at the same time"))?
            .map_err(|error| Error::Internal(error.to_string()))?;
        let (description, content_type) = (description.to_owned(), content_type.to_owned());
        // The place is taken until the work ends, also when nobody waits for it any more.
        let work = move || {
            let _place = place;
            Arc::new(Description::render(&description, &content_type))
        };
        simple::blocking(work).await
    };
    match service
        .descriptions
        .try_get_with(key, render)
        .await
        .map_err(|error: Arc<Error>| Error::clone(&error))
    {
        Err(Error::Overloaded(_)) => {
            let notice = "Many descriptions are asked for at the moment, so this one is not formatted.";
            Ok(Some(Arc::new(Description::unformatted(description, notice))))
        }
        rendered => rendered.map(Some),
    }
}

/// What the newest tox results say. One that can't be read is left out.
async fn runs(service: &Service, version: &Version) -> HashMap<String, Arc<ToxRun>> {
    let results = version.first.files.iter().filter_map(|linked| match linked {
        Linked::Attachment(it) if it.rel == Rel::ToxResult => Some(it),
        _ => None,
    });
    let mut results: Vec<&Attachment> = results.collect();
    results.sort_by_key(|it| Reverse(it.id));
    results.truncate(MOST_RUNS);
    let read =
        results.into_iter().map(async |it| Some((it.path(), tox_results::run(service, it).await.ok()??)));
    futures::future::join_all(read).await.into_iter().flatten().collect()
}
