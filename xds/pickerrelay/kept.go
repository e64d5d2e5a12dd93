package pickerrelay

import (
	"github.com/cespare/xxhash/v2"

	"github.com/kedify/inference-gateway/scaler/hold/places"
)

const (
	// MaxKept is what is kept of one request, in bytes; MaxKeptTotal of all requests of a proxy, of which one tenant has at most four
	// fifths. A request beyond is answered 503 when its picker fails, also if its pool fails open.
	MaxKept      = 16 << 20
	MaxKeptTotal = 256 << 20
)

// kept is what a picker was sent of a request, in case that the relay has to answer in its place.
type kept struct {
	memory *places.Memory
	tenant string

	frames  []frame
	bytes   int
	spaces  []places.Space
	dropped bool // there was no room
}

// keep keeps a frame, if there is room for it.
func (k *kept) keep(f frame) {
	if k.dropped {
		return
	}
	space, found := places.Space{}, false
	if k.bytes+len(f) <= MaxKept {
		space, found = k.memory.Take(places.Proxy{}, k.tenant, len(f), MaxKeptTotal)
	}
	if !found {
		k.release()
		k.dropped = true
		return
	}
	k.frames, k.bytes, k.spaces = append(k.frames, f), k.bytes+len(f), append(k.spaces, space)
}

// release gives the memory back.
func (k *kept) release() {
	for _, space := range k.spaces {
		k.memory.Leave(space)
	}
	k.frames, k.bytes, k.spaces = nil, 0, nil
}

// returned is what a picker has given back of a body.
type returned struct {
	bytes int
	hash  xxhash.Digest
}

func newReturned() returned {
	r := returned{}
	r.hash.Reset()
	return r
}

func (r *returned) add(body []byte) {
	r.bytes += len(body)
	_, _ = r.hash.Write(body)
}

// begins reports whether what was given back is the beginning of the body in the frames: the picker changes nothing.
func (r *returned) begins(frames []frame) bool {
	hash, left := xxhash.New(), r.bytes
	for _, f := range frames {
		p, err := readRequest(f)
		if err != nil {
			return false
		}
		n := min(left, len(p.body))
		_, _ = hash.Write(p.body[:n])
		left -= n
	}
	return left == 0 && hash.Sum64() == r.hash.Sum64()
}
