//! Who asks, and what they may do (devpi-api, Permissions).
//!
//! Every permission is asked of the [`Principal`] that a caller acts as, and to act as one a caller has to say for what:
//! a token that is not for that acts as nobody. So a limited token may never do more than its user, nor less than anybody.

use super::{
    index::Index,
    limit::{Limit, Object, Permission},
    name::{IndexName, ProjectName, UserName},
};
use std::sync::Arc;
use uuid::Uuid;

/// Everybody, logged in or not.
pub const ANONYMOUS: &str = ":ANONYMOUS:";
/// Everybody who is logged in.
pub const AUTHENTICATED: &str = ":AUTHENTICATED:";
/// The name in the changelog of whoever a trusted publisher lets in.
pub const PUBLISHER: &str = ":PUBLISHER:";

/// Who makes a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user whose credentials were right; `None`: anonymous, or a publisher.
    pub user: Option<UserName>,
    /// The token that was used instead of the password.
    pub token: Option<Token>,
}

/// What stands for a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A login token, which is as good as the password.
    Login(Uuid),
    /// An API token, which is good for a part of it; without a user it is a publisher's.
    Api { id: Uuid, limit: Arc<Limit> },
}

impl Caller {
    /// The name for the changelog and for messages.
    pub fn name(&self) -> Option<&str> {
        match &self.user {
            Some(user) => Some(user.as_str()),
            None => self.limit().map(|_| PUBLISHER),
        }
    }

    /// Whether it is not known who asks.
    pub fn is_anonymous(&self) -> bool {
        self.name().is_none()
    }

    /// The login token that was used.
    pub fn login_token(&self) -> Option<Uuid> {
        match self.token {
            Some(Token::Login(id)) => Some(id),
            _ => None,
        }
    }

    /// What the caller's API token is limited to; `None`: there is no such token.
    pub fn limit(&self) -> Option<&Arc<Limit>> {
        match &self.token {
            Some(Token::Api { limit, .. }) => Some(limit),
            _ => None,
        }
    }

    /// As whom the caller acts in this: as nobody with a token that is not for it.
    fn acting(&self, permission: Permission, object: Object<'_>) -> Principal<'_> {
        match self.limit() {
            Some(limit) if !limit.covers(permission, object) => Principal(None),
            _ => Principal(self.user.as_ref()),
        }
    }

    /// As whom the caller acts in what no API token is for: users, tokens and publishers.
    fn in_person(&self) -> Option<Principal<'_>> {
        self.limit().is_none().then_some(Principal(self.user.as_ref()))
    }
}

/// A user, or nobody, as permissions see them.
#[derive(Clone, Copy)]
struct Principal<'a>(Option<&'a UserName>);

