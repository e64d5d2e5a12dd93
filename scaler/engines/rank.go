package engines

import "github.com/cespare/xxhash/v2"

// rankOf is how many of the other replicas that read come before this one for a target: rendezvous hashing. A replica that goes or
// comes changes the first of its own share of targets alone.
func (r *Reader) rankOf(id string) (rank int) {
	own := weight(r.options.Replica, id)
	for peer := range r.peers {
		if other := weight(peer, id); other > own || other == own && peer < r.options.Replica {
			rank++
		}
	}
	return rank
}

func weight(replica, id string) uint64 { return xxhash.Sum64String(replica + " " + id) }

// rerank follows a change of the replicas that read.
func (r *Reader) rerank() {
	for _, t := range r.targets {
		t.rank = r.rankOf(t.id)
	}
	r.signal()
}
