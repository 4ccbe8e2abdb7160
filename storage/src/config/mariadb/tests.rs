//! Servers that make sense, and what is said of those that do not.

use super::*;

fn server(shards: Option<&str>, replica_of: Option<&str>) -> ServerSettings {
    ServerSettings {
        url: ServerUrl::new("mysql://u:secret@h/d"),
        shards: shards.map(str::to_owned),
        replica_of: replica_of.map(str::to_owned),
    }
}

fn servers(all: &[(&str, ServerSettings)]) -> MariaDbSettings {
    let at = |name: &str| ServerUrl::new(format!("mysql://u:secret@h/{name}"));
    let named = |(name, server): &(&str, ServerSettings)| {
        ((*name).to_owned(), ServerSettings { url: at(name), ..server.clone() })
    };
    let servers = all.iter().map(named).collect();
    MariaDbSettings { servers, ..MariaDbSettings::default() }
}

fn wrong(settings: &MariaDbSettings) -> (String, String) {
    let mut wrong = settings.plan().unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong.remove(0)
}

#[test]
fn one_address_is_a_server_with_every_shard() {
    let url = Some(ServerUrl::new("mysql://h/d"));
    let plan = MariaDbSettings { url, ..MariaDbSettings::default() }.plan().unwrap();
    assert_eq!(plan.primaries[0].shards, [(0, 1023)]);
    let alone = servers(&[("only", server(None, None)), ("copy", server(None, Some("only")))]);
    let plan = alone.plan().unwrap();
    assert_eq!(
        (plan.primaries[0].shards.as_slice(), plan.replicas[0].of),
        ([(0, 1023)].as_slice(), 0)
    );
}

#[test]
fn several_servers_share_the_shards_and_one_is_home() {
    let mut both = servers(&[
        ("a", server(Some("0-99, 200-1023"), None)),
        ("b", server(Some("100-199"), None)),
        ("new", server(None, None)),
    ]);
    assert_eq!(both.plan().unwrap().home, 0);
    both.home = Some("b".to_owned());
    let plan = both.plan().unwrap();
    assert_eq!((plan.home, plan.primaries[2].shards.len()), (1, 0));
    both.home = Some("c".to_owned());
    assert_eq!(wrong(&both), ("home".to_owned(), "`c` is none of the primaries".to_owned()));
}

#[test]
fn a_hole_an_overlap_and_nonsense_are_named() {
    let said = |a: &str, b: &str| {
        wrong(&servers(&[("a", server(Some(a), None)), ("b", server(Some(b), None))])).1
    };
    assert_eq!(said("0-511", "600-1023"), "shards 512 to 599 are given to nobody");
    assert_eq!(said("0-511", "512-1022"), "shards 1023 to 1023 are given to nobody");
    assert_eq!(said("0-600", "512-1023"), "shards 512 to 600 are given to `a` and to `b`");
    for nonsense in ["", "5-1", "0-1024", "a-b", "0-5,", "-1"] {
        let (key, why) = wrong(&servers(&[("a", server(Some(nonsense), None))]));
        assert_eq!(key, "servers.a.shards", "{why}");
    }
}

#[test]
fn a_replica_of_nobody_or_in_a_circle_is_named() {
    let whole = ("a", server(Some("0-1023"), None));
    let said = |more: &[(&str, ServerSettings)]| {
        servers(&[[whole.clone()].as_slice(), more].concat()).plan().unwrap_err()
    };
    let key = |name: &str| format!("servers.{name}.replica_of");
    let unknown = said(&[("r", server(None, Some("z")))]);
    assert_eq!(unknown, [(key("r"), "`z` is no server here".to_owned())]);
    let own = said(&[("r", server(None, Some("r")))]);
    assert_eq!(own, [(key("r"), "goes in a circle over `r`".to_owned())]);
    let circle = said(&[("r", server(None, Some("s"))), ("s", server(None, Some("r")))]);
    assert_eq!(circle[0], (key("r"), "goes in a circle over `r`".to_owned()));
    let chain = said(&[("r", server(None, Some("a"))), ("s", server(None, Some("r")))]);
    assert_eq!(chain, [(key("s"), "`r` is a replica itself: name `a`".to_owned())]);
    let keeps = said(&[("r", server(Some("1"), Some("a")))]);
    assert_eq!(keeps[0].0, "servers.r.shards");
}

#[test]
fn the_one_address_is_a_server_like_others_and_no_address_is_shown() {
    let mut more = servers(&[("copy", server(None, Some(MAIN)))]);
    more.url = Some(ServerUrl::new("mysql://u:secret@h/d"));
    let plan = more.plan().unwrap();
    assert_eq!((plan.primaries[0].name.as_str(), plan.primaries[0].shards.len()), (MAIN, 1));
    assert!(!format!("{more:?}{plan:?}").contains("secret"));
    more.servers.insert(MAIN.to_owned(), server(None, None));
    assert_eq!(wrong(&more).0, "url");
}
