//! Rates of all nodes.
//!
//! # Keys
//! `daemun:rate:KEY`: the microsecond of the server's clock at which all that passed is forgotten,
//! in decimal digits; it expires then. Each is on whatever server of a cluster it falls.

use std::time::Duration;

use async_trait::async_trait;
use redis::{Script, Value as Answer};

use super::Redis;
use super::script::nonsense;
use crate::error::Result;
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
}

fn micros(time: Duration) -> String {
    time.as_micros().to_string()
}

#[async_trait]
impl RatesDuty for FarRates {
    async fn pass(&self, passed: Vec<Passed>) -> Result<Vec<Duration>> {
        let call = |Passed { key, times, each, most }: Passed| {
            (format!("daemun:rate:{key}"), vec![times.to_string(), micros(each), micros(most)])
        };
        let calls: Vec<_> = passed.into_iter().map(call).collect();
        let answers = self.redis.run(&self.script, SCRIPT, &calls).await?;
        let ahead = |answer| match answer {
            Answer::Int(ahead) => u64::try_from(ahead).ok().map(Duration::from_micros),
            _ => None,
        };
        let all: Option<Vec<_>> = answers.into_iter().map(ahead).collect();
        all.ok_or_else(nonsense)
    }
}
