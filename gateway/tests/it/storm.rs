//! Everyone is cut off while messages are posted: each comes once, in order.

use std::time::Duration;

use loadtest::Format;
use loadtest::run::{Access, Messages, Plan, Scenario, Screen, Verdict, run};

use crate::harness::Daemun;

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_when_everyone_is_cut_off() {
    let daemun = Daemun::start().await;
    let plan = Plan {
        scenario: Scenario::ReconnectStorm { by_server: false },
        server: daemun.url(),
        to: daemun.server.public,
        private: format!("http://{}", daemun.server.private),
        app: "demo".to_owned(),
        format: Format::Msgpack,
        sessions: 20,
        rate: 50.0,
        duration: Duration::from_secs(60),
        ramp: 500.0,
        patience: Duration::from_secs(60),
        give_up: Duration::from_secs(60),
        seed: 1,
        sources: 1,
        server_pid: None,
        messages: Some(Messages {
            rate: 200.0,
            access: Access::Folder(daemun.settings.data.clone()),
        }),
        max_p99: None,
    };
    let report = run(plan, Screen::Silent).await.unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let pushes = report.pushes.unwrap();
    assert!(pushes.posted > 0 && pushes.delivered == pushes.posted, "{pushes:?}");
    assert_eq!((pushes.lost, pushes.doubled, pushes.out_of_order), (0, 0, 0));
    assert_eq!(report.findings.reconnect_storm.unwrap().resumed, 20);
}
