//! `daemun operator`: the accounts of those who run the games.
//!
//! A password is never an argument, which other users of the machine can see: it is asked for at
//! the terminal, or read as one line from standard input.

use std::io::{BufRead, IsTerminal, Read, stdin};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Subcommand;
use protocol::operators::rights::{In, Role, RoleIn};
use protocol::operators::{OperatorName, Password};

use uuid::Uuid;

use super::fail;
use super::member::order_done;
use crate::config::Flags;
use crate::private::{OperatorOrder, Order};

/// How much of standard input is read, in bytes: more is no password.
const LONGEST_LINE: u64 = 4096;

/// What to do with operators' accounts.
#[derive(Clone, Debug, Subcommand)]
pub enum OperatorCommand {
    /// Makes an account. The password is asked for, or read from standard input; what is printed
    /// has the secret for an authenticator, which is shown here and never again.
    Add {
        /// The name: 2 to 64 of a-z, A-Z, 0-9, ., _, -, + and @.
        name: OperatorName,
        /// A role: owner, editor, support or viewer; in one game alone as ROLE@GAME
        #[arg(long = "role", value_name = "ROLE[@GAME]", required = true)]
        roles: Vec<GivenRole>,
    },
    /// Lists the operators, 200 at a time.
    List {
        /// The `next` of the list before.
        #[arg(long)]
        after: Option<Uuid>,
    },
    /// Gives other roles in the place of those there were.
    Roles {
        /// Whose.
        name: OperatorName,
        /// A role, as for `add`
        #[arg(long = "role", value_name = "ROLE[@GAME]")]
        roles: Vec<GivenRole>,
    },
    /// Keeps an operator out, at once and on every node.
    Disable {
        /// Whom.
        name: OperatorName,
    },
    /// Lets an operator in again.
    Enable {
        /// Whom.
        name: OperatorName,
    },
    /// Gives a new password, which is asked for or read from standard input.
    Password {
        /// Whom.
        name: OperatorName,
    },
    /// Gives a new second factor, for who lost the authenticator.
    Totp {
        /// Whom.
        name: OperatorName,
    },
    /// Takes an account away. What it did stays in the audit.
    Remove {
        /// Whose.
        name: OperatorName,
    },
}

/// A role as the command line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRole(RoleIn);

impl FromStr for GivenRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, app) = text.split_once('@').unwrap_or((text, "*"));
        let role = Role::parse(role).ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
            format!("a role is one of {}", known.join(", "))
        })?;
        let app = match app {
            "*" => In::All,
            word => In::App(word.parse().map_err(|error| format!("{error}"))?),
        };
        Ok(Self(RoleIn { app, role }))
    }
}

/// Runs the command by the server that runs on the data folder, or on the folder itself when
/// none runs.
pub async fn run(command: OperatorCommand, flags: &Flags) -> ExitCode {
    match order(command) {
        Ok(order) => order_done(Order::Operator(order), flags).await,
        Err(error) => fail(&error),
    }
}

fn order(command: OperatorCommand) -> Result<OperatorOrder, String> {
    let given = |roles: Vec<GivenRole>| roles.into_iter().map(|GivenRole(role)| role).collect();
    Ok(match command {
        OperatorCommand::Add { name, roles } => {
            OperatorOrder::Add { password: password(&name)?, name, roles: given(roles) }
        }
        OperatorCommand::List { after } => OperatorOrder::List { after },
        OperatorCommand::Roles { name, roles } => {
            OperatorOrder::Roles { name, roles: given(roles) }
        }
        OperatorCommand::Disable { name } => OperatorOrder::Disable { name },
        OperatorCommand::Enable { name } => OperatorOrder::Enable { name },
        OperatorCommand::Password { name } => {
            OperatorOrder::Password { password: password(&name)?, name }
        }
        OperatorCommand::Totp { name } => OperatorOrder::Totp { name },
        OperatorCommand::Remove { name } => OperatorOrder::Remove { name },
    })
}

/// Asks for it twice where somebody types, without showing it; else reads a line.
fn password(name: &OperatorName) -> Result<Password, String> {
    let failed = |error: std::io::Error| format!("the password cannot be read: {error}");
    let text = if stdin().is_terminal() {
        let asked = rpassword::prompt_password(format!("Password of {name}: ")).map_err(failed)?;
        let again = rpassword::prompt_password("The same again: ").map_err(failed)?;
        if asked != again {
            return Err("the two are not the same".to_owned());
        }
        asked
    } else {
        let mut line = String::new();
        stdin().lock().take(LONGEST_LINE).read_line(&mut line).map_err(failed)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if text.is_empty() {
        return Err(
            "no password was given, at a terminal or as a line of standard input".to_owned()
        );
    }
    Password::new(&text).map_err(|error| format!("the password is not good: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_in_all_games_unless_one_is_named() {
        let role = |text: &str| text.parse::<GivenRole>().map(|GivenRole(role)| role);
        assert_eq!(role("owner"), Ok(RoleIn { app: In::All, role: Role::Owner }));
        let cats = In::App("cats".parse().unwrap());
        assert_eq!(role("editor@cats"), Ok(RoleIn { app: cats, role: Role::Editor }));
        for (wrong, why) in [("king", "one of owner"), ("owner@", "app id"), ("", "one of owner")] {
            assert!(role(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }
}
