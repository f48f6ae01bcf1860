//! Indexes of tables that hold very many rows: built while others write.
//!
//! In a migration, which is a transaction, nobody could write to the table until the index is ready. So these come after the
//! migrations, and until they are there, what asks for them is only slower.

use crate::store::Client;
use deadpool_postgres::Object;
use tokio_postgres::Error;

/// Their names, and what they are over.
const INDEXES: [(&str, &str); 3] = [
    // The changelog of one index, newest first, for its page.
    ("changelog_index", "changelog (index_name, serial) where index_name is not null"),
    // What the pages of indexes ask for: the newest files of an index, and its projects by the beginnings of their names,
    // whatever the collation of the database is.
    ("files_newest", "files (index_id, id) where removed_serial is null"),
    ("projects_beginning", "projects (index_id, name collate \"C\") where removed_serial is null"),
];

/// Builds those that are not there, or of which building was cut off. For whoever migrates, who has no time-out.
///
/// # Errors
/// Those of the database; what was built before stays.
pub(super) async fn build(connection: &Object) -> Result<(), Error> {
    for (name, over) in INDEXES {
        if is_invalid(connection, name).await? {
            connection
                .batch_execute(&format!("-- store::large_indexes::build\ndrop index concurrently {name}"))
                .await?;
        }
        let create = format!(
            "-- store::large_indexes::build\ncreate index concurrently if not exists {name} on {over}"
        );
        connection.batch_execute(&create).await?;
    }
    Ok(())
}

/// Whether the index of this name was left unfinished: it costs each writer, and serves nobody.
async fn is_invalid(db: &impl Client, name: &str) -> Result<bool, Error> {
    let row = db
        .query_one(
            "-- store::large_indexes::is_invalid
             select exists (
                 select from pg_index where indexrelid = to_regclass($1) and not indisvalid
             ) as is_invalid",
            &[&name],
        )
        .await?;
    Ok(row.get("is_invalid"))
}
