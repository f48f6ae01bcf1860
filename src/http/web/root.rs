//! The root page: all indexes, in groups and below their users.

use super::{Page, listed::listed, rights};
use crate::{
    error::Result,
    model::{
        index::{Index, place},
        name::{UserName, encode},
        user::User,
    },
    ops::{self, users::Shown},
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};
use serde_json::Map;
use std::collections::HashMap;

/// Indexes that are in no group, beyond which those of each user are folded up.
const MANY: usize = 12;

/// From what `GET /` says as JSON.
pub(in crate::http) async fn root(
    service: &Service,
    page: &Page,
    users: &[Shown],
    data: &Map<String, serde_json::Value>,
) -> Result<Response> {
    let indexes: Vec<&Index> = users.iter().flat_map(|shown| &shown.indexes).map(|index| &**index).collect();
    let overview = ops::overview::of(service, &page.caller, &indexes).await?;
    let diagram = ops::diagram::whole(service, &indexes).await?;
    let (groups, others) = place::arrange(indexes.iter().copied());
    let cards = |indexes: &[&Index]| indexes.iter().map(|index| listed(index, &overview)).collect::<Vec<_>>();
    let groups =
        groups.iter().map(|group| context! { name => group.name.as_str(), indexes => cards(&group.indexes) });
    let mut of_users: HashMap<&UserName, Vec<&Index>> = HashMap::new();
    for index in &others {
        of_users.entry(&index.name.user).or_default().push(index);
    }
    let (mut sections, mut without) = (Vec::new(), Vec::new());
    for Shown { user, indexes } in users {
        match indexes.is_empty() {
            true => without.push(section(user, Vec::new())),
            false => {
                if let Some(own) = of_users.get(&user.name) {
                    sections.push(section(user, cards(own)));
                }
            }
        }
    }
    let context = context! {
        groups => groups.collect::<Vec<_>>(),
        users => sections,
        users_without => without,
        folded => others.len() > MANY,
        beginning => is_beginning(users),
        diagram => diagram.as_deref().map(Serde),
        diagram_path => "/+diagram.svg",
        may => rights::on_root(service, &page.caller),
        data => Serde(data),
    };
    page.render(service, "root.html", context)
}

fn section(user: &User, indexes: Vec<Value>) -> Value {
    context! {
        name => user.name.as_str(),
        path => format!("/{}", encode(user.name.as_str())),
        title => user.profile.get("title").map(Serde),
        description => user.profile.get("description").map(Serde),
        indexes,
    }
}

/// Whether nobody has made anything here yet: there is root alone, perhaps with a mirror.
fn is_beginning(users: &[Shown]) -> bool {
    let has_stage = |shown: &Shown| shown.indexes.iter().any(|index| index.mirror.is_none());
    users.iter().all(|shown| shown.user.name.is_root() && !has_stage(shown))
}
