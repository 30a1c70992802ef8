//! Items and their accounts.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ROUTING: &str = "011401533";

/// What Dwolla learns of an account.
pub(crate) struct Linked {
    pub(crate) routing: String,
    pub(crate) account: String,
    /// `checking` or `savings`.
    pub(crate) subtype: &'static str,
}

/// One account of a login.
struct Account {
    id: String,
    name: &'static str,
    mask: &'static str,
    subtype: &'static str,
    number: String,
    /// Whole dollars, as Plaid's amounts are JSON numbers.
    available: u32,
}

/// One login at an institution.
pub(super) struct Item {
    pub(super) id: String,
    institution: String,
    pub(super) webhook: Option<String>,
    products: Vec<Value>,
    accounts: Vec<Account>,
    pub(super) removed: bool,
    /// The login must be repaired before accounts can be read again.
    pub(super) login_required: bool,
}

/// What an item will be made of, once its public token is exchanged.
#[derive(Clone)]
pub(super) struct ItemPlan {
    pub(super) institution: String,
    pub(super) webhook: Option<String>,
    pub(super) products: Vec<Value>,
    /// Equal seeds give equal account numbers.
    pub(super) seed: String,
}

/// An opaque, case-sensitive id in Plaid's manner.
fn opaque() -> String {
    let mut id = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    id.truncate(37);
    id
}

/// Twelve digits from the seed, and the mask at the end.
fn number(seed: &str, mask: &str) -> String {
    let hash = Sha256::new()
        .chain_update(seed)
        .chain_update([0])
        .chain_update(mask)
        .finalize();
    let digits: String = hash
        .iter()
        .take(12)
        .map(|byte| char::from(b'0' + byte % 10))
        .collect();
    digits + mask
}

impl Item {
    pub(super) fn open(plan: ItemPlan) -> Self {
        let account = |name, mask, subtype, available| Account {
            id: opaque(),
            name,
            mask,
            subtype,
            number: number(&plan.seed, mask),
            available,
        };
        let accounts = vec![
            account("Plaid Checking", "0000", "checking", 100),
            account("Plaid Saving", "1111", "savings", 200),
        ];
        Self {
            id: opaque(),
            accounts,
            institution: plan.institution,
            webhook: plan.webhook,
            products: plan.products,
            removed: false,
            login_required: false,
        }
    }

    pub(super) fn has_account(&self, id: &str) -> bool {
        self.accounts.iter().any(|account| account.id == id)
    }

    pub(super) fn linked(&self, id: &str) -> Option<Linked> {
        let account = self.accounts.iter().find(|account| account.id == id)?;
        Some(Linked {
            routing: ROUTING.to_owned(),
            account: account.number.clone(),
            subtype: account.subtype,
        })
    }

    pub(super) fn shown(&self) -> Value {
        let error = self.login_required.then(|| {
            json!({
                "error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED",
                "error_message": "the login details of this item have changed", "display_message": null,
                "request_id": "", "causes": [], "status": 400,
            })
        });
        json!({
            "item_id": self.id, "institution_id": self.institution, "institution_name": "First Platypus Bank",
            "webhook": self.webhook.clone().unwrap_or_default(), "error": error, "available_products": ["balance"],
            "billed_products": self.products, "products": self.products, "consented_products": self.products,
            "consent_expiration_time": null, "update_type": "background",
        })
    }

    pub(super) fn shown_accounts(&self) -> Vec<Value> {
        let shown = |account: &Account| {
            json!({
                "account_id": account.id, "mask": account.mask, "name": account.name,
                "official_name": format!("{} Account", account.name), "type": "depository",
                "subtype": account.subtype, "holder_category": "personal",
                "balances": {
                    "available": account.available, "current": account.available + 10, "limit": null,
                    "iso_currency_code": "USD", "unofficial_currency_code": null,
                },
            })
        };
        self.accounts.iter().map(shown).collect()
    }

    pub(super) fn numbers(&self) -> Value {
        let ach = |account: &Account| {
            json!({
                "account_id": account.id, "account": account.number, "routing": ROUTING, "wire_routing": "021000021",
            })
        };
        let ach: Vec<Value> = self.accounts.iter().map(ach).collect();
        json!({"ach": ach, "eft": [], "international": [], "bacs": []})
    }
}
