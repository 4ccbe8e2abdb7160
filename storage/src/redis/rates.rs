//! Rates of all nodes.
//!
//! # Keys
//! `daemun:rate:KEY`: the microsecond of the server's clock at which all that passed is forgotten,
//! in decimal digits; it expires then. Each is on whatever server of a cluster it falls.

use std::time::Duration;

use async_trait::async_trait;
use redis::{Pipeline, RedisResult, Script, Value as Answer};

use super::Redis;
use crate::error::{Result, StorageError};
use crate::rates::{Passed, RatesDuty};

const SCRIPT: &str = include_str!("rates.lua");

/// Rates in Redis.
pub(crate) struct FarRates {
    redis: Redis,
    script: Script,
}

impl FarRates {
    /// Of the nodes that share this Redis.
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(SCRIPT) }
    }

    fn commands(&self, passed: &[Passed]) -> Pipeline {
        let mut commands = redis::pipe();
        for Passed { key, times, each, most } in passed {
            let command = commands.cmd("EVALSHA").arg(self.script.get_hash()).arg(1);
            command
                .arg(format!("daemun:rate:{key}"))
                .arg(*times)
                .arg(micros(*each))
                .arg(micros(*most));
        }
        commands
    }

    async fn ask(&self, commands: &mut Pipeline) -> Result<Vec<RedisResult<Answer>>> {
        let away = || StorageError::Unavailable(self.redis.trouble().unwrap_or_default());
        self.redis.ask(commands).await.map_err(|_| away())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[async_trait]
impl RatesDuty for FarRates {
    async fn pass(&self, passed: Vec<Passed>) -> Result<Vec<Duration>> {
        let mut answers = self.ask(&mut self.commands(&passed)).await?;
        let unknown = |answer: &RedisResult<Answer>| {
            answer.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
        };
        if answers.iter().any(unknown) {
            // It was started anew, and none of them was run.
            self.redis.all_of(redis::pipe().cmd("SCRIPT").arg("LOAD").arg(SCRIPT)).await?;
            answers = self.ask(&mut self.commands(&passed)).await?;
        }
        let ahead = |answer: RedisResult<Answer>| match answer {
            Ok(Answer::Int(ahead)) => u64::try_from(ahead).ok().map(Duration::from_micros),
            Ok(_) | Err(_) => None,
        };
        let all: Option<Vec<_>> = answers.into_iter().map(ahead).collect();
        all.ok_or_else(|| StorageError::Unavailable(format!("{} refused a rate", super::NAME)))
    }
}
