//! Which pages a change touches, through bases: indexes and serials as this process knows them. Pure, no database.
//!
//! Two kinds of entries, two reasons why neither is ever stale. *Serials* of projects and project lists only grow, so
//! whichever of a change and a load comes first, the greater one is right. *Indexes* are replaced, so one that was
//! loaded is kept only if no index changed since the load began. When memory runs out everything is forgotten at once,
//! and loads that began before are not kept either.

use crate::model::{
    event::LoggedEvent,
    index::Index,
    name::{IndexName, ProjectName},
    resolution::{self, Known},
    serial::Serial,
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Entries that are remembered at most, of each kind.
const CAPACITY: usize = 200_000;

/// What is known of a project (or of a list of projects) on an index.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Its last change.
    pub serial: Serial,
    /// Whether the index has the project, after that change.
    pub exists: bool,
}

/// What a project page or project list of one index depends on: the name of the index, and the project.
type Key = (IndexName, Option<ProjectName>);

/// The moment at which a load began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticket {
    forgotten: u64,
    index_changes: u64,
}

/// Indexes, and the serials of their projects.
#[derive(Default)]
pub struct PageSerials(RwLock<State>);

#[derive(Default)]
struct State {
    indexes: HashMap<IndexName, Option<Arc<Index>>>,
    all: Option<Arc<[Arc<Index>]>>,
    serials: HashMap<Key, Presence>,
    /// The last change of anything on an index but its settings.
    last: HashMap<IndexName, Serial>,
    forgotten: u64,
    index_changes: u64,
}

impl PageSerials {
    /// Takes note of when a load begins; to be called before the database is asked.
    pub fn ticket(&self) -> Ticket {
        let state = self.read();
        Ticket { forgotten: state.forgotten, index_changes: state.index_changes }
    }

    /// What is known of an index.
    pub fn index(&self, name: &IndexName) -> Known {
        self.read().known(name)
    }

    /// The resolution order, or the names that have to be loaded first.
    pub fn order(&self, start: &IndexName) -> Result<Vec<Arc<Index>>, Vec<IndexName>> {
        let state = self.read();
        resolution::order(start, |name| state.known(name))
    }

    /// Keeps loaded indexes; `None`: there is none of that name.
    pub fn keep_indexes(
        &self,
        ticket: Ticket,
        loaded: impl IntoIterator<Item = (IndexName, Option<Arc<Index>>)>,
    ) {
        let mut state = self.write();
        if state.forgotten == ticket.forgotten && state.index_changes == ticket.index_changes {
            state.indexes.extend(loaded);
            state.bound();
        }
    }

    /// All indexes, by name, if they are known.
    pub fn all(&self) -> Option<Arc<[Arc<Index>]>> {
        self.read().all.clone()
    }

    /// Keeps all indexes, loaded at once.
    pub fn keep_all(&self, ticket: Ticket, loaded: &Arc<[Arc<Index>]>) {
        let mut state = self.write();
        if state.forgotten == ticket.forgotten && state.index_changes == ticket.index_changes {
            state.all = Some(Arc::clone(loaded));
            state.indexes.extend(loaded.iter().map(|index| (index.name.clone(), Some(Arc::clone(index)))));
            state.bound();
        }
    }

    /// What is known of a project (or project list) on each of these indexes, if it is known for all of them.
    pub fn presences(&self, order: &[Arc<Index>], project: Option<&ProjectName>) -> Option<Vec<Presence>> {
        let state = self.read();
        let of = |index: &Arc<Index>| state.serials.get(&(index.name.clone(), project.cloned())).copied();
        order.iter().map(of).collect()
    }

    /// Keeps loaded serials of a project (or project list).
    pub fn keep_serials(
        &self,
        ticket: Ticket,
        project: Option<&ProjectName>,
        loaded: impl IntoIterator<Item = (IndexName, Presence)>,
    ) {
        let mut state = self.write();
        if state.forgotten == ticket.forgotten {
            for (index, presence) in loaded {
                state.raise((index, project.cloned()), presence);
            }
            state.bound();
        }
    }

    /// The last change of anything on any of these indexes but their settings, if it is known for all of them.
    pub fn last_change(&self, order: &[Arc<Index>]) -> Option<Serial> {
        let state = self.read();
        let last = order.iter().map(|index| state.last.get(&index.name).copied());
        last.collect::<Option<Vec<_>>>().map(|last| last.into_iter().max().unwrap_or_default())
    }

