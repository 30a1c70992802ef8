//! One sandbox with a client that speaks to it as the platform would.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use sandbox::{Control, Effect, Fault, FaultSpec, LedgerQuery, Partner, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const HAL: &str = "application/vnd.dwolla.v1.hal+json";

pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) control: Control,
    pub(crate) http: Client,
    pub(crate) token: String,
}

/// A verified customer with a balance and a verified bank.
pub(crate) struct Wallet {
    pub(crate) customer: String,
    pub(crate) balance: String,
    pub(crate) bank: String,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(SandboxConfig::default()).await
    }

    pub(crate) async fn with(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut rig = Self {
            control: sandbox.control(),
            sandbox,
            http,
            token: String::new(),
        };
        rig.token = rig.new_token().await;
        rig
    }

    pub(crate) async fn new_token(&self) -> String {
        let config = SandboxConfig::default();
        let response = self
            .http
            .post(format!("{}/token", self.sandbox.dwolla_url()))
            .basic_auth(config.dwolla_key, Some(config.dwolla_secret))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .unwrap();
        let body: Value = response.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .header(ACCEPT, HAL)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sandbox.dwolla_url())
        }
    }

    pub(crate) fn request(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.signed(self.http.post(self.url(path))).json(body);
        if key.is_empty() {
            request
        } else {
            request.header("Idempotency-Key", key)
        }
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Response {
        self.request(path, key, body).send().await.unwrap()
    }

    /// Posts what must be created and answers its URL.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> String {
        let response = self.post(path, &Uuid::new_v4().to_string(), body).await;
        let status = response.status();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{text}");
        assert_eq!(text, "");
        location.unwrap()
    }

    pub(crate) async fn try_get(&self, path: &str) -> (StatusCode, Value) {
        let response = self
            .signed(self.http.get(self.url(path)))
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_get(path).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Posts what must be refused and answers status and body.
    pub(crate) async fn refused(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.post(path, "", body).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn delete(&self, url: &str) -> StatusCode {
        self.signed(self.http.delete(url))
            .send()
            .await
            .unwrap()
            .status()
    }

    pub(crate) async fn customer(&self, first_name: &str) -> String {
        self.create("/customers", &person(first_name)).await
    }

    /// A wallet whose bank has this name, with so many dollars in its balance.
    pub(crate) async fn wallet(&self, bank_name: &str, dollars: &str) -> Wallet {
        let customer = self.customer("Nora").await;
        let list = self.get(&format!("{customer}/funding-sources")).await;
        let balance = href(&list["_embedded"]["funding-sources"][0], "self");
        let bank = self.bank(&customer, bank_name).await;
        let wallet = Wallet {
            customer,
            balance,
            bank,
        };
        if dollars != "0" {
            let master = self.get("/").await;
            let sources = self
                .get(&format!("{}/funding-sources", href(&master, "account")))
                .await;
            let from = href(&sources["_embedded"]["funding-sources"][0], "self");
            self.create("/transfers", &transfer(&from, &wallet.balance, dollars))
                .await;
        }
        wallet
    }

    /// A verified bank, through Plaid.
    pub(crate) async fn bank(&self, customer: &str, name: &str) -> String {
        let (access, account) = self.linked().await;
        let token = self.processor_token(&access, &account).await;
        let body = json!({"plaidToken": token, "name": name, "bankAccountType": "checking"});
        self.create(&format!("{customer}/funding-sources"), &body)
            .await
    }

    /// An access token and the id of the checking account.
    pub(crate) async fn linked(&self) -> (String, String) {
        let public = self
            .plaid(
                "/sandbox/public_token/create",
                json!({"institution_id": "ins_109508", "initial_products": ["auth"]}),
            )
            .await;
        self.exchanged(&public["public_token"]).await
    }

    pub(crate) async fn exchanged(&self, public_token: &Value) -> (String, String) {
        let item = self
            .plaid(
                "/item/public_token/exchange",
                json!({"public_token": public_token}),
            )
            .await;
        let access = item["access_token"].as_str().unwrap().to_owned();
        let accounts = self
            .plaid("/accounts/get", json!({"access_token": access}))
            .await;
        (
            access,
            accounts["accounts"][0]["account_id"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    }

    pub(crate) async fn processor_token(&self, access: &str, account: &str) -> String {
        let body = json!({"access_token": access, "account_id": account, "processor": "dwolla"});
        self.plaid("/processor/token/create", body).await["processor_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn try_plaid(&self, path: &str, mut body: Value) -> (u16, Value) {
        let config = SandboxConfig::default();
        body["client_id"] = config.plaid_client_id.into();
        body["secret"] = config.plaid_secret.into();
        let url = format!("{}{path}", self.sandbox.plaid_url());
        let response = self.http.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn plaid(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.try_plaid(path, body).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["request_id"].as_str().unwrap().len(), 15);
        body
    }

    pub(crate) async fn process(&self) -> u64 {
        let response = self.post("/sandbox-simulations", "", &json!({})).await;
        response.json::<Value>().await.unwrap()["total"]
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn dollars(&self, balance: &str) -> String {
        let body = self.get(&format!("{balance}/balance")).await;
        body["balance"]["value"].as_str().unwrap().to_owned()
    }

    /// The effects of one kind.
    pub(crate) fn effects(&self, kind: &str) -> Vec<Effect> {
        self.control.ledger(&LedgerQuery {
            kind: Some(kind.to_owned()),
            ..LedgerQuery::default()
        })
    }

    /// A verb of the control API over HTTP.
    pub(crate) async fn verb(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let response = self
            .http
            .request(method, url)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
        )
    }

    pub(crate) fn arm(&self, path: &str, fault: Fault) -> Uuid {
        self.control
            .arm(FaultSpec::once(Partner::Dwolla, "POST", path, fault))
    }
}

pub(crate) fn href(resource: &Value, link: &str) -> String {
    resource["_links"][link]["href"]
        .as_str()
        .unwrap_or_else(|| panic!("no {link} in {resource}"))
        .to_owned()
}

/// The link names of a resource, sorted.
pub(crate) fn links(resource: &Value) -> Vec<String> {
    resource["_links"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

pub(crate) fn person(first_name: &str) -> Value {
    json!({
        "firstName": first_name, "lastName": "Example", "email": format!("{}@mail.test", Uuid::new_v4()),
        "type": "personal", "address1": "12 Sample Ave", "city": "Des Moines", "state": "IA", "postalCode": "50309",
        "dateOfBirth": "1988-04-17", "ssn": "1234", "phone": "5155550123",
    })
}

pub(crate) fn transfer(from: &str, to: &str, dollars: &str) -> Value {
    json!({
        "_links": {"source": {"href": from}, "destination": {"href": to}},
        "amount": {"currency": "USD", "value": dollars},
    })
}

pub(crate) fn correlated(from: &str, to: &str, dollars: &str, correlation: &str) -> Value {
    let mut body = transfer(from, to, dollars);
    body["correlationId"] = correlation.into();
    body
}
