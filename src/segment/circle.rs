//! Circles among those who wait for each other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Somebody waits for what others hold.
pub(super) trait Edge {
    type Node: Copy + Eq + Hash;

    fn from(&self) -> Self::Node;

    /// Each of whom has to give way before the wait ends.
    fn to(&self) -> &[Self::Node];
}

/// Looks at holders in one search: many times as many as a thousand processes have that each wait for
/// one, and less than a second.
const MOST_STEPS: u32 = 1 << 22;

/// The shortest circle that begins with `edges[first]`, as indices. It ends on anything: nobody is
/// gone on from twice.
pub(super) fn through<E: Edge>(edges: &[E], first: usize) -> Option<Vec<usize>> {
    search(edges, &by_start(edges), first, &mut { MOST_STEPS })
}

/// For each edge that lies in circles the shortest of them; each circle once. Of edges without end,
/// which only garbage has, not all are gone from.
pub(super) fn all<E: Edge>(edges: &[E]) -> Vec<Vec<usize>> {
    let of = by_start(edges);
    let mut known = HashSet::new();
    let mut steps = MOST_STEPS;
    let found = (0..edges.len()).filter_map(|first| search(edges, &of, first, &mut steps));
    found
        .filter(|circle| {
            let mut members = circle.clone();
            members.sort_unstable();
            known.insert(members)
        })
        .collect()
}

/// Where the edges are that begin at a node.
type Starts<N> = HashMap<N, Vec<usize>>;

fn by_start<E: Edge>(edges: &[E]) -> Starts<E::Node> {
    let mut of = Starts::new();
    for (index, edge) in edges.iter().enumerate() {
        of.entry(edge.from()).or_default().push(index);
    }
    of
}

fn search<E: Edge>(
    edges: &[E],
    of: &Starts<E::Node>,
    first: usize,
    steps: &mut u32,
) -> Option<Vec<usize>> {
    let goal = edges.get(first)?.from();
    let mut before: HashMap<usize, usize> = HashMap::new();
    let mut seen = HashSet::from([goal]);
    let mut next = VecDeque::from([first]);
    while let Some(index) = next.pop_front() {
        for node in edges.get(index)?.to() {
            *steps = steps.checked_sub(1)?;
            if *node == goal {
                return Some(back(&before, index));
            }
            if seen.insert(*node) {
                for onward in of.get(node).into_iter().flatten() {
                    before.insert(*onward, index);
                    next.push_back(*onward);
                }
            }
        }
    }
    None
}

/// The way to `last`, from its start on.
fn back(before: &HashMap<usize, usize>, last: usize) -> Vec<usize> {
    let mut way = vec![last];
    let mut at = last;
    // Each edge was entered once, so this ends at the first, which was entered by none.
    while let Some(earlier) = before.get(&at) {
        way.push(*earlier);
        at = *earlier;
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Arrow(u32, Vec<u32>);

    impl Edge for Arrow {
        type Node = u32;
        fn from(&self) -> u32 {
            self.0
        }
        fn to(&self) -> &[u32] {
            &self.1
        }
    }

    fn arrows(all: &[(u32, &[u32])]) -> Vec<Arrow> {
        let arrow = |(from, to): &(u32, &[u32])| Arrow(*from, to.to_vec());
        all.iter().map(arrow).collect()
    }

    #[test]
    fn a_chain_is_no_circle() {
        let chain = arrows(&[(1, &[2]), (2, &[3]), (4, &[2])]);
        assert!(all(&chain).is_empty());
        assert_eq!(through(&chain, 0), None);
        assert_eq!(through(&chain, 7), None);
    }

    #[test]
    fn a_circle_is_found_once_and_from_each_of_its_members() {
        let three = arrows(&[(1, &[2]), (2, &[3]), (3, &[1]), (4, &[1])]);
        assert_eq!(all(&three), [vec![0, 1, 2]]);
        assert_eq!(through(&three, 1), Some(vec![1, 2, 0]));
        assert_eq!(through(&three, 3), None, "it leads into one");
        assert_eq!(all(&arrows(&[(1, &[1])])), [vec![0]]);
    }

    #[test]
    fn of_garbage_where_everybody_waits_for_everybody_the_search_ends() {
        let everybody: Vec<u32> = (0..1000).collect();
        // Nobody is waited for who waits, so no search ends early.
        let row: Vec<u32> = (1..1000).collect();
        let ring: Vec<_> = (0..4000)
            .map(|at| match at {
                0..1000 => Arrow(at + 2000, everybody.clone()),
                _ => Arrow(at % 1000, row.clone()),
            })
            .collect();
        let mut steps = 10_000;
        assert_eq!(search(&ring, &by_start(&ring), 1000, &mut steps), None);
        assert_eq!(steps, 0, "it gave up for want of steps");
        all(&ring);
    }

    #[test]
    fn one_of_several_holders_is_enough_and_the_shortest_circle_is_told() {
        let all_of = arrows(&[(1, &[5, 2]), (2, &[3, 1]), (3, &[1])]);
        assert_eq!(through(&all_of, 0), Some(vec![0, 1]));
        assert_eq!(all(&all_of), [vec![0, 1], vec![2, 0, 1]]);
    }
}
