//! Paths of pages, and the way from the root to one.

use crate::model::name::{IndexName, ProjectName, encode};
use minijinja::{Value, context};

/// The way through these segments of a path, and on to pages by label and path. The last page is no link, so that its path
/// may be empty.
pub(super) fn crumbs(segments: &[&str], pages: &[(&str, &str)]) -> Vec<Value> {
    let mut path = String::new();
    let through = segments.iter().map(|segment| {
        path = format!("{path}/{}", encode(segment));
        context! { label => *segment, path => path.as_str() }
    });
    let mut crumbs: Vec<_> = through.collect();
    crumbs.extend(pages.iter().map(|(label, path)| context! { label => *label, path => *path }));
    crumbs
}

/// The segments of the path of an index.
pub(super) fn segments(index: &IndexName) -> [&str; 2] {
    [index.user.as_str(), index.index.as_str()]
}

/// The path of an index.
pub(super) fn index_path(index: &IndexName) -> String {
    format!("/{}", index.url_path())
}

/// The path of a project on an index.
pub(super) fn project_path(index: &IndexName, project: &ProjectName) -> String {
    format!("{}/{project}", index_path(index))
}

/// The path of a version of a project on an index.
pub(super) fn version_path(index: &IndexName, project: &ProjectName, version: &str) -> String {
    format!("{}/{}", project_path(index, project), encode(version))
}
