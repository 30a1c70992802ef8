//! `GET /operations/{id}` and its events: for the one who asked and for internal callers.

use super::{BAD, NOT_FOUND, assert_refused, deposit, finish_with_transfers, request, send};
use crate::harness::{Fleet, Investor, quick};
use reqwest::{Method, Response};
use sandbox::{Fault, FaultSpec, Partner, Weather, When};
use serde_json::{Value, json};
use tranche::config::Config;
use uuid::Uuid;

/// Dwolla may take long: the tests hold its answer.
fn patient(config: &mut Config) {
    quick(config);
    config.dwolla.timeout_ms = 20_000;
}

/// A deposit whose transfer is held at Dwolla, and what releases it.
async fn held_deposit(fleet: &Fleet, who: &Investor) -> (Uuid, Uuid) {
    let hold = Fault::Hold { when: When::Before };
    let hold = fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/transfers$",
        hold,
    ));
    let asked = who.ask(fleet, deposit(who, "70.00"), None).await;
    let operation = asked.operation();
    asked.expect(202);
    fleet.sandbox().await_fired(hold, 1).await.unwrap();
    (operation, hold)
}

async fn working(adjust: fn(&mut Config)) -> (Fleet, Investor) {
    let mut fleet = Fleet::with(adjust).await;
    fleet.work();
    fleet.answering().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    (fleet, nora)
}

