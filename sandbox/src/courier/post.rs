//! One delivery attempt over HTTP.

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// The most of a subscriber's answer that is kept.
const KEPT_BODY: usize = 1024;

/// A request to be posted as it is, byte for byte.
pub(crate) struct Posting {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// When the request was made, virtual clock.
    pub(crate) sent_at: DateTime<Utc>,
    /// When the answer came or the attempt failed.
    pub(crate) ended_at: DateTime<Utc>,
    /// The request's headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The status answered; none when there was no answer.
    pub(crate) status: Option<u16>,
    /// The beginning of the answer's body, or the transport error.
    pub(crate) body: String,
}

impl Outcome {
    /// Answered 2xx?
    pub(crate) fn accepted(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

pub(super) async fn post(client: &reqwest::Client, posting: Posting, clock: &Clock) -> Outcome {
    let sent_at = clock.now();
    let mut request = client.post(&posting.url).body(posting.body);
    for (name, value) in &posting.headers {
        request = request.header(*name, value);
    }
    let (status, body) = match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let text = response.text().await.unwrap_or_default();
            (Some(status), text.chars().take(KEPT_BODY).collect())
        }
        Err(error) => (None, error.to_string()),
    };
    Outcome {
        sent_at,
        ended_at: clock.now(),
        headers: posting.headers,
        status,
        body,
    }
}
