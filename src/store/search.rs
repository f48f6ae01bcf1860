//! What is searched: documents, made from the rows of projects, and replaced in place.

use crate::{
    error::{Error, Result},
    model::{
        job::Job,
        name::{IndexName, ProjectName},
        search::{Document, Query},
    },
    store::{Client, jobs},
};
use deadpool_postgres::Object;
use tokio_postgres::Row;

/// How long a search may take, in milliseconds.
const TIMEOUT: &str = "5000";

/// How alike a name must be to what was typed, of 1. That is enough for a short one, in which one letter is much.
const ALIKE: &str = "0.2";

/// Jobs that are owed by one statement for projects that are not known.
const UNKNOWN_AT_ONCE: usize = 100;

/// A project that is to be searched.
pub struct Subject {
    pub id: i64,
    pub index_id: i64,
    pub index: IndexName,
    pub project: ProjectName,
}

/// The documentation of a release.
pub struct DocZip {
    pub version: String,
    /// Hex digest of stored content.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
}

/// Where a search looks, and which part of what it finds is wanted.
pub struct Part<'a> {
    /// Ids of indexes.
    pub index_ids: &'a [i64],
    /// Of a project that is on several of them only the first is wanted.
    pub first_only: bool,
    pub offset: i64,
    pub limit: i64,
    /// Whether the texts are wanted from which a snippet can be cut; else each is empty.
    pub with_texts: bool,
}

/// A project that was found, with the documents of it that match, the project itself first and then the best pages.
pub struct Found {
    pub score: f64,
    pub documents: Vec<FoundDocument>,
}

/// What is shown of a document.
pub struct FoundDocument {
    pub index: IndexName,
    pub project: ProjectName,
    pub is_page: bool,
    pub path: String,
    pub title: String,
    pub version: String,
    pub summary: String,
    pub body: String,
}

/// The project of this id; `None` when it is deleted, or its index is.
pub async fn subject(db: &impl Client, project_id: i64) -> Result<Option<Subject>> {
    let statement = db
        .prepare_cached(
            "-- store::search::subject
             select p.index_id, u.name as user_name, i.name as index_name, p.name as project
             from projects p
                 join indexes i on i.id = p.index_id and i.removed_serial is null
                 join users u on u.id = i.user_id
             where p.id = $1 and p.removed_serial is null",
        )
        .await?;
    let Some(row) = db.query_opt(&statement, &[&project_id]).await? else { return Ok(None) };
    let (index, project) = names(&row)?;
    Ok(Some(Subject { id: project_id, index_id: row.get("index_id"), index, project }))
}

/// The versions of a project, of a stage or of a mirror.
pub async fn versions(db: &impl Client, project_id: i64) -> Result<Vec<String>> {
    let statement = db
        .prepare_cached(
            "-- store::search::versions
             select version from releases where project_id = $1 and removed_serial is null
             union
             select version from mirror_files where project_id = $1 and removed_serial is null",
        )
        .await?;
    Ok(db.query(&statement, &[&project_id]).await?.iter().map(|row| row.get("version")).collect())
}

/// Core metadata of a release of a mirror, where those of any of its files are here.
pub async fn mirrored_metadata(db: &impl Client, project_id: i64, version: &str) -> Result<Option<Vec<u8>>> {
    let statement = db
        .prepare_cached(
            "-- store::search::mirrored_metadata
             select m.content
             from mirror_files f
                 left join mirror_contents c
                     on c.index_id = f.index_id and c.entry = f.entry and c.filename = f.filename
                 join core_metadata m on m.sha256 = coalesce(f.metadata_sha256, c.metadata_sha256)
             where f.project_id = $1 and f.version = $2 and f.removed_serial is null
             order by f.id
             limit 1",
        )
        .await?;
    Ok(db.query_opt(&statement, &[&project_id, &version]).await?.map(|row| row.get("content")))
}

/// The documentation of each release of a project that has some.
pub async fn doc_zips(db: &impl Client, project_id: i64) -> Result<Vec<DocZip>> {
    let statement = db
        .prepare_cached(
            "-- store::search::doc_zips
             select a.version, a.sha256, b.size
             from attachments a join blobs b on b.sha256 = a.sha256
             where a.project_id = $1 and a.rel = 'doczip' and a.removed_serial is null",
        )
        .await?;
    let rows = db.query(&statement, &[&project_id]).await?;
    let doc_zip =
        |row: &Row| DocZip { version: row.get("version"), sha256: row.get("sha256"), size: row.get("size") };
    Ok(rows.iter().map(doc_zip).collect())
}

