//! `/+events`: what changes is told to who may know it, as a stream or by long poll.

use crate::harness::{
    Client, Proxy, Reply, Server,
    binary::{Binary, place},
    until, world,
};
use futures::{StreamExt, stream};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream of events.
struct Stream {
    response: Response,
    text: String,
}

/// One message: its id, and its data unless it is a heartbeat.
type Message = (Option<i64>, Option<Value>);

impl Stream {
    /// Opens it and reads the heartbeat that it begins with.
    async fn open(client: &Client, query: &str, last: Option<i64>) -> (Self, i64) {
        let mut request = client.request(Method::GET, &format!("+events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let mut stream = Self { response, text: String::new() };
        let Some((Some(id), None)) = stream.message().await else { panic!("no heartbeat: {}", stream.text) };
        (stream, id)
    }

    /// The next message; `None` at the end of the stream.
    async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some((message, _)) = self.text.split_once("\n\n") {
                let field = |name| message.lines().find_map(|line| line.strip_prefix(name));
                let id = field("id: ").map(|id| id.parse().unwrap());
                let data = field("data: ").map(|data| serde_json::from_str(data).unwrap());
                let end = message.len() + 2;
                self.text.drain(..end);
                return Some((id, data));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("nothing came").unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        loop {
            if let (_, Some(event)) = self.message().await.expect("the stream ended") {
                return event;
            }
        }
    }

    /// The events that come until the stream ends.
    async fn rest(mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some((_, event)) = self.message().await {
            events.extend(event);
        }
        events
    }
}

/// What a poll that does not wait is told.
async fn poll(client: &Client, query: &str) -> Reply {
    client.get(&format!("+events?wait=0&{query}")).await
}

/// Events in short: kind, and what they are about.
fn short(events: &Value) -> Vec<String> {
    let about = |event: &Value| {
        let named = ["event", "user", "index", "project"].into_iter().filter_map(|key| event[key].as_str());
        named.collect::<Vec<_>>().join(" ")
    };
    events.as_array().unwrap().iter().map(about).collect()
}

async fn told(client: &Client, query: &str) -> Vec<String> {
    short(&poll(client, query).await.expect(200).result()["events"])
}

#[tokio::test]
async fn a_listener_hears_at_once_what_another_process_does() {
    let one = Server::start().await;
    let two = one.beside().await;
    let alice = one.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let before = one.serial().await;
    let (mut stream, began) = Stream::open(&two.anonymous(), "", None).await;
    assert_eq!(began, before);
    let (mut full, _) = Stream::open(&one.root(), "", None).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;

    // Two events of one change; only the last one has its id.
    let mut messages = Vec::new();
    for _ in 0..2 {
        messages.push(stream.message().await.unwrap());
    }
    let ids: Vec<_> = messages.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [None, Some(before + 1)]);
    let mut event = messages.pop().unwrap().1.unwrap();
    assert!(event["time"].as_str().unwrap().ends_with('Z'), "{event}");
    event["time"] = "some time".into();
    assert_eq!(
        event,
        json!({
            "serial": before + 1, "time": "some time", "event": "file.upload", "user": null,
            "index": "alice/dev", "project": "pkg", "version": "1.0", "file": wheel,
        })
    );
    assert_eq!(full.event().await["actor"], "alice");
    alice.delete("alice/dev/pkg").await.expect(200);
    assert_eq!(stream.event().await["event"], "project.delete");
}

#[tokio::test]
async fn a_poll_is_answered_by_what_is_there_by_the_next_change_or_when_its_time_is_over() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let anonymous = server.anonymous();
    let reply = anonymous.get("+events?since=0").await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.json()["type"], "events");
    assert_eq!(short(&reply.result()["events"]), ["index.create alice/dev"]);
    let serial = server.serial().await;
    assert_eq!(reply.result()["serial"], serial);

    let path = format!("+events?since={serial}&wait=20");
    let waiting = async { anonymous.get(&path).await.expect(200).result() };
    let change = async {
        until("somebody listens", async || server.service.listeners.available_permits() < 1_000).await;
        alice.patch("alice/dev", json!({"title": "Dev"})).await.expect(200);
    };
    let began = Instant::now();
    let (told, ()) = tokio::join!(waiting, change);
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(short(&told["events"]), ["index.modify alice/dev"]);

    // A filtered listener gets on too.
    server.user("bob").await;
    let began = Instant::now();
    let nothing = anonymous.get(&format!("+events?since={}&wait=1", serial + 1)).await.expect(200).result();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(nothing, json!({"serial": serial + 2, "events": []}));
}

