//! How many of something an address may have at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::address::Address;

/// A map with more room than this that is mostly empty gives it back.
const ROOM: usize = 1_024;

/// The places that are taken, by address. An address without any is not in it.
pub(super) struct Places {
    limit: u32,
    taken: Arc<Mutex<HashMap<Address, u32>>>,
}

impl Places {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, taken: Arc::default() }
    }

    /// A place, if the address may have one more.
    pub(super) fn take(&self, address: Address) -> Option<Place> {
        let mut taken = self.taken.lock();
        // Nothing is written down for one that is refused.
        if taken.get(&address).copied().unwrap_or(0) >= self.limit {
            return None;
        }
        *taken.entry(address).or_default() += 1;
        Some(Place { taken: self.taken.clone(), address })
    }
}

/// A place, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    taken: Arc<Mutex<HashMap<Address, u32>>>,
    address: Address,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
        if taken.capacity() > ROOM && taken.len() < taken.capacity() / 8 {
            taken.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(last: u8) -> Address {
        IpAddr::from([198, 51, 100, last]).into()
    }

    #[test]
    fn an_address_has_its_places_and_gets_them_back() {
        let places = Places::new(2);
        let first = places.take(address(1)).unwrap();
        let _second = places.take(address(1)).unwrap();
        assert!(places.take(address(1)).is_none());
        assert!(places.take(address(2)).is_some());
        drop(first);
        let _third = places.take(address(1)).unwrap();
        assert!(places.take(address(1)).is_none());
    }

    #[test]
    fn what_nobody_has_takes_no_room() {
        let places = Places::new(1);
        let address = |n: u32| Address::from(IpAddr::from(n.to_be_bytes()));
        let many: Vec<_> = (0..10_000).map(|n| places.take(address(n)).unwrap()).collect();
        assert!((0..10_000).all(|n| places.take(address(n)).is_none()));
        drop(many);
        let taken = places.taken.lock();
        assert!(taken.is_empty() && taken.capacity() <= ROOM, "{}", taken.capacity());
    }
}
