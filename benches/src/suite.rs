//! All benches, one after the other.

use std::fmt::Write as _;

use crate::report::Report;
use crate::scale::Sizes;
use crate::{
    Fault, broadcast, connect, database, gamelog, idle, message, ping, publish, purchases, wake,
};

/// The command line: as each bench has it, but for the files, which have their own places.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sizes: Sizes,
}

/// Where all tables are written once more, to be pasted.
const TABLES: &str = "target/bench/tables.md";

/// Runs every bench, prints all tables at the end, and writes them to one file as well.
///
/// # Errors
/// When one of them fails.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Fault> {
    let sizes = || arguments.sizes.clone();
    let reports: [Report; 10] = [
        idle::run(&idle::Arguments::of(sizes())).await?,
        ping::run(&ping::Arguments::of(sizes())).await?,
        wake::run(&wake::Arguments::of(sizes())).await?,
        connect::run(&connect::Arguments::of(sizes())).await?,
        broadcast::run(&broadcast::Arguments::of(sizes())).await?,
        publish::run(&publish::Arguments::of(sizes())).await?,
        message::run(&message::Arguments::default()).await?,
        database::run(&database::Arguments::default()).await?,
        gamelog::run(&gamelog::Arguments::default()).await?,
        purchases::run(&purchases::Arguments::default()).await?,
    ];
    let mut tables = String::new();
    for report in &reports {
        write!(tables, "{report}")?;
    }
    std::fs::write(TABLES, &tables)?;
    print!("{tables}");
    eprintln!("the tables are in {TABLES}, and what they were worked out from beside it");
    Ok(())
}
