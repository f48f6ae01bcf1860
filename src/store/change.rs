//! The one way to write (DESIGN, The serial): check and write, then take the next serial as the last statement.

use crate::{
    error::{Error, Result},
    model::{event::Event, serial::Serial},
    store::{Client, Db},
    timing::{self, Phase},
};
use deadpool_postgres::{Object, Transaction};
use serde_json::Value;
use uuid::Uuid;

/// Begins a change; it is rolled back unless it is committed.
///
/// `actor` is the user who makes it, for the changelog; `None`: anonymous.
pub async fn change<'a>(db: &Db, connection: &'a mut Object, actor: Option<&str>) -> Result<Change<'a>> {
    let transaction = timing::of(Phase::Sql, connection.transaction()).await?;
    Ok(Change {
        db: db.clone(),
        transaction,
        actor: actor.map(str::to_owned),
        events: Vec::new(),
        touched: Touched::default(),
    })
}

/// A running transaction, and what it has to stamp with its serial in the end.
///
/// It is what every writing function of `store/` takes; to reading ones it is a [`Client`] like any other.
pub struct Change<'a> {
    db: Db,
    pub(super) transaction: Transaction<'a>,
    actor: Option<String>,
    events: Vec<Event>,
    pub(super) touched: Touched,
}

/// Ids of rows that were opened or closed, and of those whose own stamp moves.
#[derive(Default)]
pub(super) struct Touched {
    pub users: Vec<i64>,
    pub user_states: Vec<i64>,
    pub indexes: Vec<i64>,
    pub index_settings: Vec<i64>,
    pub index_projects: Vec<i64>,
    pub index_states: Vec<i64>,
    pub projects: Vec<i64>,
    pub project_states: Vec<i64>,
    pub releases: Vec<i64>,
    pub files: Vec<i64>,
    pub mirror_files: Vec<i64>,
    pub attachments: Vec<i64>,
    pub webhooks: Vec<Uuid>,
}

impl Change<'_> {
    /// Says what happened. A change without an event changes nothing and takes no serial.
    pub fn log(&mut self, event: Event) {
        self.events.push(event);
    }

    /// How many events there are so far.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Who makes the change.
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// Takes the next serial, stamps every touched row with it, appends to the changelog and commits.
    ///
    /// The row lock on the serial is held from here to the commit only, so commit order is serial order. After it only
    /// stamps are written, to rows that others lock at most `for key share`, which does not stand in their way: so
    /// changes can't wait for each other in a circle. A lock `for share` on a stamped row would undo that.
    ///
    /// What the change leaves to be done is owed in the same transaction: the search has to look at each project that
    /// was touched. Who does it locks a job only for the moment of taking or giving it back.
    ///
    /// # Errors
    /// Those of the database; then nothing has happened, but for a connection lost during the commit itself.
    pub async fn commit(self) -> Result<Serial> {
        let Self { db, transaction, actor, events, touched } = self;
        if events.is_empty() {
            timing::of(Phase::Sql, transaction.rollback()).await?;
            return Ok(db.newest_serial());
        }
        let statement = transaction.prepare_cached(STAMP).await?;
        let column = |get: fn(&Event) -> Option<String>| events.iter().map(get).collect::<Vec<_>>();
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.name()).collect();
        let details: Vec<Option<&Value>> = events.iter().map(|event| event.detail.as_ref()).collect();
        let row = transaction
            .query_one(
                &statement,
                &[
                    &actor,
                    &kinds,
                    &column(|event| event.user.as_ref().map(ToString::to_string)),
                    &column(|event| event.index.as_ref().map(ToString::to_string)),
                    &column(|event| event.project.as_ref().map(ToString::to_string)),
                    &column(|event| event.version.clone()),
                    &column(|event| event.file.clone()),
                    &details,
                    &touched.users,
                    &touched.user_states,
                    &touched.indexes,
                    &touched.index_settings,
                    &touched.index_projects,
                    &touched.index_states,
                    &touched.projects,
                    &touched.project_states,
                    &touched.releases,
                    &touched.files,
                    &touched.mirror_files,
                    &touched.attachments,
                    &touched.webhooks,
                ],
            )
            .await?;
        let serial = Serial(row.get("value"));
        timing::of(Phase::Sql, transaction.commit()).await.map_err(|error| {
            tracing::error!(error = ?error, %serial, "the commit was not acknowledged");
            Error::from(error)
        })?;
        db.note_serial(serial);
        Ok(serial)
    }
}

const STAMP: &str = "-- store::change::commit
    with next as (
        update serial set value = value + 1, changed_at = clock_timestamp()
        returning value, changed_at
    ), logged as (
        insert into changelog
            (serial, position, at, actor, event, user_name, index_name, project, version, file, detail)
        select next.value, e.position, next.changed_at, $1::text, e.event, e.user_name, e.index_name, e.project,
            e.version, e.file, e.detail
        from next, unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
            with ordinality as e (event, user_name, index_name, project, version, file, detail, position)
    ), stamped_users as (
        update users t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($9::bigint[])
    ), stamped_user_states as (
        update user_states t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($10::bigint[])
    ), stamped_indexes as (
        update indexes t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end,
            settings_serial = case when t.id = any ($12::bigint[]) then next.value else settings_serial end,
            projects_serial = case when t.id = any ($13::bigint[]) then next.value else projects_serial end
        from next where t.id = any ($11::bigint[] || $12::bigint[] || $13::bigint[])
    ), stamped_index_states as (
        update index_states t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($14::bigint[])
    ), stamped_projects as (
        update projects t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end,
            serial = next.value
        from next where t.id = any ($15::bigint[])
    ), stamped_project_states as (
        update project_states t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($16::bigint[])
    ), stamped_releases as (
        update releases t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($17::bigint[])
    ), stamped_files as (
        update files t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($18::bigint[])
    ), stamped_mirror_files as (
        update mirror_files t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($19::bigint[])
    ), stamped_attachments as (
        update attachments t set
            added_serial = case when added_serial = 0 then next.value else added_serial end,
            removed_serial = case when removed_serial = 0 then next.value else removed_serial end
        from next where t.id = any ($20::bigint[])
    ), stamped_webhooks as (
        update webhooks t set since_serial = next.value
        from next where t.id = any ($21::uuid[])
    ), owed as (
        insert into jobs as j (kind, key)
        select 'search_project', t.id::text
        from next, (select distinct unnest($15::bigint[]) as id) t
        union all
        select 'search_index', t.id::text
        from next, indexes t where t.id = any ($11::bigint[]) and t.removed_serial = 0
        on conflict (kind, key) do update
            set revision = j.revision + 1, not_before = least(j.not_before, clock_timestamp())
    )
    select value from next";
