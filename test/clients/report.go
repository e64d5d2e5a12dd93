package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
)

// Report is what a client saw of a cell, as programs print it: one line of JSON each.
type Report struct {
	ID int `json:"id"`
	// Status of the answer; 101 for a WebSocket, 200 for gRPC's OK.
	Status int `json:"status"`
	// Version of HTTP, "1" or "2", where the client can tell.
	Version string `json:"version"`
	// Seen is what the backend says that it got, Received what the client got: SHA-256 in hexadecimal.
	Seen     string `json:"seen"`
	Received string `json:"received"`
	// Trailer is the trailer x-sum of the answer, SeenTrailer what the backend got in the trailer x-sent.
	Trailer     string `json:"trailer"`
	SeenTrailer string `json:"seenTrailer"`
	// Pieces that arrived one by one.
	Pieces int `json:"pieces"`
	// Error is what the client says; empty if all went well.
	Error string `json:"error"`
}

// sentTrailer is the value of the trailer x-sent of requests.
const sentTrailer = "sent"

// sum is the SHA-256 of a body in hexadecimal.
func sum(body []byte) string {
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}

// findings are the promises that a report breaks.
func (c Cell) findings(r Report) (all []string) {
	find := func(broken bool, format string, args ...any) {
		if broken {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	if refusal := c.refusal(); refusal != 0 {
		find(r.Status != refusal, "status %d, want %d: %s", r.Status, refusal, r.Error)
		return all
	}
	find(r.Error != "", "%s", r.Error)
	status := http.StatusOK
	if c.Exchange == Socket {
		status = http.StatusSwitchingProtocols
	}
	find(r.Status != status, "status %d, want %d", r.Status, status)
	find(r.Version != "" && r.Version != c.Protocol.version(), "spoke HTTP/%s, want HTTP/%s", r.Version, c.Protocol.version())
	if len(all) > 0 {
		return all // what an answer lacks that is another one's is no news
	}
	find(r.Seen != sum(c.Exchange.sent()), "the backend got a body %q, not what was sent", r.Seen)
	find(r.Received != sum(c.Exchange.answered()), "the client got a body %q, not what was sent", r.Received)
	find(c.Exchange.inPieces() && r.Pieces != len(pieces), "%d pieces arrived one by one, want %d", r.Pieces, len(pieces))
	if c.hasTrailers() && c.Client.ReadsTrailers {
		want := sum(c.Exchange.answered())
		find(r.Trailer != want, "the trailer of the answer is %q, want %q", r.Trailer, want)
	}
	if c.hasTrailers() && c.Client.SendsTrailers {
		find(r.SeenTrailer != sentTrailer, "the backend got trailer %q, want %q", r.SeenTrailer, sentTrailer)
	}
	return all
}

// refusal is the status with which the gateway refuses the cell at once, as docs/gateway.md says; zero: it serves it.
func (c Cell) refusal() int {
	switch {
	case !c.Target.Pool:
		return 0
	case c.Exchange == Socket:
		return http.StatusForbidden
	case c.Exchange == Trailers && c.Client.SendsTrailers && c.Protocol.version() == "2":
		return http.StatusBadRequest
	}
	return 0
}

// hasTrailers reports whether trailers pass: those of gRPC, and others of HTTP/2. With HTTP/1.1 the gateway
// leaves them out, and the rest of request and answer has to be whole.
func (c Cell) hasTrailers() bool {
	return c.Protocol.version() == "2" && (c.Exchange == Trailers || c.Target == serviceRPC || c.Target == poolRPC)
}
