//! The folder of a theme: `templates` and `static`. Everything here waits for the disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files that a theme may have.
const MOST_FILES: usize = 1000;

/// Folders below each other.
const DEEPEST: usize = 8;

/// Bytes of all files: they are kept in memory.
const MOST_BYTES: u64 = 32 << 20;

/// The files of a theme without what is in them. Another listing means that some file changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listing(Vec<Entry>);

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// `templates/base.html`
    name: String,
    path: PathBuf,
    modified: Option<SystemTime>,
    size: u64,
}

/// What is in the files, by path below `templates` and `static`.
#[derive(Default)]
pub(super) struct Contents {
    pub templates: BTreeMap<String, String>,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Looks which files there are. Names that begin with a dot are left alone.
///
/// # Errors
/// A text for the operator: what can't be read, a link that leaves the folder, or more than there may be.
pub(super) fn list(folder: &Path) -> Result<Listing, String> {
    let root = fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut entries = Vec::new();
    for name in ["templates", "static"] {
        if root.join(name).is_dir() {
            walk(&root, &root.join(name), name, 0, &mut entries)?;
        }
    }
    if entries.iter().map(|entry| entry.size).sum::<u64>() > MOST_BYTES {
        return Err(format!("its files are more than {} MiB", MOST_BYTES >> 20));
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Listing(entries))
}

fn walk(
    root: &Path,
    folder: &Path,
    name: &str,
    depth: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), String> {
    let broken = |error| format!("{name}: {error}");
    for entry in fs::read_dir(folder).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let file_name = entry.file_name();
        let file_name = file_name.to_str().ok_or_else(|| format!("{name}: a name that is not UTF-8"))?;
        if file_name.starts_with('.') {
            continue;
        }
        let name = format!("{name}/{file_name}");
        let path = fs::canonicalize(entry.path()).map_err(|error| format!("{name}: {error}"))?;
        if !path.starts_with(root) {
            return Err(format!("{name} is a link that leaves the folder"));
        }
        let is = fs::metadata(&path).map_err(|error| format!("{name}: {error}"))?;
        if is.is_dir() && depth < DEEPEST {
            walk(root, &path, &name, depth + 1, entries)?;
        } else if is.is_file() {
            entries.push(Entry { name, path, modified: is.modified().ok(), size: is.len() });
        }
        if entries.len() > MOST_FILES {
            return Err(format!("it has more than {MOST_FILES} files"));
        }
    }
    Ok(())
}

/// Reads all files.
///
/// # Errors
/// A text for the operator.
pub(super) fn read(Listing(entries): &Listing) -> Result<Contents, String> {
    let mut contents = Contents::default();
    for Entry { name, path, .. } in entries {
        let content = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        if let Some(name) = name.strip_prefix("static/") {
            contents.files.insert(name.to_owned(), content);
        } else if let Some(below) = name.strip_prefix("templates/") {
            let text = String::from_utf8(content).map_err(|_| format!("{name} is not UTF-8"))?;
            contents.templates.insert(below.to_owned(), text);
        }
    }
    Ok(contents)
}