#[tokio::test]
async fn nobody_hears_of_an_index_that_they_may_not_read() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let (bob, carol) = (server.user("bob").await, server.user("carol").await);
    alice.create_index("alice/secret", json!({"acl_read": "bob"})).await;
    alice.upload_wheel("alice/secret", "pkg", "1.0").await;
    let uploaded =
        ["index.create alice/secret", "project.create alice/secret pkg", "file.upload alice/secret pkg"];
    for client in [&server.anonymous(), &carol] {
        assert_eq!(told(client, "since=0").await, [""; 0]);
    }
    for client in [&alice, &bob] {
        assert_eq!(told(client, "since=0").await, uploaded);
        assert!(!poll(client, "since=0").await.text().contains("actor"));
    }
    let all = told(&server.root(), "since=0").await;
    assert_eq!(all[..2], ["user.create root", "user.create alice"]);

    // Who could read it until then hears that it is over, and no more.
    let serial = server.serial().await;
    let since = format!("since={serial}");
    alice.patch("alice/secret", json!(["acl_read-=bob", "acl_read+=carol"])).await.expect(200);
    alice.upload_wheel("alice/secret", "other", "1.0").await;
    assert_eq!(told(&bob, &since).await, ["index.modify alice/secret"]);
    assert_eq!(told(&carol, &since).await.len(), 3);
    assert_eq!(told(&bob, "since=0").await, ["index.modify alice/secret"]);
    alice.delete("alice/secret").await.expect(201);
    assert_eq!(told(&bob, &since).await, ["index.modify alice/secret"]);
    assert_eq!(told(&carol, &since).await, ["index.delete alice/secret"]);

    // Another index of that name does not open what its predecessor did.
    alice.create_index("alice/secret", json!({})).await;
    alice.patch("alice/secret", json!({"title": "Open"})).await.expect(200);
    let open = ["index.create alice/secret", "index.modify alice/secret"];
    assert_eq!(told(&server.anonymous(), "since=0").await, open);
    assert_eq!(told(&carol, "since=0").await, [&["index.delete alice/secret"][..], &open].concat());
}

