//! What Dwolla wants to know of a person, as the body of a request.

use bytes::Bytes;
use chrono::NaiveDate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

/// The kinds of customer that hold a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerKind {
    /// A person.
    Personal,
    /// A sole proprietor's business.
    SoleProprietorship {
        /// The name of the business, at most 255 characters.
        business_name: String,
    },
}

/// A person's data. Dwolla refuses `` < > = " ` ! ? % ~ $ { } \ `` in names and addresses.
#[derive(Clone)]
pub struct CustomerData {
    /// The kind of customer.
    pub kind: CustomerKind,
    /// Given name, at most 50 characters.
    pub first_name: String,
    /// Family name, at most 50 characters.
    pub last_name: String,
    /// Unique among our customers.
    pub email: String,
    /// Street and number, at most 50 characters; no post-office box.
    pub address1: String,
    /// Flat, floor; at most 50 characters.
    pub address2: Option<String>,
    /// City, without digits.
    pub city: String,
    /// Two capital letters.
    pub state: String,
    /// `NNNNN` or `NNNNN-NNNN`.
    pub postal_code: String,
    /// Date of birth; 18 to 125 years ago.
    pub date_of_birth: NaiveDate,
    /// Exactly ten digits.
    pub phone: Option<String>,
    /// The last four or all nine digits; all nine for the second attempt.
    pub ssn: SecretString,
}

impl std::fmt::Debug for CustomerData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomerData").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    address1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address2: Option<&'a str>,
    city: &'a str,
    state: &'a str,
    postal_code: &'a str,
    date_of_birth: NaiveDate,
    ssn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    business: Option<Business<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Business<'a> {
    #[serde(rename = "businessName")]
    name: &'a str,
    #[serde(rename = "businessType")]
    kind: &'static str,
    #[serde(rename = "businessClassification")]
    classification: &'a str,
}

impl CustomerData {
    /// The kind's name, for the journal.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            CustomerKind::Personal => "personal",
            CustomerKind::SoleProprietorship { .. } => "business",
        }
    }

    /// The request's body. Empty options are left out rather than sent as null.
    pub(super) fn body(
        &self,
        classification: &str,
        correlation_id: Option<&str>,
    ) -> serde_json::Result<Bytes> {
        let business = match &self.kind {
            CustomerKind::Personal => None,
            CustomerKind::SoleProprietorship { business_name } => Some(Business {
                name: business_name,
                kind: "soleProprietorship",
                classification,
            }),
        };
        let body = Body {
            first_name: &self.first_name,
            last_name: &self.last_name,
            email: &self.email,
            kind: self.kind(),
            address1: &self.address1,
            address2: self.address2.as_deref(),
            city: &self.city,
            state: &self.state,
            postal_code: &self.postal_code,
            date_of_birth: self.date_of_birth,
            ssn: self.ssn.expose_secret(),
            phone: self.phone.as_deref(),
            business,
            correlation_id,
        };
        serde_json::to_vec(&body).map(Bytes::from)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A person who exists only here.
    pub(in super::super) fn nora() -> CustomerData {
        CustomerData {
            kind: CustomerKind::Personal,
            first_name: "Nora".to_owned(),
            last_name: "Example".to_owned(),
            email: "nora.example@mail.test".to_owned(),
            address1: "12 Sample Ave".to_owned(),
            address2: None,
            city: "Des Moines".to_owned(),
            state: "IA".to_owned(),
            postal_code: "50309".to_owned(),
            date_of_birth: NaiveDate::from_ymd_opt(1988, 4, 17).unwrap(),
            phone: None,
            ssn: "1234".into(),
        }
    }

    #[test]
    fn a_person_is_sent_without_empty_fields() {
        let body = nora().body("", Some("wallet-7")).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "firstName": "Nora", "lastName": "Example", "email": "nora.example@mail.test",
            "type": "personal", "address1": "12 Sample Ave", "city": "Des Moines", "state": "IA",
            "postalCode": "50309", "dateOfBirth": "1988-04-17", "ssn": "1234",
            "correlationId": "wallet-7",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_sole_proprietor_carries_the_classification() {
        let kind = CustomerKind::SoleProprietorship {
            business_name: "Nora Bakes".to_owned(),
        };
        let body = CustomerData { kind, ..nora() }
            .body("class-1", None)
            .unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["businessType"], "soleProprietorship");
        assert_eq!(body["businessClassification"], "class-1");
        assert_eq!(body["type"], "business");
        assert!(body.get("correlationId").is_none());
    }

    #[test]
    fn a_person_is_not_printed() {
        let printed = format!("{:?}", nora());
        assert!(
            !printed.contains("Nora") && !printed.contains("1988"),
            "{printed}"
        );
    }
}
