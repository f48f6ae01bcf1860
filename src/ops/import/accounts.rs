//! Users and indexes of an import. Those that are there already are left as they are.

use super::Import;
use crate::{
    error::Result,
    model::{
        dump::{PlannedIndex, PlannedUser},
        event::{Event, EventKind},
        index::Index,
    },
    store::{self, users::NewState},
};
use uuid::Uuid;

impl Import<'_> {
    pub(super) async fn users(&self, users: &[PlannedUser]) -> Result<()> {
        for user in users {
            if self.user(user).await? {
                self.tally.with(|report| report.users += 1);
            } else {
                self.tally.remark(format!("user {}", user.name), "is there already, and stays as it is");
            }
        }
        Ok(())
    }

    /// Adds a user. One that no password opens, as root after `init` without one, becomes what the export says.
    async fn user(&self, user: &PlannedUser) -> Result<bool> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let state = NewState {
            profile: &user.profile,
            password_hash: &user.password_hash,
            token_generation: Uuid::new_v4(),
            kept_token: None,
            created_at: user.created_at,
            modified_at: user.modified_at,
        };
        let kind = match store::users::lock(&mut change, &user.name).await? {
            None if store::users::insert(&mut change, &user.name, &state).await? => EventKind::UserCreate,
            Some(there) if there.password_hash.is_empty() && !user.password_hash.is_empty() => {
                store::users::replace_state(&mut change, &there, &state).await?;
                EventKind::UserModify
            }
            _ => return Ok(false),
        };
        change.log(Event::user(kind, &user.name));
        change.commit().await?;
        Ok(true)
    }

    /// The index, added if there is none of that name; `None`, and told, when it can't be.
    pub(super) async fn index(&self, planned: &PlannedIndex) -> Result<Option<Index>> {
        let PlannedIndex { name, settings, .. } = planned;
        let what = format!("index {name}");
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let Some(user) = store::users::lock(&mut change, &name.user).await? else {
            self.tally.refuse(what, "its user is not there");
            return Ok(None);
        };
        if store::indexes::insert(&mut change, user.id, name, settings).await? {
            change.log(Event::index(EventKind::IndexCreate, name));
            self.tally.with(|report| report.indexes += 1);
        }
        change.commit().await?;
        let there = store::indexes::by_names(&connection, std::slice::from_ref(name)).await?.pop();
        Ok(there.filter(|there| {
            let is_same_type = there.settings.is_same_type(settings);
            if !is_same_type {
                self.tally.refuse(&what, "is there already, and of another type");
            } else if there.settings != *settings {
                self.tally.remark(&what, "is there already, and keeps the settings that it has");
            }
            is_same_type
        }))
    }
}
