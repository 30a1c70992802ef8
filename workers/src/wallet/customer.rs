//! What the topics about a wallet's customer share: the data that Dwolla wants, creating the customer
//! once, and Dwolla's words in ours.

use crate::handler::{Ctx, not_found, read};
use secrecy::SecretString;
use std::collections::BTreeMap;
use subjects::directory::ProfileType;
use subjects::envelope::Problem;
use subjects::ids::WalletId;
use subjects::wallet::WalletStatus;
use tranche::bus::fault::{Cause, Fault};
use tranche::partners::Dwolla;
use tranche::partners::dwolla::CustomerStatus;
use tranche::partners::dwolla::{CreateCustomer, Customer, CustomerData, CustomerKind};
use tranche::store::wallets::{self, CustomerSeen, WalletCustomer};

/// The reference that a customer at Dwolla carries: unique among our customers.
pub(super) fn correlation(wallet: WalletId) -> String {
    format!("wallet-{wallet}")
}

/// The wallet that a reference names, if it is one of ours.
pub(super) fn correlated(correlation: Option<&str>) -> Option<WalletId> {
    correlation?
        .strip_prefix("wallet-")?
        .parse()
        .ok()
        .map(WalletId)
}

/// What a customer's status means for its wallet.
pub(super) fn status_of(status: CustomerStatus) -> WalletStatus {
    match status {
        CustomerStatus::Unverified => WalletStatus::Created,
        CustomerStatus::Retry => WalletStatus::ErrorRetry,
        CustomerStatus::Kba => WalletStatus::ErrorPending,
        CustomerStatus::Document => WalletStatus::ErrorDocument,
        CustomerStatus::Verified => WalletStatus::Verified,
        CustomerStatus::Suspended => WalletStatus::ErrorSuspended,
        CustomerStatus::Deactivated => WalletStatus::Error,
    }
}

/// The wallet with the profile behind it.
pub(super) async fn load(ctx: &Ctx, wallet: WalletId) -> Result<WalletCustomer, Fault> {
    read(wallets::customer(&ctx.services().db, wallet).await)?.ok_or_else(not_found)
}

/// What Dwolla says of a customer now, its balance included once it is verified, and whether it is
/// Dwolla's turn once a document was sent.
pub(super) async fn seen(
    dwolla: &Dwolla,
    customer: &Customer,
    retried: bool,
) -> Result<CustomerSeen, Fault> {
    let status = match customer.status {
        CustomerStatus::Document if dwolla.has_document_in_review(&customer.id).await? => {
            WalletStatus::ErrorPending
        }
        status => status_of(status),
    };
    let balance = match status {
        WalletStatus::Verified => dwolla.customer_balance_source(&customer.id).await?,
        _ => None,
    };
    Ok(CustomerSeen {
        customer: Some(customer.id.clone()),
        balance,
        status,
        retried,
    })
}

/// Creates the wallet's customer, once; a wallet that has one is only read. Data that is not
/// complete, or that Dwolla refuses, leaves the wallet in `error`, from where `wallet_recreate` or a
/// replay tries again.
pub(super) async fn establish(ctx: &Ctx, wallet: &WalletCustomer) -> Result<CustomerSeen, Fault> {
    let dwolla = &ctx.services().partners.dwolla;
    if let Some(id) = &wallet.customer {
        return seen(dwolla, &dwolla.customer(id).await?, false).await;
    }
    match create(ctx, wallet).await {
        Ok(customer) => seen(dwolla, &customer, false).await,
        Err(Fault::Reject(problem)) => {
            let refused = CustomerSeen {
                customer: None,
                balance: None,
                status: WalletStatus::Error,
                retried: false,
            };
            ctx.step("refused", wallets::apply(wallet.wallet, &refused))
                .await?;
            Err(Fault::Reject(problem))
        }
        Err(fault) => Err(fault),
    }
}

async fn create(ctx: &Ctx, wallet: &WalletCustomer) -> Result<Customer, Fault> {
    let create = CreateCustomer {
        dwolla: ctx.services().partners.dwolla.clone(),
        correlation: correlation(wallet.wallet),
        data: data(ctx, wallet)?,
    };
    ctx.effect("customer", &create).await
}

