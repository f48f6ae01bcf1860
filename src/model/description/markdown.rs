//! Markdown as HTML, not yet clean (`CommonMark`; GitHub Flavored Markdown).

use comrak::{
    Anchorizer, Options,
    adapters::{HeadingAdapter, HeadingMeta},
    markdown_to_html_with_plugins,
    nodes::Sourcepos,
    options::Plugins,
};
use regex::Regex;
use std::{
    fmt,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Renders it, raw HTML included.
pub(super) fn html(text: &str, is_github: bool) -> String {
    static ALERT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("<p class=\"markdown-alert-title\">([^<]*)</p>").ok());
    let mut options = Options::default();
    options.render.r#unsafe = true;
    let extension = &mut options.extension;
    extension.strikethrough = is_github;
    extension.table = is_github;
    extension.autolink = is_github;
    extension.tasklist = is_github;
    extension.footnotes = is_github;
    extension.alerts = is_github;
    let headings = Headings::default();
    let mut plugins = Plugins::default();
    plugins.render.heading_adapter = Some(&headings);
    let html = markdown_to_html_with_plugins(text, &options, &plugins);
    // Classes do not stay.
    let html = match &*ALERT {
        Some(alert) => alert.replace_all(&html, "<p><strong>$1</strong></p>").into_owned(),
        None => html,
    };
    // A box that can't be ticked is a sign, and no control without a label.
    html.replace("<input type=\"checkbox\" checked=\"\" disabled=\"\" />", "☑")
        .replace("<input type=\"checkbox\" disabled=\"\" />", "☐")
}

/// Headings that tables of contents find by the names that GitHub gives them.
#[derive(Default)]
struct Headings(Mutex<Anchorizer>);

impl HeadingAdapter for Headings {
    fn enter(&self, out: &mut dyn fmt::Write, heading: &HeadingMeta, _: Option<Sourcepos>) -> fmt::Result {
        let id = self.0.lock().unwrap_or_else(PoisonError::into_inner).anchorize(&heading.content);
        write!(out, "<h{} id=\"{}\">", heading.level, super::escaped(&id))
    }

    fn exit(&self, out: &mut dyn fmt::Write, heading: &HeadingMeta) -> fmt::Result {
        write!(out, "</h{}>", heading.level)
    }
}
