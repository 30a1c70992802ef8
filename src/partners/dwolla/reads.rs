//! Reading Dwolla: free to repeat, so every failure but a refusal is tried again.

use super::client::Dwolla;
use super::error::Answer;
use super::types::{Balance, Customer, FundingSource, Transfer, TransferFailure};
use super::wire::{
    BalanceBody, CustomerBody, Customers, Documents, FailureBody, FundingSourceBody,
    FundingSources, Page, TransferBody, Transfers,
};
use crate::bus::fault::{Cause, Fault};
use serde::de::DeserializeOwned;
use subjects::ids::{DwollaCustomerId, DwollaFundingSourceId, DwollaTransferId};

impl Dwolla {
    /// A customer. Rejects with `not_found` when there is none.
    pub async fn customer(&self, id: &DwollaCustomerId) -> Result<Customer, Fault> {
        let url = self.url(&["customers", id.as_str()]);
        let body: CustomerBody = read(self.get("customer", url).await)?;
        Customer::read(&body).map_err(Fault::Reject)
    }

    /// A customer's balance as a funding source; none until the customer is verified.
    pub async fn customer_balance_source(
        &self,
        id: &DwollaCustomerId,
    ) -> Result<Option<DwollaFundingSourceId>, Fault> {
        let mut url = self.url(&["customers", id.as_str(), "funding-sources"]);
        url.query_pairs_mut().append_pair("removed", "false");
        let page: Page<FundingSources> = read(self.get("customer_funding_sources", url).await)?;
        let mut sources = page
            .embedded
            .funding_sources
            .into_iter()
            .map(FundingSource::read);
        Ok(sources
            .find(|source| source.is_balance && !source.removed)
            .map(|source| source.id))
    }

    /// Whether a document of the customer waits for its review. The customer's own status stays
    /// `document` until the review is done.
    pub async fn has_document_in_review(&self, id: &DwollaCustomerId) -> Result<bool, Fault> {
        let url = self.url(&["customers", id.as_str(), "documents"]);
        let page: Page<Documents> = read(self.get("customer_documents", url).await)?;
        let documents = &page.embedded.documents;
        Ok(documents
            .iter()
            .any(|document| document.status == "pending"))
    }

    /// A funding source, removed ones included. Rejects with `not_found` when there is none.
    pub async fn funding_source(&self, id: &DwollaFundingSourceId) -> Result<FundingSource, Fault> {
        let url = self.url(&["funding-sources", id.as_str()]);
        let body: FundingSourceBody = read(self.get("funding_source", url).await)?;
        Ok(FundingSource::read(body))
    }

    /// What a balance holds now; pending deposits are not in it.
    pub async fn balance(&self, id: &DwollaFundingSourceId) -> Result<Balance, Fault> {
        let url = self.url(&["funding-sources", id.as_str(), "balance"]);
        let body: BalanceBody = read(self.get("balance", url).await)?;
        Balance::read(&body).map_err(Fault::Reject)
    }

    /// A transfer. Rejects with `not_found` when there is none.
    pub async fn transfer(&self, id: &DwollaTransferId) -> Result<Transfer, Fault> {
        let url = self.url(&["transfers", id.as_str()]);
        let body: TransferBody = read(self.get("transfer", url).await)?;
        Transfer::read(body).map_err(Fault::Reject)
    }

    /// Why a transfer failed; none when it has no failure.
    pub async fn transfer_failure(
        &self,
        id: &DwollaTransferId,
    ) -> Result<Option<TransferFailure>, Fault> {
        let url = self.url(&["transfers", id.as_str(), "failure"]);
        let answer = self.get("transfer_failure", url).await;
        if matches!(answer, Answer::Missing(_)) {
            return Ok(None);
        }
        let FailureBody { code, description } = read(answer)?;
        Ok(Some(TransferFailure { code, description }))
    }

    /// The customers with exactly this e-mail address: one at most, as Dwolla keeps it unique.
    pub(super) async fn customers_by_email(&self, email: &str) -> Result<Vec<Customer>, Fault> {
        let mut url = self.url(&["customers"]);
        // `search` would be fuzzy; `email` is exact.
        url.query_pairs_mut().append_pair("email", email);
        let page: Page<Customers> = read(self.get("customers_by_email", url).await)?;
        let customers = page.embedded.customers.iter().map(Customer::read);
        customers.collect::<Result<_, _>>().map_err(Fault::Reject)
    }

    /// A customer's transfers with this correlation id. Fails when there are more than fit a page:
    /// an id that belongs to one row of ours then says nothing any more.
    pub(super) async fn transfers_by_correlation(
        &self,
        owner: &DwollaCustomerId,
        correlation: &str,
    ) -> Result<Vec<Transfer>, Fault> {
        let mut url = self.url(&["customers", owner.as_str(), "transfers"]);
        url.query_pairs_mut()
            .append_pair("correlationId", correlation)
            .append_pair("limit", "200");
        let page: Page<Transfers> = read(self.get("transfers_by_correlation", url).await)?;
        if page.links.contains_key("next") {
            let message = "expected at most 200 transfers with one correlation id, got more";
            return Err(Fault::Retry(Cause::new("dwolla_list_too_long", message)));
        }
        let transfers = page.embedded.transfers.into_iter().map(Transfer::read);
        let mut transfers: Vec<Transfer> =
            transfers.collect::<Result<_, _>>().map_err(Fault::Reject)?;
        transfers.retain(|transfer| transfer.correlation_id.as_deref() == Some(correlation));
        Ok(transfers)
    }
}

/// What an answer to a read means.
pub(super) fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Fault> {
    match answer {
        Answer::Fine(body) => parse(&body),
        Answer::NotSent(fault) => Err(fault),
        Answer::TooMany(pause) => Err(pause.fault()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => {
            Err(Fault::Retry(cause))
        }
        Answer::Created(_) | Answer::Nowhere(_) => Err(Fault::retry(
            "dwolla_unreadable",
            "expected a resource, got an empty success",
        )),
        Answer::StaleToken(refusal) | Answer::InFlight(refusal) => {
            Err(Fault::Retry(refusal.unknown()))
        }
        Answer::Malformed(refusal) => Err(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal) => Err(refusal.reject()),
    }
}

/// A body as the type that it should be.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        // The error names a position and a type, never a value's text beyond the odd token.
        let place = format!("line {} column {}", error.line(), error.column());
        Fault::retry(
            "dwolla_unreadable",
            format!("expected Dwolla's JSON, stopped at {place}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::answer;
    use super::*;

    fn code(status: u16, body: &str) -> Fault {
        read::<CustomerBody>(answer(status, body)).unwrap_err()
    }

    #[test]
    fn what_passes_is_tried_again_and_what_is_refused_is_not() {
        assert!(matches!(code(500, ""), Fault::Retry(_)));
        assert!(matches!(code(429, ""), Fault::Retry(_)));
        assert!(matches!(code(200, "<html>"), Fault::Retry(_)));
        assert!(matches!(
            code(406, r#"{"code":"InvalidVersion","message":""}"#),
            Fault::Bug(_)
        ));
        let missing = code(
            404,
            r#"{"code":"NotFound","message":"Customer not found."}"#,
        );
        assert!(matches!(&missing, Fault::Reject(problem) if problem.code == "not_found"));
    }
}
