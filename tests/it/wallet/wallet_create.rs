//! A wallet follows the approval of an identity, once, in the status that Dwolla decides.

use super::rows::customer;
use crate::harness::{Fleet, Investor, Reply, dwolla_token, eventually};
use sandbox::{Fault, FaultSpec, LedgerQuery, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_wallet_has_the_status_that_dwolla_decides() {
    let fleet = Fleet::start().await;
    for (first_name, status) in [
        ("verified", "verified"),
        ("retry", "error_retry"),
        ("document", "error_document"),
        ("suspended", "error_suspended"),
    ] {
        let investor = Investor::with_wallet(&fleet, first_name, status).await;
        let wallet = investor.wallet(&fleet).await.expect(200);
        assert_eq!(wallet["status"], status);
        assert_eq!(
            (&wallet["balance"], &wallet["funding_source"]),
            (&json!(0), &json!([]))
        );
    }
    assert_eq!(fleet.effects("customer.created"), 4);
    let balances = "select count(*) from wallets where dwolla_balance_id is not null";
    eventually("only the verified one has a balance", || async {
        fleet.scalar::<i64>(balances).await == 1
    })
    .await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_customer_whose_answer_is_lost_is_found_and_not_made_twice() {
    let fleet = Fleet::start().await;
    let reset = Fault::Reset { when: When::After };
    fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/customers$",
        reset,
    ));
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    assert_eq!(fleet.effects("customer.created"), 1);
    let query = LedgerQuery {
        kind: Some("customer.created".to_owned()),
        correlation_id: Some(format!("wallet-{}", nora.wallet)),
        ..LedgerQuery::default()
    };
    assert_eq!(fleet.sandbox().ledger(&query).len(), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn a_profile_without_the_needed_data_leaves_the_wallet_in_error_and_names_what_is_missing() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let person = json!({ "first_name": "Nora", "last_name": "Example", "city": "Des Moines" });
    let told = fleet.command(
        "directory/profile_upsert",
        json!({ "id": nora.profile, "version": 2, "user_id": nora.user, "type": "individual",
                "person": person }),
    );
    told.await.expect(200);
    let approved = json!({ "profile_id": nora.profile });
    fleet
        .post_as("/queue/kyc/approved", "kyc", approved)
        .await
        .expect(200);
    let wallet = nora.wallet_in(&fleet, "error").await;
    eventually("its letter stands", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'profile_incomplete'")
            .await
            == 1
    })
    .await;
    assert_eq!(fleet.effects("customer.created"), 0);

    nora.tell_profile(&fleet, 3, "Nora", "6789").await;
    let path = format!("/wallet/internal/wallet/{wallet}/recreate");
    let again = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(again["status"], "verified");
    nora.wallet_in(&fleet, "verified").await;
    fleet.finish_with(&["rejected"]).await;
}

#[tokio::test]
async fn an_address_that_another_customer_has_is_never_adopted() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let base = fleet.stack.sandbox.dwolla_url();
    let made = fleet
        .http
        .post(format!("{base}/customers"))
        .bearer_auth(dwolla_token(&fleet).await)
        .header("accept", "application/vnd.dwolla.v1.hal+json")
        .json(&json!({ "firstName": "Eve", "lastName": "Example",
                       "email": format!("person{}+individual@mail.test", nora.user),
                       "type": "personal", "address1": "1 Elsewhere", "city": "Ames", "state": "IA",
                       "postalCode": "50010", "dateOfBirth": "1980-01-02", "ssn": "1234" }))
        .send();
    Reply::of(made.await.unwrap()).await.expect(201);
    let approved = json!({ "profile_id": nora.profile });
    fleet
        .post_as("/queue/kyc/approved", "kyc", approved)
        .await
        .expect(200);
    nora.wallet_in(&fleet, "error").await;
    eventually("its letter stands", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'email_taken'")
            .await
            == 1
    })
    .await;
    let customers = "select count(*) from wallets where dwolla_customer_id is not null";
    assert_eq!(fleet.scalar::<i64>(customers).await, 0);
    // Events about the foreign customer wait for a wallet that will never come.
    let stop = "update operations set state = 'discarded', wake_at = null
                where topic = 'dwolla' and state in ('running', 'waiting')";
    eventually("its events were tried", || async {
        fleet
            .scalar::<i64>(
                "select count(*) from operations where topic = 'dwolla' and state = 'waiting'",
            )
            .await
            == 2
    })
    .await;
    sqlx::query(stop).execute(&fleet.db).await.unwrap();
    fleet.finish_with(&["rejected"]).await;
}

#[tokio::test]
async fn two_plans_of_one_person_have_two_customers() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    for profile in [nora.profile + 700_000, nora.profile + 700_001] {
        let told = fleet.command(
            "directory/profile_upsert",
            json!({ "id": profile, "version": 1, "user_id": nora.user, "type": "solo401k",
                    "person": { "first_name": "Nora", "last_name": "Example",
                "business_name": "Nora's plan", "address1": "12 Sample Ave",
                "city": "Des Moines", "state": "IA", "postal_code": "50309",
                "date_of_birth": "1988-04-17", "phone": "5155550123", "ssn": "6789" } }),
        );
        told.await.expect(200);
        let approved = json!({ "profile_id": profile });
        fleet
            .post_as("/queue/kyc/approved", "kyc", approved)
            .await
            .expect(200);
    }
    eventually("three wallets are verified", || async {
        let verified = "select count(*) from wallets where status = 'verified'
                        and dwolla_customer_id is not null and dwolla_balance_id is not null";
        fleet.scalar::<i64>(verified).await == 3
    })
    .await;
    assert_eq!(fleet.effects("customer.created"), 3);
    assert!(!customer(&fleet, &nora).await.is_empty());
    fleet.finish().await;
}
