//! Makes what is searched from what the rows say.
//!
//! A mirror's project is searched once its page is here: by its name and latest version, and by the core metadata of that
//! version where they were read. What the upstream only lists is not.

use crate::{
    error::{Error, Result},
    model::{
        archive,
        job::Job,
        metadata, release,
        search::{self, Document, Page},
        version,
    },
    ops::receive::Reader,
    service::Service,
    store::{
        self,
        search::{DocZip, Subject},
    },
};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// How often documentation that can't be read is tried, before the project is searched without it.
const TRIES: i32 = 4;

/// How long documentation is read; what was read until then is searched.
const READING: Duration = Duration::from_secs(8);

/// Documents that are removed at a time.
const BATCH: i64 = 1000;

/// Makes the documents of a project.
pub async fn project(service: &Service, job: &Job) -> Result<()> {
    let db = service.db().await?;
    let id = key(job)?;
    let Some(subject) = store::search::subject(&db, id).await? else {
        store::search::remove_project(&db, id).await?;
        store::jobs::finish(&db, job).await?;
        return Ok(());
    };
    let versions = store::search::versions(&db, id).await?;
    let latest = version::latest(versions.iter().map(String::as_str));
    let metadata = match latest {
        Some(latest) => of_release(&db, id, latest).await?,
        None => Map::new(),
    };
    let doc_zips = store::search::doc_zips(&db, id).await?;
    drop(db);
    let mut documents = vec![search::project(&subject.index, &subject.project, latest, &metadata)];
    if let Some(doc_zip) = doc_zips.into_iter().max_by_key(|doc_zip| version::sort_key(&doc_zip.version)) {
        documents.extend(of_documentation(service, job, &subject, doc_zip).await?);
    }
    let mut connection = service.db().await?;
    store::search::replace(&mut connection, job, &subject, &documents).await
}

/// Takes away what a deleted index had.
pub async fn forget(service: &Service, job: &Job) -> Result<()> {
    let db = service.db().await?;
    while store::search::remove_index(&db, key(job)?, BATCH).await? > 0 {}
    store::jobs::finish(&db, job).await?;
    Ok(())
}

/// The version data of a release, of a stage or of a mirror.
async fn of_release(
    db: &deadpool_postgres::Object,
    project_id: i64,
    version: &str,
) -> Result<Map<String, Value>> {
    if let Some(release) = store::releases::find(db, project_id, version).await? {
        return Ok(release.metadata);
    }
    let mut metadata = Map::new();
    if let Some(bytes) = store::search::mirrored_metadata(db, project_id, version).await?
        && let Ok(known) = metadata::parse(&bytes)
    {
        release::merge(&mut metadata, &release::form(&known));
    }
    Ok(metadata)
}

async fn of_documentation(
    service: &Service,
    job: &Job,
    subject: &Subject,
    doc_zip: DocZip,
) -> Result<Vec<Document>> {
    let size = doc_zip.size.unsigned_abs();
    let mut reader = Reader::of_stored(service, &doc_zip.sha256, size);
    let until = Instant::now() + READING;
    let (index, project) = (subject.index.clone(), subject.project.clone());
    let read = tokio::task::spawn_blocking(move || {
        let pages = archive::pages::read(&mut reader, size, || Instant::now() < until);
        let pages = reader.failure.map_or(pages, |failure| Err(format!("can't be read: {failure}")))?;
        let document = |page: &Page| search::page(&index, &project, &doc_zip.version, page);
        Ok::<_, String>(pages.iter().map(document).collect())
    });
    match read.await.map_err(|error| Error::Internal(error.to_string()))? {
        Ok(documents) => Ok(documents),
        Err(reason) if job.attempts < TRIES => Err(Error::Internal(format!("documentation {reason}"))),
        Err(reason) => {
            tracing::warn!(index = %subject.index, project = %subject.project, "documentation {reason}");
            Ok(Vec::new())
        }
    }
}

fn key(job: &Job) -> Result<i64> {
    job.key.parse().map_err(|_| Error::Internal(format!("job of key {:?}", job.key)))
}
