//! Python's tracebacks.

use std::path::Path;

use optml_contract::failure::{Exception, Place};

use super::{Found, split_exception, user_place};

/// The failure in the stderr of one Python process.
pub(super) fn find(lines: &[&str], code_dir: &Path) -> Option<Found> {
    let mut parser = Parser::default();
    for line in lines {
        parser.line(line);
    }
    parser.end_block();
    let blocks = parser.blocks;

    // The launcher's "a child failed" is true, and says nothing where the child's own words are there.
    let is_last_word = |block: &&Block| block.depth == 0 && !block.is_ignored;
    let is_launcher = |block: &Block| block.type_name.ends_with("ChildFailedError");
    let index = blocks
        .iter()
        .rposition(|block| is_last_word(&block) && !is_launcher(block))
        .or_else(|| blocks.iter().rposition(|block| is_last_word(&block)))?;

    let members = blocks[index + 1..]
        .iter()
        .take_while(|block| block.depth > 0);
    let mut causes: Vec<Exception> = members.map(|block| block.exception(code_dir)).collect();
    let mut effect = &blocks[index];
    for block in blocks[..index]
        .iter()
        .rev()
        .filter(|block| block.depth == 0)
    {
        if !effect.is_linked {
            break;
        }
        causes.push(block.exception(code_dir));
        effect = block;
    }
    Some(Found {
        exception: blocks[index].exception(code_dir),
        causes,
        frames: blocks[index].frames.clone(),
    })
}

/// One traceback with its exception.
#[derive(Debug, Default)]
struct Block {
    frames: Vec<Place>,
    type_name: String,
    message: String,
    /// The block before is its cause, or was being handled.
    is_linked: bool,
    /// Python went on after it.
    is_ignored: bool,
    /// How deep inside exception groups; 0 is not.
    depth: usize,
}

impl Block {
    fn exception(&self, code_dir: &Path) -> Exception {
        Exception {
            type_name: self.type_name.clone(),
            message: self.message.trim_end().to_owned(),
            place: user_place(&self.frames, code_dir),
        }
    }
}

/// Where the parser is.
#[derive(Debug, Default, PartialEq, Eq)]
enum At {
    /// Outside of any block.
    #[default]
    Between,
    /// After a header: frames, their source, markers.
    Frames,
    /// After the exception's first line.
    Message,
}

#[derive(Debug, Default)]
struct Parser {
    blocks: Vec<Block>,
    block: Block,
    at: At,
    /// What was said about the next block.
    next_is_linked: bool,
    next_is_ignored: bool,
    /// In the lines of an exception group, which have a margin.
    in_group: bool,
}

impl Parser {
    fn line(&mut self, line: &str) {
        let (depth, line) = match self.in_group.then(|| group_line(line)) {
            Some(GroupLine::Text { depth, text }) => (depth, text),
            Some(GroupLine::Separator) => return self.end_block(),
            Some(GroupLine::After) => {
                self.in_group = false;
                self.end_block();
                (0, line)
            }
            None => (0, line),
        };
        // Not at the start: a progress bar may stand before it.
        if line.ends_with(HEADER) {
            self.in_group = self.in_group || line.trim_start() == GROUP_HEADER;
            self.next_is_linked |= line.ends_with(ORIGINAL_HEADER);
            return self.begin_block(depth);
        }
        match self.at {
            At::Between => self.between(depth, line),
            At::Frames => self.frames(line),
            At::Message => self.message(depth, line),
        }
    }

    fn between(&mut self, depth: usize, line: &str) {
        if LINKS.contains(&line) {
            self.next_is_linked = true;
        } else if IGNORED.iter().any(|start| line.starts_with(start)) {
            self.next_is_ignored = true;
        } else if line.ends_with(STACK) || line == CALL_STACK {
            // The stack of a logging call: it has frames and no exception.
            self.next_is_ignored = true;
            self.begin_block(depth);
        } else if parse_frame(line).is_some() {
            // A syntax error in the script itself has no header, and the header of a long one may be cut off.
            self.begin_block(depth);
            self.frames(line);
        } else if !line.trim().is_empty() {
            self.next_is_linked = false;
            self.next_is_ignored = false;
        }
    }

