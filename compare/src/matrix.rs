//! What peers do in situations, as tables of those that were in the same ones.

use crate::table::{Death, distinct};

/// Peers that were in the same situations, or in some of them.
#[derive(Debug, PartialEq)]
pub struct Matrix<'a> {
    pub situations: Vec<&'a str>,
    /// A cell for each situation.
    pub peers: Vec<(&'a str, Vec<&'a str>)>,
}

/// All of `deaths`; peers are in the first table that has all of their situations.
pub fn matrices(deaths: &[Death]) -> Vec<Matrix<'_>> {
    let of = |peer| {
        let own = deaths.iter().filter(|death| death.peer == peer);
        distinct(own.map(|death| &*death.situation))
    };
    let peers = distinct(deaths.iter().map(|death| &*death.peer));
    let mut matrices: Vec<Matrix<'_>> = Vec::new();
    for own in peers.iter().map(|peer| of(*peer)) {
        if !matrices.iter().any(|matrix| matrix.has(&own)) {
            matrices.retain(|matrix| !matrix.situations.iter().all(|at| own.contains(at)));
            matrices.push(Matrix {
                situations: own,
                peers: Vec::new(),
            });
        }
    }
    for peer in peers {
        let own = of(peer);
        if let Some(matrix) = matrices.iter_mut().find(|matrix| matrix.has(&own)) {
            let cell = |situation: &&str| {
                let is_it = |death: &&Death| death.peer == peer && death.situation == *situation;
                let found = deaths.iter().find(is_it);
                found.map_or("-", |death| &*death.text)
            };
            let cells = matrix.situations.iter().map(cell).collect();
            matrix.peers.push((peer, cells));
        }
    }
    matrices
}

impl Matrix<'_> {
    fn has(&self, situations: &[&str]) -> bool {
        situations
            .iter()
            .all(|situation| self.situations.contains(situation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_share_a_table_with_those_that_were_where_they_were() {
        let death = |(peer, situation, text): (&str, &str, &str)| Death {
            situation: situation.into(),
            peer: peer.into(),
            text: text.into(),
        };
        let deaths = [
            ("event", "waiter", "goes on"),
            ("sem_t", "holder", "hangs"),
            ("ours", "holder", "told"),
            ("ours", "waiter", "passed over"),
            ("pool", "worker", "told"),
        ]
        .map(death);
        let locks = Matrix {
            situations: vec!["holder", "waiter"],
            peers: vec![
                ("event", vec!["-", "goes on"]),
                ("sem_t", vec!["hangs", "-"]),
                ("ours", vec!["told", "passed over"]),
            ],
        };
        let pools = Matrix {
            situations: vec!["worker"],
            peers: vec![("pool", vec!["told"])],
        };
        assert_eq!(matrices(&deaths), [locks, pools]);
    }
}