/// What Dwolla wants to know. Missing data is named field by field.
pub(super) fn data(ctx: &Ctx, wallet: &WalletCustomer) -> Result<CustomerData, Fault> {
    let person = &wallet.person;
    let kind = match wallet.kind {
        ProfileType::Individual => CustomerKind::Personal,
        ProfileType::Solo401k => CustomerKind::SoleProprietorship {
            business_name: person.business_name.clone().unwrap_or_default(),
        },
        ProfileType::Entity | ProfileType::Trust | ProfileType::Sdira => {
            let text = "only individuals and sole proprietors' plans have wallets of their own";
            return Err(Fault::Reject(Problem::new(
                412,
                "profile_type_without_wallet",
                text,
            )));
        }
    };
    let incomplete = missing(wallet);
    if !incomplete.is_empty() {
        let text = "the profile lacks what Dwolla needs for a wallet";
        let mut problem = Problem::new(412, "profile_incomplete", text);
        problem.fields = incomplete;
        return Err(Fault::Reject(problem));
    }
    let sealed = wallet.sealed_ssn.as_deref().unwrap_or_default();
    let ssn = ctx.services().sealer.open(sealed);
    let ssn = ssn.map_err(|e| Fault::Bug(Cause::of("ssn_unreadable", &e)))?;
    Ok(CustomerData {
        kind,
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        email: email(&wallet.email, wallet),
        address1: person.address1.clone(),
        address2: person.address2.clone(),
        city: person.city.clone(),
        state: person.state.clone(),
        postal_code: person.postal_code.clone(),
        date_of_birth: person.date_of_birth.unwrap_or_default(),
        phone: person.phone.clone(),
        ssn: SecretString::from(String::from_utf8_lossy(&ssn).into_owned()),
    })
}

fn missing(wallet: &WalletCustomer) -> BTreeMap<String, Vec<String>> {
    let person = &wallet.person;
    let needed = [
        ("first_name", !person.first_name.is_empty()),
        ("last_name", !person.last_name.is_empty()),
        ("address1", !person.address1.is_empty()),
        ("city", !person.city.is_empty()),
        ("state", !person.state.is_empty()),
        ("postal_code", !person.postal_code.is_empty()),
        ("date_of_birth", person.date_of_birth.is_some()),
        ("ssn", wallet.sealed_ssn.is_some()),
    ];
    let absent = needed.into_iter().filter(|(_, there)| !there);
    absent
        .map(|(name, _)| {
            (
                name.to_owned(),
                vec!["missing data for required field".into()],
            )
        })
        .collect()
}

/// An address that is unique at Dwolla although one person has several profiles: the local part gets
/// the profile's kind, and its id where a person may have several of that kind.
fn email(login: &str, wallet: &WalletCustomer) -> String {
    let (local, domain) = login.rsplit_once('@').unwrap_or((login, "invalid"));
    let kind = wallet.kind.as_str();
    match wallet.kind {
        ProfileType::Individual => format!("{local}+{kind}@{domain}"),
        _ => format!("{local}+{kind}-{}@{domain}", wallet.profile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use subjects::directory::Person;
    use subjects::ids::ProfileId;

    fn wallet(kind: ProfileType, profile: i64) -> WalletCustomer {
        WalletCustomer {
            wallet: WalletId(70),
            status: WalletStatus::Pending,
            customer: None,
            balance: None,
            retried: false,
            profile: ProfileId(profile),
            kind,
            person: Person::default(),
            sealed_ssn: None,
            ssn_digits: 0,
            email: "nora@mail.test".to_owned(),
        }
    }

    #[test]
    fn two_plans_of_one_person_have_two_addresses() {
        let one = wallet(ProfileType::Solo401k, 7);
        let two = wallet(ProfileType::Solo401k, 8);
        assert_ne!(email(&one.email, &one), email(&two.email, &two));
        let person = wallet(ProfileType::Individual, 9);
        assert_eq!(email(&person.email, &person), "nora+individual@mail.test");
    }

    #[test]
    fn what_is_missing_is_named_field_by_field() {
        let missing = missing(&wallet(ProfileType::Individual, 1));
        assert!(missing.contains_key("date_of_birth") && missing.contains_key("ssn"));
        assert_eq!(missing["city"], ["missing data for required field"]);
    }

    #[test]
    fn a_reference_leads_back_to_its_wallet() {
        assert_eq!(
            correlated(Some(&correlation(WalletId(7)))),
            Some(WalletId(7))
        );
        assert_eq!(correlated(Some("txn-7")), None);
    }
}
