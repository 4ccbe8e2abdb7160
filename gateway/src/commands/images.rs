//! `daemun image`: the images that notices and banners show.

use std::path::PathBuf;
use std::process::ExitCode;

use actors::content::images::{ImageName, MAX_UPLOAD};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use protocol::ids::AppId;
use uuid::Uuid;

use super::fail;
use super::launching::OfApp;
use super::member::order_done;
use crate::config::Flags;
use crate::private::{ImageOrder, Order};

/// What to do with images.
#[derive(Clone, Debug, Subcommand)]
pub enum ImageCommand {
    /// Checks an image, writes it anew without anything but its pixels, and keeps that.
    Put {
        /// A PNG, JPEG or WebP of at most 4 MiB.
        file: PathBuf,
        /// What operators call it [default: nothing]
        #[arg(long, default_value = "", value_parser = name)]
        name: ImageName,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
    /// Lists the images.
    List(OfApp),
    /// Takes an image away that no notice or banner uses.
    Remove {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
}

fn name(text: &str) -> Result<ImageName, String> {
    ImageName::new(text).map_err(|error| format!("the name is {error}"))
}

/// Carries out `daemun image`.
pub async fn run(command: ImageCommand, flags: &Flags) -> ExitCode {
    let order = match command {
        ImageCommand::Put { file, name, of } => match read(&file) {
            Ok(data) => put(of.app(), name, &data),
            Err(error) => return fail(&format!("{}: {error}", file.display())),
        },
        ImageCommand::List(of) => ImageOrder::List { app: of.app() },
        ImageCommand::Remove { id, of } => ImageOrder::Remove { app: of.app(), id },
    };
    order_done(Order::Image(order), flags).await
}

fn put(app: Option<AppId>, name: ImageName, data: &[u8]) -> ImageOrder {
    ImageOrder::Put { app, name, data: STANDARD.encode(data) }
}

/// A little more than may be sent, so that too much of it is told by who counts.
fn read(file: &PathBuf) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut data = Vec::new();
    std::fs::File::open(file)?.take(MAX_UPLOAD as u64 + 1).read_to_end(&mut data)?;
    Ok(data)
}
