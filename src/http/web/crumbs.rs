//! The way from the root to a page.

use crate::model::name::{IndexName, encode};
use minijinja::{Value, context};

/// To a page below an index.
pub(super) fn below(index: &IndexName, label: &str, path: &str) -> Vec<Value> {
    vec![
        context! { label => index.user.as_str(), path => format!("/{}", encode(index.user.as_str())) },
        context! { label => index.index.as_str(), path => format!("/{}", index.url_path()) },
        context! { label, path },
    ]
}
