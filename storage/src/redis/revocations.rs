//! Revocations of all nodes.
//!
//! # Keys
//! `daemun:revoked`: members by the microsecond of the server's clock at which they were told of
//! last, a sorted set; what is older than [`KEPT`] is taken out with the next.

use async_trait::async_trait;
use protocol::ids::MemberId;
use redis::{FromRedisValue, Pipeline, RedisResult, Script, Value as Answer};

use super::Redis;
use crate::error::{Result, StorageError};
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

    async fn run(&self, script: &Script, arguments: [String; 2]) -> Result<Answer> {
        let command = || {
            let mut commands = redis::pipe();
            let command = commands.cmd("EVALSHA").arg(script.get_hash()).arg(1).arg(ALL);
            command.arg(&arguments[0]).arg(&arguments[1]);
            commands
        };
        match self.ask(command()).await? {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                let mut load = redis::pipe();
                for script in [REVOKE, SINCE] {
                    load.cmd("SCRIPT").arg("LOAD").arg(script);
                }
                self.redis.all_of(&mut load).await?;
                self.ask(command()).await?.map_err(|error| lost(&super::words(&error)))
            }
            answer => answer.map_err(|error| lost(&super::words(&error))),
        }
    }

    async fn ask(&self, mut commands: Pipeline) -> Result<RedisResult<Answer>> {
        let away = || lost("is away");
        self.redis.ask(&mut commands).await.map_err(|_| away())?.pop().ok_or_else(away)
    }
}

fn lost(what: &str) -> StorageError {
    StorageError::Unavailable(format!("{}: {what}", super::NAME))
}

#[async_trait]
impl RevocationsDuty for FarRevocations {
    async fn revoke(&self, member: MemberId) -> Result<()> {
        let arguments = [member.number().to_string(), KEPT.as_micros().to_string()];
        self.run(&self.revoke, arguments).await.map(|_| ())
    }

    async fn since(&self, mark: Option<Mark>) -> Result<(Mark, Vec<MemberId>)> {
        let from = mark.map_or_else(String::new, |mark| mark.0.to_string());
        let answer = self.run(&self.since, [from, AT_A_TIME.to_string()]).await?;
        let nonsense = || lost("an answer that makes no sense");
        let words = Vec::<String>::from_redis_value(answer).map_err(|_| nonsense())?;
        let (mark, members) = words.split_first().ok_or_else(nonsense)?;
        let mark = mark.parse().map(Mark).map_err(|_| nonsense())?;
        // What is no member was put there by somebody else.
        let member = |word: &String| MemberId::from_number(word.parse().ok()?).ok();
        Ok((mark, members.iter().filter_map(member).collect()))
    }
}
