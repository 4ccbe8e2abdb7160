//! What tungstenite reads and writes: memory, never the network.
//!
//! tungstenite keeps the buffers it has grown for as long as it lives. So it lives no longer
//! than it has something to remember: between two messages a connection has none of it, and
//! an idle player pays for no buffer.

use std::io::{self, Read, Write};
use std::mem;

use protocol::close::{CloseCode, CloseReason};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What tungstenite asks for at a time when a frame comes in parts.
const READ_BUFFER: usize = 512;

/// The bytes of a frame's mask (RFC 6455, section 5.2).
const MASK: u64 = 4;

/// What came from the network and was not taken yet, and what is to go there.
#[derive(Default)]
struct Memory {
    input: Vec<u8>,
    /// How much of the input was taken.
    taken: usize,
    /// Nothing comes behind the input.
    ended: bool,
    output: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.input[self.taken..];
        if left.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reader of a client's frames, while there is something to read or to remember.
pub(super) struct Frames {
    inner: WebSocket<Memory>,
    /// Bytes that it was given.
    given: u64,
    /// Bytes of the messages it made of them, had each come in one frame with the shortest
    /// header. They are never more than it has taken, so when they are as many as it was
    /// given, it holds none: no half frame, no fragment of a message, nothing behind it.
    made: u64,
}

impl Frames {
    /// A reader that has been given `input`.
    pub(super) fn new(input: Vec<u8>, frame_limit: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            // Written into memory at once: what waits for the network waits outside.
            .write_buffer_size(0)
            .max_message_size(Some(frame_limit))
            .max_frame_size(Some(frame_limit))
            .accept_unmasked_frames(false);
        let given = input.len() as u64;
        let memory = Memory::default();
        let inner = WebSocket::from_partially_read(memory, input, Role::Server, Some(config));
        Self { inner, given, made: 0 }
    }

    /// Gives it what came next; only when it has taken what it was given before.
    pub(super) fn give(&mut self, input: Vec<u8>) {
        self.given += input.len() as u64;
        let memory = self.inner.get_mut();
        debug_assert_eq!(memory.taken, memory.input.len(), "something was not taken");
        (memory.input, memory.taken) = (input, 0);
    }

    /// Tells it that nothing comes any more.
    pub(super) fn end(&mut self) {
        self.inner.get_mut().ended = true;
    }

