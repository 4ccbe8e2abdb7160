//! How far a server is: the last transaction of each replication domain.

use std::collections::BTreeMap;
use std::fmt;

/// A position as MariaDB writes it, `domain-server-number,..`: by domain, whose transaction was
/// the last, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb) struct Position(BTreeMap<u32, (u32, u64)>);

impl Position {
    /// Reads a position; `None` for one that is empty or is not like that.
    pub(in crate::mariadb) fn parse(text: &str) -> Option<Self> {
        let one = |text: &str| {
            let mut parts = text.trim().split('-');
            let (domain, server) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let number = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some((domain, (server, number)))
        };
        text.split(',').map(one).collect::<Option<BTreeMap<_, _>>>().map(Self)
    }

    /// Whether all of `other` is here.
    pub(in crate::mariadb) fn reaches(&self, other: &Self) -> bool {
        other
            .0
            .iter()
            .all(|(domain, (_, number))| self.0.get(domain).is_some_and(|(_, own)| own >= number))
    }

    /// Whether there is something here that `primary` has not, in a domain of the primary's:
    /// what follows a primary never has.
    pub(in crate::mariadb) fn is_ahead_of(&self, primary: &Self) -> bool {
        primary
            .0
            .iter()
            .any(|(domain, (_, number))| self.0.get(domain).is_some_and(|(_, own)| own > number))
    }

    /// How many transactions of `primary` are missing here.
    pub(in crate::mariadb) fn missing(&self, primary: &Self) -> u64 {
        let own = |domain| self.0.get(domain).map_or(0, |(_, number)| *number);
        primary.0.iter().map(|(domain, (_, number))| number.saturating_sub(own(domain))).sum()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (domain, (server, number))) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{domain}-{server}-{number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Position {
        Position::parse(text).unwrap()
    }

    #[test]
    fn positions_are_compared_domain_by_domain() {
        let primary = at("0-1-100,7-2-5");
        assert_eq!(primary.to_string(), "0-1-100,7-2-5");
        // Another server's number in a domain of its own says nothing.
        for (replica, reaches, ahead, missing) in [
            ("0-1-100,7-2-5", true, false, 0),
            ("0-9-100,7-2-5,8-1-1", true, false, 0),
            ("0-1-99,7-2-5", false, false, 1),
            ("0-1-101,7-2-5", true, true, 0),
            ("0-1-100", false, false, 5),
            ("0-1-200,7-2-4", false, true, 1),
        ] {
            let replica = at(replica);
            let found = (replica.reaches(&primary), replica.is_ahead_of(&primary));
            assert_eq!(
                (found, replica.missing(&primary)),
                ((reaches, ahead), missing),
                "{replica}"
            );
        }
        for nonsense in ["", "0-1", "0-1-2-3", "a-b-c", "0-1-2,"] {
            assert_eq!(Position::parse(nonsense), None, "{nonsense}");
        }
    }
}
