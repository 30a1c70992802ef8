//! Documents of customers whose verification asks for them. File names decide the review, as in Dwolla's sandbox.

use std::sync::Arc;

use axum::extract::{Extension, Multipart, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::customer::{self, Kind};
use super::error::Refusal;
use super::event::{self, Subject};
use super::gate::RequestKey;
use super::state::{Owner, State};
use super::{Dwolla, hal};
use crate::clock::iso;
use crate::ledger::{Effect, Partner};

const MOST: usize = 4;
const LARGEST: usize = 10 * 1024 * 1024;

/// An uploaded document.
pub(crate) struct Document {
    id: Uuid,
    kind: String,
    created: DateTime<Utc>,
    review: Review,
}

/// What the review made of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Review {
    Pending,
    Approved,
    Failed,
}

impl Document {
    fn resource(&self, state: &State) -> Value {
        let links =
            hal::Links::default().with("self", &state.href("documents", self.id), "document");
        let status = if self.review == Review::Pending {
            "pending"
        } else {
            "reviewed"
        };
        let mut shown = json!({
            "_links": Value::from(links), "id": self.id, "status": status, "type": self.kind,
            "created": iso(self.created),
        });
        if self.review == Review::Failed {
            shown["failureReason"] = "ScanNotReadable".into();
            shown["allFailureReasons"] =
                json!([{"reason": "ScanNotReadable", "description": "Scan not readable"}]);
        }
        shown
    }
}

/// What an upload carries.
struct Upload {
    kind: String,
    file_name: String,
    size: usize,
}

async fn read(mut form: Multipart) -> Option<Upload> {
    let (mut kind, mut file) = (None, None);
    while let Ok(Some(field)) = form.next_field().await {
        match field.name() {
            Some("documentType") => kind = field.text().await.ok(),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                file = Some((name, field.bytes().await.ok()?.len()));
            }
            _ => {}
        }
    }
    let (file_name, size) = file?;
    Some(Upload {
        kind: kind?,
        file_name,
        size,
    })
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Refusal {
    Refusal::new(status, code, message)
}

fn check(state: &State, customer: Uuid, upload: &Upload) -> Result<(), Refusal> {
    let found = state
        .customers
        .get(customer)
        .ok_or_else(|| Refusal::not_found("Customer not found."))?;
    let personal = found.kind == Kind::Personal;
    let extension = upload
        .file_name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let readable =
        matches!(&*extension, "jpg" | "jpeg" | "png") || (extension == "pdf" && !personal);
    let bad = StatusCode::BAD_REQUEST;
    if !matches!(&*upload.kind, "passport" | "license" | "idCard" | "other") {
        return Err(Refusal::flaw(
            "Invalid",
            "DocumentType invalid.",
            "/documentType",
        ));
    }
    if !readable {
        return Err(refusal(
            bad,
            "InvalidFileType",
            "File types supported: Personal Verified Customer: jpeg, jpg or png.",
        ));
    }
    if upload.size > LARGEST {
        return Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "FileTooLarge",
            "The file size limit is 10 MB.",
        ));
    }
    if found.documents.len() >= MOST {
        return Err(refusal(
            bad,
            "MaxNumberOfResources",
            "Max of four files upload allowed at one time.",
        ));
    }
    if found.status != customer::Status::Document {
        return Err(Refusal::wrong_state("Resource cannot be modified."));
    }
    Ok(())
}

/// `POST /customers/{id}/documents`, multipart.
pub(crate) async fn upload(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(customer): Path<String>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    form: Multipart,
) -> Result<Response, Refusal> {
    let customer = hal::path_id(&customer, "Customer not found.")?;
    let upload = read(form).await.ok_or_else(Refusal::bad_request)?;
    dwolla.with(|state| {
        check(state, customer, &upload)?;
        let review = if upload.file_name.starts_with("test-document-upload-success") {
            Review::Approved
        } else if upload.file_name.starts_with("test-document-upload-fail") {
            Review::Failed
        } else {
            Review::Pending
        };
        let id = Uuid::new_v4();
        let document = Document {
            id,
            kind: upload.kind,
            created: state.now(),
            review,
        };
        state.documents.insert(id, document);
        if let Some(customer) = state.customers.get_mut(customer) {
            customer.documents.push(id);
        }
        let effect = Effect::new(Partner::Dwolla, "document.created", id);
        state.record(Effect {
            owner: Some(customer.into()),
            idempotency_key: key,
            ..effect
        });
        let topic = "customer_verification_document_uploaded";
        event::emit(
            state,
            topic,
            Subject::customer(customer),
            Owner::Customer(customer),
            None,
        );
        if review != Review::Pending {
            customer::documents_reviewed(state, customer, review == Review::Approved);
        }
        Ok(hal::created(&state.location("documents", id)))
    })
}

/// `GET /documents/{id}`.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, "Document not found.")?;
    dwolla.with(|state| {
        let found = state
            .documents
            .get(&id)
            .ok_or_else(|| Refusal::not_found("Document not found."))?;
        Ok(hal::ok(&found.resource(state)))
    })
}

/// `GET /customers/{id}/documents`.
pub(crate) async fn list(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(customer): Path<String>,
) -> Result<Response, Refusal> {
    let customer = hal::path_id(&customer, "Customer not found.")?;
    dwolla.with(|state| {
        let found = state
            .customers
            .get(customer)
            .ok_or_else(|| Refusal::not_found("Customer not found."))?;
        let rows: Vec<Value> = found
            .documents
            .iter()
            .filter_map(|id| state.documents.get(id))
            .map(|document| document.resource(state))
            .collect();
        let href = format!("{}/documents", state.href("customers", customer));
        let links = hal::Links::default().with("self", &href, "document");
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "total": rows.len(), "_embedded": {"documents": rows},
        })))
    })
}
