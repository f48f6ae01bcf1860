//! The pages of an upstream, in the forms that upstreams have.

use super::contents::{Contents, File, Project};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, fmt::Write};

/// How an upstream writes its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// PEP 691.
    Json,
    /// PEP 503, as well written as it gets.
    Html,
    /// What is met in the wild: a base, links of all kinds, capitals, entities, attributes without quotes, texts that
    /// are no file names, and links that lead to no file of the project.
    HtmlWild,
}

impl Shape {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Html => "text/html; charset=utf-8",
            Self::HtmlWild => "text/html",
        }
    }
}

/// Where the index and its files are: `http://127.0.0.1:1`.
pub struct Origins {
    pub index: String,
    pub files: String,
}

impl Origins {
    /// Where a file is, without a fragment.
    pub fn url(&self, file: &File) -> String {
        let origin = if file.elsewhere { &self.files } else { &self.index };
        let token = file.token.map(|token| format!("?token={token}")).unwrap_or_default();
        format!("{origin}{}{token}", file.path())
    }
}

/// The list of all projects.
pub fn list(shape: Shape, contents: &Contents) -> String {
    let names = contents.projects.values().map(|project| project.name.clone());
    let names = names.chain((0..contents.names).map(|number| format!("name-{number:06}")));
    match shape {
        Shape::Json => {
            let projects: Vec<_> = names.map(|name| json!({"name": name, "_last-serial": 1})).collect();
            json!({"meta": {"api-version": "1.4", "_last-serial": 1}, "projects": projects}).to_string()
        }
        Shape::Html => {
            let mut page =
                "<!DOCTYPE html>\n<html>\n<head><title>Simple index</title></head>\n<body>\n".to_owned();
            for name in names {
                let _ = writeln!(page, "    <a href=\"/simple/{}/\">{name}</a>", name.to_lowercase());
            }
            page + "</body>\n</html>"
        }
        Shape::HtmlWild => {
            let mut page = "<HTML><BODY><A HREF=\"../\">Parent Directory</A>\n".to_owned();
            for name in names {
                let _ = writeln!(page, "<A class=x HREF={name}/ >{name}/</A>");
            }
            page + "<a href=\"http://elsewhere.invalid/simple/foreign/\">foreign</a></BODY>"
        }
    }
}

/// The page of a project.
pub fn project(shape: Shape, origins: &Origins, normalized: &str, project: &Project) -> String {
    match shape {
        Shape::Json => json_page(origins, normalized, project).to_string(),
        Shape::Html => html_page(origins, normalized, project),
        Shape::HtmlWild => wild_page(origins, normalized, project),
    }
}

fn json_page(origins: &Origins, normalized: &str, project: &Project) -> Value {
    let version = |file: &File| {
        let stem = file.filename.trim_end_matches(".tar.gz").trim_end_matches(".zip");
        stem.split('-').nth(1).unwrap_or_default().to_owned()
    };
    let versions: BTreeSet<_> = project.files.iter().map(version).collect();
    let files: Vec<_> = project.files.iter().map(|file| json_file(origins, file)).collect();
    let mut page = json!({
        "meta": {"api-version": "1.4", "_last-serial": project.serial.unwrap_or(1)},
        "name": normalized,
        "versions": versions,
        "files": files,
        "alternate-locations": [],
    });
    if let Some((status, reason)) = &project.status {
        page["project-status"] = json!({"status": status, "reason": reason});
    }
    page
}

