use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::redis::Line;
use super::super::{MongoDb, Redis, RedisDatabases};

#[test]
fn one_redis_is_shared_and_each_test_has_a_database() {
    let shared = Redis::shared().unwrap();
    let [mine, yours] = [(); 2].map(|()| shared.database().unwrap());
    let [mut mine, mut yours] = [mine, yours].map(|url| Line::select(&url).unwrap());
    assert_eq!(mine.ask("SET key value").unwrap(), "+OK");
    assert_eq!(mine.ask("EXISTS key").unwrap(), ":1");
    assert_eq!(yours.ask("EXISTS key").unwrap(), ":0");
    let refusal = yours.ask("NONSENSE").unwrap_err().to_string();
    assert!(refusal.contains("unknown command"), "{refusal}");
}

#[test]
fn a_named_redis_is_emptied_and_runs_out_of_databases() {
    let server =
        Redis::start(&Default::default(), &["--databases", "2", "--requirepass", "open"]).unwrap();
    let own = server.databases();
    let named = RedisDatabases::given(own.url().replace("redis://", "redis://:open@"));
    let refusal = own.database().unwrap_err().to_string();
    assert!(refusal.contains("NOAUTH"), "{refusal}");

    let one = named.url().to_owned() + "/1";
    Line::select(&one).unwrap().ask("SET left behind").unwrap();
    assert_eq!(named.database().unwrap(), one);
    assert_eq!(Line::select(&one).unwrap().ask("DBSIZE").unwrap(), ":0");
    let refusal = named.database().unwrap_err().to_string();
    assert!(refusal.contains("out of range"), "{refusal}");
    assert!(!refusal.contains("open"), "{refusal}");
}

/// `{hello: 1, $db: "admin"}` as an `OP_MSG`
/// (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).
const HELLO: &[u8] = b"\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
    \x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

#[test]
fn a_mongodb_answers_also_after_a_kill() {
    let shared = MongoDb::shared().unwrap();
    assert_ne!(shared.database("log"), shared.database("log"));

    let mut server = MongoDb::start(&Default::default(), &[]).unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    for url in [shared.database("log"), server.databases().database("log")] {
        let address = url.trim_start_matches("mongodb://").split('/').next().unwrap().to_owned();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(HELLO).unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; u32::from_le_bytes(length) as usize - 4];
        stream.read_exact(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains("isWritablePrimary"), "{answer:?}");
    }
}
