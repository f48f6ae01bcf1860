//! What a page offers to whoever looks at it. Whether it is allowed in the end is for the operations to say.

use super::crumbs::{index_path, project_path};
use crate::{
    model::{
        access::{self, Caller},
        index::Index,
        limit::Permission,
        name::{IndexName, ProjectName, UserName, encode},
    },
    service::Service,
};
use minijinja::{Value, context};

/// On the page of all indexes.
pub(super) fn on_root(service: &Service, caller: &Caller) -> Value {
    context! {
        create_user => service.policy.may_create_user(caller),
        change_webhooks => service.policy.may_change_webhooks(caller, None),
    }
}

/// On the page of a user.
pub(super) fn on_user(service: &Service, caller: &Caller, user: &UserName) -> Value {
    let policy = &service.policy;
    // A name that no index has; only whose it is counts.
    let index = IndexName::parse(user.as_str(), "new");
    let creates = |index| policy.may_modify_index(caller, Permission::IndexCreate, &index);
    context! {
        path => format!("/{}", encode(user.as_str())),
        create_index => index.is_ok_and(creates),
        modify => policy.may_modify_user(caller, user),
        change_password => policy.may_change_password(caller, user),
        change_tokens => policy.may_change_tokens(caller, user),
        delete => policy.may_delete_user(caller, user),
    }
}

/// On the page of an index.
pub(super) fn on_index(service: &Service, caller: &Caller, index: &Index) -> Value {
    let policy = &service.policy;
    context! {
        path => index_path(&index.name),
        upload => index.mirror.is_none() && access::may_upload(caller, index, None),
        modify => policy.may_modify_index(caller, Permission::IndexModify, &index.name),
        delete => index.volatile && policy.may_modify_index(caller, Permission::IndexDelete, &index.name),
        change_webhooks => policy.may_change_webhooks(caller, Some(&index.name)),
        change_publishers => policy.may_change_publishers(caller, &index.name),
    }
}

/// On the pages of a project and its releases.
pub(super) fn on_project(service: &Service, caller: &Caller, index: &Index, project: &ProjectName) -> Value {
    let policy = &service.policy;
    let may_delete =
        |permission| index.mirror.is_none() && policy.may_delete_from(caller, permission, index, project);
    context! {
        path => project_path(&index.name, project),
        upload => index.mirror.is_none() && access::may_upload(caller, index, Some(project)),
        manage => may_delete(Permission::DelProject),
        delete => index.volatile && may_delete(Permission::DelVerdata),
        delete_release => may_delete(Permission::DelVerdata),
        delete_file => may_delete(Permission::DelEntry),
        push => caller.user.is_some(),
    }
}
