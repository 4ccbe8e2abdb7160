//! What was asked of the servers and what they said, written as it happens.
//!
//! A file of lines, each written before anything else is done:
//!
//!     17 call push 4021 88        the 17th operation: push number 88 to member 4021
//!     17 ok 12                    it was acknowledged: the push is the member's 12th
//!     17 unknown                  or: nobody knows whether it was done
//!     17 refused                  or: it was not done
//!     17 wrong Reused             or: it was answered as it never should be
//!
//! An operation without a second line is one whose writer was stopped: unknown.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

/// Something that is asked for. Ids are text, as short as the databases can give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Puts a push with this body into a member's inbox. Answered with its number.
    Push { member: String, body: String },
    /// Acknowledges a member's inbox up to a number.
    Ack { member: String, up_to: u64 },
    /// Exchanges the refresh token of a login. Answered with the token that is good now.
    Rotate { login: String, shown: String, next: String },
    /// Logs a person in. Answered with the member and its epoch.
    Login { person: String, login: String, token: String },
    /// Bans a member, with a push whose body is the ban's id. Answered with its number.
    Ban { member: String, ban: String },
    /// Lifts a member's ban.
    Unban { member: String },
    /// A store says that a member bought something, under the store's own name for it.
    Buy { member: String, purchase: String },
    /// A store says that the money was given back.
    Refund { member: String, purchase: String },
    /// A game takes something. Answered with what is left.
    Spend { member: String, transfer: String },
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push { member, body } => write!(f, "push {member} {body}"),
            Self::Ack { member, up_to } => write!(f, "ack {member} {up_to}"),
            Self::Rotate { login, shown, next } => write!(f, "rotate {login} {shown} {next}"),
            Self::Login { person, login, token } => write!(f, "login {person} {login} {token}"),
            Self::Ban { member, ban } => write!(f, "ban {member} {ban}"),
            Self::Unban { member } => write!(f, "unban {member}"),
            Self::Buy { member, purchase } => write!(f, "buy {member} {purchase}"),
            Self::Refund { member, purchase } => write!(f, "refund {member} {purchase}"),
            Self::Spend { member, transfer } => write!(f, "spend {member} {transfer}"),
        }
    }
}

impl Op {
    fn parse(words: &[&str]) -> Option<Self> {
        let own = |word: &&str| (*word).to_owned();
        Some(match words {
            ["push", member, body] => Self::Push { member: own(member), body: own(body) },
            ["ack", member, up_to] => Self::Ack { member: own(member), up_to: up_to.parse().ok()? },
            ["rotate", login, shown, next] => {
                Self::Rotate { login: own(login), shown: own(shown), next: own(next) }
            }
            ["login", person, login, token] => {
                Self::Login { person: own(person), login: own(login), token: own(token) }
            }
            ["ban", member, ban] => Self::Ban { member: own(member), ban: own(ban) },
            ["unban", member] => Self::Unban { member: own(member) },
            ["buy", member, purchase] => Self::Buy { member: own(member), purchase: own(purchase) },
            ["refund", member, purchase] => {
                Self::Refund { member: own(member), purchase: own(purchase) }
            }
            ["spend", member, transfer] => {
                Self::Spend { member: own(member), transfer: own(transfer) }
            }
            _ => return None,
        })
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It was done; what was answered.
    Ok(Vec<String>),
    /// It was done or not.
    Unknown,
    /// It was not done.
    Refused,
    /// It was answered as it never should be.
    Wrong(String),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(words) => write!(f, "ok {}", words.join(" ")),
            Self::Unknown => f.write_str("unknown"),
            Self::Refused => f.write_str("refused"),
            Self::Wrong(what) => write!(f, "wrong {}", what.replace('\n', " ")),
        }
    }
}

/// The history that is written now.
pub(super) struct Writing(Mutex<(File, u64)>);

impl Writing {
    pub(super) fn new(file: File) -> Self {
        Self(Mutex::new((file, 0)))
    }

    /// Writes down that `op` is about to be asked for; returns its place.
    pub(super) fn call(&self, op: &Op) -> u64 {
        let mut file = self.0.lock().unwrap();
        file.1 += 1;
        let place = file.1;
        writeln!(file.0, "{place} call {op}").unwrap();
        place
    }

    /// Writes down what came of it.
    pub(super) fn said(&self, place: u64, said: &Said) {
        writeln!(self.0.lock().unwrap().0, "{place} {said}").unwrap();
    }
}

/// One operation of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) op: Op,
    pub(super) said: Said,
}

/// Reads a history: its operations in the order in which they were asked for.
pub(super) fn read(text: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [place, word, rest @ ..] = words.as_slice() else { panic!("no such line: {line}") };
        let place: usize = place.parse().unwrap();
        if *word == "call" {
            assert_eq!(place, events.len() + 1, "a line is missing before: {line}");
            let op = Op::parse(rest).unwrap_or_else(|| panic!("no such operation: {line}"));
            events.push(Event { op, said: Said::Unknown });
            continue;
        }
        events[place - 1].said = match *word {
            "ok" => Said::Ok(rest.iter().map(|word| (*word).to_owned()).collect()),
            "unknown" => Said::Unknown,
            "refused" => Said::Refused,
            "wrong" => Said::Wrong(rest.join(" ")),
            _ => panic!("no such outcome: {line}"),
        };
    }
    events
}