/// Makes these the documents of a project, which ends the job, unless somebody else has taken it.
pub async fn replace(
    connection: &mut Object,
    job: &Job,
    subject: &Subject,
    documents: &[Document],
) -> Result<()> {
    let transaction = connection.transaction().await?;
    remove_project(&transaction, subject.id).await?;
    let statement = transaction
        .prepare_cached(
            "-- store::search::replace
             insert into search_documents (index_id, project_id, project, kind, path, title, version, summary, body,
                 lexemes)
             select $1, $2, $3, d.kind, d.path, d.title, d.version, d.summary, d.body, d.lexemes::tsvector
             from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
                 as d (kind, path, title, version, summary, body, lexemes)
             where exists (
                 select from projects p join indexes i on i.id = p.index_id
                 where p.id = $2 and p.removed_serial is null and i.removed_serial is null
             )",
        )
        .await?;
    let column = |get: fn(&Document) -> &str| documents.iter().map(get).collect::<Vec<_>>();
    let Subject { id, index_id, project, .. } = subject;
    Client::execute(
        &transaction,
        &statement,
        &[
            index_id,
            id,
            &project.as_str(),
            &column(|document| document.kind),
            &column(|document| &document.path),
            &column(|document| &document.title),
            &column(|document| &document.version),
            &column(|document| &document.summary),
            &column(|document| &document.body),
            &column(|document| &document.lexemes),
        ],
    )
    .await?;
    if jobs::finish(&transaction, job).await? {
        transaction.commit().await?;
    }
    Ok(())
}

/// Takes the documents of a project away.
pub async fn remove_project(db: &impl Client, project_id: i64) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::search::remove_project
             delete from search_documents
             where project_id = $1",
        )
        .await?;
    db.execute(&statement, &[&project_id]).await?;
    Ok(())
}

/// Takes the documents of an index away, at most so many; returns how many there were.
pub async fn remove_index(db: &impl Client, index_id: i64, most: i64) -> Result<u64> {
    let statement = db
        .prepare_cached(
            "-- store::search::remove_index
             delete from search_documents
             where id in (select id from search_documents where index_id = $1 limit $2)",
        )
        .await?;
    Ok(db.execute(&statement, &[&index_id, &most]).await?)
}

/// Owes a job for a project of a mirror of which more is known, though no reader sees that.
pub async fn owe(db: &impl Client, index_id: i64, project: &ProjectName) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::search::owe
             insert into jobs as j (kind, key)
             select 'search_project', id::text
             from projects
             where index_id = $1 and name = $2 and removed_serial is null
             on conflict (kind, key) do update
                 set revision = j.revision + 1, not_before = least(j.not_before, clock_timestamp())",
        )
        .await?;
    db.execute(&statement, &[&index_id, &project.as_str()]).await?;
    Ok(())
}

/// Owes a job for each project that the search does not know, as where a program of before changed it.
///
/// Some at a time: a change that owes one of them waits for this with the serial locked.
pub async fn owe_unknown(db: &impl Client) -> Result<usize> {
    let statement = db
        .prepare_cached(
            "-- store::search::owe_unknown
             select p.id::text as key
             from projects p join indexes i on i.id = p.index_id and i.removed_serial is null
             where p.removed_serial is null
                 and not exists (select from search_documents d where d.project_id = p.id and d.kind = 'project')
                 and not exists (select from jobs j where j.kind = 'search_project' and j.key = p.id::text)",
        )
        .await?;
    let rows = db.query(&statement, &[]).await?;
    let keys: Vec<&str> = rows.iter().map(|row| row.get("key")).collect();
    for some in keys.chunks(UNKNOWN_AT_ONCE) {
        owe_all(db, some).await?;
    }
    Ok(keys.len())
}

async fn owe_all(db: &impl Client, keys: &[&str]) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::search::owe_all
             insert into jobs (kind, key)
             select 'search_project', unnest($1::text[])
             on conflict (kind, key) do nothing",
        )
        .await?;
    db.execute(&statement, &[&keys]).await?;
    Ok(())
}

