//! What a job that fails, a panic, or a commit that cannot be had leave behind.

use super::*;

#[tokio::test]
async fn a_failing_job_in_a_group_does_not_undo_its_neighbours() {
    let (engine, _folder) = numbers().await;
    let failing = engine.write(|connection| {
        insert(connection, 2)?;
        Err(StorageError::Corrupt("on purpose".to_owned()))
    });
    let repeated = write(&engine, 1);
    let jobs = vec![write(&engine, 1), failing.boxed(), repeated, write(&engine, 3)];
    let answers = together(&engine, jobs).await;
    let on_purpose = Err(StorageError::Corrupt("on purpose".to_owned()));
    assert_eq!((&answers[0], &answers[1], &answers[3]), (&Ok(()), &on_purpose, &Ok(())));
    assert!(matches!(answers[2], Err(StorageError::Unavailable(_))), "{:?}", answers[2]);
    assert_eq!(engine.read(select).await, Ok(vec![1, 3]));
}

#[tokio::test]
async fn a_panicking_job_is_undone_with_its_outcome_unknown_and_the_writer_goes_on() {
    let (engine, _folder) = numbers().await;
    let panicking = engine.write(|connection| {
        insert(connection, 2)?;
        panic!("on purpose")
    });
    let jobs = vec![write(&engine, 1), panicking.boxed(), write(&engine, 3)];
    let answers = together(&engine, jobs).await;
    assert_eq!(answers, [Ok(()), Err(StorageError::OutcomeUnknown), Ok(())]);
    assert_eq!(write(&engine, 4).await, Ok(()));
    assert_eq!(engine.read(select).await, Ok(vec![1, 3, 4]));
}

#[tokio::test]
async fn a_panicking_read_has_an_unknown_outcome_and_the_readers_go_on() {
    let (engine, _folder) = numbers().await;
    // More often than there are readers.
    for _ in 0..5 {
        let answer: Result<()> = engine.read(|_| panic!("on purpose")).await;
        assert_eq!(answer, Err(StorageError::OutcomeUnknown));
    }
    assert_eq!(engine.read(select).await, Ok(vec![]));
}

#[tokio::test]
async fn a_commit_that_fails_says_so_to_each_of_its_jobs_and_leaves_nothing_behind() {
    let (engine, _folder) = numbers().await;
    // SQLite itself may roll the whole transaction back, as on a full disk.
    let rolls_back = engine.write(|connection| {
        connection.execute_batch("ROLLBACK").map_err(unavailable)?;
        Err(StorageError::Unavailable("the disk is full".to_owned()))
    });
    let jobs = vec![write(&engine, 1), rolls_back.boxed(), write(&engine, 3)];
    for answer in together(&engine, jobs).await {
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(engine.read(select).await, Ok(vec![]));
    assert_eq!(write(&engine, 4).await, Ok(()));
    assert_eq!(engine.read(select).await, Ok(vec![4]));
}

#[tokio::test]
async fn a_full_database_refuses_what_has_no_room_and_goes_on_with_what_has() {
    let (engine, _folder) = numbers().await;
    let pages = "PRAGMA max_page_count = 1"; // As many as there are: it is never less.
    let limit = |pages: &'static str| {
        engine.write(move |connection| {
            connection.query_row(pages, [], |row| row.get::<_, i64>(0)).map_err(unavailable)
        })
    };
    limit(pages).await.unwrap();
    let many = |connection: &Connection| {
        (100_000..200_000).try_for_each(|number| insert(connection, number))
    };
    let jobs = vec![write(&engine, 1), engine.write(many).boxed()];
    let answers = together(&engine, jobs).await;
    assert!(matches!(answers[1], Err(StorageError::Unavailable(_))), "{answers:?}");
    // Whatever became of the neighbour, it was told the truth.
    let kept = engine.read(select).await.unwrap();
    assert_eq!(kept, if answers[0].is_ok() { vec![1] } else { vec![] });

    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(write(&engine, 2).await, Ok(()));
    assert_eq!(engine.read(select).await.unwrap().last(), Some(&2));
}
