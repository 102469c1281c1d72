use proptest::prelude::*;

use super::Lines;

/// What comes out when the pieces come one after the other.
fn lines(pieces: &[&str]) -> String {
    let (mut lines, mut out) = (Lines::default(), Vec::new());
    for piece in pieces {
        lines.push(piece.as_bytes(), &mut out);
    }
    lines.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn whole_lines_stay() {
    let text = "[1,0]<stdout>:hello\n[1,11]<stderr>:  indented\nmpirun says\n[1,0]<stdout>:\n";
    assert_eq!(lines(&[text]), text);
}

#[test]
fn parts_of_several_ranks_are_put_together() {
    let tangled = "[1,0]<stdout>:rank 0 of[1,1]<stdout>:rank[1,1]<stdout>: 1[1,0]<stdout>: 2\n[1,1]<stdout>: of 2\n";
    assert_eq!(
        lines(&[tangled]),
        "[1,0]<stdout>:rank 0 of 2\n[1,1]<stdout>:rank 1 of 2\n"
    );
}

#[test]
fn streams_of_one_rank_are_two() {
    assert_eq!(
        lines(&["[1,3]<stdout>:out[1,3]<stderr>:err\n[1,3]<stdout>:put\n"]),
        "[1,3]<stderr>:err\n[1,3]<stdout>:output\n"
    );
}

#[test]
fn brackets_of_others_are_text() {
    for text in [
        "[1,0]<stdout>:a list: [1, 2]\n",
        "[1,0]<stdout>:[1,2]<x\n",
        "[1,0]<stdout>:[1,]<stdout>: [,1]<stdout>: [[1,0]\n",
        "[host:123] mca: [[1,0],0]\n",
    ] {
        assert_eq!(lines(&[text]), text);
    }
}

#[test]
fn progress_is_seen() {
    let (mut lines, mut out) = (Lines::default(), Vec::new());
    lines.push(b"[1,0]<stderr>: 50%\r", &mut out);
    assert_eq!(out, b"[1,0]<stderr>: 50%\r");
}

#[test]
fn an_end_without_a_line_feed_gets_one() {
    assert_eq!(
        lines(&["[1,0]<stdout>:last wor", "ds"]),
        "[1,0]<stdout>:last words\n"
    );
    assert_eq!(lines(&["[1,0]<stdout>:x\n[1,"]), "[1,0]<stdout>:x\n[1,\n");
}

#[test]
fn a_line_without_an_end_is_cut() {
    let long = "x".repeat(super::LINE_BYTES);
    let out = lines(&["[1,0]<stdout>:", &long, "y\n"]);
    assert!(out.starts_with("[1,0]<stdout>:xxx"));
    assert!(out.ends_with("x\n[1,0]<stdout>:y\n"));
}

proptest! {
    #[test]
    fn it_does_not_matter_how_it_comes(text in "(\\[1,[0-2]\\]<std(out|err)>:|[a-z\\[\\]<,1 ]{0,6}|\n){0,30}", cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces: Vec<&str> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(lines(&pieces), lines(&[&text]));
    }

    #[test]
    fn each_rank_keeps_its_bytes(parts in proptest::collection::vec((0_u8..3, "[a-z ]{0,5}\n?"), 0..40)) {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        let mut said = [String::new(), String::new(), String::new()];
        for (rank, part) in &parts {
            lines.push(format!("[1,{rank}]<stdout>:{part}").as_bytes(), &mut out);
            said[usize::from(*rank)] += part;
        }
        lines.finish(&mut out);
        let out = String::from_utf8(out).unwrap();
        for (rank, said) in said.iter().enumerate() {
            let tag = format!("[1,{rank}]<stdout>:");
            let heard: Vec<_> = out.lines().filter_map(|line| line.strip_prefix(&tag)).collect();
            let said: Vec<_> = said.lines().collect();
            prop_assert_eq!(heard, said);
        }
    }
}
