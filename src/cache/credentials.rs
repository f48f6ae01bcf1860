//! Users and API tokens as this process knows them, and the credentials that were right a short while ago.
//!
//! A password is never kept: a verified credential is remembered under a keyed hash of it together with the serial of
//! the user's state, so that any change of the user ends it. The key lives and dies with the process.

use crate::{
    error::Result,
    model::{api_token::ApiToken, event::LoggedEvent, name::UserName, user::User},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// How long a verified credential is believed, at most.
const BELIEVED: Duration = Duration::from_secs(300);

/// Users, and tokens, that are remembered at most.
const CAPACITY: usize = 50_000;
const TOKEN_CAPACITY: usize = 10_000;

pub struct Credentials {
    key: [u8; 32],
    users: Mutex<Users>,
    verified: moka::future::Cache<[u8; 32], ()>,
}

#[derive(Default)]
struct Users {
    known: HashMap<UserName, Option<Arc<User>>>,
    tokens: HashMap<Uuid, Arc<ApiToken>>,
    /// The hour in which a token was last used, in hours since 1970.
    used: HashMap<Uuid, i64>,
    changes: u64,
}

/// The moment at which a load began.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(u64);

impl Default for Credentials {
    fn default() -> Self {
        Self {
            key: rand::random(),
            users: Mutex::default(),
            verified: moka::future::Cache::builder().max_capacity(100_000).time_to_live(BELIEVED).build(),
        }
    }
}

impl Credentials {
    /// The user of this name if known (`Some(None)`: there is none), else the ticket to load it with.
    pub fn user(&self, name: &UserName) -> Result<Option<Arc<User>>, Ticket> {
        let users = self.users();
        users.known.get(name).cloned().ok_or(Ticket(users.changes))
    }

    /// Keeps a loaded user, unless some user changed since the load began.
    pub fn keep(&self, ticket: Ticket, name: &UserName, user: Option<Arc<User>>) {
        let mut users = self.users();
        if users.changes != ticket.0 {
            return;
        }
        if users.known.len() >= CAPACITY {
            users.known.clear();
        }
        users.known.insert(name.clone(), user);
    }

    /// The API token of this id if known, else the ticket to load it with.
    pub fn token(&self, id: Uuid) -> Result<Arc<ApiToken>, Ticket> {
        let users = self.users();
        users.tokens.get(&id).cloned().ok_or(Ticket(users.changes))
    }

    /// Keeps a loaded token, unless some user or token changed since the load began.
    pub fn keep_token(&self, ticket: Ticket, token: Arc<ApiToken>) {
        let mut users = self.users();
        if users.changes != ticket.0 {
            return;
        }
        if users.tokens.len() >= TOKEN_CAPACITY {
            users.tokens.clear();
        }
        users.tokens.insert(token.id, token);
    }

    /// Whether a token is used for the first time in this hour, as far as this process knows.
    pub fn is_first_use(&self, id: Uuid, hour: i64) -> bool {
        let mut users = self.users();
        if users.used.len() >= TOKEN_CAPACITY {
            users.used.clear();
        }
        users.used.insert(id, hour) != Some(hour)
    }

    /// Takes note of events about users and tokens.
    pub fn apply(&self, events: &[LoggedEvent]) {
        let mut users = self.users();
        for event in events {
            if let Some(user) = &event.user {
                users.changes += 1;
                if let Ok(name) = UserName::parse(user) {
                    users.known.remove(&name);
                }
            }
            if event.ends_tokens() {
                users.changes += 1;
                let others =
                    |token: &ApiToken| token.user.as_ref().map(UserName::as_str) != event.user.as_deref();
                users.tokens.retain(|_, token| others(token));
            }
        }
    }

    /// Forgets a user, of whom something changed that is no event.
    pub fn forget_user(&self, name: &UserName) {
        let mut users = self.users();
        users.changes += 1;
        users.known.remove(name);
    }

    /// Forgets every user and token, when there are too many events to apply.
    pub fn forget(&self) {
        let mut users = self.users();
        users.changes += 1;
        users.known.clear();
        users.tokens.clear();
    }

    /// Whether a password is right for this state of the user. What `verify` finds right is believed for a while; all
    /// who wait for the same answer share one call of it.
    ///
    /// # Errors
    /// Those of `verify`.
    pub async fn check(
        &self,
        user: &User,
        password: &str,
        verify: impl Future<Output = Result<bool>>,
    ) -> Result<bool> {
        let verified = self.verified.try_get_with(self.hash(user, password), async {
            match verify.await {
                Ok(true) => Ok(()),
                Ok(false) => Err(None),
                Err(error) => Err(Some(error)),
            }
        });
        match verified.await {
            Ok(()) => Ok(true),
            Err(error) => Option::clone(&error).map_or(Ok(false), Err),
        }
    }

    fn hash(&self, user: &User, password: &str) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return rand::random() };
        mac.update(user.name.as_str().as_bytes());
        mac.update(&user.id.to_be_bytes());
        mac.update(&user.serial.0.to_be_bytes());
        mac.update(&[0]);
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
