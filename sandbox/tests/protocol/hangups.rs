//! Clients that go away, and a sandbox that stops.

use sandbox::{Fault, LedgerQuery, When};

use super::rig::{Rig, correlated};

#[tokio::test]
async fn a_request_whose_client_hung_up_at_a_hold_is_carried_out_when_it_is_released() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let hold = rig.arm("/transfers", Fault::Hold { when: When::Before });
    let request = tokio::spawn(rig.request("/transfers", "key-1", &body).send());
    rig.control.await_fired(hold, 1).await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    rig.control.release(hold).unwrap();
    let query = LedgerQuery {
        correlation_id: Some("txn-1".to_owned()),
        ..LedgerQuery::default()
    };
    assert_eq!(rig.control.await_effects(&query, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn stopping_lets_go_who_is_held_and_closes_the_port() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let hold = rig.arm("/transfers", Fault::Hold { when: When::Before });
    let request = tokio::spawn(rig.request("/transfers", "key-1", &body).send());
    rig.control.await_fired(hold, 1).await.unwrap();
    let url = rig.sandbox.url().to_owned();
    rig.sandbox.stop().await;
    assert_eq!(request.await.unwrap().unwrap().status(), 201);
    assert!(rig.http.get(url).send().await.unwrap_err().is_connect());
}
