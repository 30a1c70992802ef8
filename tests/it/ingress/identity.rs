//! Who calls: a cookie that Kratos knows, a gateway that proves itself, and nobody else.

use super::{Given, NOT_PROVEN, assert_refused, request, send};
use crate::harness::{Fleet, Investor, Reply, eventually};
use reqwest::Method;
use serde_json::json;
use workers::dev::stack::GATEWAY_SECRET;

#[tokio::test]
async fn a_person_is_whom_the_cookie_says_until_it_is_revoked() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let before = Given::when_calm(&fleet).await;
    let path = format!("/wallet/auth/linkaccount/{}/link", nora.profile);
    let ask = |cookie: Option<String>| {
        let mut asked = fleet.http.post(fleet.url(&path));
        if let Some(cookie) = cookie {
            asked = asked.header("cookie", cookie);
        }
        send(asked)
    };

    let none = json!({});
    assert_refused(
        "no cookie",
        &ask(None).await,
        401,
        "empty identity_id",
        &none,
    );
    for cookie in [
        "ory_kratos_session=made-up",
        "theme=dark",
        "ory_kratos_session=",
    ] {
        let reply = ask(Some(cookie.to_owned())).await;
        assert_refused(cookie, &reply, 401, NOT_PROVEN, &none);
    }
    let stranger = fleet.sandbox().log_in(uuid::Uuid::new_v4(), None);
    let reply = ask(Some(stranger.cookie)).await;
    assert_refused("an identity without a user", &reply, 401, NOT_PROVEN, &none);
    let among_others = format!("theme=dark; {}; lang=en", nora.cookie);
    assert_ne!(ask(Some(among_others)).await.status, 401);

    fleet.sandbox().log_out(&nora.cookie).unwrap();
    eventually("the sign-out is noticed", || async {
        ask(Some(nora.cookie.clone())).await.status == 401
    })
    .await;
    let reply = ask(Some(nora.cookie.clone())).await;
    assert_refused("revoked", &reply, 401, NOT_PROVEN, &none);
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn an_identity_in_a_header_counts_only_with_the_gateways_secret() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let path = format!("/wallet/auth/wallet/{}", nora.profile);
    let ask = async |secret: Option<&str>, identity: &str| -> Reply {
        let mut asked = fleet
            .http
            .get(fleet.url(&path))
            .header("authorization", identity);
        if let Some(secret) = secret {
            asked = asked.header("x-gateway-secret", secret);
        }
        send(asked).await
    };

    let identity = nora.identity.to_string();
    let (none, nobody) = (json!({}), "empty identity_id");
    assert_refused("no secret", &ask(None, &identity).await, 401, nobody, &none);
    for guess in ["", "guess", "dev-gateway-secre"] {
        let reply = ask(Some(guess), &identity).await;
        assert_refused(guess, &reply, 401, nobody, &none);
    }
    for spelling in [identity.clone(), format!("Bearer {identity}")] {
        let wallet = ask(Some(GATEWAY_SECRET), &spelling).await.expect(200);
        assert_eq!(wallet["id"], json!(nora.wallet));
    }
    let unknown = uuid::Uuid::new_v4().to_string();
    for odd in [
        "admin",
        "",
        "1",
        "f8a61466-8964-4ade-8ca5",
        "Basic Zm9v",
        &unknown,
    ] {
        let reply = ask(Some(GATEWAY_SECRET), odd).await;
        assert_refused(odd, &reply, 401, NOT_PROVEN, &none);
    }
    // With the secret the header wins: the gateway has checked the cookie itself.
    let other = Investor::known(&fleet, "Otto").await;
    let both = request(&fleet, &other, Method::GET, &path).header("authorization", &identity);
    assert_eq!(
        send(both.try_clone().unwrap()).await.status,
        404,
        "the cookie's person"
    );
    let both = both.header("x-gateway-secret", GATEWAY_SECRET);
    assert_eq!(send(both).await.status, 200, "the header's person");
    fleet.finish().await;
}

#[tokio::test]
async fn a_service_token_opens_no_persons_address_and_a_cookie_no_internal_one() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let before = Given::when_calm(&fleet).await;
    let none = json!({});
    let wallet = format!("/wallet/auth/wallet/{}", nora.profile);
    let reply = fleet.get_as(&wallet, "operator").await;
    assert_refused("token", &reply, 401, "empty identity_id", &none);

    let sync = format!("/wallet/internal/wallet/{}/sync", nora.wallet);
    let reply = send(request(&fleet, &nora, Method::POST, &sync)).await;
    assert_refused("cookie", &reply, 401, NOT_PROVEN, &none);
    let guessed = request(&fleet, &nora, Method::POST, &sync).header("authorization", "Bearer x");
    assert_refused("guess", &send(guessed).await, 401, NOT_PROVEN, &none);
    assert_eq!(Given::so_far(&fleet).await, before);
    let synced = fleet
        .post_as(&sync, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(synced["status"], "verified");
    fleet.finish().await;
}
