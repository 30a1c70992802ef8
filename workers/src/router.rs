//! From the registry's rows to the handlers.
//!
//! The lists come from the registry by `for_each_command!`, so a row without a handler is the
//! compile error "the trait `Handler` is not implemented for …", here.

use crate::handler::{Answerer, Ctx, Handler};
use crate::services::Services;
use futures::FutureExt as _;
use std::sync::Arc;
use subjects::envelope::Problem;
use subjects::{directory, kyc, operations, wallet};
use tranche::bus::fault::Fault;
use tranche::bus::route::{QueryRoute, Route};

/// Every topic's route.
pub fn routes(services: &Arc<Services>) -> Vec<Route> {
    macro_rules! list {
        ($($command:path,)*) => { vec![$(route::<$command>(services),)*] };
    }
    subjects::for_each_command!(list)
}

/// Every query's route.
pub fn queries(services: &Arc<Services>) -> Vec<QueryRoute> {
    macro_rules! list {
        ($($question:path,)*) => { vec![$(query::<$question>(services),)*] };
    }
    subjects::for_each_question!(list)
}

fn route<C: Handler>(services: &Arc<Services>) -> Route {
    let services = services.clone();
    Route {
        topic: C::TOPIC,
        entity: |body| Ok(serde_json::from_slice::<C>(body)?.entity()),
        run: Arc::new(move |bus, body| {
            let services = services.clone();
            async move {
                let command: C = serde_json::from_slice(&body)
                    .map_err(|e| Fault::bug("payload_changed_type", e.to_string()))?;
                let ctx = Ctx::new(bus, services);
                command.handle(&ctx).await.map(Into::into)
            }
            .boxed()
        }),
    }
}

fn query<Q: Answerer>(services: &Arc<Services>) -> QueryRoute {
    let services = services.clone();
    QueryRoute {
        query: Q::QUERY,
        answer: Arc::new(move |body| {
            let services = services.clone();
            async move {
                let question: Q = serde_json::from_slice(&body)
                    .map_err(|e| Problem::new(400, "malformed_question", e.to_string()))?;
                let answer = question.answer(&services).await?;
                serde_json::to_value(answer)
                    .map_err(|e| Problem::new(500, "answer_not_json", e.to_string()))
            }
            .boxed()
        }),
    }
}
