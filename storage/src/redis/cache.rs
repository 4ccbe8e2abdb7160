//! The cache that the nodes share.
//!
//! # Keys
//! A hash for each member, `daemun:{MEMBER}`; the braces keep whatever else there is of a member
//! on one server of a cluster. It expires with what is in it. Fields:
//!
//! - `V:GAME:m`, `V:GAME:i`, `V:GAME:s:LOGIN`: the member, its identities, where a login stands.
//!   `V` is the version of how values are [written](pack): another version's are not seen,
//!   and are forgotten with the rest. A value is 13 digits of when its lease was given, 13 of when
//!   it ends, both in milliseconds of the server's own clock, and what was read.
//! - `lease:FIELD`: 13 digits of when it was given, and the lease.
//!
//! The server's clock alone counts, within one script each: those of the nodes need not agree.
//!
//! # What could not be forgotten
//! A member whose forgetting was not confirmed is *owed*: it is forgotten before the next thing
//! that this node asks of Redis (many are over several), and until that was confirmed, or it is so
//! long ago that nothing of it can be there any more, this node looks for none of its values. Other
//! nodes may find an old value for as long as that.

mod owed;
pub(crate) mod pack;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::MemberId;
use redis::{Pipeline, RedisResult, Script, Value as Answer};
use tokio::time::Instant;

use super::{NAME, Redis};
use crate::alarm::Alarm;
use crate::cache::{CacheDuty, CacheKey, Fill, LEASE, Lease, Look};
use owed::Owed;

const LOOK: &str = include_str!("cache/look.lua");
const FILL: &str = include_str!("cache/fill.lua");

/// A cache in Redis.
pub struct FarCache {
    redis: Redis,
    life: Duration,
    look: Script,
    fill: Script,
    owed: Mutex<Owed>,
    refused: Alarm,
}

