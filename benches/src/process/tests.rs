use std::time::Instant;

use super::*;

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::start("the shell", command).unwrap()
}

#[tokio::test]
async fn lines_that_mean_nothing_are_passed_over() {
    let mut process = shell("echo hello; echo port 7; read order; echo \"got $order\"; sleep 60");
    let port: u16 = process
        .hear("the port", SOON, |line| line.strip_prefix("port ")?.parse().ok())
        .await
        .unwrap();
    assert_eq!(port, 7);
    process.say("tea").await.unwrap();
    process.hear("the order's echo", SOON, |line| (line == "got tea").then_some(())).await.unwrap();
    assert!(process.memory().unwrap().rss > 0);
    process.end().await.unwrap();
}

#[tokio::test]
async fn an_early_end_is_told_with_the_last_words() {
    let mut process = shell("echo the disk is full >&2; exit 3");
    let error = process.hear("a port", SOON, |_| None::<()>).await.unwrap_err().to_string();
    assert!(error.contains("before a port came"), "{error}");
    assert!(error.contains("exit status: 3"), "{error}");
    assert!(error.contains("the disk is full"), "{error}");
}

#[tokio::test]
async fn what_does_not_come_is_not_waited_for_longer() {
    let mut process = shell("sleep 60");
    let began = Instant::now();
    let error =
        process.hear("a port", Duration::from_millis(50), |_| None::<()>).await.unwrap_err();
    assert!(error.to_string().contains("a port did not come"), "{error}");
    assert!(began.elapsed() < SOON);
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_an_error() {
    let mut process = shell("exit 0");
    process.child.wait().await.unwrap();
    assert!(process.end().await.is_err());
}
