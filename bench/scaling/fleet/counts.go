package fleet

import (
	"math/bits"

	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// Counts are what a gateway counted in some time.
type Counts struct {
	// Arrived requests were handed to a replica, with Sent bytes. Ended are answered, with
	// Received bytes.
	Arrived, Sent, Ended, Received int
	// Answers are those among Ended whose usage was seen, with the tokens of their prompts, of
	// those the cached ones, and of the answers.
	Answers, Input, Cached, Output int
}

// What bytes are on the wire: those of headers and JSON, and of each token. Prompts differ by a
// quarter from the mean.
const (
	promptFrame, bytesPerInput  = 900, 4.4
	answerFrame, bytesPerOutput = 1200, 210
	spread                      = 0.25
)

// wire is what a gateway sees of a request.
type wire struct {
	sent, received int
	// usage: the client asked for it. Every other one does.
	usage bool
}

// wireOf returns what a gateway sees of a request, by its number in the trace.
func wireOf(index int, r trace.Request) wire {
	h := bits.Reverse64(uint64(index)*0x9e3779b97f4a7c15) >> 11
	even := float64(h)/(1<<53)*2 - 1 // of -1 up to 1
	return wire{
		sent:     promptFrame + int(float64(r.Input)*bytesPerInput*(1+spread*even)),
		received: answerFrame + r.Output*bytesPerOutput,
		usage:    index%2 == 0,
	}
}

func (c *Counts) arrived(r *request) {
	c.Arrived++
	c.Sent += r.sent
}

func (c *Counts) ended(r *request) {
	c.Ended++
	c.Received += r.received
	if r.usage {
		c.Answers++
		c.Input += r.Context
		c.Cached += r.Context - r.Prompt
		c.Output += r.Output
	}
}

// Take returns what was counted since it was last taken.
func (f *Fleet) Take() Counts {
	c := f.counted
	f.counted = Counts{}
	return c
}