impl FarCache {
    /// A cache there, in which nothing gets older than `life`.
    #[must_use]
    pub fn new(redis: Redis, life: Duration) -> Self {
        let (look, fill) = (Script::new(LOOK), Script::new(FILL));
        let owed = Mutex::new(Owed::new(life.max(LEASE)));
        Self { redis, life, look, fill, owed, refused: Alarm::new() }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        // No code runs under the lock that could leave it half done.
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has commands done behind what is owed. `None` when Redis is away.
    async fn ask(&self, commands: impl Fn(&mut Pipeline)) -> Option<Vec<RedisResult<Answer>>> {
        let answers = self.ask_once(&commands).await?;
        if !answers.iter().any(|answer| code(answer) == Some("NOSCRIPT")) {
            return Some(answers);
        }
        // It was started anew: nothing of these scripts was run.
        let mut load = redis::pipe();
        for script in [LOOK, FILL] {
            load.cmd("SCRIPT").arg("LOAD").arg(script);
        }
        self.redis.ask(&mut load).await.ok()?;
        self.ask_once(&commands).await
    }

    async fn ask_once(
        &self,
        commands: &impl Fn(&mut Pipeline),
    ) -> Option<Vec<RedisResult<Answer>>> {
        let owed = self.owed().take(Instant::now());
        let mut pipeline = redis::pipe();
        for (member, _) in &owed {
            forget(&mut pipeline, *member);
        }
        commands(&mut pipeline);
        let Ok(mut answers) = self.redis.ask(&mut pipeline).await else {
            self.owed().settle(owed.into_iter().map(|debt| (debt, false)));
            return None;
        };
        let own = answers.split_off(owed.len().min(answers.len()));
        let paid = answers.iter().map(|answer| self.is_good(answer));
        self.owed().settle(owed.into_iter().zip(paid));
        Some(own)
    }

    /// Whether something was done; what is refused is counted and said.
    fn is_good(&self, answer: &RedisResult<Answer>) -> bool {
        let Err(refusal) = answer else { return true };
        metrics::counter!("daemun_cache_refused_total").increment(1);
        if code(answer) != Some("NOSCRIPT")
            && let Some(count) = self.refused.ring(1)
        {
            let (code, why) =
                (refusal.code().unwrap_or_default(), refusal.detail().unwrap_or_default());
            tracing::warn!(count, "{NAME} refused {count} commands of the cache: {code} {why}");
        }
        false
    }

    /// What an answer to `look.lua` says. `Err` when what is there is not readable.
    fn read(
        &self,
        key: &CacheKey,
        lease: Lease,
        answer: RedisResult<Answer>,
    ) -> Result<Look, Broken> {
        if !self.is_good(&answer) {
            return Ok(Look::Away);
        }
        let Ok(Answer::Array(parts)) = answer else { return Err(Broken) };
        match parts.as_slice() {
            [Answer::Int(1), Answer::Int(age), Answer::BulkString(bytes), Answer::Int(given)] => {
                let value = pack::unpack(key, bytes).ok_or(Broken)?;
                // The clock is read in whole milliseconds, twice.
                let age = Duration::from_millis(u64::try_from(*age).unwrap_or(0) + 1);
                Ok(Look::Found { value, age, anew: (*given == 1).then_some(lease) })
            }
            [Answer::Int(2)] => Ok(Look::Taken),
            [Answer::Int(3), Answer::Int(dropped)] => {
                dropped_some(u64::try_from(*dropped).unwrap_or(0));
                Ok(Look::Missing(lease))
            }
            _ => Err(Broken),
        }
    }
}

/// What is there is none of ours, or was damaged.
struct Broken;

fn dropped_some(count: u64) {
    if count > 0 {
        metrics::counter!("daemun_cache_dropped_total").increment(count);
    }
}

fn code(answer: &RedisResult<Answer>) -> Option<&str> {
    answer.as_ref().err().and_then(|refusal| refusal.code())
}

pub(super) fn hash_of(member: MemberId) -> String {
    format!("daemun:{{{member}}}")
}

fn forget(pipeline: &mut Pipeline, member: MemberId) {
    pipeline.cmd("UNLINK").arg(hash_of(member));
}

/// A script on a member's hash; its further arguments follow.
fn run<'a>(pipeline: &'a mut Pipeline, script: &Script, key: &CacheKey) -> &'a mut Pipeline {
    let hash = hash_of(key.member);
    pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(1).arg(hash).arg(pack::field(key))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl CacheDuty for FarCache {
    async fn look(&self, keys: Vec<CacheKey>) -> Vec<Look> {
        let life = millis(self.life);
        let leases: Vec<Lease> = keys.iter().map(|_| Lease::draw()).collect();
        let asked = self.ask(|pipeline| {
            for (key, lease) in keys.iter().zip(&leases) {
                run(pipeline, &self.look, key).arg(lease.0).arg(millis(LEASE)).arg(life);
            }
        });
        let answers = asked.await.unwrap_or_default();
        if answers.len() != keys.len() {
            return vec![Look::Away; keys.len()];
        }
        let (mut looks, mut broken) = (Vec::with_capacity(keys.len()), Vec::new());
        for ((key, lease), answer) in keys.iter().zip(leases).zip(answers) {
            looks.push(match self.read(key, lease, answer) {
                Ok(_) if self.owed().is_owed(key.member, Instant::now()) => Look::Away,
                Ok(look) => look,
                Err(Broken) => {
                    broken.push(key.member);
                    Look::Away
                }
            });
        }
        if !broken.is_empty() {
            dropped_some(broken.len() as u64);
            self.forget(broken).await;
        }
        looks
    }

    async fn fill(&self, fills: Vec<Fill>) -> Vec<bool> {
        let packed: Vec<_> = fills.iter().map(|fill| pack::pack(&fill.value)).collect();
        let answers = self.ask(|pipeline| {
            for (fill, packed) in fills.iter().zip(&packed) {
                let life = millis(fill.value.life(self.life));
                run(pipeline, &self.fill, &fill.key).arg(fill.lease.0).arg(millis(LEASE));
                pipeline.arg(life).arg(packed.as_slice());
            }
        });
        let is_there = |answer: &RedisResult<Answer>| {
            self.is_good(answer) && matches!(answer, Ok(Answer::Int(1)))
        };
        let there: Vec<bool> = answers.await.unwrap_or_default().iter().map(is_there).collect();
        if there.len() == fills.len() { there } else { vec![false; fills.len()] }
    }

    async fn forget(&self, members: Vec<MemberId>) {
        // Owed from now on, so that nobody on this node finds it while it is under way.
        let debts = self.owed().owe(&members, Instant::now());
        let asked = self.ask(|pipeline| members.iter().for_each(|it| forget(pipeline, *it)));
        let mut answers = asked.await.unwrap_or_default().into_iter();
        let paid = members.iter().map(|_| answers.next().is_some_and(|it| self.is_good(&it)));
        self.owed().settle(debts.into_iter().zip(paid));
    }

    fn is_near(&self) -> bool {
        false
    }

    fn trouble(&self) -> Option<String> {
        self.redis.trouble()
    }
}