#[tokio::test]
async fn an_index_tells_of_itself_and_of_all_that_it_inherits() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/root", json!({})).await;
    alice.create_index("alice/hidden", json!({"acl_read": "alice", "bases": "alice/root"})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/hidden"})).await;
    alice.create_index("alice/other", json!({})).await;
    let serial = server.serial().await;
    for index in ["alice/other", "alice/root", "alice/hidden", "alice/dev"] {
        alice.upload_wheel(index, "pkg", "1.0").await;
    }
    let query = format!("since={serial}&index=alice/dev");
    let uploads = async |client: &Client| {
        let told = told(client, &query).await;
        told.into_iter().filter(|event| event.starts_with("file.upload")).collect::<Vec<_>>()
    };
    assert_eq!(
        uploads(&server.anonymous()).await,
        ["file.upload alice/root pkg", "file.upload alice/dev pkg"]
    );
    assert_eq!(uploads(&alice).await.len(), 3);
    assert_eq!(uploads(&server.root()).await.len(), 3);

    // A base that is deleted takes what it had with it.
    let serial = server.serial().await;
    alice.delete("alice/root").await.expect(201);
    let deleted = told(&server.anonymous(), &format!("since={serial}&index=alice/dev")).await;
    assert_eq!(deleted, ["index.delete alice/root"]);
    for (client, index, status) in [
        (server.anonymous(), "alice/none", 404),
        (server.anonymous(), "none", 404),
        (server.anonymous(), "alice/hidden", 401),
        (server.user("bob").await, "alice/hidden", 403),
    ] {
        poll(&client, &format!("index={index}")).await.expect(status);
    }
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_was() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let serial = server.serial().await;
    for version in ["1.0", "2.0"] {
        alice.upload_wheel("alice/dev", "pkg", version).await;
    }
    let (mut stream, began) = Stream::open(&server.anonymous(), "?since=0", Some(serial + 1)).await;
    assert_eq!(began, serial + 1);
    assert_eq!(stream.event().await["version"], "2.0");

    for (query, words) in [
        ("since=x", "since must be the number of a serial, not 'x'"),
        ("since=-1", "since must be the number of a serial, not '-1'"),
        ("since=", "since must be the number of a serial, not ''"),
        ("since=99", "there is no serial 99, the newest is 5"),
        ("wait=56", "wait must be 0 to 55 seconds, not '56'"),
    ] {
        let reply = alice.get(&format!("+events?{query}")).await.expect(400);
        assert!(reply.message().starts_with(words), "{reply}");
    }
}

#[tokio::test]
async fn many_events_come_in_pieces_of_whole_changes() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let since = server.serial().await;
    let register = |number: i64| {
        let form = reqwest::multipart::Form::new().text(":action", "submit").text("version", "1.0");
        let form = form.text("name", format!("pkg{number}"));
        let alice = alice.clone();
        async move { alice.send_form("alice/dev", form).await.expect(200) }
    };
    stream::iter(0..520).map(register).buffer_unordered(16).collect::<Vec<_>>().await;

    let (mut serial, mut sizes) = (since, Vec::new());
    while serial < since + 520 {
        let told = poll(&server.anonymous(), &format!("since={serial}")).await.expect(200).result();
        let events = told["events"].as_array().unwrap();
        assert_eq!(events[0]["serial"], serial + 1);
        serial = told["serial"].as_i64().unwrap();
        assert_eq!(events.last().unwrap()["serial"], serial);
        sizes.push(events.len());
    }
    assert_eq!(sizes, [1000, 40]);

    let (mut stream, _) = Stream::open(&server.anonymous(), &format!("?since={since}"), None).await;
    for number in 0..1040 {
        assert_eq!(stream.event().await["serial"], since + 1 + number / 2);
    }
}

#[tokio::test]
async fn who_loses_a_right_hears_no_more() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    alice.create_index("alice/secret", json!({"acl_read": "bob"})).await;
    alice.create_index("alice/open", json!({})).await;
    let (of_index, _) = Stream::open(&bob, "?index=alice/secret", None).await;
    let (mut of_all, _) = Stream::open(&bob, "", None).await;
    alice.patch("alice/secret", json!(["acl_read-=bob"])).await.expect(200);
    assert_eq!(short(&of_index.rest().await.into()), ["index.modify alice/secret"]);
    alice.upload_wheel("alice/secret", "pkg", "1.0").await;
    alice.patch("alice/open", json!({"title": "Open"})).await.expect(200);
    assert_eq!(of_all.event().await["index"], "alice/secret");
    assert_eq!(of_all.event().await["index"], "alice/open");

    let (of_deleted, _) = Stream::open(&alice, "?index=alice/open", None).await;
    alice.delete("alice/open").await.expect(201);
    assert_eq!(short(&of_deleted.rest().await.into()), ["index.delete alice/open"]);
    assert_eq!(of_all.event().await["event"], "index.delete");

    // The token that changes the password goes on; the password and other tokens do not.
    let token = async || {
        let login = json!({"user": "bob", "password": "secret"});
        let reply = server.anonymous().post("+login", login).await.expect(200);
        bob.with_secret(reply.result()["password"].as_str().unwrap())
    };
    let (kept, other) = (token().await, token().await);
    let (mut of_kept, _) = Stream::open(&kept, "", None).await;
    let (of_other, _) = Stream::open(&other, "", None).await;
    kept.patch("bob", json!({"password": "another"})).await.expect(200);
    assert_eq!(of_all.rest().await, [Value::Null; 0]);
    assert_eq!(of_other.rest().await, [Value::Null; 0]);
    alice.create_index("alice/new", json!({})).await;
    assert_eq!(of_kept.event().await["index"], "alice/new");
    kept.delete("bob").await.expect(200);
    assert_eq!(of_kept.rest().await, [Value::Null; 0]);
}