    /// Keeps the loaded last changes of indexes.
    pub fn keep_last_changes(&self, ticket: Ticket, loaded: impl IntoIterator<Item = (IndexName, Serial)>) {
        let mut state = self.write();
        if state.forgotten == ticket.forgotten {
            for (index, serial) in loaded {
                state.raise_last(index, serial);
            }
            state.bound();
        }
    }

    /// Takes note of events, in the order of the changelog.
    pub fn apply(&self, events: &[LoggedEvent]) {
        let mut state = self.write();
        for event in events {
            let Some(Ok(index)) = event.index.as_deref().map(str::parse::<IndexName>) else { continue };
            match event.project.as_deref().map(ProjectName::parse) {
                Some(Ok(project)) => {
                    if event.changes_project_list() {
                        state.raise((index.clone(), None), Presence { serial: event.serial, exists: true });
                    }
                    let exists = !event.ends_project();
                    state.raise_last(index.clone(), event.serial);
                    state.raise((index, Some(project)), Presence { serial: event.serial, exists });
                }
                _ if event.changes_project_list() => {
                    state.raise_last(index.clone(), event.serial);
                    state.raise((index, None), Presence { serial: event.serial, exists: true });
                }
                _ => {
                    if event.ends_index() {
                        // The next index of that name has other projects; what was loaded before is of this one.
                        state.serials.retain(|(of, _), _| *of != index);
                        state.last.remove(&index);
                        state.forgotten += 1;
                    }
                    state.indexes.remove(&index);
                    state.all = None;
                    state.index_changes += 1;
                }
            }
        }
        state.bound();
    }

