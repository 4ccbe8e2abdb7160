//! Waiting for a moment.
//!
//! The runtime's own timers are a wheel of milliseconds. On one machine an answer takes a
//! tenth of that, so what is due at a moment would mostly measure the wheel. A timer of the
//! kernel's (timerfd, Linux alone) is good for some tens of microseconds.

use tokio::time::{Instant, sleep_until};

/// Waits for moments, one at a time.
pub(super) enum Pacer {
    /// With the runtime's timers, which a test can wind.
    Wheel,
    /// With one of the kernel's.
    #[cfg(target_os = "linux")]
    Kernel(kernel::Timer),
}

impl Pacer {
    /// The finest that is to be had here.
    pub(super) fn finest() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = kernel::Timer::new() {
            return Self::Kernel(timer);
        }
        Self::Wheel
    }

    /// Returns when the moment has come; at once when it has passed.
    pub(super) async fn until(&self, at: Instant) {
        if at <= Instant::now() {
            return;
        }
        match self {
            Self::Wheel => sleep_until(at).await,
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) => {
                if timer.until(at).await.is_err() {
                    // Late is better than never.
                    sleep_until(at).await;
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    /// A timer of the kernel's.
    pub(in crate::run) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[expect(
            deprecated,
            reason = "it is of types that may close their file early; \
            an OwnedFd does not, and the other way is for unsafe code alone"
        )]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?))
        }

        pub(super) async fn until(&self, at: Instant) -> io::Result<()> {
            loop {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(());
                }
                let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
                let left = Timespec {
                    tv_sec: i64::try_from(left.as_secs()).map_err(io::Error::other)?,
                    tv_nsec: left.subsec_nanos().into(),
                };
                let once = Itimerspec { it_interval: zero, it_value: left };
                timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
                let mut ready = self.0.readable().await?;
                // How often it fired is not needed, but is only over when it was read.
                let fired = ready
                    .try_io(|timer| rustix::io::read(timer, &mut [0; 8]).map_err(io::Error::from));
                if let Ok(fired) = fired {
                    fired?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_moment_comes_not_before_its_time() {
        let pacer = Pacer::finest();
        for micros in [0, 30, 400, 1_500] {
            let at = Instant::now() + Duration::from_micros(micros);
            pacer.until(at).await;
            assert!(Instant::now() >= at);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wheel_goes_with_a_test() {
        let start = Instant::now();
        Pacer::Wheel.until(start + Duration::from_secs(3_600)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3_600));
    }
}
