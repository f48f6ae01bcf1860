//! Changes at random through two processes; after each, every page of each process is what a plain model says.

use crate::harness::{Client, Server, Upload, archive};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const INDEXES: [&str; 4] = ["alice/a", "alice/b", "alice/c", "alice/d"];
const PROJECTS: [&str; 3] = ["p", "q", "r"];

/// File name to yank reason, by project.
type Files = BTreeMap<&'static str, BTreeMap<String, Option<String>>>;

/// What the index should be.
#[derive(Default)]
struct Model {
    bases: BTreeMap<&'static str, Vec<&'static str>>,
    files: BTreeMap<&'static str, Files>,
}

impl Model {
    /// Breadth-first over bases, each once, missing ones skipped.
    fn order(&self, index: &'static str) -> Vec<&'static str> {
        let (mut order, mut next) = (Vec::new(), vec![index]);
        while !next.is_empty() {
            let index = next.remove(0);
            if let (Some(bases), false) = (self.bases.get(index), order.contains(&index)) {
                order.push(index);
                next.extend(bases);
            }
        }
        order
    }

    /// The files on a page by name with their yank reasons; `None`: 404.
    fn page(&self, index: &'static str, project: &str) -> Option<BTreeMap<String, Option<String>>> {
        let mut page = None;
        for index in self.order(index) {
            for (name, yanked) in
                self.files.get(index).and_then(|files| files.get(project)).into_iter().flatten()
            {
                let page = page.get_or_insert_with(BTreeMap::new);
                page.entry(name.clone()).or_insert_with(|| yanked.clone());
            }
        }
        page
    }

    fn projects(&self, index: &'static str) -> BTreeSet<&'static str> {
        let files = self.order(index).into_iter().filter_map(|index| self.files.get(index));
        files.flat_map(|files| files.keys().copied()).collect()
    }
}

/// Makes one change at random through a client, and the same in the model.
async fn step(model: &mut Model, random: &mut StdRng, client: &Client) {
    let index = INDEXES[random.random_range(0..INDEXES.len())];
    let project = PROJECTS[random.random_range(0..PROJECTS.len())];
    let version = format!("{}.0", random.random_range(1..4));
    let filename = format!("{project}-{version}-py3-none-any.whl");
    let there = model.bases.contains_key(index);
    let known = model
        .files
        .get(index)
        .and_then(|files| files.get(project))
        .is_some_and(|f| f.contains_key(&filename));
    match random.random_range(0..12) {
        0 if there => {
            client.delete(index).await.expect(201);
            model.bases.remove(index);
            model.files.remove(index);
        }
        0..=2 if !there => {
            client.create_index(index, json!({})).await;
            model.bases.insert(index, Vec::new());
            model.files.insert(index, Files::new());
        }
        3 | 4 if there => {
            let base = INDEXES[random.random_range(0..INDEXES.len())];
            let reply = client.patch(index, json!({"bases": [base]})).await;
            let possible = model.bases.contains_key(base) && !model.order(base).contains(&index);
            assert_eq!(reply.status, if possible { 200 } else { 400 }, "{index} on {base}: {reply}");
            if possible {
                model.bases.insert(index, vec![base]);
            }
        }
        5..=8 if there => {
            let metadata = format!("Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n");
            let wheel =
                archive::wheel_with(project, &version, &metadata, &format!("x = {}", random.random::<u32>()));
            client.upload(index, Upload::new(project, &version, wheel)).await.expect(200);
            model.files.get_mut(index).unwrap().entry(project).or_default().insert(filename, None);
        }
        9 if known => {
            let reason = ["bad", ""][random.random_range(0..2)];
            client
                .patch(&format!("{index}/{project}/{version}"), json!({"yanked": reason}))
                .await
                .expect(200);
            let files = model.files.get_mut(index).unwrap().get_mut(project).unwrap();
            files.insert(filename, Some(reason.to_owned()));
        }
        10 if known => {
            client.delete(&format!("{index}/{project}/{version}")).await.expect(200);
            let files = model.files.get_mut(index).unwrap();
            files.get_mut(project).unwrap().remove(&filename);
            files.retain(|_, files| !files.is_empty());
        }
        11 if known => {
            let target = INDEXES[random.random_range(0..INDEXES.len())];
            let push = json!({"name": project, "version": version, "targetindex": target});
            let reply = client.json("PUSH", index, push).await;
            assert_eq!(reply.status, if model.bases.contains_key(target) { 200 } else { 404 }, "{reply}");
            if reply.status == 200 {
                let yanked = model.files[index][project][&filename].clone();
                model.files.get_mut(target).unwrap().entry(project).or_default().insert(filename, yanked);
            }
        }
        _ => {}
    }
}

/// Every page of a process equals the model's; returns entity tag and bytes of each.
async fn check(model: &Model, client: &Client) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut pages = BTreeMap::new();
    for index in INDEXES {
        let list = client.simple_list(index).await;
        if !model.bases.contains_key(index) {
            assert_eq!(list.status, 404);
            continue;
        }
        let names = list.json()["projects"].clone();
        let names: BTreeSet<_> =
            names.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(names, model.projects(index), "projects of {index}");
        for project in PROJECTS {
            let reply = client.simple_page(index, project, &[]).await;
            let expected = model.page(index, project);
            assert_eq!(reply.status, if expected.is_some() { 200 } else { 404 }, "{project} on {index}");
            let Some(expected) = expected else { continue };
            let page = reply.json();
            let files = page["files"].as_array().unwrap().iter().map(|file| {
                let yanked = match &file["yanked"] {
                    Value::Bool(true) => Some(String::new()),
                    Value::String(reason) => Some(reason.clone()),
                    _ => None,
                };
                (file["filename"].as_str().unwrap().to_owned(), yanked)
            });
            assert_eq!(files.collect::<BTreeMap<_, _>>(), expected, "{project} on {index}");
            let known = reply.header("etag").to_owned();
            client.simple_page(index, project, &[("if-none-match", &known)]).await.expect(304);
            pages.insert(format!("{index} {project}"), (known, reply.body));
        }
    }
    pages
}

/// The rows tell every past state, each event of the changelog has its serial, and no stamp was forgotten.
async fn check_history(server: &Server, history: &[(i64, BTreeMap<&'static str, Files>)]) {
    let (db, connection) =
        tokio_postgres::connect(&server.config.database.database_url, tokio_postgres::NoTls).await.unwrap();
    let queries = async {
        for (serial, files) in history {
            let rows = db
                .query(
                    "select u.name || '/' || i.name, p.name, f.filename, f.yanked
                     from files f
                         join projects p on p.id = f.project_id
                         join indexes i on i.id = f.index_id
                         join users u on u.id = i.user_id
                     where f.added_serial <= $1 and (f.removed_serial is null or f.removed_serial > $1)
                         and (i.removed_serial is null or i.removed_serial > $1)",
                    &[serial],
                )
                .await
                .unwrap();
            let then: BTreeSet<(String, String, String, Option<String>)> =
                rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
            let flat = files.iter().flat_map(|(index, projects)| {
                projects.iter().flat_map(move |(project, files)| {
                    files.iter().map(move |(name, yanked)| {
                        ((*index).to_owned(), (*project).to_owned(), name.clone(), yanked.clone())
                    })
                })
            });
            assert_eq!(then, flat.collect(), "as of serial {serial}");
        }
        for table in ["users", "user_states", "indexes", "index_states", "projects", "releases", "files"] {
            let wrong = format!(
                "select count(*) from {table} where added_serial <= 0 or removed_serial <= added_serial"
            );
            assert_eq!(db.query_one(&wrong, &[]).await.unwrap().get::<_, i64>(0), 0, "{table}");
        }
        let gaps = "select (select value from serial) - count(distinct serial) from changelog";
        assert_eq!(db.query_one(gaps, &[]).await.unwrap().get::<_, i64>(0), 0, "serials without an event");
    };
    tokio::select! { () = queries => {}, ended = connection => panic!("{ended:?}") }
}

#[tokio::test]
async fn every_page_of_every_process_is_what_the_changes_so_far_make_it() {
    for seed in 0..4 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let one = Server::start().await;
        let two = one.beside().await;
        let alice = one.user("alice").await;
        let clients = [alice.clone(), alice.at(&two.url)];
        let (mut model, mut history) = (Model::default(), Vec::new());
        for _ in 0..50 {
            let writer = &clients[random.random_range(0..2)];
            step(&mut model, &mut random, writer).await;
            history.push((one.serial().await, model.files.clone()));
            let first = check(&model, &clients[0]).await;
            assert_eq!(first, check(&model, &clients[1]).await, "two processes differ");
        }
        check_history(&one, &history).await;
        let fresh = one.beside().await;
        assert_eq!(
            check(&model, &clients[0]).await,
            check(&model, &alice.at(&fresh.url)).await,
            "memory differs"
        );
    }
}
