//! Where images are read and written anew: beside everybody who waits for something quick, and a
//! few at a time.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{MediaType, Remade, Unfit, remade};

/// How many are worked on at once, each with up to 200 MB and one of the machine's cores.
const AT_ONCE: usize = 2;
/// How many there may be in all, those that wait with them.
const IN_ALL: usize = 8;

/// The place, of which a process has one. A clone is the same.
#[derive(Clone)]
pub struct Workshop {
    /// Who is worked on.
    benches: Arc<Semaphore>,
    /// Who is here.
    chairs: Arc<Semaphore>,
}

impl Default for Workshop {
    fn default() -> Self {
        let (benches, chairs) = (Semaphore::new(AT_ONCE), Semaphore::new(IN_ALL));
        Self { benches: Arc::new(benches), chairs: Arc::new(chairs) }
    }
}

impl Workshop {
    /// As [`remade`](super::remade()), in its turn. Whoever goes away in between does not give his
    /// place to others before the work is over.
    ///
    /// # Errors
    /// [`Unfit`]; `Overloaded` when there are as many here as may be.
    pub async fn remade(&self, bytes: Bytes, declared: Option<MediaType>) -> Result<Remade, Unfit> {
        let chair = self.chairs.clone().try_acquire_owned().map_err(|_| Unfit::Overloaded)?;
        let bench = self.benches.clone().acquire_owned().await.map_err(|_| Unfit::Overloaded)?;
        let work = tokio::task::spawn_blocking(move || {
            let _held = (chair, bench);
            remade(&bytes, declared)
        });
        // A decoder that panics is one that met what it did not expect.
        let failed = |_| Err(Unfit::Wrong("cannot be read: it is not what it should be".into()));
        work.await.unwrap_or_else(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_few_are_worked_on_at_once_and_so_many_may_wait() {
        let workshop = Workshop::default();
        let held = workshop.benches.clone().acquire_many_owned(2).await.unwrap();
        let ask = || {
            let workshop = workshop.clone();
            tokio::spawn(async move { workshop.remade(Bytes::from("GIF89a"), None).await })
        };
        let waiting: Vec<_> = (0..IN_ALL).map(|_| ask()).collect();
        while workshop.chairs.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask().await.unwrap(), Err(Unfit::Overloaded));
        // Who goes away while he waits gives his place back.
        waiting[0].abort();
        while workshop.chairs.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        drop(held);
        for one in waiting.into_iter().skip(1) {
            assert!(matches!(one.await.unwrap(), Err(Unfit::Kind(_))));
        }
        assert!(matches!(ask().await.unwrap(), Err(Unfit::Kind(_))), "and there is room again");
    }
}
