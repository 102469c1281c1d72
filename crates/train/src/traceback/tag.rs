//! The tags that launchers put before each line of a rank.

/// The rank that the tags of a line name, and the line without them.
///
/// Known are Open MPI's `[1,0]<stderr>:` (also with a job name as version 5 writes it, and as the reference rewrites
/// it: `[1,mpirank:0,algo-1]<stderr>:`), and torchrun's `[rank0]: ` and `[default0]:`. Of several the innermost counts:
/// the rank that a process gives itself is global, the number in `[default0]` is not.
pub(super) fn strip(line: &str) -> (Option<u32>, &str) {
    let mut rank = None;
    let mut rest = line;
    while let Some((tag_rank, after)) = mpi(rest).or_else(|| torchrun(rest)) {
        rank = Some(tag_rank);
        rest = after;
    }
    (rank, rest)
}

fn mpi(line: &str) -> Option<(u32, &str)> {
    let (tag, after) = line.strip_prefix('[')?.split_once(']')?;
    let after = STREAMS
        .iter()
        .find_map(|stream| after.strip_prefix(stream))?;
    let rank = tag
        .split(',')
        .skip(1)
        .find_map(|part| part.strip_prefix("mpirank:").unwrap_or(part).parse().ok())?;
    Some((rank, without_separator(after)))
}

fn torchrun(line: &str) -> Option<(u32, &str)> {
    let (tag, after) = line.strip_prefix('[')?.split_once("]:")?;
    let digits = tag.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '_');
    if digits.len() == tag.len() {
        return None;
    }
    let rank = digits.parse().ok()?;
    let is_own = tag.len() == "rank".len() + digits.len() && tag.starts_with("rank");
    // `[rank0]:` is always followed by a blank, the others only by some versions.
    let after = if is_own {
        after.strip_prefix(' ').unwrap_or(after)
    } else {
        without_separator(after)
    };
    Some((rank, after))
}

/// Drops a single blank. Of several, all may belong to the line.
fn without_separator(line: &str) -> &str {
    match line.strip_prefix(' ') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    }
}

const STREAMS: [&str; 3] = ["<stderr>:", "<stdout>:", "<stddiag>:"];
