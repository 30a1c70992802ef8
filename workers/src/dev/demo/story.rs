//! The good days: a wallet, a bank, a deposit, a withdrawal.

use super::customers::{Asker, Person};
use super::rows;
use super::stage::{Reply, Stage, eventually};
use super::timeline::Timeline;
use super::trace::{Mark, last};
use crate::cli::Failure;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

/// What the story leaves to be checked.
pub(super) struct Good {
    pub(super) nora: Person,
    pub(super) wallet: i64,
    pub(super) bank: i64,
    pub(super) deposit: Uuid,
    pub(super) withdrawal: Uuid,
}

/// Nora's social security number: made up, and looked for in the database at the end.
pub(super) const SSN: &str = "900123789";

/// Plays it.
pub(super) async fn play(stage: &Stage, timeline: &mut Timeline) -> Result<Good, Failure> {
    timeline.begin(
        "The directory tells of Nora",
        "who signed in with a front end of the platform",
    );
    let mark = Mark::here(stage).await?;
    let nora = Person::signed_in(stage, "Nora", 1, SSN);
    nora.introduce(stage, timeline).await?;
    let row = rows::person(&stage.db, nora.profile).await?;
    mark.show(stage, timeline, &[row]).await?;

    timeline.begin(
        "Her identity is verified",
        "one commit orders a wallet; Dwolla's webhook verifies it",
    );
    let mark = Mark::here(stage).await?;
    nora.approve(stage, timeline).await?;
    let wallet = nora.wallet(stage, "verified").await?;
    timeline.line("seen", "her front end shows the wallet as verified");
    stage.settled().await?;
    let row = rows::wallet(&stage.db, nora.profile).await?;
    mark.show(stage, timeline, &[row]).await?;

    timeline.begin(
        "She links her bank",
        "Plaid's dialog; the access token is sealed, the browser gets a handle",
    );
    let mark = Mark::here(stage).await?;
    let bank = link_bank(stage, timeline, &nora).await?;
    stage.settled().await?;
    let row = rows::bank(&stage.db, bank).await?;
    mark.show(stage, timeline, &[row]).await?;

    let cast = Cast {
        nora: &nora,
        wallet,
        bank,
    };
    timeline.begin(
        "She deposits 500.00",
        "202 at once, with the row; the bank pays later",
    );
    let deposit = cast.moved(stage, timeline, "deposit", "500.00").await?;
    timeline.begin("She withdraws 120.00", "out of the balance at once");
    let withdrawal = cast.moved(stage, timeline, "withdrawal", "120.00").await?;
    Ok(Good {
        nora,
        wallet,
        bank,
        deposit,
        withdrawal,
    })
}

/// Who moves money, from where, to where.
pub(super) struct Cast<'a> {
    pub(super) nora: &'a Person,
    pub(super) wallet: i64,
    pub(super) bank: i64,
}

impl Cast<'_> {
    /// Asks for a movement, and shows it.
    pub(super) async fn ask(
        &self,
        stage: &Stage,
        timeline: &Timeline,
        (kind, amount): (&str, &str),
        key: Option<&str>,
    ) -> Result<Reply, Failure> {
        let path = format!("/wallet/auth/wallet/{}/transactions", self.wallet);
        let body = json!({ "type": kind, "amount": amount, "funding_source_id": self.bank });
        self.nora.post(stage, timeline, &path, &body, key).await
    }

    /// A movement from the request to the bank's payment.
    async fn moved(
        &self,
        stage: &Stage,
        timeline: &Timeline,
        kind: &str,
        amount: &str,
    ) -> Result<Uuid, Failure> {
        let mark = Mark::here(stage).await?;
        let asked = self
            .ask(stage, timeline, (kind, amount), None)
            .await?
            .expect(202)?;
        let operation = asked
            .operation
            .ok_or("expected the operation in the answer, got none")?;
        pay(stage, timeline, operation).await?;
        let rows = [
            movement(stage, operation).await?,
            rows::wallet(&stage.db, self.nora.profile).await?,
        ];
        mark.show(stage, timeline, &rows).await?;
        Ok(operation)
    }
}

