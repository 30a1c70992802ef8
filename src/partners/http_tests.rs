//! What becomes of a request, against sockets that refuse, stay silent, break or answer.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn http(url: &Url) -> Http {
    let settings = Settings {
        partner: "partner",
        url,
        timeout_ms: 300,
        requests_per_second: 1000,
        request_id: |_| None,
    };
    Http::new(&settings).unwrap()
}

async fn listener() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    (listener, url)
}

async fn send(http: &Http, url: &Url) -> Result<Reply, Transport> {
    let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"{}"));
    let (method, url) = (Method::POST, url.clone());
    http.send(Request {
        operation: "test",
        method,
        url,
        headers,
        body,
        call: None,
    })
    .await
}

/// Takes the request off the connection, whole as it is small.
async fn request(stream: &mut TcpStream) {
    let mut buffer = [0u8; 4096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let (listener, url) = listener().await;
    drop(listener);
    match send(&http(&url), &url).await {
        Err(Transport::NotSent(fault)) => assert_eq!(fault.code(), "partner_unreachable"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn silence_after_the_request_is_unknown() {
    let (listener, url) = listener().await;
    let silent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        std::future::pending::<()>().await;
    });
    assert!(matches!(
        send(&http(&url), &url).await,
        Err(Transport::Unknown(_))
    ));
    silent.abort();
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_unknown() {
    let (listener, url) = listener().await;
    let breaks = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
    });
    assert!(matches!(
        send(&http(&url), &url).await,
        Err(Transport::Unknown(_))
    ));
    breaks.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_unknown() {
    let (listener, url) = listener().await;
    let cut = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(&OK[..OK.len() - 1]).await.unwrap();
    });
    assert!(matches!(
        send(&http(&url), &url).await,
        Err(Transport::Unknown(_))
    ));
    cut.await.unwrap();
}

#[tokio::test]
async fn an_open_breaker_names_the_partner_and_the_time_and_costs_no_attempt() {
    let (listener, url) = listener().await;
    drop(listener);
    let http = http(&url);
    for _ in 0..10 {
        assert!(send(&http, &url).await.is_err());
    }
    match send(&http, &url).await {
        Err(Transport::NotSent(Fault::Snooze(wait, cause))) => {
            assert_eq!(cause.code, "partner_unavailable");
            assert!(wait <= Duration::from_secs(6));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_effect_whose_lease_is_lost_sends_nothing() {
    use crate::bus::effect::IdempotencyKey;
    use crate::bus::lease::Lease;

    let (listener, url) = listener().await;
    let lease = Lease::granted(1, Instant::now(), Duration::ZERO);
    let call = Call::new(IdempotencyKey::derive(uuid::Uuid::nil(), "test", 0), lease);
    let request = Request {
        operation: "test",
        method: Method::POST,
        url: url.clone(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        call: Some(&call),
    };
    let sent = http(&url).send(request).await;
    assert!(matches!(sent, Err(Transport::NotSent(Fault::LeaseLost))));
    drop(listener);
}

#[tokio::test]
async fn an_answer_is_handed_up_whole_with_its_pause() {
    let (listener, url) = listener().await;
    let answers = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let head = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stream.write_all(b"slow").await.unwrap();
    });
    let reply = send(&http(&url), &url).await.unwrap();
    assert_eq!(reply.status.as_u16(), 429);
    assert_eq!(reply.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(&reply.body[..], b"slow");
    answers.await.unwrap();
}

#[test]
fn a_resource_stands_below_the_base_and_its_segments_are_escaped() {
    let base: Url = "http://127.0.0.1:1/dwolla/".parse().unwrap();
    let url = below(&base, &["customers", "a/b?c"]);
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:1/dwolla/customers/a%2Fb%3Fc"
    );
    let host: Url = "https://api.example".parse().unwrap();
    assert_eq!(
        below(&host, &["token"]).as_str(),
        "https://api.example/token"
    );
}
