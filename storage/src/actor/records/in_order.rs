//! Routing that keeps the calls of one key in order.
//!
//! ractor's sticky routing alone does so only while a worker is free: a call that found
//! none waits in the factory's queue, and a later call of its key that finds one, or finds
//! a worker busy with that key, overtakes it. Here a call also waits when one of its key
//! does.

use std::collections::HashMap;

use ractor::ActorProcessingErr;
use ractor::factory::routing::{RouteResult, Router, StickyQueuerRouting};
use ractor::factory::{Job, WorkerId, WorkerProperties};

use super::{Call, Key};

/// A factory's workers, by their ids.
type Workers = HashMap<WorkerId, WorkerProperties<Key, Call>>;

/// Sticky routing, and how many calls of each key wait in the factory's queue.
#[derive(Default)]
pub(super) struct InOrder {
    sticky: StickyQueuerRouting<Key, Call>,
    waiting: HashMap<Key, usize>,
}

impl InOrder {
    /// A call that has just come.
    fn come(
        &mut self,
        job: Job<Key, Call>,
        size: usize,
        workers: &mut Workers,
    ) -> Result<RouteResult<Key, Call>, ActorProcessingErr> {
        let routed = if self.waiting.contains_key(&job.key) {
            RouteResult::Backlog(job)
        } else {
            self.sticky.route_message(job, size, None, workers)?
        };
        if let RouteResult::Backlog(job) = &routed {
            *self.waiting.entry(job.key.clone()).or_default() += 1;
        }
        Ok(routed)
    }

    /// The call that has waited longest leaves the queue.
    fn left(&mut self, key: &Key) {
        if let Some(count) = self.waiting.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(key);
            }
        }
    }
}

impl Router<Key, Call> for InOrder {
    fn route_message(
        &mut self,
        job: Job<Key, Call>,
        size: usize,
        hint: Option<WorkerId>,
        workers: &mut Workers,
    ) -> Result<RouteResult<Key, Call>, ActorProcessingErr> {
        // The factory names a worker for what it takes from its queue, and only for that.
        if hint.is_none() {
            return self.come(job, size, workers);
        }
        self.left(&job.key);
        self.sticky.route_message(job, size, hint, workers)
    }

    fn choose_target_worker(
        &mut self,
        job: &Job<Key, Call>,
        size: usize,
        hint: Option<WorkerId>,
        workers: &Workers,
    ) -> Option<WorkerId> {
        self.sticky.choose_target_worker(job, size, hint, workers)
    }

    fn is_factory_queueing(&self) -> bool {
        self.sticky.is_factory_queueing()
    }

    fn on_worker_availability_change(&mut self, worker: WorkerId, available: bool) {
        self.sticky.on_worker_availability_change(worker, available);
    }
}
