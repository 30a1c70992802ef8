//! People with verified wallets and linked bank accounts, made the way production makes them.

use crate::load::{flood, next_id, send};
use crate::surroundings::Surroundings;
use crate::{Failure, report};
use serde_json::{Value, json};
use uuid::Uuid;

/// The wallets and bank accounts that move money.
pub(crate) struct People {
    wallets: Vec<(i64, i64)>,
}

/// Settles so many people: directory, approval, wallet at Dwolla, bank account.
pub(crate) async fn settle(
    surroundings: &mut Surroundings,
    count: usize,
) -> Result<People, Failure> {
    surroundings.start_worker_if_stopped().await?;
    let ids: Vec<(i64, i64)> = (0..count).map(|_| (next_id(), next_id())).collect();
    let users = ids.iter().map(|(user, _)| {
        (
            "directory/user_upsert",
            json!({ "id": user, "version": 1, "identity_id": Uuid::new_v4(),
            "email": format!("p{user}@mail.test"), "first_name": "Nora", "last_name": "Example" }),
        )
    });
    flood(surroundings, users.collect(), Some(20)).await?;
    let profiles = ids.iter().map(|(user, profile)| {
        (
            "directory/profile_upsert",
            json!({ "id": profile, "version": 1, "user_id": user,
            "type": "individual", "person": { "first_name": "Nora", "last_name": "Example",
            "address1": "12 Sample Ave", "city": "Des Moines", "state": "IA",
            "postal_code": "50309", "date_of_birth": "1988-04-17", "ssn": "6789" } }),
        )
    });
    flood(surroundings, profiles.collect(), Some(20)).await?;
    let approvals = ids
        .iter()
        .map(|(_, profile)| ("kyc/approved", json!({ "profile_id": profile })));
    flood(surroundings, approvals.collect(), Some(20)).await?;
    let wanted = i64::try_from(count)?;
    surroundings
        .until(|| async {
            let sql = "select count(*) from wallets where status = 'verified'";
            sqlx::query_scalar::<_, i64>(sql)
                .fetch_one(&surroundings.db)
                .await
                .unwrap_or(0)
                >= wanted
        })
        .await?;
    for (_, profile) in &ids {
        link(surroundings, *profile).await?;
    }
    let wallets = sqlx::query_as("select wallet_id, id from funding_sources order by id");
    let wallets: Vec<(i64, i64)> = wallets.fetch_all(&surroundings.db).await?;
    report::line(&format!(
        "\n{} people with wallet and bank account",
        wallets.len()
    ));
    Ok(People { wallets })
}

async fn link(surroundings: &Surroundings, profile: i64) -> Result<(), Failure> {
    use secrecy::ExposeSecret as _;
    let config = &surroundings.config().plaid;
    let created: Value = surroundings
        .http
        .post(format!(
            "{}/sandbox/public_token/create",
            surroundings.plaid_url()
        ))
        .json(
            &json!({ "client_id": config.client_id, "secret": config.secret.expose_secret(),
            "institution_id": "ins_109508", "initial_products": ["auth"] }),
        )
        .send()
        .await?
        .json()
        .await?;
    let exchange = json!({ "profile_id": profile, "public_token": created["public_token"] });
    send(surroundings, "wallet/bank_exchange", &exchange, Some(20)).await?;
    let sql =
        "select handle, accounts -> 0 ->> 'account_id' from plaid_items where profile_id = $1";
    let (handle, account): (Uuid, String) = sqlx::query_as(sql)
        .bind(profile)
        .fetch_one(&surroundings.db)
        .await?;
    let process = json!({ "profile_id": profile, "access_token": handle,
        "account_id": account, "name": "Checking", "last4": "0000" });
    send(surroundings, "wallet/bank_process", &process, Some(20)).await?;
    Ok(())
}

impl People {
    /// The n-th deposit: two of one wallet are as far apart as there are wallets.
    pub(crate) fn deposit(&self, n: usize) -> Value {
        let (wallet, bank) = self.wallets[n % self.wallets.len()];
        json!({ "wallet_id": wallet, "type": "deposit", "amount": "1.00", "funding_source_id": bank })
    }

    /// Waits until every deposit has its transfer, and checks that the sandbox has as many.
    pub(crate) async fn settled(&self, surroundings: &Surroundings) -> Result<(), Failure> {
        surroundings
            .until(|| async {
                let sql = "select count(*) from transactions where dwolla_id is null";
                sqlx::query_scalar::<_, i64>(sql)
                    .fetch_one(&surroundings.db)
                    .await
                    .unwrap_or(1)
                    == 0
            })
            .await?;
        let rows: i64 = sqlx::query_scalar("select count(*) from transactions")
            .fetch_one(&surroundings.db)
            .await?;
        let query = sandbox::LedgerQuery {
            kind: Some("transfer.created".to_owned()),
            ..sandbox::LedgerQuery::default()
        };
        let transfers = surroundings.control().ledger(&query).len();
        if i64::try_from(transfers)? != rows {
            return Err(format!("{rows} rows and {transfers} transfers at the partner").into());
        }
        report::line(&format!(
            "    checked: {rows} rows, {transfers} transfers at the partner"
        ));
        Ok(())
    }
}