fn json_file(origins: &Origins, file: &File) -> Value {
    let hashes: Map<_, _> =
        file.announced().into_iter().map(|(name, digest)| (name.into(), digest.into())).collect();
    let mut entry = json!({"filename": file.filename, "url": origins.url(file), "hashes": hashes});
    let core_metadata = match file.announced_metadata().as_deref() {
        None => json!(false),
        Some("true") => json!(true),
        Some(digest) => json!({"sha256": digest}),
    };
    entry["core-metadata"] = core_metadata.clone();
    entry["data-dist-info-metadata"] = core_metadata;
    entry["requires-python"] = json!(file.requires_python);
    entry["provenance"] = json!(file.provenance);
    entry["yanked"] = match file.yanked.as_deref() {
        None => json!(false),
        Some("") => json!(true),
        Some(reason) => json!(reason),
    };
    if let Some(size) = file.size {
        entry["size"] = json!(size);
    }
    if let Some(uploaded) = &file.uploaded {
        entry["upload-time"] = json!(uploaded);
    }
    entry
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn fragment(file: &File) -> String {
    file.announced().map(|(name, digest)| format!("#{name}={digest}")).unwrap_or_default()
}

/// ` data-…="…"` for all that HTML can say of a file.
fn attributes(file: &File) -> String {
    let mut attributes = String::new();
    let mut add = |name: &str, value: &str| {
        let _ = write!(attributes, " data-{name}=\"{}\"", escape(value));
    };
    if let Some(specifier) = &file.requires_python {
        add("requires-python", specifier);
    }
    if let Some(reason) = &file.yanked {
        add("yanked", reason);
    }
    if let Some(said) = file.announced_metadata() {
        let value = if said == "true" { said } else { format!("sha256={said}") };
        add("dist-info-metadata", &value);
        add("core-metadata", &value);
    }
    if let Some(url) = &file.provenance {
        add("provenance", url);
    }
    attributes
}

fn html_page(origins: &Origins, normalized: &str, project: &Project) -> String {
    let mut page = "<!DOCTYPE html>\n<html>\n  <head>\n".to_owned();
    page.push_str("    <meta name=\"pypi:repository-version\" content=\"1.4\">\n");
    if let Some((status, reason)) = &project.status {
        let _ = writeln!(page, "    <meta name=\"pypi:project-status\" content=\"{}\">", escape(status));
        let _ =
            writeln!(page, "    <meta name=\"pypi:project-status-reason\" content=\"{}\">", escape(reason));
    }
    let _ = writeln!(page, "    <title>Links for {normalized}</title>\n  </head>\n  <body>");
    for file in &project.files {
        let href = escape(&(origins.url(file) + &fragment(file)));
        let _ = writeln!(page, "<a href=\"{href}\"{}>{}</a><br />", attributes(file), escape(&file.filename));
    }
    let _ = write!(page, "</body>\n</html>\n<!--SERIAL {}-->", project.serial.unwrap_or(1));
    page
}

fn wild_page(origins: &Origins, normalized: &str, project: &Project) -> String {
    let mut page = format!("<HTML><HEAD><BASE HREF={}/files/></HEAD><BODY>\n", origins.index);
    page.push_str("<A HREF=\"../simple/\">Parent Directory</A>\n");
    page.push_str("<a rel=homepage href='http://home.invalid/'>home page</a>\n");
    let _ = writeln!(page, "<a rel=download href=\"{normalized}-notes.txt\">{normalized}-notes.txt</a>");
    page.push_str("<a href=\"unrelated-1.0.zip\">unrelated-1.0.zip</a> <a name=top>top</a>\n");
    for (number, file) in project.files.iter().enumerate() {
        let url = origins.url(file);
        let path = url.strip_prefix(&origins.index);
        let link = match (number % 4, path) {
            (0, Some(path)) => path.trim_start_matches("/files/").to_owned(),
            (1, Some(path)) => path.to_owned(),
            (2, Some(_)) => url.trim_start_matches("http:").to_owned(),
            _ => url,
        };
        let query = if link.contains('?') { "&amp;x=1" } else { "?y=2&amp;x=1" };
        let link = format!("{link}{query}{}", fragment(file));
        // Some tools escape what is escaped already.
        let requires_python = file.requires_python.as_deref().map(escape);
        let attributes = attributes(&File { requires_python, ..file.clone() });
        let _ = match number % 3 {
            0 => writeln!(page, "<A HREF={link}{} >download</A>", in_capitals(&attributes)),
            1 => writeln!(page, "<a class=\"x\"\n  href='{link}'{attributes}><b>{}</b></a>", file.filename),
            _ => writeln!(page, "<a{attributes} href=\"{link}\">{}</a>", file.filename),
        };
    }
    page + "</BODY>"
}

/// Attributes with their names in capitals.
fn in_capitals(attributes: &str) -> String {
    let name = regex::Regex::new(r" data-[a-z-]+=").unwrap();
    name.replace_all(attributes, |found: &regex::Captures<'_>| found[0].to_uppercase()).into_owned()
}
