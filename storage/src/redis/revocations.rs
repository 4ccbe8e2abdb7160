//! Revocations of all nodes.
//!
//! # Keys
//! `daemun:revoked`: members by the microsecond of the server's clock at which they were told of
//! last, a sorted set; what is older than [`KEPT`] is taken out with the next.

use async_trait::async_trait;
use protocol::ids::MemberId;
use redis::{FromRedisValue, Script, Value as Answer};

use super::Redis;
use super::script::nonsense;
use crate::error::Result;
use crate::revocations::{AT_A_TIME, KEPT, Mark, RevocationsDuty};

const ALL: &str = "daemun:revoked";
const REVOKE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000))
return 1";
const SINCE: &str = "\
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
if ARGV[1] == '' then return {now} end
local told = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local members = {}
for place = 1, #told, 2 do members[#members + 1] = told[place] end
-- Of more than these the last is told of again; of all of them, only what comes from now on.
if #members >= tonumber(ARGV[2]) then now = string.format('%.0f', told[#told]) end
table.insert(members, 1, now)
return members";

/// Revocations in Redis.
pub(crate) struct FarRevocations {
    redis: Redis,
    revoke: Script,
    since: Script,
}

impl FarRevocations {
    /// Of the nodes that share this Redis.
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, revoke: Script::new(REVOKE), since: Script::new(SINCE) }
    }

    async fn run(&self, script: &Script, text: &str, arguments: [String; 2]) -> Result<Answer> {
        let calls = [(ALL.to_owned(), arguments.to_vec())];
        self.redis.run(script, text, &calls).await?.pop().ok_or_else(nonsense)
    }
}

#[async_trait]
impl RevocationsDuty for FarRevocations {
    async fn revoke(&self, member: MemberId) -> Result<()> {
        let arguments = [member.number().to_string(), KEPT.as_micros().to_string()];
        self.run(&self.revoke, REVOKE, arguments).await.map(|_| ())
    }

    async fn since(&self, mark: Option<Mark>) -> Result<(Mark, Vec<MemberId>)> {
        let from = mark.map_or_else(String::new, |mark| mark.0.to_string());
        let answer = self.run(&self.since, SINCE, [from, AT_A_TIME.to_string()]).await?;
        let words = Vec::<String>::from_redis_value(answer).map_err(|_| nonsense())?;
        let (mark, members) = words.split_first().ok_or_else(nonsense)?;
        let mark = mark.parse().map(Mark).map_err(|_| nonsense())?;
        // What is no member was put there by somebody else.
        let member = |word: &String| MemberId::from_number(word.parse().ok()?).ok();
        Ok((mark, members.iter().filter_map(member).collect()))
    }
}