    fn frames(&mut self, line: &str) {
        if let Some(frame) = parse_frame(line) {
            self.block.frames.push(frame);
        } else if line.starts_with([' ', '\t']) {
            if let Some(frame) = self.block.frames.last_mut()
                && frame.source.is_none()
            {
                frame.source = Some(line.trim().to_owned());
            }
        } else if let Some((type_name, message)) = split_exception(line) {
            type_name.clone_into(&mut self.block.type_name);
            message.clone_into(&mut self.block.message);
            self.at = At::Message;
        }
    }

    /// A message has no end mark: it is taken to end at an empty line, and where Python begins to say something else.
    fn message(&mut self, depth: usize, line: &str) {
        let is_said = !self.block.message.trim().is_empty();
        let is_end = (is_said && line.trim().is_empty())
            || line == "\"\"\""
            || LINKS.contains(&line)
            || IGNORED.iter().any(|start| line.starts_with(start));
        if is_end {
            self.end_block();
            self.between(depth, line);
        } else if self.block.message.len() + line.len() < MESSAGE_MAX_BYTES {
            if is_said {
                self.block.message.push('\n');
            }
            self.block.message.push_str(line);
        }
    }

    fn begin_block(&mut self, depth: usize) {
        self.end_block();
        self.at = At::Frames;
        self.block = Block {
            is_linked: std::mem::take(&mut self.next_is_linked),
            is_ignored: std::mem::take(&mut self.next_is_ignored),
            depth,
            ..Block::default()
        };
    }

    /// Keeps the block if its exception was seen.
    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        if self.at == At::Message {
            self.blocks.push(block);
        }
        self.at = At::Between;
    }
}

/// A line while an exception group is being printed.
enum GroupLine<'a> {
    /// Inside the margin.
    Text { depth: usize, text: &'a str },
    /// Between two members.
    Separator,
    /// The group is over.
    After,
}

/// Takes the margin off: two blanks, a bar and a blank, two blanks more for each level.
fn group_line(line: &str) -> GroupLine<'_> {
    let unindented = line.trim_start_matches(' ');
    let indent = line.len() - unindented.len();
    if unindented.starts_with("+-") {
        return GroupLine::Separator;
    }
    match unindented.strip_prefix('|') {
        Some(text) if indent > 0 => GroupLine::Text {
            depth: (indent / 2).saturating_sub(1),
            text: text.strip_prefix(' ').unwrap_or(text),
        },
        _ => GroupLine::After,
    }
}

/// Reads `  File "train.py", line 21, in main`; a syntax error's has no function.
fn parse_frame(line: &str) -> Option<Place> {
    let (file, rest) = line
        .strip_prefix([' ', '\t'])?
        .trim_start()
        .strip_prefix("File \"")?
        .rsplit_once("\", line ")?;
    let (number, function) = match rest.split_once(", in ") {
        Some((number, function)) => (number, Some(function.trim().to_owned())),
        None => (rest, None),
    };
    Some(Place {
        file: file.to_owned(),
        line: Some(number.trim().parse().ok()?),
        function,
        source: None,
    })
}

const HEADER: &str = "Traceback (most recent call last):";
const GROUP_HEADER: &str = "+ Exception Group Traceback (most recent call last):";
/// How torch's data loader quotes the traceback of a worker in the message of an exception.
const ORIGINAL_HEADER: &str = "Original Traceback (most recent call last):";
const STACK: &str = "Stack (most recent call last):";
const CALL_STACK: &str = "Call stack:";
const LINKS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];
const IGNORED: [&str; 2] = ["Exception ignored ", "--- Logging error ---"];
/// A message that goes on for longer is probably other output.
const MESSAGE_MAX_BYTES: usize = 4096;