    /// Forgets everything, when there are too many events to apply.
    pub fn forget(&self) {
        self.write().forget();
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known(&self, name: &IndexName) -> Known {
        match self.indexes.get(name) {
            Some(Some(index)) => Known::Index(index.clone()),
            Some(None) => Known::Missing,
            None => Known::Unknown,
        }
    }

    fn raise(&mut self, key: Key, presence: Presence) {
        let known = self.serials.entry(key).or_default();
        // Of the events of one change the last counts, and a load at its serial says the same.
        if presence.serial >= known.serial {
            *known = presence;
        }
    }

    fn raise_last(&mut self, index: IndexName, serial: Serial) {
        let known = self.last.entry(index).or_default();
        *known = serial.max(*known);
    }

    fn bound(&mut self) {
        if [self.indexes.len(), self.serials.len(), self.last.len()].iter().any(|entries| *entries > CAPACITY)
        {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.indexes.clear();
        self.all = None;
        self.serials.clear();
        self.last.clear();
        self.forgotten += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::index::Settings;
    use proptest::prelude::*;
    use serde_json::json;
    use time::OffsetDateTime;

    fn index(name: &str, bases: &[&str], serial: i64) -> Arc<Index> {
        let name: IndexName = name.parse().unwrap();
        let settings = Settings::create(&name, json!({"bases": bases}).as_object().unwrap()).unwrap();
        Arc::new(Index::new(1, name, settings, Serial(serial)))
    }

    fn event(serial: i64, event: &str, index: &str, project: Option<&str>) -> LoggedEvent {
        LoggedEvent {
            serial: Serial(serial),
            at: OffsetDateTime::UNIX_EPOCH,
            actor: None,
            event: event.into(),
            user: None,
            index: Some(index.into()),
            project: project.map(Into::into),
            version: None,
            file: None,
            detail: None,
        }
    }

    fn at(serial: i64) -> Presence {
        Presence { serial: Serial(serial), exists: serial > 0 }
    }

    fn newest(serials: &PageSerials, order: &[Arc<Index>], project: &ProjectName) -> Option<Serial> {
        let presences = serials.presences(order, Some(project))?;
        presences.iter().map(|presence| presence.serial).max()
    }

    fn project(name: &str) -> ProjectName {
        ProjectName::parse(name).unwrap()
    }

    #[test]
    fn a_change_on_a_base_touches_the_page_of_its_project_only() {
        let serials = PageSerials::default();
        let order = [index("a/a", &["a/b"], 1), index("a/b", &[], 2)];
        let (p, q) = (project("p"), project("q"));
        for name in [&p, &q] {
            assert_eq!(serials.presences(&order, Some(name)), None);
            let loaded = order.iter().map(|index| (index.name.clone(), at(3)));
            serials.keep_serials(serials.ticket(), Some(name), loaded);
        }
        serials.apply(&[event(9, "file.upload", "a/b", Some("p"))]);
        assert_eq!(newest(&serials, &order, &p), Some(Serial(9)));
        assert_eq!(newest(&serials, &order, &q), Some(Serial(3)));
    }

    #[test]
    fn the_last_change_of_an_index_is_that_of_any_of_its_projects() {
        let serials = PageSerials::default();
        let (a, b) = (index("a/a", &[], 1), index("a/b", &[], 2));
        let ticket = serials.ticket();
        serials.apply(&[event(9, "file.upload", "a/b", Some("p")), event(10, "mirror.list", "a/a", None)]);
        serials.keep_last_changes(ticket, [(a.name.clone(), Serial(3)), (b.name.clone(), Serial(4))]);
        assert_eq!(serials.last_change(std::slice::from_ref(&b)), Some(Serial(9)));
        assert_eq!(serials.last_change(&[a, b.clone()]), Some(Serial(10)));
        serials.apply(&[event(11, "index.delete", "a/b", None)]);
        assert_eq!(serials.last_change(&[b]), None);
    }

    #[test]
    fn a_load_that_began_before_a_change_does_not_hide_it() {
        let serials = PageSerials::default();
        let (name, p) = ("a/a".parse::<IndexName>().unwrap(), project("p"));
        let ticket = serials.ticket();
        serials.apply(&[event(9, "file.upload", "a/a", Some("p")), event(9, "index.modify", "a/a", None)]);
        serials.keep_serials(ticket, Some(&p), [(name.clone(), at(3))]);
        serials.keep_indexes(ticket, [(name.clone(), Some(index("a/a", &[], 1)))]);
        serials.keep_all(ticket, &[index("a/a", &[], 1)].into());
        assert!(serials.all().is_none());
        assert_eq!(newest(&serials, &[index("a/a", &[], 1)], &p), Some(Serial(9)));
        assert!(matches!(serials.index(&name), Known::Unknown));
        serials.keep_all(serials.ticket(), &[index("a/a", &[], 9)].into());
        assert_eq!(serials.all().map(|all| all.len()), Some(1));
        serials.apply(&[event(10, "index.create", "a/b", None)]);
        assert!(serials.all().is_none());
    }

    #[test]
    fn a_load_that_began_before_all_was_forgotten_is_not_kept() {
        let serials = PageSerials::default();
        let (name, p) = ("a/a".parse::<IndexName>().unwrap(), project("p"));
        let ticket = serials.ticket();
        serials.apply(&[event(9, "file.upload", "a/a", Some("p"))]);
        serials.forget();
        serials.keep_serials(ticket, Some(&p), [(name, at(3))]);
        assert!(newest(&serials, &[index("a/a", &[], 1)], &p).is_none());
    }

    proptest! {
        /// Loads of any age, between changes in any order, never make a page serial differ from the truth.
        #[test]
        fn what_is_known_is_always_the_truth(steps in prop::collection::vec((0..4u8, 0..2usize), 1..60)) {
            let serials = PageSerials::default();
            let (names, p) = (["a/a", "a/b"], project("p"));
            let (mut truth, mut now) = ([0i64; 2], 0);
            let mut loads: Vec<(Ticket, usize, i64)> = Vec::new();
            for (step, which) in steps {
                match step {
                    0 => {
                        now += 1;
                        truth[which] = now;
                        serials.apply(&[event(now, "file.upload", names[which], Some("p"))]);
                    }
                    1 => loads.push((serials.ticket(), which, truth[which])),
                    2 => if let Some((ticket, which, seen)) = loads.pop() {
                        let name = names[which].parse().unwrap();
                        serials.keep_serials(ticket, Some(&p), [(name, at(seen))]);
                    },
                    _ => if which == 0 { serials.forget() },
                }
                for (which, name) in names.iter().enumerate() {
                    if let Some(serial) = newest(&serials, &[index(name, &[], 0)], &p) {
                        prop_assert_eq!(serial, Serial(truth[which]));
                    }
                }
            }
        }
    }
}