/// The projects that a question finds, best first, and how many there are in all.
///
/// Best is the project of just that name, then those whose names begin so, then by where the words stand and how often;
/// those that only have a similar name come last. A project that was deleted since is not found.
pub async fn find(connection: &mut Object, query: &Query, part: &Part<'_>) -> Result<(Vec<Found>, i64)> {
    let Some(lexemes) = &query.lexemes else { return Ok((Vec::new(), 0)) };
    let transaction = connection.transaction().await?;
    bound(&transaction).await?;
    let statement = transaction
        .prepare_cached(
            "-- store::search::find
             with matching as materialized (
                 select d.project_id, d.project, d.index_id,
                     case
                         when d.kind = 'page' or $3::text is null then 0
                         when d.project = $3 then 10
                         when starts_with(d.project, $3) then 2 + length($3)::float8 / length(d.project)
                         else 0
                     end
                     + case
                         when d.lexemes @@ $1::text::tsquery
                             then 0.1 + ts_rank('{0.1, 0.3, 0.6, 1}', d.lexemes, $1::text::tsquery, 1)
                         else similarity(d.project, $3) / 10
                     end as score
                 from search_documents d join projects p on p.id = d.project_id and p.removed_serial is null
                 where d.index_id = any ($2)
                     and (d.lexemes @@ $1::text::tsquery
                         or d.kind = 'project' and d.project % $3
                             and (length($3) <= 6 or similarity(d.project, $3) >= 0.3)
                         or d.kind = 'project' and length($3) >= 3 and d.project like '%' || $3 || '%')
             ), found as (
                 select project_id, project, array_position($2, index_id) as place, max(score)::float8 as score
                 from matching
                 group by project_id, project, index_id
             ), first as (
                 select *, row_number() over (partition by project order by place) as nth
                 from found
             )
             select project_id, score, count(*) over () as total
             from first
             where nth = 1 or not $4
             order by score desc, project, place
             limit $5 offset $6",
        )
        .await?;
    let Part { index_ids, first_only, offset, limit, with_texts } = part;
    let rows = Client::query(
        &transaction,
        &statement,
        &[lexemes, index_ids, &query.name, first_only, limit, offset],
    )
    .await?;
    let total = rows.first().map_or(0, |row| row.get("total"));
    let ids: Vec<i64> = rows.iter().map(|row| row.get("project_id")).collect();
    let mut documents = documents(&transaction, &ids, lexemes, *with_texts).await?;
    let found = rows.iter().zip(&ids).map(|(row, id)| {
        let (own, others) = documents.drain(..).partition(|(project_id, _)| project_id == id);
        documents = others;
        let own: Vec<(i64, FoundDocument)> = own;
        Found { score: row.get("score"), documents: own.into_iter().map(|(_, document)| document).collect() }
    });
    Ok((found.collect(), total))
}

/// Bounds what follows in a transaction, and has it planned for what is asked: a word may stand in all documents, or in none.
async fn bound(db: &impl Client) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::search::bound
             select set_config('statement_timeout', $1, true),
                 set_config('pg_trgm.similarity_threshold', $2, true),
                 set_config('plan_cache_mode', 'force_custom_plan', true)",
        )
        .await?;
    db.query_one(&statement, &[&TIMEOUT, &ALIKE]).await?;
    Ok(())
}

/// What is shown of projects: themselves, and the three pages that match best.
async fn documents(
    db: &impl Client,
    project_ids: &[i64],
    lexemes: &str,
    with_texts: bool,
) -> Result<Vec<(i64, FoundDocument)>> {
    let statement = db
        .prepare_cached(
            "-- store::search::documents
             select d.project_id, u.name as user_name, i.name as index_name, d.project, d.kind = 'page' as is_page,
                 d.path, d.title, d.version, d.summary, case when $3 then d.body else '' end as body
             from unnest($1::bigint[]) as wanted (id)
                 cross join lateral (
                     (select * from search_documents p where p.project_id = wanted.id and p.kind = 'project')
                     union all
                     (select *
                      from search_documents p
                      where p.project_id = wanted.id and p.kind = 'page' and p.lexemes @@ $2::text::tsquery
                      order by ts_rank('{0.1, 0.3, 0.6, 1}', p.lexemes, $2::text::tsquery, 1) desc, p.path
                      limit 3)
                 ) d
                 join indexes i on i.id = d.index_id
                 join users u on u.id = i.user_id",
        )
        .await?;
    let document = |row: &Row| {
        let (index, project) = names(row)?;
        let document = FoundDocument {
            index,
            project,
            is_page: row.get("is_page"),
            path: row.get("path"),
            title: row.get("title"),
            version: row.get("version"),
            summary: row.get("summary"),
            body: row.get("body"),
        };
        Ok((row.get("project_id"), document))
    };
    db.query(&statement, &[&project_ids, &lexemes, &with_texts]).await?.iter().map(document).collect()
}

fn names(row: &Row) -> Result<(IndexName, ProjectName)> {
    let index = IndexName::parse(row.get("user_name"), row.get("index_name")).map_err(Error::Internal)?;
    Ok((index, ProjectName::parse(row.get("project")).map_err(Error::Internal)?))
}
