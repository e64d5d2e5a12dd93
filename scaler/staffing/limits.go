package staffing

import "github.com/kedify/inference-gateway/scaler/demand/instant"

// What traffic can have at most. A number above it is an error or an attack, and is cut down.
const (
	// maxRequests and maxBytes are those of one Seen.
	maxRequests = 1e9
	maxBytes    = 1e15
	// maxTokens is what a request has at most, in its prompt or in its answer.
	maxTokens = 1e7
	// MaxPromptBytes is what a held request counts as at most: its content-length is what a
	// client says, and none of it has been seen.
	MaxPromptBytes = 4 << 20
	// minBytesPerToken allows for conversations that the server keeps: few bytes, many tokens.
	// maxBytesPerToken allows for pictures.
	minBytesPerToken = 0.01
	maxBytesPerToken = 1e5
	// latest is the last moment that there is.
	latest = instant.Time(1 << 62)
)

// moment returns the nearest moment that there is.
func moment(t instant.Time) instant.Time { return min(max(t, instant.Never), latest) }

// counted is a Seen with numbers that traffic can have.
type counted struct {
	requests, sent  float64
	ended, received float64
	answers         float64
	in, out, cached float64
}

func (s *Seen) counted() counted {
	c := counted{
		requests: min(float64(s.Requests), maxRequests), sent: min(float64(s.BytesSent), maxBytes),
		ended: min(float64(s.Ended), maxRequests), received: min(float64(s.BytesReceived), maxBytes),
		answers: min(float64(s.Answers), maxRequests),
	}
	most := c.answers * maxTokens
	c.in, c.out = min(float64(s.TokensIn), most), min(float64(s.TokensOut), most)
	c.cached = min(float64(s.TokensCached), most)
	return c
}

// work returns how many requests are held, how many of them do not say how long they are, and
// the bytes of the others.
func (h Held) work() (requests, unsized, bytes float64) {
	requests = min(float64(h.Requests), maxRequests)
	sized := min(float64(h.Sized), requests)
	return requests, requests - sized, min(float64(h.Bytes), sized*MaxPromptBytes)
}
