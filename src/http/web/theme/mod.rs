//! What pages look like: the templates and static files of this program, and over them those of a folder (`--theme`).
//!
//! A folder never takes a page down: where its template is broken, the page is made with ours, and root is told
//! (`docs/themes.md`).

mod fault;
mod folder;
mod page;

pub(in crate::http) use page::show;

use fault::Fault;
use folder::{Contents, Listing};
use include_dir::{Dir, include_dir};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Value, context, syntax::SyntaxConfig, value::Serde,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/http/web/templates");
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/http/web/static");

/// Where a theme finds what it overrides: `default/base.html`.
const DEFAULT: &str = "default/";

/// How long the folder is not looked at again, in milliseconds.
const LOOK: u64 = 1000;

/// Of file names; what is left needs no escape in HTML either.
const NOT_IN_A_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// How pages write a moment, in UTC.
const MOMENT: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

/// What pages look like.
pub(in crate::http) struct Theme {
    ours: Look,
    folder: Option<PathBuf>,
    theirs: RwLock<Theirs>,
    began: Instant,
    /// When the folder is to be looked at again, in milliseconds since the beginning.
    due: AtomicU64,
}

/// What is known of the folder.
#[derive(Default, Clone)]
struct Theirs {
    listing: Listing,
    /// Why the folder as it is now was not read; what it was before goes on.
    pub problem: Option<String>,
    pub look: Option<Arc<Look>>,
}

/// Templates and static files that belong together.
struct Look {
    templates: Environment<'static>,
    /// The templates of the folder by name.
    pub sources: BTreeMap<String, String>,
    files: Arc<HashMap<String, StaticFile>>,
    /// What is broken, by the name of the template and the line.
    faults: Mutex<Faults>,
}

/// What is broken, by the name of the template and the line.
type Faults = BTreeMap<(String, usize), Fault>;

/// A static file and what names its content in its URL and its tag.
#[derive(Clone)]
pub(super) struct StaticFile {
    pub content: bytes::Bytes,
    pub digest: String,
}

impl Theme {
    /// Ours, and over it what is in the folder. What is wrong with that is logged, and shown at `/+theme`.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let theme = Self {
            ours: Look::new(Contents::default()),
            folder,
            theirs: RwLock::default(),
            began: Instant::now(),
            due: AtomicU64::new(0),
        };
        theme.load();
        theme
    }

    /// Takes over what changed in the folder; looks there at most once a second, and one request does it for all.
    pub async fn refresh(self: &Arc<Self>) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.due.load(Ordering::Relaxed);
        let next = now + LOOK;
        let is_mine = self.folder.is_some()
            && now >= due
            && self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_mine {
            let theme = self.clone();
            // A panic there leaves all as it is.
            let _ = tokio::task::spawn_blocking(move || theme.load()).await;
        }
    }

    /// Reads the folder, if it is another than it was.
    fn load(&self) {
        let Some(folder) = &self.folder else { return };
        let listed = folder::list(folder);
        let before = self.theirs();
        if listed.as_ref().is_ok_and(|listing| *listing == before.listing) {
            return;
        }
        let listing = listed.as_ref().cloned().unwrap_or_default();
        let theirs = match listed.and_then(|listing| folder::read(&listing)) {
            Ok(contents) => Theirs { listing, problem: None, look: Some(Arc::new(Look::new(contents))) },
            Err(problem) => {
                if before.problem.as_ref() != Some(&problem) {
                    tracing::warn!("the theme is not read: {problem}");
                }
                Theirs { listing, problem: Some(problem), look: before.look }
            }
        };
        *self.theirs.write().unwrap_or_else(PoisonError::into_inner) = theirs;
    }

    /// The folder's name, where there is one.
    fn folder(&self) -> Option<&PathBuf> {
        self.folder.as_ref()
    }

    fn theirs(&self) -> Theirs {
        self.theirs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The page that a template makes of its context. Where the folder's is broken, ours makes it, and tells root.
    ///
    /// # Errors
    /// What went wrong in ours, with the template's name and line.
    pub fn render(&self, template: &str, context: Value) -> Result<String, Error> {
        let Some(look) = self.theirs().look else { return self.ours.render(template, context) };
        let error = match look.render(template, context.clone()) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let fault = look.note(template, &error);
        let caller = context.get_attr("caller")?;
        let is_root = caller.get_attr("is_root").is_ok_and(|is_root| is_root.is_true());
        self.ours.render(template, context! { theme_fault => is_root.then_some(Serde(fault)), ..context })
    }

    /// A static file.
    pub(super) fn file(&self, path: &str) -> Option<StaticFile> {
        match self.theirs().look {
            Some(look) => look.files.get(path).cloned(),
            None => self.ours.files.get(path).cloned(),
        }
    }
}

