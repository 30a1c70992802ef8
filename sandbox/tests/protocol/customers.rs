//! Customers: fields, duplicates, the status machine.

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::rig::{HAL, Rig, href, person};

fn codes(body: &Value) -> Vec<(&str, &str)> {
    let errors = body["_embedded"]["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| {
            (
                error["code"].as_str().unwrap(),
                error["path"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_verified_customer_has_a_balance_and_shows_no_secrets() {
    let rig = Rig::start().await;
    let mut body = person("Nora");
    body["correlationId"] = "wallet-1".into();
    let customer = rig.create("/customers", &body).await;
    let shown = rig.get(&customer).await;
    assert_eq!(shown["status"], "verified");
    assert_eq!(shown["correlationId"], "wallet-1");
    assert_eq!(
        (&shown["ssn"], &shown["dateOfBirth"]),
        (&Value::Null, &Value::Null)
    );
    assert!(shown["_links"]["send"].is_object());
    let list = rig
        .get(&format!("{customer}/funding-sources?removed=false"))
        .await;
    let sources = list["_embedded"]["funding-sources"].as_array().unwrap();
    assert_eq!((sources.len(), &sources[0]["type"]), (1, &json!("balance")));
}

#[tokio::test]
async fn every_missing_or_malformed_field_is_reported_with_its_path() {
    let rig = Rig::start().await;
    let mut body = person("Nora");
    body["email"] = "nora".into();
    body["state"] = "ia".into();
    body["ssn"] = "12".into();
    body["dateOfBirth"] = "2020-01-01".into();
    body.as_object_mut().unwrap().remove("firstName");
    let (status, answer) = rig.refused("/customers", &body).await;
    assert_eq!((status, &answer["code"]), (400, &json!("ValidationError")));
    let expected = [
        ("Required", "/firstName"),
        ("InvalidFormat", "/email"),
        ("InvalidFormat", "/state"),
        ("InvalidFormat", "/dateOfBirth"),
        ("InvalidFormat", "/ssn"),
    ];
    assert_eq!(codes(&answer), expected);
    assert_eq!(
        answer["_embedded"]["errors"][0]["message"],
        "FirstName required."
    );
    assert_eq!(
        answer["_embedded"]["errors"][1]["message"],
        "Email invalid."
    );
    let garbage = rig.refused("/customers", &json!("no object")).await;
    assert_eq!((garbage.0, &garbage.1["code"]), (400, &json!("BadRequest")));
}

#[tokio::test]
async fn a_duplicate_email_leads_to_the_customer_that_has_it() {
    let rig = Rig::start().await;
    let mut body = person("Nora");
    body["correlationId"] = "wallet-1".into();
    let customer = rig.create("/customers", &body).await;
    body["correlationId"] = "wallet-2".into();
    body["email"] = body["email"].as_str().unwrap().to_uppercase().into();
    let (_, answer) = rig.refused("/customers", &body).await;
    assert_eq!(codes(&answer), [("Duplicate", "/email")]);
    assert_eq!(href(&answer["_embedded"]["errors"][0], "about"), customer);
    let mut other = person("Otto");
    other["correlationId"] = "wallet-1".into();
    let (_, answer) = rig.refused("/customers", &other).await;
    assert_eq!(codes(&answer), [("Duplicate", "/correlationId")]);
    assert_eq!(rig.effects("customer.created").len(), 1);
}

#[tokio::test]
async fn search_by_email_is_exact_and_search_is_fuzzy() {
    let rig = Rig::start().await;
    let body = person("Nora");
    rig.create("/customers", &body).await;
    rig.customer("retry").await;
    let email = body["email"].as_str().unwrap();
    assert_eq!(
        rig.get(&format!("/customers?email={email}")).await["total"],
        1
    );
    assert_eq!(rig.get("/customers?email=mail.test").await["total"], 0);
    assert_eq!(rig.get("/customers?search=mail.test").await["total"], 2);
    assert_eq!(
        rig.get("/customers?status=retry&status=document").await["total"],
        1
    );
}

#[tokio::test]
async fn the_first_name_decides_the_initial_status_and_only_verified_has_a_balance() {
    let rig = Rig::start().await;
    for status in ["retry", "kba", "document", "suspended", "verified"] {
        let customer = rig.customer(status).await;
        assert_eq!(rig.get(&customer).await["status"], status);
        let list = rig.get(&format!("{customer}/funding-sources")).await;
        let count = list["_embedded"]["funding-sources"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(count, usize::from(status == "verified"), "{status}");
    }
}

#[tokio::test]
async fn a_retry_needs_the_full_ssn_and_is_possible_once() {
    let rig = Rig::start().await;
    let mut body = person("retry");
    let customer = rig.create("/customers", &body).await;
    assert!(rig.get(&customer).await["_links"]["retry-verification"].is_object());
    let (status, answer) = rig.refused(&customer, &body).await;
    assert_eq!(
        (status, codes(&answer)),
        (400, vec![("InvalidFormat", "/ssn")])
    );
    body["ssn"] = "123456789".into();
    let second = rig.post(&customer, "", &body).await;
    assert_eq!(second.json::<Value>().await.unwrap()["status"], "document");
    let (status, answer) = rig.refused(&customer, &body).await;
    assert_eq!(
        (status, &answer["code"]),
        (403, &json!("InvalidResourceState"))
    );
}

#[tokio::test]
async fn a_retry_with_a_good_name_verifies_and_opens_the_balance() {
    let rig = Rig::start().await;
    let mut body = person("retry");
    let customer = rig.create("/customers", &body).await;
    body["firstName"] = "Nora".into();
    body["ssn"] = "123456789".into();
    let answer: Value = rig.post(&customer, "", &body).await.json().await.unwrap();
    assert_eq!(
        (&answer["status"], &answer["firstName"]),
        (&json!("verified"), &json!("Nora"))
    );
    let list = rig.get(&format!("{customer}/funding-sources")).await;
    assert_eq!(list["_embedded"]["funding-sources"][0]["type"], "balance");
}

#[tokio::test]
async fn deactivation_returns_to_the_previous_status_and_suspension_only_by_staff() {
    let rig = Rig::start().await;
    let customer = rig.customer("document").await;
    let set = async |status: &str| {
        rig.post(&customer, "", &json!({"status": status}))
            .await
            .status()
    };
    assert_eq!(set("deactivated").await, StatusCode::OK);
    assert_eq!(rig.get(&customer).await["status"], "deactivated");
    assert_eq!(set("reactivated").await, StatusCode::OK);
    assert_eq!(rig.get(&customer).await["status"], "document");
    assert_eq!(set("suspended").await, StatusCode::OK);
    assert_eq!(set("deactivated").await, StatusCode::FORBIDDEN);
    assert_eq!(set("asleep").await, StatusCode::BAD_REQUEST);
    let id = customer.rsplit('/').next().unwrap();
    rig.control.set_customer_status(id, "reactivated").unwrap();
    assert_eq!(rig.get(&customer).await["status"], "document");
}

#[tokio::test]
async fn contact_data_can_be_updated_and_another_customers_email_cannot_be_taken() {
    let rig = Rig::start().await;
    let taken = person("Otto");
    rig.create("/customers", &taken).await;
    let customer = rig.customer("Nora").await;
    let answer: Value = rig
        .post(
            &customer,
            "",
            &json!({"city": "Ames", "phone": "5155550999"}),
        )
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&answer["city"], &answer["phone"]),
        (&json!("Ames"), &json!("5155550999"))
    );
    let (_, answer) = rig
        .refused(&customer, &json!({"email": taken["email"]}))
        .await;
    assert_eq!(codes(&answer), [("Duplicate", "/email")]);
}

fn company(name: &str) -> Value {
    json!({
        "firstName": "Ada", "lastName": "Admin", "email": "ada@mail.test", "type": "business", "businessType": "llc",
        "businessName": name, "businessClassification": "9ed3cf5e-7d6f-11e3-803f-5404a6144203", "ein": "00-0000000",
        "address1": "1 Main St", "city": "Austin", "state": "TX", "postalCode": "78701",
        "controller": {
            "firstName": "Carl", "lastName": "Control", "title": "CEO", "dateOfBirth": "1970-01-01", "ssn": "6789",
            "address": {"address1": "2 Main St", "city": "Austin", "stateProvinceRegion": "TX", "country": "US"},
        },
    })
}

#[tokio::test]
async fn a_company_may_send_after_its_ownership_is_certified() {
    let rig = Rig::start().await;
    let customer = rig.create("/customers", &company("Good LLC")).await;
    let shown = rig.get(&customer).await;
    assert_eq!(shown["status"], "verified");
    assert_eq!(shown["controller"]["title"], "CEO");
    assert_eq!(shown["controller"]["ssn"], Value::Null);
    assert!(shown["_links"]["send"].is_null());
    let ownership = format!("{customer}/beneficial-ownership");
    assert_eq!(rig.get(&ownership).await["status"], "uncertified");
    rig.post(&ownership, "", &json!({"status": "certified"}))
        .await
        .error_for_status()
        .unwrap();
    assert!(rig.get(&customer).await["_links"]["send"].is_object());
    let mut broken = company("Bad LLC");
    broken["email"] = "bad@mail.test".into();
    broken.as_object_mut().unwrap().remove("controller");
    assert_eq!(
        codes(&rig.refused("/customers", &broken).await.1),
        [("Required", "/controller")]
    );
}

#[tokio::test]
async fn a_sole_proprietor_is_a_person_with_a_business_and_may_send_at_once() {
    let rig = Rig::start().await;
    let mut body = person("Nora");
    body["type"] = "business".into();
    body["businessType"] = "soleProprietorship".into();
    body["businessName"] = "Nora's Bikes".into();
    body["businessClassification"] = "9ed3cf5e-7d6f-11e3-803f-5404a6144203".into();
    let shown = rig.get(&rig.create("/customers", &body).await).await;
    assert_eq!(
        (&shown["type"], &shown["status"]),
        (&json!("business"), &json!("verified"))
    );
    assert!(shown["_links"]["send"].is_object());
}

#[tokio::test]
async fn a_verification_directive_can_be_simulated_for_a_business() {
    let rig = Rig::start().await;
    let customer = rig.create("/customers", &company("document")).await;
    let body = json!({
        "type": "customer-verification", "_links": {"customer": {"href": customer}}, "errorCode": "POBoxNotAllowed",
    });
    rig.post("/sandbox-simulations", "", &body)
        .await
        .error_for_status()
        .unwrap();
    let shown = rig.get(&customer).await;
    assert_eq!(shown["status"], "document");
    assert_eq!(shown["_embedded"]["errors"][0]["code"], "POBoxNotAllowed");
}

#[tokio::test]
async fn an_approved_document_verifies_and_a_failed_one_gives_its_reason() {
    let rig = Rig::start().await;
    let customer = rig.customer("document").await;
    let upload = async |file: &str, kind: &str| {
        let part = Part::bytes(vec![1; 100])
            .file_name(file.to_owned())
            .mime_str("image/jpeg")
            .unwrap();
        let form = Form::new()
            .text("documentType", kind.to_owned())
            .part("file", part);
        rig.http
            .post(format!("{customer}/documents"))
            .header("accept", HAL)
            .header("authorization", format!("Bearer {}", rig.token))
            .multipart(form)
            .send()
            .await
            .unwrap()
    };
    let failed = upload("test-document-upload-fail.jpg", "passport").await;
    assert_eq!(failed.status(), StatusCode::CREATED);
    let failed = rig
        .get(failed.headers()["location"].to_str().unwrap())
        .await;
    assert_eq!(failed["failureReason"], "ScanNotReadable");
    assert_eq!(rig.get(&customer).await["status"], "document");
    assert_eq!(
        upload("virus.exe", "passport").await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        upload("test-document-upload-success.jpg", "license")
            .await
            .status(),
        StatusCode::CREATED
    );
    assert_eq!(rig.get(&customer).await["status"], "verified");
    assert_eq!(
        upload("late.jpg", "license").await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(rig.get(&format!("{customer}/documents")).await["total"], 2);
}
