//! Questions to the workers: core NATS request and reply, and a [`Reply`] in the answer.

use super::Ingress;
use super::problem::Refusal;
use async_nats::client::{RequestError, RequestErrorKind};
use async_nats::{Request, Subject};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;
use subjects::envelope::Reply;
use subjects::spec::Question;

impl Ingress {
    /// The answer to a question of the ingress itself.
    pub(crate) async fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer, Refusal> {
        let subject = Subject::from(Q::QUERY.subject());
        let body = serde_json::to_vec(question).map_err(|error| unreadable(&subject, &error))?;
        let answer = self
            .ask_raw(&subject, body.into(), Q::QUERY.timeout)
            .await?;
        serde_json::from_value(answer).map_err(|error| unreadable(&subject, &error))
    }

    /// The answer to a question that was prepared from a request. 503 when there is none.
    pub(crate) async fn ask_raw(
        &self,
        subject: &Subject,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Value, Refusal> {
        let request = Request::new().payload(body).timeout(Some(timeout));
        let reply = self.nats.send_request(subject.clone(), request).await;
        let reply = reply.map_err(|error| unanswered(subject, &error))?;
        match serde_json::from_slice(&reply.payload) {
            Ok(Reply::Answer(answer)) => Ok(answer),
            Ok(Reply::Problem(problem)) => Err(problem.into()),
            Err(error) => Err(unreadable(subject, &error)),
        }
    }
}

fn unanswered(subject: &str, error: &RequestError) -> Refusal {
    tracing::warn!(%subject, %error, "a question got no answer");
    match error.kind() {
        RequestErrorKind::TimedOut => Refusal::unavailable("No answer in time: try again."),
        RequestErrorKind::NoResponders
        | RequestErrorKind::InvalidSubject
        | RequestErrorKind::MaxPayloadExceeded
        | RequestErrorKind::Other => Refusal::unavailable("Nobody can answer now: try again."),
    }
}

fn unreadable(subject: &str, error: &serde_json::Error) -> Refusal {
    tracing::error!(%subject, %error, "expected a reply of the registry's type");
    Refusal::internal()
}