/// Whether a template of this name is one of ours.
fn is_ours(template: &str) -> bool {
    TEMPLATES.contains(template)
}

/// Path and content of each file of the default theme, as a folder has them.
pub fn default_files() -> impl Iterator<Item = (String, &'static [u8])> {
    let folders = [("templates", &TEMPLATES), ("static", &FILES)];
    folders.into_iter().flat_map(|(name, folder)| {
        files_of(folder)
            .into_iter()
            .map(move |file| (format!("{name}/{}", file.path().display()), file.contents()))
    })
}

fn files_of(folder: &'static Dir<'static>) -> Vec<&'static include_dir::File<'static>> {
    folder.files().chain(folder.dirs().flat_map(files_of)).collect()
}

impl Look {
    /// Ours, with what the folder has in its place.
    fn new(contents: Contents) -> Self {
        static OURS: LazyLock<HashMap<String, StaticFile>> = LazyLock::new(|| {
            let file = |file: &'static include_dir::File<'static>| {
                (file.path().display().to_string(), StaticFile::new(file.contents().into()))
            };
            files_of(&FILES).into_iter().map(file).collect()
        });
        let Contents { templates: sources, files } = contents;
        let mut all = OURS.clone();
        all.extend(files.into_iter().map(|(path, content)| (path, StaticFile::new(content.into()))));
        let files = Arc::new(all);

        let mut templates = environment();
        let (overriding, known) = (sources.clone(), files.clone());
        templates.set_loader(move |name| {
            let ours = name.strip_prefix(DEFAULT).unwrap_or(name);
            let ours = || TEMPLATES.get_file(ours).and_then(|file| file.contents_utf8()).map(str::to_owned);
            Ok(overriding.get(name).cloned().or_else(ours))
        });
        templates.add_function("asset", move |path: &str| asset(&known, path));
        let look = Self { templates, sources, files, faults: Mutex::default() };
        for template in look.sources.keys() {
            if let Err(error) = look.templates.get_template(template) {
                look.note(template, &error);
            }
        }
        look
    }

    fn render(&self, template: &str, context: Value) -> Result<String, Error> {
        self.templates.get_template(template)?.render(context)
    }

    /// Remembers what is broken, and logs each line the first time; another folder is another look.
    fn note(&self, template: &str, error: &Error) -> Fault {
        let ours = |name: &str| TEMPLATES.get_file(name)?.contents_utf8();
        let source = |name: &str| {
            self.sources.get(name).map(String::as_str).or_else(|| ours(name.trim_start_matches(DEFAULT)))
        };
        let fault = Fault::new(template, error, source);
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.insert((fault.template.clone(), fault.line), fault.clone()).is_none() {
            let Fault { template, line, message, .. } = &fault;
            tracing::warn!(
                template,
                line,
                "the template {template} of the theme is broken at line {line}: {message}"
            );
        }
        fault
    }

    /// What is broken.
    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StaticFile {
    fn new(content: bytes::Bytes) -> Self {
        let digest = hex::encode(&Sha256::digest(&content)[..8]);
        Self { content, digest }
    }
}

/// The path of a static file, with the digest of its content: such an answer never changes.
fn asset(files: &HashMap<String, StaticFile>, path: &str) -> Result<Value, Error> {
    let none = || Error::new(ErrorKind::InvalidOperation, format!("there is no static file {path}"));
    let file = files.get(path).ok_or_else(none)?;
    let encoded = utf8_percent_encode(path, NOT_IN_A_PATH);
    Ok(Value::from_safe_string(format!("/+static/{encoded}?v={}", file.digest)))
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
