//! Carrying a fault out, on its side of the effect.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Armed, Fault, When};

/// A response that carries this is never sent: the connection is reset in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutConnection;

/// The faults that one request runs into.
pub(crate) struct Struck(Vec<Arc<Armed>>);

impl Struck {
    pub(super) fn new(armed: Vec<Arc<Armed>>) -> Self {
        Self(armed)
    }

    /// Carries out what comes before the effect. An answer means that the effect must not happen.
    pub(crate) async fn before(&self, body: impl Fn(StatusCode) -> Response) -> Option<Response> {
        let mut answer = None;
        for armed in &self.0 {
            if armed.spec.fault.when() == When::Before {
                answer = run(armed, &body).await.or(answer);
            }
        }
        answer
    }

    /// Carries out what comes after the effect, which may replace the answer.
    pub(crate) async fn after(
        &self,
        mut answer: Response,
        body: impl Fn(StatusCode) -> Response,
    ) -> Response {
        for armed in &self.0 {
            if armed.spec.fault.when() == When::After {
                answer = run(armed, &body).await.unwrap_or(answer);
            }
        }
        answer
    }
}

async fn run(armed: &Armed, body: impl Fn(StatusCode) -> Response) -> Option<Response> {
    match &armed.spec.fault {
        Fault::Delay { ms, .. } => {
            armed.fired.send_modify(|fired| *fired += 1);
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            None
        }
        Fault::Status {
            status,
            retry_after,
            ..
        } => {
            armed.fired.send_modify(|fired| *fired += 1);
            Some(failure(*status, *retry_after, body))
        }
        Fault::Reset { .. } => {
            armed.fired.send_modify(|fired| *fired += 1);
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(CutConnection);
            Some(response)
        }
        Fault::Hold { .. } => {
            hold(armed).await;
            None
        }
        Fault::TokenExpiry => None,
    }
}

async fn hold(armed: &Armed) {
    let mut released = armed.released.subscribe();
    armed.waiting.send_modify(|waiting| *waiting += 1);
    armed.fired.send_modify(|fired| *fired += 1);
    // The sender lives in `armed`, so the wait can only end by a release.
    released.wait_for(|released| *released).await.ok();
    armed.waiting.send_modify(|waiting| *waiting -= 1);
}

fn failure(
    status: u16,
    retry_after: Option<u64>,
    body: impl Fn(StatusCode) -> Response,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            edge_page(status)
        }
        _ => body(status),
    };
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What a proxy in front of the partner answers: no JSON at all.
fn edge_page(status: StatusCode) -> Response {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}