    /// The next message; `None` when more has to come first.
    pub(super) fn read(&mut self) -> Option<Result<Message, Error>> {
        match self.inner.read() {
            Ok(message) => {
                self.made += size(&message);
                Some(Ok(message))
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// What tungstenite answers by itself: pongs, and the client's own close.
    pub(super) fn answers(&mut self) -> Vec<u8> {
        // It is memory that is written to; a client that has said goodbye is no error.
        let _ = self.inner.flush();
        mem::take(&mut self.inner.get_mut().output)
    }

    /// Whether it holds nothing and has nothing to remember: a new one would do as well.
    pub(super) fn is_done(&self) -> bool {
        self.given == self.made && self.inner.can_write() && self.inner.get_ref().output.is_empty()
    }
}

/// The bytes of a client's message in one frame with the shortest header.
fn size(message: &Message) -> u64 {
    let length = message.len() as u64;
    head(OpCode::Data(Data::Binary)).len(length) as u64 + MASK + length
}

fn head(opcode: OpCode) -> FrameHeader {
    FrameHeader { opcode, ..FrameHeader::default() }
}

/// Appends a frame of the server's.
fn append(opcode: OpCode, payload: &[u8], output: &mut Vec<u8>) {
    let header = head(opcode);
    let length = payload.len() as u64;
    output.reserve(header.len(length) + payload.len());
    // A vector takes everything.
    let _ = header.format(length, output);
    output.extend_from_slice(payload);
}

/// Appends a data frame.
pub(super) fn append_data(text: bool, payload: &[u8], output: &mut Vec<u8>) {
    let data = if text { Data::Text } else { Data::Binary };
    append(OpCode::Data(data), payload, output);
}

/// Appends an empty ping.
pub(super) fn append_ping(output: &mut Vec<u8>) {
    append(OpCode::Control(Control::Ping), &[], output);
}

/// Appends a close frame (RFC 6455, section 5.5.1).
pub(super) fn append_close(code: CloseCode, reason: &CloseReason, output: &mut Vec<u8>) {
    let mut payload = code.number().to_be_bytes().to_vec();
    payload.extend_from_slice(reason.text(code).as_bytes());
    append(OpCode::Control(Control::Close), &payload, output);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1024;

    /// A client's frame: masked with zeros, which leave it readable.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    fn texts(frames: &mut Frames) -> Vec<String> {
        std::iter::from_fn(|| frames.read())
            .map(|message| message.unwrap().into_text().unwrap().to_string())
            .collect()
    }

    #[test]
    fn whoever_has_read_whole_messages_has_nothing_to_remember() {
        let mut input = masked(0x81, b"one");
        input.extend(masked(0x81, &[b'x'; 300]));
        let mut frames = Frames::new(input, LIMIT);
        assert!(!frames.is_done());
        assert_eq!(texts(&mut frames).len(), 2);
        assert!(frames.is_done());
        frames.give(masked(0x81, b"three"));
        assert!(!frames.is_done());
        assert_eq!(texts(&mut frames), ["three"]);
        assert!(frames.is_done());
    }

    #[test]
    fn a_part_of_a_frame_is_remembered_wherever_it_was_cut() {
        let whole = masked(0x81, &[b'y'; 200]);
        for cut in 1..whole.len() {
            let mut frames = Frames::new(whole[..cut].to_vec(), LIMIT);
            assert!(frames.read().is_none());
            assert!(!frames.is_done(), "{cut}");
            frames.give(whole[cut..].to_vec());
            assert_eq!(texts(&mut frames).len(), 1, "{cut}");
            assert!(frames.is_done(), "{cut}");
        }
    }

    #[test]
    fn a_message_in_fragments_and_a_long_header_are_never_mistaken_for_nothing() {
        let mut frames = Frames::new(masked(0x01, b"he"), LIMIT);
        assert!(frames.read().is_none());
        assert!(!frames.is_done(), "half a message is remembered");
        frames.give(masked(0x80, b"llo"));
        assert_eq!(texts(&mut frames), ["hello"]);
        assert!(!frames.is_done(), "its second header is not accounted for");

        // Two bytes in a header that has room for 65,535.
        let mut frames = Frames::new(vec![0x81, 0x80 | 126, 0, 2, 0, 0, 0, 0, b'h', b'i'], LIMIT);
        assert_eq!(texts(&mut frames), ["hi"]);
        assert!(!frames.is_done());
    }

    #[test]
    fn a_ping_is_done_with_when_its_pong_is_out() {
        let mut frames = Frames::new(masked(0x89, b"p"), LIMIT);
        assert!(matches!(frames.read(), Some(Ok(Message::Ping(_)))));
        assert!(frames.read().is_none());
        assert!(!frames.is_done());
        assert_eq!(frames.answers(), [0x8A, 1, b'p']);
        assert!(frames.is_done());
    }

    #[test]
    fn a_goodbye_is_answered_and_remembered() {
        let mut frames = Frames::new(masked(0x88, &1000_u16.to_be_bytes()), LIMIT);
        assert!(matches!(frames.read(), Some(Ok(Message::Close(_)))));
        assert_eq!(frames.answers(), [0x88, 2, 3, 232]);
        assert!(!frames.is_done());
        assert!(matches!(frames.read(), Some(Err(Error::ConnectionClosed | Error::AlreadyClosed))));
    }

    #[test]
    fn frames_are_bounded_and_have_to_be_masked() {
        let mut frames = Frames::new(masked(0x82, &[0; LIMIT]), LIMIT);
        assert!(matches!(frames.read(), Some(Ok(_))));
        let mut frames = Frames::new(masked(0x82, &[0; LIMIT + 1])[..20].to_vec(), LIMIT);
        assert!(matches!(frames.read(), Some(Err(Error::Capacity(_)))));
        let mut frames = Frames::new(vec![0x81, 1, b'x'], LIMIT);
        assert!(matches!(frames.read(), Some(Err(Error::Protocol(_)))));
    }

    #[test]
    fn frames_of_ours_have_the_shortest_header() {
        let mut output = Vec::new();
        append_data(true, b"hi", &mut output);
        append_ping(&mut output);
        append_close(CloseCode::Normal, &CloseReason::default(), &mut output);
        assert_eq!(output[..6], [0x81, 2, b'h', b'i', 0x89, 0]);
        assert_eq!(output[6], 0x88);
        assert_eq!(output[8..10], [3, 232]);
    }
}
