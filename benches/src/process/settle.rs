//! Waiting until a process's memory no longer changes.

use std::collections::VecDeque;
use std::time::Duration;

use super::Memory;
use crate::Fault;

/// How often memory is looked at.
const STEP: Duration = Duration::from_secs(1);
/// How many looks in a row must agree. Tokio keeps an idle thread of its blocking pool for
/// ten seconds: in this time even those are gone.
const LOOKS: usize = 12;
/// By how much looks that agree may differ: for 5,000 sessions 13 bytes each.
const TOLERANCE_BYTES: u64 = 64 * 1024;
/// How long memory may take to settle, in seconds.
pub(super) const PATIENCE_S: u64 = 120;

/// The memory once it has settled; `None` when it does not.
///
/// # Errors
/// When it cannot be looked at.
pub(super) async fn settled(
    look: impl Fn() -> Result<Memory, Fault>,
) -> Result<Option<Memory>, Fault> {
    let mut window = Window::default();
    for _ in 0..PATIENCE_S {
        tokio::time::sleep(STEP).await;
        let memory = look()?;
        if window.agrees_with(memory.rss) {
            return Ok(Some(memory));
        }
    }
    Ok(None)
}

/// The last looks.
#[derive(Default)]
struct Window(VecDeque<u64>);

impl Window {
    /// Takes a look, and says whether it and those before it agree.
    fn agrees_with(&mut self, look: u64) -> bool {
        self.0.push_back(look);
        if self.0.len() > LOOKS {
            self.0.pop_front();
        }
        let (least, most) =
            self.0.iter().fold((look, look), |(least, most), &it| (least.min(it), most.max(it)));
        self.0.len() == LOOKS && most - least <= TOLERANCE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_window_of_like_looks_agrees() {
        let mut window = Window::default();
        assert!((1..LOOKS).all(|_| !window.agrees_with(1_000_000)));
        assert!(window.agrees_with(1_000_000 + TOLERANCE_BYTES));
        assert!(!window.agrees_with(2_000_000));
        assert!((2..LOOKS).all(|_| !window.agrees_with(2_000_000)));
        assert!(window.agrees_with(2_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_that_keeps_changing_is_given_up_on() {
        let rss = std::cell::Cell::new(0);
        let growing = || {
            rss.set(rss.get() + TOLERANCE_BYTES);
            Ok(Memory { rss: rss.get(), anonymous: 0 })
        };
        assert_eq!(settled(growing).await.unwrap(), None);
    }
}
