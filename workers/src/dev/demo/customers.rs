//! Who speaks in the story: people with a browser, and the platform's own services.

use super::stage::{Stage, eventually};
use super::timeline::Timeline;
use crate::cli::Failure;
use crate::dev::stack::SERVICE_TOKENS;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

/// Who sends a request.
pub(super) enum Asker<'a> {
    /// A service, by the name of its token.
    Service(&'static str),
    /// A signed-in person.
    Person(&'a Person),
}

impl Asker<'_> {
    /// For people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Service(name) => name,
            Self::Person(person) => person.name,
        }
    }

    /// Adds what the ingress recognises the caller by. Services wait for the outcome of what they
    /// put into a queue.
    pub(super) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Service(name) => {
                let known = SERVICE_TOKENS.iter().find(|(known, _)| known == name);
                let token = known.map_or("", |(_, token)| token);
                request.bearer_auth(token).header("prefer", "wait=10")
            }
            Self::Person(person) => request.header("cookie", &person.cookie),
        }
    }
}

/// A person whom the directory knows, signed in at the front end.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) user: i64,
    pub(super) profile: i64,
    ssn: &'static str,
    identity: Uuid,
    cookie: String,
}

impl Person {
    /// Signs a person in. The ids are the directory's to give.
    pub(super) fn signed_in(
        stage: &Stage,
        name: &'static str,
        user: i64,
        ssn: &'static str,
    ) -> Self {
        let identity = Uuid::new_v4();
        let session = stage.partners().log_in(identity, None);
        Self {
            name,
            user,
            profile: user + 10,
            ssn,
            identity,
            cookie: session.cookie,
        }
    }

    /// The directory tells of the person and of the profile.
    pub(super) async fn introduce(
        &self,
        stage: &Stage,
        timeline: &Timeline,
    ) -> Result<(), Failure> {
        let user = json!({
            "id": self.user, "version": 1, "identity_id": self.identity,
            "email": format!("{}@mail.test", self.name.to_lowercase()),
            "first_name": self.name, "last_name": "Example",
        });
        let profile = json!({
            "id": self.profile, "version": 1, "user_id": self.user, "type": "individual",
            "person": {
                "first_name": self.name, "last_name": "Example", "ssn": self.ssn,
                "address1": "12 Sample Ave", "city": "Des Moines", "state": "IA",
                "postal_code": "50309", "date_of_birth": "1988-04-17", "phone": "5155550123",
            },
        });
        for (topic, body) in [("user_upsert", user), ("profile_upsert", profile)] {
            let path = format!("/queue/directory/{topic}");
            let asker = Asker::Service("directory");
            let told = stage.ask(timeline, &asker, Method::POST, &path, Some(&body), None);
            told.await?.expect(200)?;
        }
        Ok(())
    }

    /// The identity check says yes, which orders a wallet.
    pub(super) async fn approve(&self, stage: &Stage, timeline: &Timeline) -> Result<(), Failure> {
        let (asker, body) = (Asker::Service("kyc"), json!({ "profile_id": self.profile }));
        let path = "/queue/kyc/approved";
        let told = stage
            .ask(timeline, &asker, Method::POST, path, Some(&body), None)
            .await?;
        told.expect(200)?;
        Ok(())
    }

    /// Sends what the person's browser sends, and shows it.
    pub(super) async fn post(
        &self,
        stage: &Stage,
        timeline: &Timeline,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<super::stage::Reply, Failure> {
        let asker = Asker::Person(self);
        stage
            .ask(timeline, &asker, Method::POST, path, Some(body), key)
            .await
    }

    /// The wallet's id, once its owner sees it with that status.
    pub(super) async fn wallet(&self, stage: &Stage, status: &str) -> Result<i64, Failure> {
        let path = format!("/wallet/auth/wallet/{}", self.profile);
        eventually(&format!("{}'s wallet is {status}", self.name), async || {
            let asker = Asker::Person(self);
            let wallet = stage.send(&asker, Method::GET, &path, None, None).await?;
            let there = wallet.status == 200 && wallet.body["status"] == status;
            Ok(wallet.body["id"].as_i64().filter(|_| there))
        })
        .await
    }
}
