//! Somebody with a browser that runs no scripts: keeps the cookie, reads pages, fills in forms.

use crate::harness::{Client, RawForm, Reply, Server};
use html5gum::{StartTag, Token, Tokenizer};
use std::collections::BTreeMap;

pub struct Visitor {
    http: Client,
    /// `wheelyard_session=…`, as it is sent back.
    pub cookie: Option<String>,
}

/// A form of a page: where it goes, and what its fields hold before anybody types.
#[derive(Debug, Default, Clone)]
pub struct Form {
    pub action: String,
    pub is_multipart: bool,
    pub fields: BTreeMap<String, String>,
}

impl Visitor {
    /// Somebody who has not logged in yet.
    pub fn new(server: &Server) -> Self {
        Self { http: server.anonymous(), cookie: None }
    }

    /// Somebody who has.
    pub async fn of(server: &Server, user: &str, password: &str) -> Self {
        let mut visitor = Self::new(server);
        visitor.log_in(user, password).await.expect(303);
        visitor
    }

    pub async fn log_in(&mut self, user: &str, password: &str) -> Reply {
        let form = self.form("+login", "/+login").await;
        let reply = self.send(&form, &[("user", user), ("password", password)]).await;
        self.keep(&reply);
        reply
    }

    /// Takes the cookie that an answer sets.
    pub fn keep(&mut self, reply: &Reply) {
        let Some((cookie, attributes)) = reply.header("set-cookie").split_once("; ") else { return };
        self.cookie = (!attributes.contains("Max-Age=0")).then(|| cookie.to_owned());
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], String::new()).await
    }

    /// The form of a page that goes to this path.
    pub async fn form(&self, page: &str, action: &str) -> Form {
        let reply = self.get(page).await.expect(200);
        let form = forms(&reply.text()).into_iter().find(|form| form.action == action);
        form.unwrap_or_else(|| panic!("{page} has no form for {action}: {reply}"))
    }

    /// Opens a page, fills in its form for this path and sends it. Of several, `do` among what is typed says which.
    pub async fn fill(&self, page: &str, action: &str, typed: &[(&str, &str)]) -> Reply {
        let wanted = typed.iter().find(|(name, _)| *name == "do").map(|(_, value)| (*value).to_owned());
        let reply = self.get(page).await.expect(200);
        let form = forms(&reply.text()).into_iter().find(|form| {
            form.action == action && (wanted.is_none() || form.fields.get("do") == wanted.as_ref())
        });
        let form = form.unwrap_or_else(|| panic!("{page} has no form for {action} {wanted:?}: {reply}"));
        self.send(&form, typed).await
    }

    /// Sends files with the form of a page for them, as a browser does.
    pub async fn upload(&self, page: &str, files: &[(String, Vec<u8>)]) -> Reply {
        let form = self.form(page, &format!("/{page}")).await;
        assert!(form.is_multipart);
        let mut body = RawForm::default().field("csrf_token", &form.fields["csrf_token"]);
        for (filename, content) in files {
            body = body.file("content", filename, content);
        }
        self.ask("POST", page, &[("content-type", RawForm::CONTENT_TYPE)], body.finish()).await
    }

    /// Sends a form with these fields over what it holds; a value of `-` unchecks a box.
    pub async fn send(&self, form: &Form, typed: &[(&str, &str)]) -> Reply {
        let mut fields = form.fields.clone();
        for (name, value) in typed {
            match *value {
                "-" => drop(fields.remove(*name)),
                value => drop(fields.insert((*name).to_owned(), value.to_owned())),
            }
        }
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&fields);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", &form.action[1..], &[kind, ("sec-fetch-site", "same-origin")], body.finish()).await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(("accept", "text/html,application/xhtml+xml,*/*;q=0.8"));
        headers.extend(self.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        self.http.send(method, path, &headers, body).await
    }
}

/// The forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut form: Option<Form> = None;
    // The field whose text, or whose options, come next.
    let (mut area, mut select, mut first): (Option<String>, Option<String>, bool) = (None, None, false);
    for token in Tokenizer::new(html) {
        match token.unwrap() {
            Token::StartTag(tag) => match (&tag.name[..], &mut form) {
                (b"form", _) => {
                    form = Some(Form {
                        action: attribute(&tag, "action").unwrap_or_default(),
                        is_multipart: attribute(&tag, "enctype").is_some(),
                        fields: BTreeMap::new(),
                    });
                }
                (b"input", Some(form)) => {
                    let kind = attribute(&tag, "type").unwrap_or_default();
                    let is_off = ["checkbox", "radio"].contains(&kind.as_str())
                        && attribute(&tag, "checked").is_none();
                    if let (Some(name), false) = (attribute(&tag, "name"), is_off || kind == "file") {
                        let on = if kind == "checkbox" { "on" } else { "" };
                        form.fields.insert(name, attribute(&tag, "value").unwrap_or_else(|| on.into()));
                    }
                }
                (b"textarea", Some(form)) => {
                    area = attribute(&tag, "name");
                    form.fields.extend(area.clone().map(|name| (name, String::new())));
                }
                (b"select", Some(_)) => (select, first) = (attribute(&tag, "name"), true),
                (b"option", Some(form)) if first || attribute(&tag, "selected").is_some() => {
                    first = false;
                    let value = attribute(&tag, "value").unwrap_or_default();
                    form.fields.extend(select.clone().map(|name| (name, value)));
                }
                _ => {}
            },
            Token::String(text) => {
                if let (Some(form), Some(name)) = (&mut form, &area) {
                    let text = String::from_utf8_lossy(&text);
                    let field = form.fields.get_mut(name).unwrap();
                    // The first line break of a text area is not part of it.
                    let is_begin = field.is_empty();
                    field.push_str(text.strip_prefix('\n').filter(|_| is_begin).unwrap_or(&text));
                }
            }
            Token::EndTag(tag) => match &tag.name[..] {
                b"form" => forms.extend(form.take()),
                b"textarea" => area = None,
                b"select" => select = None,
                _ => {}
            },
            _ => {}
        }
    }
    forms
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}
