//! The WebSocket that the front end opens: whom it lets in, and what it is pushed.

use crate::harness::{Fleet, Investor, settle_banks_when_started};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with these headers; the status of the refusal, if it is one.
    async fn open(
        fleet: &Fleet,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = fleet.url(path).replacen("http", "ws", 1);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn of(fleet: &Fleet, who: &Investor) -> Self {
        Self::open(fleet, "/ws", &[("cookie", &who.cookie)])
            .await
            .unwrap()
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message that is no protocol matter.
    async fn message(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await;
            match next.expect("a message within 30 s").unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn text(&mut self) -> String {
        self.message().await.into_text().unwrap().to_string()
    }

    /// The next frames, up to the one that `is_last`.
    async fn frames_until(&mut self, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame: Value = serde_json::from_str(&self.text().await).unwrap();
            let last = is_last(&frame["data"]);
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }
}

/// Checks what every frame needs, or the client loses or confuses it.
fn assert_readable(frames: &[Value], user: i64) {
    let mut ids = HashSet::new();
    for frame in frames {
        let id = frame["id"].as_i64().unwrap();
        assert!(ids.insert(id), "the id {id} twice");
        assert_eq!(frame["user_id"], json!(user));
        assert_eq!(
            (&frame["status"], &frame["type"]),
            (&json!("unread"), &json!("internal"))
        );
        for text in ["content", "created_at", "updated_at"] {
            assert!(frame[text].is_string(), "{text} of {frame}");
        }
        let data = &frame["data"];
        assert!(
            data["obj"].is_string() && data["object_id"].is_i64(),
            "{frame}"
        );
        assert_eq!(data["fields"]["object_id"], data["object_id"]);
    }
}

fn fields_of<'a>(frames: &'a [Value], object: &str) -> Vec<&'a Value> {
    let data = frames.iter().map(|frame| &frame["data"]);
    data.filter(|data| data["obj"] == object)
        .map(|data| &data["fields"])
        .collect()
}

#[tokio::test]
async fn only_a_signed_in_person_from_a_trusted_page_gets_a_socket() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let cookie = ("cookie", nora.cookie.as_str());
    let stranger = fleet.sandbox().log_in(uuid::Uuid::new_v4(), None).cookie;
    let ours = ("origin", "http://localhost:5173");
    for path in ["/ws", "/notifications/ws"] {
        for (headers, status) in [
            (&[][..], 401),
            (&[("cookie", "ory_kratos_session=made-up")], 401),
            (&[("cookie", stranger.as_str())], 401),
            (&[("authorization", "Bearer dev-operator-token")], 401),
            (&[cookie, ("origin", "https://evil.example")], 403),
        ] {
            assert_eq!(
                Socket::open(&fleet, path, headers).await.err(),
                Some(status),
                "{headers:?}"
            );
        }
        assert!(Socket::open(&fleet, path, &[cookie, ours]).await.is_ok());
    }
    let mut socket = Socket::of(&fleet, &nora).await;
    for odd in [
        "",
        "{",
        "[]",
        r#"{"Command":"shutdown"}"#,
        r#"{"Command":7}"#,
    ] {
        socket.say(odd).await;
    }
    socket.say(r#"{"Command":"ping"}"#).await;
    assert_eq!(socket.text().await, "pong");

    fleet.finish().await;
    let Message::Close(Some(close)) = socket.message().await else {
        panic!("no close frame")
    };
    assert_eq!(u16::from(close.code), 1012, "the client shall come back");
}

#[tokio::test]
async fn a_deposit_is_pushed_as_rows_that_the_client_can_merge() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    super::Given::when_calm(&fleet).await;
    let (mut first, mut second) = (
        Socket::of(&fleet, &nora).await,
        Socket::of(&fleet, &nora).await,
    );
    let asked = nora
        .move_money(&fleet, "deposit", "12.20")
        .await
        .expect(202);
    settle_banks_when_started(&fleet, &asked["id"]).await;

    let paid = |data: &Value| data["obj"] == "wallet" && data["fields"]["balance"] == json!(12.2);
    let frames = first.frames_until(paid).await;
    assert_readable(&frames, nora.user);
    assert_eq!(
        second.frames_until(paid).await,
        frames,
        "both tabs hear the same"
    );

    let transactions = fields_of(&frames, "transaction");
    for row in &transactions {
        assert_eq!(
            (&row["id"], &row["object_id"]),
            (&asked["id"], &asked["id"])
        );
        assert_eq!(
            (&row["source_wallet_id"], &row["dest_wallet_id"]),
            (&json!(0), &json!(nora.wallet))
        );
        assert_eq!(
            (&row["type"], &row["amount"]),
            (&json!("deposit"), &json!(12.2))
        );
        for text in ["created_at", "updated_at"] {
            assert!(row[text].is_string(), "{text} of {row}");
        }
        assert!(row["entity_id"].is_string() || row["entity_id"].is_null());
    }
    let mut statuses: Vec<_> = transactions
        .iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect();
    statuses.dedup();
    assert_eq!(statuses, ["pending", "processed"]);

    let wallets = fields_of(&frames, "wallet");
    let pairs = [
        ("inc_balance", "pending_incoming_balance"),
        ("out_balance", "pending_outcoming_balance"),
    ];
    for row in &wallets {
        assert_eq!(
            (&row["id"], &row["status"]),
            (&json!(nora.wallet), &json!("verified"))
        );
        assert!(row["balance"].is_number(), "{row}");
        for (ours, theirs) in pairs {
            assert!(row[ours].is_number(), "{ours} of {row}");
            assert_eq!(row[ours], row[theirs]);
        }
    }
    let incoming: Vec<_> = wallets
        .iter()
        .map(|row| row["inc_balance"].as_f64().unwrap())
        .collect();
    assert_eq!(incoming, [12.2, 0.0]);
    drop((first, second));
    super::finish_with_transfers(fleet, 1).await;
}

#[tokio::test]
async fn a_person_is_pushed_nothing_of_anybody_else() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let otto = Investor::known(&fleet, "Otto").await;
    let (mut noras, mut ottos) = (
        Socket::of(&fleet, &nora).await,
        Socket::of(&fleet, &otto).await,
    );
    let asked = nora.move_money(&fleet, "deposit", "5.00").await.expect(202);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    let processed = |data: &Value| data["fields"]["status"] == "processed";
    noras.frames_until(processed).await;

    // What Otto hears first is about himself, although he has listened all the time.
    let approved = json!({ "profile_id": otto.profile });
    fleet
        .post_as("/queue/kyc/approved", "kyc", approved)
        .await
        .expect(200);
    let verified = |data: &Value| data["obj"] == "wallet" && data["fields"]["status"] == "verified";
    let frames = ottos.frames_until(verified).await;
    assert_readable(&frames, otto.user);
    let profile = fields_of(&frames, "profile");
    assert_eq!(profile[0]["kyc_status"], "approved");
    assert!(
        profile
            .iter()
            .all(|fields| fields["object_id"] == json!(otto.profile))
    );
    drop((noras, ottos));
    super::finish_with_transfers(fleet, 1).await;
}