impl Principal<'_> {
    fn is(self, user: &UserName) -> bool {
        self.0 == Some(user)
    }

    fn is_root(self) -> bool {
        self.0.is_some_and(UserName::is_root)
    }

    /// Whether a list of principals names this one: by user name, or as one of the groups above.
    fn is_listed(self, principals: &[String]) -> bool {
        principals.iter().any(|principal| match principal.as_str() {
            ANONYMOUS => true,
            AUTHENTICATED => self.0.is_some(),
            name => self.0.is_some_and(|user| user.as_str() == name),
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
    /// To create a user: everybody, unless `--restrict-modify` says who.
    pub fn may_create_user(&self, caller: &Caller) -> bool {
        let is_listed = |who: Principal| self.restrict_modify.as_ref().is_none_or(|list| who.is_listed(list));
        caller.in_person().is_some_and(is_listed)
    }

    /// To change the profile of a user: the user and root, or whom `--restrict-modify` names.
    pub fn may_modify_user(&self, caller: &Caller, user: &UserName) -> bool {
        caller.in_person().is_some_and(|who| self.rules(who, user))
    }

    /// A change of nothing but the password is the user's own right, whatever `--restrict-modify` says.
    pub fn may_change_password(&self, caller: &Caller, user: &UserName) -> bool {
        caller.in_person().is_some_and(|who| who.is(user)) || self.may_modify_user(caller, user)
    }

    /// To make, see and revoke tokens of a user: whoever might as well change the password.
    pub fn may_change_tokens(&self, caller: &Caller, user: &UserName) -> bool {
        self.may_change_password(caller, user)
    }

    /// To make tokens that live as long as one likes (devpi-tokens: `extended_expiration_allowed`).
    pub fn may_make_long_tokens(&self, caller: &Caller) -> bool {
        caller.in_person().is_some_and(|who| match &self.restrict_modify {
            Some(principals) => who.is_listed(principals),
            None => who.is_root(),
        })
    }

    /// Nobody deletes root; under `--restrict-modify` nobody deletes themselves.
    pub fn may_delete_user(&self, caller: &Caller, user: &UserName) -> bool {
        !user.is_root()
            && caller.in_person().is_some_and(|who| match &self.restrict_modify {
                Some(principals) => who.is_listed(principals) && !who.is(user),
                None => who.is(user) || who.is_root(),
            })
    }

    /// To create, change or delete an index, as `permission` says.
    pub fn may_modify_index(&self, caller: &Caller, permission: Permission, index: &IndexName) -> bool {
        self.rules(caller.acting(permission, Object::Index(index)), &index.user)
    }

    /// To say who publishes to an index without a password.
    pub fn may_change_publishers(&self, caller: &Caller, index: &IndexName) -> bool {
        caller.in_person().is_some_and(|who| self.rules(who, &index.user))
    }

    /// To see and change who is told of changes to an index, or with `None` to anything on the server.
    pub fn may_change_webhooks(&self, caller: &Caller, index: Option<&IndexName>) -> bool {
        caller.in_person().is_some_and(|who| match index {
            Some(index) => self.rules(who, &index.user),
            None => who.is_root(),
        })
    }

    /// To delete a project, a release or a file, as `permission` says, or to set a project's status: whoever may upload,
    /// and whoever rules the index.
    pub fn may_delete_from(
        &self,
        caller: &Caller,
        permission: Permission,
        index: &Index,
        project: &ProjectName,
    ) -> bool {
        let who = caller.acting(permission, Object::Project(&index.name, project));
        who.is_listed(&index.acl_upload) || self.rules(who, &index.name.user)
    }

    /// To see an index, its settings and the names of its projects.
    pub fn may_read(&self, caller: &Caller, index: &Index) -> bool {
        self.reads(caller, index, Object::SomeProject(&index.name))
    }

    /// To see what an index has of a project, and to download it.
    pub fn may_read_project(&self, caller: &Caller, index: &Index, project: &ProjectName) -> bool {
        self.reads(caller, index, Object::Project(&index.name, project))
    }

    /// Whom `acl_read` lists; the owner and root always; with `--restrict-modify` its principals too.
    fn reads(&self, caller: &Caller, index: &Index, object: Object<'_>) -> bool {
        let who = caller.acting(Permission::PkgRead, object);
        index.acl_read.as_ref().is_none_or(|principals| who.is_listed(principals))
            || who.is(&index.name.user)
            || who.is_root()
            || self.restrict_modify.as_ref().is_some_and(|principals| who.is_listed(principals))
    }

    /// Whether this is whoever rules over a user, and over their indexes.
    fn rules(&self, who: Principal<'_>, user: &UserName) -> bool {
        match &self.restrict_modify {
            Some(principals) => who.is_listed(principals),
            None => who.is(user) || who.is_root(),
        }
    }
}

/// To upload, register, yank and be the target of a push: only who is listed, root and the owner not excepted, and the
/// publishers of the index. Without a project: of some project.
pub fn may_upload(caller: &Caller, index: &Index, project: Option<&ProjectName>) -> bool {
    let object = Object::of(&index.name, project);
    let publishes =
        || caller.user.is_none() && caller.limit().is_some_and(|it| it.covers(Permission::Upload, object));
    caller.acting(Permission::Upload, object).is_listed(&index.acl_upload) || publishes()
}

/// To let this server upload to another: any user, but with a token only if it is for uploads.
pub fn may_push_elsewhere(caller: &Caller) -> bool {
    caller.user.is_some() && caller.limit().is_none_or(|limit| limit.allows(Permission::Upload))
}

/// To send results of tests: only who is listed, by default everybody. Without a project: of some project.
pub fn may_upload_tox_results(caller: &Caller, index: &Index, project: Option<&ProjectName>) -> bool {
    let who = caller.acting(Permission::ToxresultUpload, Object::of(&index.name, project));
    // Nobody may send what is about a file that only the token's right to read shows.
    let reads = who.0.is_some() || index.acl_read.as_ref().is_none_or(|principals| who.is_listed(principals));
    reads && who.is_listed(&index.acl_toxresult_upload)
}

/// To read the changelog of the whole server: root and the principals that the operator named.
pub fn may_read_changelog(caller: &Caller, readers: &[String]) -> bool {
    let who = caller.acting(Permission::PkgRead, Object::Server);
    who.is_root() || who.is_listed(readers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{index::Settings, limit::Scope, serial::Serial};
    use proptest::prelude::*;
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
            assert_eq!(may_upload(&caller(who), &dev, None), allowed, "{who}");
        }
        let open = index(&json!({"acl_upload": ":authenticated:"}));
        assert!(may_upload(&caller("eve"), &open, None) && !may_upload(&caller(""), &open, None));
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

    /// What a caller may, one answer for each permission function.
    fn rights(policy: &Policy, caller: &Caller, index: &Index, project: &ProjectName) -> Vec<(String, bool)> {
        let owner = &index.name.user;
        let mut rights = vec![
            ("create user".into(), policy.may_create_user(caller)),
            ("modify user".into(), policy.may_modify_user(caller, owner)),
            ("change password".into(), policy.may_change_password(caller, owner)),
            ("change tokens".into(), policy.may_change_tokens(caller, owner)),
            ("make long tokens".into(), policy.may_make_long_tokens(caller)),
            ("delete user".into(), policy.may_delete_user(caller, owner)),
            ("change publishers".into(), policy.may_change_publishers(caller, &index.name)),
            ("change webhooks".into(), policy.may_change_webhooks(caller, Some(&index.name))),
            ("change webhooks of all".into(), policy.may_change_webhooks(caller, None)),
            ("upload".into(), may_upload(caller, index, None)),
            ("upload project".into(), may_upload(caller, index, Some(project))),
            ("send tox result".into(), may_upload_tox_results(caller, index, None)),
            ("send tox result of project".into(), may_upload_tox_results(caller, index, Some(project))),
            ("push elsewhere".into(), may_push_elsewhere(caller)),
            ("read changelog".into(), may_read_changelog(caller, &["carol".into()])),
            ("read".into(), policy.may_read(caller, index)),
            ("read project".into(), policy.may_read_project(caller, index, project)),
        ];
        for permission in Permission::ALL {
            let (name, may) = (permission.name(), policy.may_modify_index(caller, permission, &index.name));
            rights.push((format!("modify {name}"), may));
            let may = policy.may_delete_from(caller, permission, index, project);
            rights.push((format!("delete {name}"), may));
        }
        rights
    }

    fn principals() -> impl Strategy<Value = Vec<String>> {
        let names = ["alice", "bob", "root", ANONYMOUS, AUTHENTICATED].map(str::to_owned).to_vec();
        proptest::sample::subsequence(names, 0..4)
    }

    fn limits() -> impl Strategy<Value = Limit> {
        let indexes = ["alice/dev", "alice/prod"].map(|name| name.parse::<IndexName>().unwrap()).to_vec();
        let projects = ["one", "two"].map(|name| ProjectName::parse(name).unwrap()).to_vec();
        let scope = (
            proptest::option::of(proptest::sample::subsequence(indexes, 0..=2)),
            proptest::option::of(proptest::sample::subsequence(projects, 0..=2)),
        );
        let scope = scope.prop_map(|(indexes, projects)| Scope { indexes, projects });
        let allowed = proptest::option::of(proptest::sample::subsequence(Permission::ALL.to_vec(), 0..=9));
        (allowed, proptest::collection::vec(scope, 0..3)).prop_map(|(allowed, scopes)| Limit {
            allowed: allowed.map(|allowed| allowed.into_iter().collect()),
            scopes,
        })
    }

    proptest! {
        #[test]
        fn a_limited_caller_may_never_do_more_than_its_user_nor_read_less_than_anybody(
            limit in limits(),
            user in proptest::sample::select(vec!["alice", "bob", "carol", "root"]),
            acl_upload in principals(),
            acl_read in proptest::option::of(principals()),
            restrict_modify in proptest::option::of(principals()),
        ) {
            let mut options = json!({"acl_upload": acl_upload});
            if let Some(acl_read) = acl_read {
                options["acl_read"] = json!(acl_read);
            }
            let (index, project) = (index(&options), ProjectName::parse("one").unwrap());
            let policy = Policy { restrict_modify };
            let token = |limit| Some(Token::Api { id: Uuid::nil(), limit: Arc::new(limit) });
            let limited = Caller { token: token(limit.clone()), ..caller(user) };
            let of = |caller: &Caller| rights(&policy, caller, &index, &project);
            let (whole, part, nobody) = (of(&caller(user)), of(&limited), of(&caller("")));
            for (((what, whole), (_, part)), (_, nobody)) in whole.into_iter().zip(part).zip(nobody) {
                prop_assert!(whole || !part, "{what} with {limit}");
                prop_assert!(part || !nobody || !what.contains("read"), "{what} with {limit}");
            }
            // A publisher may what everybody may, and to upload what it is for.
            let publisher = Caller { user: None, token: token(limit.clone()) };
            let object = Object::Project(&index.name, &project);
            for ((what, part), (_, nobody)) in of(&publisher).into_iter().zip(of(&caller(""))) {
                let its_own = what.starts_with("upload") && limit.allows(Permission::Upload);
                prop_assert!(!part || nobody || its_own, "{what} with {limit}");
            }
            let may = may_upload(&publisher, &index, Some(&project));
            prop_assert_eq!(may, limit.covers(Permission::Upload, object) || may_upload(&caller(""), &index, None));
        }
    }
}
