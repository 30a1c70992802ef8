//! Kratos' whoami.

use reqwest::StatusCode;
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rig::Rig;

#[tokio::test]
async fn a_session_answers_its_identity_by_cookie_and_by_token_until_it_is_revoked() {
    let rig = Rig::start().await;
    let identity = Uuid::new_v4();
    let sessions = format!("{}/_sandbox/kratos/sessions", rig.sandbox.url());
    let made: Value = rig
        .http
        .post(&sessions)
        .json(&json!({"identity_id": identity}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let whoami = format!("{}/sessions/whoami", rig.sandbox.kratos_url());
    let ask = async |name: &str, value: &str| {
        let response = rig
            .http
            .get(&whoami)
            .header(name, value)
            .send()
            .await
            .unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let cookie = format!("theme=dark; {}", made["cookie"].as_str().unwrap());
    let (status, session) = ask("cookie", &cookie).await;
    assert_eq!((status, &session["active"]), (StatusCode::OK, &json!(true)));
    assert_eq!(session["identity"]["id"], json!(identity));
    let (status, _) = ask("x-session-token", made["token"].as_str().unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let one = format!("{sessions}/{}", made["id"].as_str().unwrap());
    rig.http
        .delete(&one)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let (status, error) = ask("cookie", &cookie).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!(401))
    );
    assert_eq!(rig.control.whoami_calls(), 3);
    assert_eq!(
        rig.http.delete(&one).send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn faults_strike_kratos_as_well() {
    let rig = Rig::start().await;
    let fault = Fault::Status {
        status: 503,
        when: When::Before,
        retry_after: None,
    };
    rig.control.arm(FaultSpec::once(
        Partner::Kratos,
        "GET",
        "/sessions/whoami",
        fault,
    ));
    let whoami = format!("{}/sessions/whoami", rig.sandbox.kratos_url());
    assert_eq!(
        rig.http.get(&whoami).send().await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        rig.http.get(&whoami).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}
