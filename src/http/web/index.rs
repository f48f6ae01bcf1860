//! The page of an index.

use super::{
    Page,
    crumbs::{crumbs, index_path, segments},
    install,
    listed::{is_protected, links, named, upstream},
    rights,
};
use crate::{
    error::Result,
    http::respond::moment,
    model::{
        access::{ANONYMOUS, AUTHENTICATED},
        diagram::MOST_HEIRS,
        index::Index,
        name::encode,
        release::Recent,
    },
    ops::{
        self,
        list::Known,
        overview::{Detail, Projects},
    },
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};
use std::sync::Arc;
use time::OffsetDateTime;

/// From what `GET /{user}/{index}` says as JSON, and which of its projects are to be shown: those that begin with
/// `prefix` and come after `after`.
pub(in crate::http) async fn index(
    service: &Service,
    page: &Page,
    index: &Arc<Index>,
    prefix: &str,
    after: &str,
) -> Result<Response> {
    let detail = ops::overview::detail(service, &page.caller, index, prefix, after).await?;
    let all = ops::indexes::all(service, &page.caller).await?;
    let all: Vec<&Index> = all.iter().map(|index| &**index).collect();
    let overview = ops::overview::of(service, &page.caller, &[index]).await?;
    let diagram = ops::diagram::around(service, &index.name, &all).await?;
    let heirs: Vec<_> = all.iter().filter(|heir| heir.bases.contains(&index.name)).collect();
    let path = index_path(&index.name);
    let context = context! {
        title => index.name.to_string(),
        crumbs => crumbs(&segments(&index.name), &[]),
        heading => index.settings.text("title"),
        description => index.settings.text("description"),
        volatile => index.volatile,
        protected => is_protected(index),
        acl => context! {
            read => index.acl_read.as_deref().map(principals),
            upload => principals(&index.acl_upload),
            toxresult_upload => principals(&index.acl_toxresult_upload),
        },
        bases => links(&index.bases, &overview.readable),
        order => detail.order.iter().map(|member| named(member)).collect::<Vec<_>>(),
        heirs => heirs.iter().take(MOST_HEIRS).map(|heir| named(heir)).collect::<Vec<_>>(),
        more_heirs => heirs.len().saturating_sub(MOST_HEIRS),
        inheritance => inheritance(index, &detail),
        mirror => mirror(index, detail.listed.as_ref()),
        latest => detail.latest.iter().map(|release| recent(&path, release)).collect::<Vec<_>>(),
        projects => projects(&path, &detail, prefix, after),
        trusted_host => install::trusted_host(&page.root),
        diagram => diagram.as_deref().map(Serde),
        diagram_path => format!("{path}/+diagram.svg"),
        may => rights::on_index(service, &page.caller, index),
        data => Serde(index.settings.shown()),
        ..named(index)
    };
    page.render(service, "index.html", context)
}

/// Who may do something: `everybody`, `known` for all who are logged in, and users.
fn principals(list: &[String]) -> Value {
    let has = |group: &str| list.iter().any(|principal| principal == group);
    let users = list.iter().filter(|principal| !principal.starts_with(':'));
    let user = |name: &String| context! { name => name.as_str(), path => format!("/{}", encode(name)) };
    context! {
        everybody => has(ANONYMOUS),
        known => has(AUTHENTICATED),
        users => users.map(user).collect::<Vec<_>>(),
    }
}

/// What comes from the mirrors among what answers for an index, and what they are kept out of.
fn inheritance(index: &Index, Detail { order, whitelist, .. }: &Detail) -> Value {
    let mirrors = order.iter().filter(|member| member.mirror.is_some());
    let (exempt, kept_out): (Vec<_>, Vec<_>) =
        mirrors.partition(|member| member.mirror.as_ref().is_some_and(|mirror| mirror.whitelist_exempt));
    let stages = order.iter().filter(|member| member.mirror.is_none());
    context! {
        stages => stages.map(|stage| named(stage)).collect::<Vec<_>>(),
        mirrors => kept_out.iter().map(|mirror| named(mirror)).collect::<Vec<_>>(),
        exempt => exempt.iter().map(|mirror| named(mirror)).collect::<Vec<_>>(),
        all_allowed => whitelist.iter().any(|project| project == "*"),
        whitelist => whitelist.iter().filter(|project| *project != "*").cloned().collect::<Vec<_>>(),
        union => index.whitelist_union,
    }
}

fn mirror(index: &Index, listed: Option<&Known>) -> Option<Value> {
    let mirror = index.mirror.as_ref()?;
    let checked = listed.and_then(|known| known.checked).map(|ago| OffsetDateTime::now_utc() - ago);
    Some(context! {
        upstream => upstream(index),
        expiry => mirror.cache_expiry.as_secs(),
        timeout => mirror.timeout.as_secs(),
        lists_projects => !mirror.no_project_list,
        external_urls => mirror.use_external_urls,
        whitelist_exempt => mirror.whitelist_exempt,
        names => listed.map(|known| known.names.len()),
        checked => checked.map(moment),
    })
}

fn recent(path: &str, release: &Recent) -> Value {
    let project_path = format!("{path}/{}", encode(release.project.as_str()));
    context! {
        project => release.project.as_str(),
        version => release.version.as_str(),
        path => format!("{project_path}/{}", encode(&release.version)),
        project_path,
        summary => release.summary.as_deref(),
        files => release.files,
        yanked => release.is_yanked,
        by => release.by.as_deref(),
        at => moment(release.at),
    }
}

fn projects(path: &str, Detail { projects, whitelist, .. }: &Detail, prefix: &str, after: &str) -> Value {
    let Projects { names, more } = projects;
    let project = |name: &String| {
        let whitelisted = whitelist.contains(name);
        context! { name => name.as_str(), path => format!("{path}/{}", encode(name)), whitelisted }
    };
    context! {
        names => names.iter().map(project).collect::<Vec<_>>(),
        next => names.last().filter(|_| *more).map(String::as_str),
        prefix,
        after,
    }
}