#[tokio::test]
async fn an_operation_is_shown_to_its_caller_and_to_services_and_to_nobody_else() {
    let (fleet, nora) = working(quick).await;
    let eve = Investor::known(&fleet, "Eve").await;
    let asked = nora.move_money(&fleet, "deposit", "5.00").await;
    let path = format!("/operations/{}", asked.operation());
    let get = |who, path: String| send(request(&fleet, who, Method::GET, &path));

    let seen = get(&nora, format!("{path}?wait=10")).await.expect(200);
    assert_eq!(seen["operation"], json!(asked.operation()));
    assert_eq!(
        (&seen["service"], &seen["topic"]),
        (&json!("wallet"), &json!("transaction_create"))
    );
    assert_eq!(
        (&seen["status"], &seen["attempt"]),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(seen["accepted"]["id"], asked.body["id"]);
    assert_eq!(seen["result"]["id"], asked.body["id"]);
    assert_eq!(fleet.get_as(&path, "kyc").await.expect(200), seen);

    let (none, events) = (json!({}), format!("{path}/events"));
    for path in [&path, &events] {
        assert_refused(path, &get(&eve, path.clone()).await, 404, NOT_FOUND, &none);
        let nobody = send(fleet.http.get(fleet.url(path))).await;
        assert_refused(path, &nobody, 401, "empty identity_id", &none);
    }
    for path in [
        "/operations/7",
        "/operations/7/events",
        &format!("/operations/{}", Uuid::nil()),
    ] {
        assert_refused(
            path,
            &get(&nora, path.to_owned()).await,
            404,
            NOT_FOUND,
            &none,
        );
    }
    let bad = get(&nora, format!("{path}?wait=soon")).await;
    assert_refused(
        "wait",
        &bad,
        400,
        BAD,
        &json!({ "wait": ["must be of type: integer"] }),
    );
    finish_with_transfers(fleet, 1).await;
}

#[tokio::test]
async fn a_wait_ends_when_the_operation_does_or_with_its_time() {
    let (fleet, nora) = working(patient).await;
    let (operation, hold) = held_deposit(&fleet, &nora).await;
    let path = format!("/operations/{operation}");
    let get = |path: String| send(request(&fleet, &nora, Method::GET, &path));

    for path in [path.clone(), format!("{path}?wait=1")] {
        let running = get(path).await;
        assert_eq!(running.headers["retry-after"], "1");
        let running = running.expect(200);
        assert_eq!(
            (&running["status"], &running["result"]),
            (&json!("running"), &Value::Null)
        );
        assert_eq!(running["accepted"]["status"], "pending");
    }
    let release = async { fleet.sandbox().release(hold).unwrap() };
    let (done, ()) = tokio::join!(get(format!("{path}?wait=30")), release);
    assert_eq!(done.expect(200)["status"], "completed");
    finish_with_transfers(fleet, 1).await;
}

/// A stream of server-sent events.
struct Events {
    response: Response,
    buffer: String,
}

#[derive(Debug, PartialEq)]
struct Sent {
    id: i64,
    event: String,
    data: Value,
}

impl Events {
    async fn open(fleet: &Fleet, who: &Investor, path: &str, last: Option<i64>) -> Self {
        let mut request = request(fleet, who, Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let message: String = self.buffer.drain(..end + 2).collect();
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
                };
                let (id, event, data) = (field("id:"), field("event:"), field("data:"));
                if let (Some(id), Some(event), Some(data)) = (id, event, data) {
                    let (id, data) = (id.parse().unwrap(), serde_json::from_str(&data).unwrap());
                    return Some(Sent { id, event, data });
                }
            } else {
                let chunk = self.response.chunk().await.unwrap()?;
                self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        }
    }

    /// Everything up to the end.
    async fn rest(mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

#[tokio::test]
async fn a_cut_stream_of_events_goes_on_without_gaps_or_doubles_and_ends_with_the_last_one() {
    let (fleet, nora) = working(patient).await;
    // A webhook could bring the row further than the operation itself, and first.
    fleet.sandbox().set_webhooks(Weather {
        hold: true,
        ..Weather::default()
    });
    let (operation, hold) = held_deposit(&fleet, &nora).await;
    let path = format!("/operations/{operation}/events");

    let mut cut = Events::open(&fleet, &nora, &path, None).await;
    let accepted = cut.next().await.unwrap();
    assert_eq!(
        (accepted.event.as_str(), accepted.data["id"].as_i64()),
        ("accepted", Some(accepted.id))
    );
    assert_eq!(accepted.data["operation"], json!(operation));
    drop(cut);
    let followed = Events::open(&fleet, &nora, &path, Some(accepted.id)).await;
    fleet.sandbox().release(hold).unwrap();
    let rest = followed.rest().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    let completed = &rest[0];
    assert_eq!(completed.event, "completed");
    assert!(completed.id > accepted.id);
    assert_eq!(completed.data["result"]["amount"].as_f64(), Some(70.0));
    let objects = |event: &Sent| -> Vec<String> {
        let changed = event.data["changed"].as_array().unwrap().iter();
        changed
            .map(|row| row["obj"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(objects(&accepted), ["transaction", "wallet"]);
    assert_eq!(objects(completed), ["transaction"]);

    let whole = Events::open(&fleet, &nora, &path, None).await.rest().await;
    assert_eq!(whole.iter().collect::<Vec<_>>(), [&accepted, completed]);
    let by_query = format!("{path}?Last-Event-ID={}", accepted.id);
    let by_query = Events::open(&fleet, &nora, &by_query, None)
        .await
        .rest()
        .await;
    assert_eq!(by_query.iter().collect::<Vec<_>>(), [completed]);

    let ask = request(&fleet, &nora, Method::GET, &path);
    let over = ask
        .try_clone()
        .unwrap()
        .header("last-event-id", completed.id);
    assert_eq!(
        send(over).await.status,
        204,
        "the browser shall not come back"
    );
    let odd = send(ask.header("last-event-id", "soon")).await;
    let fields = json!({ "last-event-id": ["must be of type: integer"] });
    assert_refused("odd", &odd, 400, BAD, &fields);
    fleet.sandbox().set_webhooks(Weather::default());
    fleet.sandbox().flush_webhooks(false).await;
    finish_with_transfers(fleet, 1).await;
}

#[tokio::test]
async fn a_refusal_is_an_event_too() {
    let (fleet, nora) = working(quick).await;
    let refused = nora.move_money(&fleet, "withdrawal", "5.00").await;
    assert_eq!(refused.status, 400);
    let path = format!("/operations/{}/events", refused.operation());
    let events = Events::open(&fleet, &nora, &path, None).await.rest().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].event, "refused");
    assert_eq!(events[0].data["problem"]["code"], "insufficient_funds");
    finish_with_transfers(fleet, 0).await;
}
