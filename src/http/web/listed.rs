//! Indexes as pages show them: by name, in lists, as links.

use super::crumbs::index_path;
use crate::{
    model::{access::ANONYMOUS, index::Index, name::IndexName},
    ops::overview::{MOST_COUNTED, Overview},
};
use minijinja::{Value, context};
use std::collections::HashSet;

/// An index of a list.
pub(super) fn listed(index: &Index, overview: &Overview) -> Value {
    let projects = overview.projects.get(&index.id).copied().unwrap_or_default();
    context! {
        title => index.settings.text("title"),
        volatile => index.volatile,
        protected => is_protected(index),
        bases => links(&index.bases, &overview.readable),
        upstream => upstream(index),
        projects => projects.min(MOST_COUNTED),
        more_projects => projects > MOST_COUNTED,
        ..named(index)
    }
}

/// An index wherever it stands: what it is called, where it is, and what kind it is.
pub(super) fn named(index: &Index) -> Value {
    context! {
        name => index.name.to_string(),
        label => index.label(),
        path => index_path(&index.name),
        kind => if index.mirror.is_some() { "mirror" } else { "stage" },
    }
}

/// Whether not everybody may read it.
pub(super) fn is_protected(index: &Index) -> bool {
    index.acl_read.as_ref().is_some_and(|readers| !readers.iter().any(|reader| reader == ANONYMOUS))
}

/// Names of indexes, with the path of those that the viewer may read.
pub(super) fn links(names: &[IndexName], readable: &HashSet<IndexName>) -> Vec<Value> {
    let link = |name: &IndexName| {
        let path = readable.contains(name).then(|| index_path(name));
        context! { name => name.to_string(), path }
    };
    names.iter().map(link).collect()
}

/// What a mirror mirrors, without credentials.
pub(super) fn upstream(index: &Index) -> Option<&str> {
    index.mirror.as_ref()?.url.as_ref().map(url::Url::as_str)
}
