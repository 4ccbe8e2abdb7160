//! Who is let in during a maintenance: devices, and addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use protocol::ids::AppId;
use serde::{Deserialize, Serialize};

use crate::office::Refused;

/// A tester, as its document says it: one of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tester {
    /// The `device_id` that the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<IpNet>,
    /// Whose it is, for operators alone.
    #[serde(default)]
    pub note: String,
}

impl Tester {
    /// The name under which it is kept once.
    ///
    /// # Errors
    /// `Invalid` of what names nobody, or too much.
    pub fn handle(&self) -> Result<String, Refused> {
        if self.note.len() > 256 || self.note.chars().any(char::is_control) {
            return Err(Refused::invalid("note", "is longer than 256 bytes, or not plain text"));
        }
        match (&self.device_id, &self.network) {
            (Some(id), None) if (1..=64).contains(&id.len()) && !id.contains(char::is_control) => {
                Ok(format!("device/{id}"))
            }
            (Some(_), None) => {
                Err(Refused::invalid("device_id", "is not 1 to 64 plain characters"))
            }
            (None, Some(network)) if network.prefix_len() == 0 => {
                Err(Refused::invalid("network", "is everybody"))
            }
            (None, Some(network)) => Ok(format!("network/{}", network.trunc())),
            (None, None) | (Some(_), Some(_)) => {
                Err(Refused::invalid("", "names a device_id or a network, and not both"))
            }
        }
    }
}

/// Everybody who tests.
#[derive(Debug, Default)]
pub struct Testers {
    devices: HashMap<String, Vec<Option<AppId>>>,
    networks: Vec<(IpNet, Option<AppId>)>,
}

impl Testers {
    pub(crate) fn put(&mut self, app: Option<AppId>, tester: Tester) {
        if let Some(id) = tester.device_id {
            self.devices.entry(id).or_default().push(app.clone());
        }
        if let Some(network) = tester.network {
            self.networks.push((network, app));
        }
    }

    /// Whether a client tests a game: by its device, or by its address.
    #[must_use]
    pub fn has(&self, app: &AppId, device_id: Option<&str>, from: IpAddr) -> bool {
        let of_game = |of: &Option<AppId>| of.as_ref().is_none_or(|of| of == app);
        let device = device_id.and_then(|id| self.devices.get(id));
        // An IPv4 address that comes through an IPv6 socket is the IPv4 address.
        let from = from.to_canonical();
        device.is_some_and(|games| games.iter().any(of_game))
            || self.networks.iter().any(|(network, of)| of_game(of) && network.contains(&from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(device_id: Option<&str>, network: Option<&str>) -> Tester {
        let network = network.map(|network| network.parse().unwrap());
        Tester { device_id: device_id.map(str::to_owned), network, note: String::new() }
    }

    #[test]
    fn a_tester_is_known_by_its_device_or_its_address_in_its_game() {
        let (demo, other): (AppId, AppId) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let mut testers = Testers::default();
        testers.put(Some(demo.clone()), of(Some("d1"), None));
        testers.put(None, of(None, Some("10.1.0.0/16")));
        testers.put(Some(demo.clone()), of(None, Some("2001:db8::/32")));
        let at = |app, device, from: &str| testers.has(app, device, from.parse().unwrap());
        assert!(at(&demo, Some("d1"), "192.0.2.1") && !at(&other, Some("d1"), "192.0.2.1"));
        assert!(!at(&demo, Some("d2"), "192.0.2.1") && !at(&demo, None, "192.0.2.1"));
        assert!(at(&other, None, "10.1.2.3") && at(&other, None, "::ffff:10.1.2.3"));
        assert!(!at(&other, None, "10.2.0.1"));
        assert!(at(&demo, None, "2001:db8::7") && !at(&other, None, "2001:db8::7"));
    }

    #[test]
    fn a_tester_that_names_nobody_or_everybody_is_refused() {
        assert_eq!(of(Some("d"), None).handle().unwrap(), "device/d");
        assert_eq!(of(None, Some("10.1.2.3/16")).handle().unwrap(), "network/10.1.0.0/16");
        let long = "x".repeat(65);
        for wrong in [
            of(None, None),
            of(Some("d"), Some("10.0.0.0/8")),
            of(Some(""), None),
            of(Some(&long), None),
            of(None, Some("0.0.0.0/0")),
            of(None, Some("::/0")),
        ] {
            assert!(matches!(wrong.handle(), Err(Refused::Invalid { .. })), "{wrong:?}");
        }
    }
}
