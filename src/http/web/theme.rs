//! The templates and static files of the pages: those of this program.

use include_dir::{Dir, include_dir};
use minijinja::{AutoEscape, Environment, Value, syntax::SyntaxConfig};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/http/web/templates");
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/http/web/static");

/// How pages write a moment, in UTC.
const MOMENT: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

/// What pages look like.
pub(in crate::http) struct Theme {
    templates: Environment<'static>,
}

impl Theme {
    /// The theme that is part of the program.
    pub fn new() -> Self {
        let mut templates = environment();
        templates.set_loader(|name| {
            let file = TEMPLATES.get_file(name);
            Ok(file.and_then(|file| file.contents_utf8()).map(str::to_owned))
        });
        Self { templates }
    }

    /// The page that a template makes of its context.
    ///
    /// # Errors
    /// What went wrong in it, with the template's name and line.
    pub fn render(&self, template: &str, context: Value) -> Result<String, minijinja::Error> {
        self.templates.get_template(template)?.render(context)
    }

    /// A static file.
    pub fn file(&self, path: &str) -> Option<&'static [u8]> {
        FILES.get_file(path).map(include_dir::File::contents)
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default(),
    );
    environment.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
    environment.add_filter("pluralize", minijinja_contrib::filters::pluralize);
    environment.add_filter("moment", moment);
    environment
}

/// `2026-11-27T03:27:14Z` as people read it; what is no moment stays as it is.
fn moment(text: &str) -> String {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|at| at.to_offset(time::UtcOffset::UTC).format(MOMENT).ok())
        .unwrap_or_else(|| text.to_owned())
}
