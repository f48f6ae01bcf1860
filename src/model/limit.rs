//! What an API token is limited to: permissions, indexes and projects (devpi-tokens: `restrictions.py`).

use super::name::{IndexName, ProjectName};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// What a token may be for, by devpi's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// To see an index and to download from it.
    PkgRead,
    /// To upload, register, yank and push to an index.
    Upload,
    ToxresultUpload,
    /// To delete a file.
    DelEntry,
    /// To delete a release.
    DelVerdata,
    /// To delete a project, or to give it another status.
    DelProject,
    IndexCreate,
    IndexModify,
    IndexDelete,
}

impl Permission {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::PkgRead,
        Self::Upload,
        Self::ToxresultUpload,
        Self::DelEntry,
        Self::DelVerdata,
        Self::DelProject,
        Self::IndexCreate,
        Self::IndexModify,
        Self::IndexDelete,
    ];

    /// devpi's name of it, as a token's restrictions write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PkgRead => "pkg_read",
            Self::Upload => "upload",
            Self::ToxresultUpload => "toxresult_upload",
            Self::DelEntry => "del_entry",
            Self::DelVerdata => "del_verdata",
            Self::DelProject => "del_project",
            Self::IndexCreate => "index_create",
            Self::IndexModify => "index_modify",
            Self::IndexDelete => "index_delete",
        }
    }
}

/// What something is done to.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// All there is.
    Server,
    /// The index as a whole.
    Index(&'a IndexName),
    /// The index, for the sake of any of its projects.
    SomeProject(&'a IndexName),
    Project(&'a IndexName, &'a ProjectName),
}

impl<'a> Object<'a> {
    /// This project of an index, or any.
    pub fn of(index: &'a IndexName, project: Option<&'a ProjectName>) -> Self {
        project.map_or(Self::SomeProject(index), |project| Self::Project(index, project))
    }
}

/// The part of an owner's rights that a token has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// `None`: all.
    pub allowed: Option<BTreeSet<Permission>>,
    /// It is for what one of them covers.
    pub scopes: Vec<Scope>,
}

/// These projects on these indexes; `None`: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    pub indexes: Option<Vec<IndexName>>,
    pub projects: Option<Vec<ProjectName>>,
}

impl Limit {
    /// Whether it is for this, done to that.
    pub fn covers(&self, permission: Permission, object: Object<'_>) -> bool {
        self.allows(permission) && self.scopes.iter().any(|scope| scope.covers(object))
    }

    /// Whether it covers the permission on anything.
    pub fn allows(&self, permission: Permission) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.contains(&permission))
    }

    /// One text for each restriction, as the devpi client prints them: `indexes=alice/dev,alice/prod`.
    pub fn restrictions(&self) -> Vec<String> {
        let line = |key: &str, values: Vec<String>| format!("{key}={}", values.join(","));
        let allowed = self.allowed.iter().map(|allowed| {
            line("allowed", allowed.iter().map(|permission| permission.name().to_owned()).collect())
        });
        let scopes = self.scopes.iter().flat_map(|Scope { indexes, projects }| {
            let indexes = indexes.iter().map(|names| line("indexes", texts(names)));
            indexes.chain(projects.iter().map(|names| line("projects", texts(names))))
        });
        allowed.chain(scopes).collect()
    }
}

impl Scope {
    fn covers(&self, object: Object<'_>) -> bool {
        let has = |index| self.indexes.as_ref().is_none_or(|indexes| indexes.contains(index));
        match object {
            Object::Server => self.indexes.is_none() && self.projects.is_none(),
            Object::Index(index) => has(index) && self.projects.is_none(),
            Object::SomeProject(index) => has(index),
            Object::Project(index, project) => {
                has(index) && self.projects.as_ref().is_none_or(|projects| projects.contains(project))
            }
        }
    }
}

fn texts(names: &[impl fmt::Display]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restrictions() {
            none if none.is_empty() => f.write_str("indexes and what is on them"),
            restrictions => f.write_str(&restrictions.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(json: &str) -> Limit {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_limit_covers_what_one_of_its_scopes_covers() {
        let (dev, prod): (IndexName, IndexName) = ("a/dev".parse().unwrap(), "a/prod".parse().unwrap());
        let (one, two) = (ProjectName::parse("one").unwrap(), ProjectName::parse("two").unwrap());
        let publishers = limit(
            r#"{"allowed": ["upload"], "scopes": [
                {"indexes": ["a/dev"], "projects": ["One"]}, {"indexes": ["a/prod"], "projects": ["two"]}]}"#,
        );
        for (object, covered) in [
            (Object::Server, false),
            (Object::Index(&dev), false),
            (Object::SomeProject(&dev), true),
            (Object::Project(&dev, &one), true),
            (Object::Project(&dev, &two), false),
            (Object::Project(&prod, &one), false),
            (Object::Project(&prod, &two), true),
        ] {
            assert_eq!(publishers.covers(Permission::Upload, object), covered, "{object:?}");
            assert!(!publishers.covers(Permission::PkgRead, object), "{object:?}");
        }
        assert_eq!(
            publishers.to_string(),
            "allowed=upload indexes=a/dev projects=one indexes=a/prod projects=two"
        );
        assert!(
            limit(r#"{"allowed": null, "scopes": [{"indexes": null, "projects": null}]}"#)
                .covers(Permission::IndexDelete, Object::Server)
        );
        assert!(!Limit::default().covers(Permission::PkgRead, Object::SomeProject(&dev)));
    }

    #[test]
    fn each_permission_is_kept_under_its_name() {
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }
}