#[tokio::test]
async fn so_many_may_listen_and_no_more() {
    let server = Server::start_with(|config| config.server.max_listeners = 1).await;
    let (first, _) = Stream::open(&server.anonymous(), "", None).await;
    let reply = poll(&server.anonymous(), "").await.expect(503);
    assert_eq!(reply.message(), "the server is busy: too many clients listen to its events");
    assert_ne!(reply.header("retry-after"), "");
    drop(first);
    until("there is a place", async || poll(&server.anonymous(), "").await.status == 200).await;
}

#[tokio::test]
async fn while_the_database_is_away_a_poll_waits_and_is_told_nothing() {
    let mut proxy = None;
    let database = world().database().await;
    let wire = Proxy::before(&database).await;
    let server = Server::start_with(|config| {
        config.database.database_url = wire.url(&database);
        config.database.database_timeout = 1_000;
        proxy = Some(wire);
    })
    .await;
    let proxy = proxy.unwrap();
    let alice = server.user("alice").await;
    let (mut stream, serial) = Stream::open(&server.anonymous(), "", None).await;
    let anonymous = server.anonymous();
    let cut = async {
        until("both listen", async || server.service.listeners.available_permits() == 998).await;
        proxy.cut();
    };
    let (reply, ()) = tokio::join!(anonymous.get("+events?wait=2"), cut);
    assert_eq!(reply.expect(200).result(), json!({"serial": serial, "events": []}));
    proxy.mend();
    until("an index is made", async || [200, 409].contains(&alice.put("alice/dev", json!({})).await.status))
        .await;
    assert_eq!(stream.event().await["event"], "index.create");
}

#[tokio::test]
async fn listeners_do_not_hold_a_server_up_that_stops() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    let client = server.client(None);
    let (stream, _) = Stream::open(&client, "", None).await;
    let listeners = async |number: usize| {
        let metrics = client.get("metrics").await.text();
        metrics.lines().any(|line| line == format!("wheelyard_listeners {number}"))
    };
    let stop = async {
        until("both listen", async || listeners(2).await).await;
        server.signal("-TERM").await;
    };
    let began = Instant::now();
    let (reply, ()) = tokio::join!(client.get("+events?wait=55"), stop);
    assert_eq!(reply.expect(200).result()["events"], json!([]));
    assert_eq!(stream.rest().await, [Value::Null; 0]);
    assert!(server.ended().await.success());
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn simple_pages_say_where_their_changes_are_told() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    for path in ["alice/dev/+simple/", "alice/dev/+simple/pkg/"] {
        let page = alice.get_with(path, &[]).await.expect(200);
        let same = [("if-none-match", page.header("etag"))];
        for reply in [&page, &alice.get_with(path, &same).await.expect(304)] {
            assert_eq!(reply.header("x-wheelyard-events"), "/+events?index=alice/dev");
        }
        let behind = [("x-outside-url", "https://example.org/py/")];
        let reply = alice.get_with(path, &behind).await.expect(200);
        assert_eq!(reply.header("x-wheelyard-events"), "/py/+events?index=alice/dev");
    }
    poll(&server.anonymous(), "index=alice/dev").await.expect(200);
}