/// Once the movement is at Dwolla, its bank pays; waits until our row knows.
pub(super) async fn pay(
    stage: &Stage,
    timeline: &Timeline,
    operation: Uuid,
) -> Result<(), Failure> {
    let status = async |wanted: &str| {
        eventually(
            &format!("the movement of {operation} is {wanted}"),
            async || {
                let row = rows::movement(&stage.db, operation).await?;
                Ok(row
                    .filter(|row| row.status == wanted && row.transfer.is_some())
                    .map(drop))
            },
        )
        .await
    };
    status("pending").await?;
    timeline.line(
        "bank",
        "POST /sandbox-simulations: the banks settle what is pending",
    );
    stage.stack.settle_banks().await?;
    status("processed").await?;
    timeline.line(
        "seen",
        "a webhook made the worker read the transfer: processed",
    );
    stage.settled().await
}

/// A movement, in words.
pub(super) async fn movement(stage: &Stage, operation: Uuid) -> Result<String, Failure> {
    let row = rows::movement(&stage.db, operation).await?;
    let row = row.ok_or("expected the movement's row, found none")?;
    let transfer = row.transfer.as_deref().and_then(|id| id.parse().ok());
    let transfer = transfer.map_or("not known yet".to_owned(), last);
    Ok(format!(
        "transactions {}: {} of {}, {}, transfer {transfer}",
        row.id, row.kind, row.amount, row.status
    ))
}

async fn link_bank(stage: &Stage, timeline: &Timeline, nora: &Person) -> Result<i64, Failure> {
    let path = |verb: &str| format!("/wallet/auth/linkaccount/{}/{verb}", nora.profile);
    let link = nora
        .post(stage, timeline, &path("link"), &json!({}), None)
        .await?;
    link.expect(200)?;
    let public_token = dialog(stage).await?;
    timeline.line(
        "dialog",
        "she signs in at her bank in Plaid's dialog, which gives a public token",
    );
    let body = json!({ "public_token": public_token });
    let exchanged = nora
        .post(stage, timeline, &path("exchange"), &body, None)
        .await?
        .expect(200)?;
    let account = &exchanged.body["accounts"][0];
    let body = json!({
        "access_token": exchanged.body["access_token"], "account_id": account["account_id"],
        "name": "Checking", "last4": account["mask"],
    });
    let linked = nora
        .post(stage, timeline, &path("process"), &body, None)
        .await?
        .expect(200)?;
    let id = linked.body["additional"]["id"].as_i64();
    Ok(id.ok_or("expected the bank account's id in additional.id, got none")?)
}

/// What Plaid's dialog gives the browser.
async fn dialog(stage: &Stage) -> Result<Value, Failure> {
    let plaid = &stage.stack.config.plaid;
    let url = format!(
        "{}/sandbox/public_token/create",
        stage.stack.sandbox.plaid_url()
    );
    let body = json!({
        "client_id": plaid.client_id, "secret": plaid.secret.expose_secret(),
        "institution_id": "ins_109508", "initial_products": ["auth"],
    });
    let client = reqwest::Client::builder().build()?;
    let answer = client.request(Method::POST, url).json(&body).send().await?;
    let answer: Value = answer.error_for_status()?.json().await?;
    Ok(answer["public_token"].clone())
}

/// What an operator asks of an operation over the API.
pub(super) async fn operation(
    stage: &Stage,
    timeline: &Timeline,
    id: Uuid,
) -> Result<Reply, Failure> {
    let (asker, path) = (Asker::Service("operator"), format!("/operations/{id}"));
    stage
        .ask(timeline, &asker, Method::GET, &path, None, None)
        .await?
        .expect(200)
}
