//! Who asks, and what they may do (devpi-api, Permissions).

use super::{
    index::Index,
    name::{IndexName, UserName},
};
use uuid::Uuid;

/// Everybody, logged in or not.
pub const ANONYMOUS: &str = ":ANONYMOUS:";
/// Everybody who is logged in.
pub const AUTHENTICATED: &str = ":AUTHENTICATED:";

/// Who makes a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user whose credentials were right; `None`: anonymous.
    pub user: Option<UserName>,
    /// The login token that was used instead of the password.
    pub token: Option<Uuid>,
}

impl Caller {
    /// The name for the changelog and for messages.
    pub fn name(&self) -> Option<&str> {
        self.user.as_ref().map(UserName::as_str)
    }

    fn is(&self, user: &UserName) -> bool {
        self.user.as_ref() == Some(user)
    }

    fn is_root(&self) -> bool {
        self.user.as_ref().is_some_and(UserName::is_root)
    }

    /// Whether a list of principals names the caller: by user name, or as one of the groups above.
    pub fn is_listed(&self, principals: &[String]) -> bool {
        principals.iter().any(|principal| match principal.as_str() {
            ANONYMOUS => true,
            AUTHENTICATED => self.user.is_some(),
            name => self.name() == Some(name),
        })
    }
}

/// The rules of the whole server that come on top of the lists of an index.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `--restrict-modify`: only these principals create and change users and indexes.
    pub restrict_modify: Option<Vec<String>>,
}

impl Policy {
    pub fn may_create_user(&self, caller: &Caller) -> bool {
        self.restrict_modify.as_ref().is_none_or(|principals| caller.is_listed(principals))
    }

    pub fn may_modify_user(&self, caller: &Caller, user: &UserName) -> bool {
        match &self.restrict_modify {
            Some(principals) => caller.is_listed(principals),
            None => caller.is(user) || caller.is_root(),
        }
    }

    /// A change of nothing but the password is the user's own right, whatever `--restrict-modify` says.
    pub fn may_change_password(&self, caller: &Caller, user: &UserName) -> bool {
        caller.is(user) || self.may_modify_user(caller, user)
    }

    /// Nobody deletes root; under `--restrict-modify` nobody deletes themselves.
    pub fn may_delete_user(&self, caller: &Caller, user: &UserName) -> bool {
        !user.is_root()
            && match &self.restrict_modify {
                Some(principals) => caller.is_listed(principals) && !caller.is(user),
                None => caller.is(user) || caller.is_root(),
            }
    }

    /// Creation, change and deletion of an index.
    pub fn may_modify_index(&self, caller: &Caller, index: &IndexName) -> bool {
        match &self.restrict_modify {
            Some(principals) => caller.is_listed(principals),
            None => caller.is(&index.user) || caller.is_root(),
        }
    }

    /// Deletion of projects, releases and files: whoever may upload, and whoever rules the index.
    pub fn may_delete_from(&self, caller: &Caller, index: &Index) -> bool {
        may_upload(caller, index) || self.may_modify_index(caller, &index.name)
    }

    /// To see an index and to download from it. Its owner and root always may; with `--restrict-modify` its
    /// principals too.
    pub fn may_read(&self, caller: &Caller, index: &Index) -> bool {
        index.acl_read.as_ref().is_none_or(|principals| caller.is_listed(principals))
            || caller.is(&index.name.user)
            || caller.is_root()
            || self.restrict_modify.as_ref().is_some_and(|principals| caller.is_listed(principals))
    }
}

/// To upload, register, yank and be the target of a push: only who is listed, root and the owner not excepted.
pub fn may_upload(caller: &Caller, index: &Index) -> bool {
    caller.is_listed(&index.acl_upload)
}

/// To send results of tests: only who is listed, by default everybody.
pub fn may_upload_tox_results(caller: &Caller, index: &Index) -> bool {
    caller.is_listed(&index.acl_toxresult_upload)
}

/// To read the changelog of the whole server: root and the principals that the operator named.
pub fn may_read_changelog(caller: &Caller, readers: &[String]) -> bool {
    caller.is_root() || caller.is_listed(readers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{index::Settings, serial::Serial};
    use serde_json::json;

    fn caller(name: &str) -> Caller {
        Caller { user: (!name.is_empty()).then(|| UserName::parse(name).unwrap()), token: None }
    }

    fn index(options: &serde_json::Value) -> Index {
        let name: IndexName = "alice/dev".parse().unwrap();
        let settings = Settings::create(&name, options.as_object().unwrap()).unwrap();
        Index::new(1, name, settings, Serial::default())
    }

    #[test]
    fn an_upload_needs_a_place_in_acl_upload_even_for_root_and_the_owner() {
        let dev = index(&json!({"acl_upload": ["bob"]}));
        for (who, allowed) in [("bob", true), ("alice", false), ("root", false), ("", false)] {
            assert_eq!(may_upload(&caller(who), &dev), allowed, "{who}");
        }
        let open = index(&json!({"acl_upload": ":authenticated:"}));
        assert!(may_upload(&caller("eve"), &open) && !may_upload(&caller(""), &open));
    }

    #[test]
    fn a_read_protected_index_is_open_to_its_readers_its_owner_and_root() {
        let policy = Policy::default();
        let dev = index(&json!({"acl_read": ["bob"]}));
        for (who, allowed) in [("bob", true), ("alice", true), ("root", true), ("eve", false), ("", false)] {
            assert_eq!(policy.may_read(&caller(who), &dev), allowed, "{who}");
        }
        assert!(policy.may_read(&caller(""), &index(&json!({}))));
    }

    #[test]
    fn restrict_modify_leaves_a_user_only_the_own_password() {
        let policy = Policy { restrict_modify: Some(vec!["ops".into()]) };
        let alice = UserName::parse("alice").unwrap();
        assert!(policy.may_change_password(&caller("alice"), &alice));
        assert!(!policy.may_modify_user(&caller("alice"), &alice));
        assert!(!policy.may_create_user(&caller("")) && policy.may_create_user(&caller("ops")));
        assert!(!policy.may_delete_user(&caller("ops"), &UserName::root()));
    }
}
