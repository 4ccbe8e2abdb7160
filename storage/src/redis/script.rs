//! What the nodes' own keys are asked with: commands that belong together, and scripts that a
//! server may not know, because it was started or emptied anew.

use redis::{Pipeline, RedisResult, Script, Value};

use super::{NAME, Redis, words};
use crate::error::{Result, StorageError};

/// What went wrong with Redis, in words.
pub(super) fn lost(what: &str) -> StorageError {
    StorageError::Unavailable(format!("{NAME}: {what}"))
}

/// An answer that no server of ours gives.
pub(super) fn nonsense() -> StorageError {
    lost("an answer that makes no sense")
}

impl Redis {
    /// As [`Redis::ask`], for commands that are of no use one without the other.
    ///
    /// # Errors
    /// `Unavailable` when Redis is away, or refuses any.
    pub(super) async fn all_of(&self, commands: &mut Pipeline) -> Result<Vec<Value>> {
        let answers = self.ask_or_say(commands).await?;
        let answers: RedisResult<Vec<_>> = answers.into_iter().collect();
        answers.map_err(|error| lost(&words(&error)))
    }

    /// Runs a script many times, on a key each with its arguments, and returns what each came to.
    /// One that the server does not know is told it, and all are run again: those that had run
    /// have then run twice.
    ///
    /// # Errors
    /// As [`Redis::all_of`].
    pub(super) async fn run(
        &self,
        script: &Script,
        text: &str,
        calls: &[(String, Vec<String>)],
    ) -> Result<Vec<Value>> {
        let mut commands = redis::pipe();
        for (key, arguments) in calls {
            let command = commands.cmd("EVALSHA").arg(script.get_hash()).arg(1);
            command.arg(key).arg(arguments);
        }
        let answers = self.ask_or_say(&mut commands).await?;
        let unknown = |answer: &RedisResult<Value>| {
            answer.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
        };
        if answers.iter().any(unknown) {
            self.all_of(redis::pipe().cmd("SCRIPT").arg("LOAD").arg(text)).await?;
            return self.all_of(&mut commands).await;
        }
        let answers: RedisResult<Vec<_>> = answers.into_iter().collect();
        answers.map_err(|error| lost(&words(&error)))
    }

    async fn ask_or_say(&self, commands: &mut Pipeline) -> Result<Vec<RedisResult<Value>>> {
        let away = || StorageError::Unavailable(self.trouble().unwrap_or_else(|| NAME.to_owned()));
        self.ask(commands).await.map_err(|_| away())
    }
}
