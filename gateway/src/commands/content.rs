//! `daemun notice` and `daemun banner`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::content::piece::PieceSent;
use clap::{Args, Subcommand};
use storage::documents::{Kind, MAX_BODY};
use uuid::Uuid;

use super::fail;
use super::launching::OfApp;
use super::member::order_done;
use crate::config::Flags;
use crate::private::{Order, PieceDeed, PieceOrder};

/// What to do with notices, or with banners.
#[derive(Clone, Debug, Subcommand)]
pub enum PieceCommand {
    /// Writes one, or has one say something else. What docs/content.md describes is read as JSON
    /// from a file, or from standard input.
    Put(PutPiece),
    /// Lists them.
    List(OfApp),
    /// Takes one back, for good.
    Remove {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
}

/// A notice or banner.
#[derive(Clone, Debug, Args)]
pub struct PutPiece {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// Which one is to say this [default: a new one]
    #[arg(long)]
    id: Option<Uuid>,
    /// Whose it is.
    #[command(flatten)]
    of: OfApp,
}

/// Carries out `daemun notice` or `daemun banner`.
pub async fn run(kind: Kind, command: PieceCommand, flags: &Flags) -> ExitCode {
    let (app, deed) = match command {
        PieceCommand::Put(PutPiece { file, id, of }) => match read(&file) {
            Ok(sent) => (of.app(), PieceDeed::Put { id, sent: Box::new(sent) }),
            Err(error) => return fail(&error),
        },
        PieceCommand::List(of) => (of.app(), PieceDeed::List),
        PieceCommand::Remove { id, of } => (of.app(), PieceDeed::Remove { id }),
    };
    order_done(Order::Piece(PieceOrder { kind, app, deed }), flags).await
}

/// # Errors
/// What is wrong with the file, in words for whoever ran the command.
fn read(file: &Path) -> Result<PieceSent, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let most = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(most + 1).read_to_string(&mut text),
        false => std::fs::File::open(file)
            .and_then(|opened| opened.take(most + 1).read_to_string(&mut text)),
    };
    read.map_err(failed)?;
    if text.len() > MAX_BODY {
        return Err(format!("{}: is longer than {MAX_BODY} bytes", file.display()));
    }
    // A list would be read as the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(format!("{}: is not a JSON object", file.display()));
    }
    let mut unknown = None;
    let mut reader = serde_json::Deserializer::from_str(&text);
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string());
    };
    let watched = serde_ignored::Deserializer::new(&mut reader, &mut note);
    let sent = serde_path_to_error::deserialize(watched)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    match unknown {
        Some(field) => Err(format!("{}: there is no field {field}", file.display())),
        None => Ok(sent),
    }
}
