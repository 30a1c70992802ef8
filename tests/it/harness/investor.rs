//! A person with a profile, a wallet and a bank account: what most stories begin with.

use super::fleet::{Fleet, Reply};
use super::wait::eventually_some;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

pub(crate) struct Investor {
    pub(crate) identity: Uuid,
    pub(crate) cookie: String,
    pub(crate) user: i64,
    pub(crate) profile: i64,
    pub(crate) wallet: i64,
    pub(crate) bank: i64,
}

/// Ids that differ within a run; the directory gives them out, not we.
fn next() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Investor {
    /// A person whom the directory knows, with an individual profile, signed in.
    pub(crate) async fn known(fleet: &Fleet, first_name: &str) -> Self {
        let (identity, user, profile) = (Uuid::new_v4(), next(), next());
        let stored = fleet.command(
            "directory/user_upsert",
            json!({ "id": user, "version": 1, "identity_id": identity,
                    "email": format!("person{user}@mail.test"),
                    "first_name": first_name, "last_name": "Example" }),
        );
        stored.await.expect(200);
        let session = fleet.sandbox().log_in(identity, None);
        let (wallet, bank) = (0, 0);
        let investor = Self {
            identity,
            cookie: session.cookie,
            user,
            profile,
            wallet,
            bank,
        };
        investor.tell_profile(fleet, 1, first_name, "6789").await;
        investor
    }

    /// Tells the directory of a version of the profile.
    pub(crate) async fn tell_profile(
        &self,
        fleet: &Fleet,
        version: i64,
        first_name: &str,
        ssn: &str,
    ) {
        let told = fleet.command(
            "directory/profile_upsert",
            json!({ "id": self.profile, "version": version, "user_id": self.user,
                    "type": "individual", "person": {
                "first_name": first_name, "last_name": "Example", "address1": "12 Sample Ave",
                "city": "Des Moines", "state": "IA", "postal_code": "50309",
                "date_of_birth": "1988-04-17", "phone": "5155550123", "ssn": ssn } }),
        );
        told.await.expect(200);
    }

    /// The same, with the identity verified and the wallet brought to `status`.
    pub(crate) async fn with_wallet(fleet: &Fleet, first_name: &str, status: &str) -> Self {
        let mut investor = Self::known(fleet, first_name).await;
        let approved = fleet.post_as(
            "/queue/kyc/approved",
            "kyc",
            json!({ "profile_id": investor.profile }),
        );
        approved.await.expect(200);
        investor.wallet = investor.wallet_in(fleet, status).await;
        investor
    }

    /// The wallet's id, once it has that status.
    pub(crate) async fn wallet_in(&self, fleet: &Fleet, status: &str) -> i64 {
        let what = format!("the wallet is {status}");
        eventually_some(&what, || async {
            let wallet = self.wallet(fleet).await;
            (wallet.body["status"] == status).then(|| wallet.body["id"].as_i64().unwrap())
        })
        .await
    }

    /// The wallet as its owner sees it.
    pub(crate) async fn wallet(&self, fleet: &Fleet) -> Reply {
        let path = format!("/wallet/auth/wallet/{}", self.profile);
        fleet.as_user(&self.cookie, Method::GET, &path, None).await
    }

    /// The same, with a verified wallet and a linked bank account of that name.
    pub(crate) async fn with_bank(fleet: &Fleet, bank_name: &str) -> Self {
        let mut investor = Self::with_wallet(fleet, "Nora", "verified").await;
        investor.bank = investor.link_bank(fleet, bank_name).await;
        investor
    }

    /// Links a bank account through Plaid's dialog, as the browser does; its id.
    pub(crate) async fn link_bank(&self, fleet: &Fleet, name: &str) -> i64 {
        let path = |verb: &str| format!("/wallet/auth/linkaccount/{}{verb}", self.profile);
        let post = |verb: &str, body| {
            let path = path(verb);
            async move {
                fleet
                    .as_user(&self.cookie, Method::POST, &path, Some(body))
                    .await
            }
        };
        let link = post("/link", json!({})).await.expect(200);
        assert!(link["link_token"].as_str().unwrap().starts_with("link-"));
        let public_token = public_token(fleet).await;
        let exchanged = post("/exchange", json!({ "public_token": public_token }))
            .await
            .expect(200);
        let account = &exchanged["accounts"][0];
        let processed = post(
            "/process",
            json!({ "access_token": exchanged["access_token"], "name": name,
                    "account_id": account["account_id"], "last4": account["mask"] }),
        );
        let processed = processed.await.expect(200);
        processed["additional"]["id"].as_i64().unwrap()
    }

    /// Asks for a deposit or a withdrawal.
    pub(crate) async fn move_money(&self, fleet: &Fleet, kind: &str, amount: &str) -> Reply {
        let body = json!({ "type": kind, "amount": amount, "funding_source_id": self.bank });
        self.ask(fleet, body, None).await
    }

    /// Asks for a movement, under an idempotency key if one is given.
    pub(crate) async fn ask(&self, fleet: &Fleet, body: Value, key: Option<&str>) -> Reply {
        let path = format!("/wallet/auth/wallet/{}/transactions", self.wallet);
        let mut request = fleet
            .http
            .post(fleet.url(&path))
            .header("cookie", &self.cookie)
            .json(&body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    /// The movements as their owner sees them, newest first.
    pub(crate) async fn transactions(&self, fleet: &Fleet) -> Vec<Value> {
        let path = format!("/wallet/auth/wallet/{}/transactions", self.wallet);
        let list = fleet
            .as_user(&self.cookie, Method::GET, &path, None)
            .await
            .expect(200);
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until the movement has that status.
    pub(crate) async fn transaction_in(&self, fleet: &Fleet, id: &Value, status: &str) -> Value {
        let what = format!("transaction {id} is {status}");
        eventually_some(&what, || async {
            let all = self.transactions(fleet).await;
            all.into_iter()
                .find(|t| t["id"] == *id && t["status"] == status)
        })
        .await
    }

    /// Brings money into the wallet: a deposit that the bank pays.
    pub(crate) async fn deposit(&self, fleet: &Fleet, amount: &str) {
        let asked = self.move_money(fleet, "deposit", amount).await.expect(202);
        settle_banks_when_started(fleet, &asked["id"]).await;
        self.transaction_in(fleet, &asked["id"], "processed").await;
    }
}

/// Lets Dwolla's banks settle what is pending, once this movement has its transfer.
pub(crate) async fn settle_banks_when_started(fleet: &Fleet, id: &Value) {
    let id = id.as_i64().unwrap();
    eventually_some("the transfer is at Dwolla", || async move {
        sqlx::query_scalar::<_, Option<String>>("select dwolla_id from transactions where id = $1")
            .bind(id)
            .fetch_one(&fleet.db)
            .await
            .unwrap()
    })
    .await;
    settle_banks(fleet).await;
}

/// Lets Dwolla's banks settle what is pending.
pub(crate) async fn settle_banks(fleet: &Fleet) {
    let dwolla = fleet.stack.sandbox.dwolla_url();
    let token = dwolla_token(fleet).await;
    let settled = fleet
        .http
        .post(format!("{dwolla}/sandbox-simulations"))
        .bearer_auth(token)
        .header("accept", "application/vnd.dwolla.v1.hal+json")
        .send();
    Reply::of(settled.await.unwrap()).await.expect(200);
}

/// A token for calls of Dwolla that our fleet does not make.
pub(crate) async fn dwolla_token(fleet: &Fleet) -> String {
    use secrecy::ExposeSecret as _;
    let config = &fleet.config().dwolla;
    let token = fleet
        .http
        .post(format!("{}/token", fleet.stack.sandbox.dwolla_url()))
        .basic_auth(&config.key, Some(config.secret.expose_secret()))
        .form(&[("grant_type", "client_credentials")])
        .send();
    let token = Reply::of(token.await.unwrap()).await.expect(200);
    token["access_token"].as_str().unwrap().to_owned()
}

/// What Plaid's dialog gives the browser.
pub(crate) async fn public_token(fleet: &Fleet) -> String {
    public_token_of(fleet, None).await
}

/// The same for a login at the bank: the same login has the same accounts.
pub(crate) async fn public_token_of(fleet: &Fleet, login: Option<&str>) -> String {
    use secrecy::ExposeSecret as _;
    let config = &fleet.config().plaid;
    let created = fleet
        .http
        .post(format!(
            "{}/sandbox/public_token/create",
            fleet.stack.sandbox.plaid_url()
        ))
        .json(&json!({
            "client_id": config.client_id, "secret": config.secret.expose_secret(),
            "institution_id": "ins_109508", "initial_products": ["auth"],
            "options": { "override_username": login },
        }))
        .send();
    let created = Reply::of(created.await.unwrap()).await.expect(200);
    created["public_token"].as_str().unwrap().to_owned()
}
