//! Trusted publishers of indexes.

use crate::{
    error::{Error, Result},
    model::{
        index::Index,
        name::{IndexName, ProjectName},
        publisher::{Publisher, Request},
    },
    store::{Change, Client},
};
use serde_json::Value;
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

/// The publishers of an index, the oldest first.
pub async fn of_index(db: &impl Client, index_id: i64) -> Result<Vec<Publisher>> {
    let statement = db
        .prepare_cached(
            "-- store::publishers::of_index
             select p.id, u.name as user_name, i.name, p.issuer, p.claims, p.projects, p.created_by, p.created_at
             from publishers p join indexes i on i.id = p.index_id join users u on u.id = i.user_id
             where p.index_id = $1
             order by p.created_at, p.id",
        )
        .await?;
    db.query(&statement, &[&index_id]).await?.iter().map(publisher).collect()
}

/// The publishers of this issuer, on all indexes that exist, whose claims are all among these. They are kept until the
/// change ends.
pub async fn fitting(change: &mut Change<'_>, issuer: &str, claims: &Value) -> Result<Vec<Publisher>> {
    let statement = change
        .prepare_cached(
            "-- store::publishers::fitting
             select p.id, u.name as user_name, i.name, p.issuer, p.claims, p.projects, p.created_by, p.created_at
             from publishers p join indexes i on i.id = p.index_id join users u on u.id = i.user_id
             where p.issuer = $1 and p.claims <@ $2 and i.removed_serial is null
             order by p.created_at, p.id
             for key share of p",
        )
        .await?;
    change.query(&statement, &[&issuer, claims]).await?.iter().map(publisher).collect()
}

/// Adds a publisher to an index that nobody else changes meanwhile.
pub async fn insert(
    change: &mut Change<'_>,
    index: &Index,
    id: Uuid,
    asked: &Request,
    created_by: Option<&str>,
) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::publishers::insert
             insert into publishers (id, index_id, issuer, claims, projects, created_by)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .await?;
    let names = |names: &Vec<ProjectName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let projects = asked.projects.as_ref().map(names);
    change
        .execute(&statement, &[&id, &index.id, &asked.issuer, &Json(&asked.claims), &projects, &created_by])
        .await?;
    Ok(())
}

/// Deletes a publisher of an index; `false` when there is none of this id.
pub async fn delete(change: &mut Change<'_>, index: &Index, id: Uuid) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::publishers::delete
             delete from publishers
             where index_id = $1 and id = $2",
        )
        .await?;
    Ok(change.execute(&statement, &[&index.id, &id]).await? > 0)
}

/// Deletes all publishers of an index; returns which there were.
pub async fn delete_of_index(change: &mut Change<'_>, index: &Index) -> Result<Vec<Uuid>> {
    let statement = change
        .prepare_cached(
            "-- store::publishers::delete_of_index
             delete from publishers
             where index_id = $1
             returning id",
        )
        .await?;
    Ok(change.query(&statement, &[&index.id]).await?.iter().map(|row| row.get("id")).collect())
}

fn publisher(row: &Row) -> Result<Publisher> {
    let projects: Option<Vec<String>> = row.get("projects");
    let parse = |names: Vec<String>| names.iter().map(|name| ProjectName::parse(name)).collect();
    let Json(claims) = row.get("claims");
    Ok(Publisher {
        id: row.get("id"),
        index: IndexName::parse(row.get("user_name"), row.get("name")).map_err(Error::Internal)?,
        asked: Request {
            issuer: row.get("issuer"),
            claims,
            projects: projects.map(parse).transpose().map_err(Error::Internal)?,
        },
        created_by: row.get("created_by"),
        created_at: row.get("created_at"),
    })
}
