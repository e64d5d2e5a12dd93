package staffing_test

import (
	"testing"

	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Usage that comes late corrects the past, too.
func TestLateUsage(t *testing.T) {
	r := newRig(t, nil)
	arrived := staffing.Seen{Requests: 10, BytesSent: 40_000}
	r.take(60, arrived)
	r.is("before an answer", r.need().Level, 10*(1000+7*200))
	ended := answered(10)
	ended.Requests, ended.BytesSent = 0, 0
	r.take(1, ended)
	n := r.need()
	r.is("mean output", n.MeanOutput, 50)
	r.is("bytes per token", n.BytesPerInput, 8)
	r.is("after the first answers", n.Level, 10*ofAnswered*59/60)
}

// Each way in which usage is missing.
func TestMissingUsage(t *testing.T) {
	stream := staffing.Seen{Requests: 10, Ended: 10, BytesSent: 40_000, BytesReceived: 200_000}
	with := func(answers uint64) staffing.Seen {
		s := stream
		s.Answers, s.TokensIn, s.TokensOut = answers, 500*answers, 50*answers
		return s
	}
	for _, c := range []struct {
		name                string
		seen                staffing.Seen
		in, out, sent, came float64 // tokens of a request, bytes per token
	}{
		{"of all", stream, 1000, 100, 4, 200},
		{"of none", with(10), 500, 50, 8, 400},
		{"of half", with(5), 500, 50, 8, 400},
		{"of nine in ten", with(1), 500, 50, 8, 400},
		{"no answers that cost", staffing.Seen{Requests: 10, Ended: 10, BytesSent: 40_000}, 1000, 200, 4, 200},
		{"tokens in alone", staffing.Seen{Requests: 10, Ended: 10, BytesSent: 40_000, Answers: 10, TokensIn: 5000}, 500, 0, 8, 200},
		{"tokens out alone", staffing.Seen{Requests: 10, Ended: 10, BytesSent: 40_000, BytesReceived: 100_000, Answers: 10, TokensOut: 300},
			1000, 30, 4, 10_000.0 / 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.take(300, c.seen)
			n := r.need()
			r.is("level", n.Level, 10*(c.in+7*c.out))
			r.is("reserve", n.Reserve, 0)
			r.is("bytes per token in", n.BytesPerInput, c.sent)
			r.is("bytes per token out", n.BytesPerOutput, c.came)
		})
	}
}

// Usage that is not seen any more is followed by the bytes of answers, at what a token was.
func TestUsageThatEnds(t *testing.T) {
	r := newRig(t, nil)
	r.take(60, answered(10))
	r.take(200, requests(10))
	r.is("as long as before", r.need().MeanOutput, 50)
	longer := requests(10)
	longer.BytesReceived *= 3
	r.take(400, longer)
	r.is("three times as long", r.need().MeanOutput, 150)
	r.is("a token is what it was", r.need().BytesPerOutput, 400)
	r.take(2500, answered(10))
	r.is("usage is back", r.need().MeanOutput, 50)
	r.is("and bytes mean what they do now", r.need().BytesPerOutput, 400)
}

// Answers with usage stand for the others while they are one in a hundred.
func TestRareUsage(t *testing.T) {
	for _, c := range []struct {
		without     uint64
		least, most float64
	}{{98, 50, 50}, {102, 120, 150}} {
		r := newRig(t, nil)
		r.take(60, answered(10))
		for range 40 {
			s := requests(c.without + 1) // bytes say 150 tokens
			s.BytesReceived *= 3
			s.Answers, s.TokensIn, s.TokensOut = 1, 500, 50
			r.take(1, s)
		}
		if mean := r.need().MeanOutput; mean < c.least-1e-9 || mean > c.most+1e-9 {
			t.Errorf("one of %d: %v, not between %v and %v", c.without+1, mean, c.least, c.most)
		}
	}
}

// While load grows, requests are ahead of their answers; the mean answer stays what it is.
func TestStreamsInARamp(t *testing.T) {
	r := newRig(t, nil)
	// One stream a second, then ten, of 60 s and 60 tokens each.
	rate := func(second int) uint64 {
		if second < 300 {
			return 1
		}
		return 10
	}
	for i := range 420 {
		s := staffing.Seen{Requests: rate(i), BytesSent: 4000 * rate(i)}
		for back := range min(i, 60) {
			s.BytesReceived += 200 * rate(i-back)
		}
		if i >= 60 {
			s.Ended = rate(i - 60)
			s.Answers, s.TokensIn, s.TokensOut = s.Ended, 1000*s.Ended, 60*s.Ended
		}
		r.take(1, s)
		if i > 60 {
			r.is("mean output", r.need().MeanOutput, 60)
			r.is("bytes per token", r.need().BytesPerInput, 4)
		}
	}
	r.is("level", r.need().Level, 10*(1000+7*60))
}

// The last 200 answers say what an answer is.
func TestMeanFollows(t *testing.T) {
	r := newRig(t, nil)
	r.take(100, answered(10))
	long := answered(10)
	long.TokensOut *= 9
	r.take(20, long)
	if mean := r.need().MeanOutput; mean < 50+400*0.6 || mean > 50+400*0.67 {
		t.Errorf("after 200 answers of 450 tokens, the mean is %v", mean)
	}
	r.take(200, long)
	if mean := r.need().MeanOutput; mean < 449 || mean > 450 {
		t.Errorf("after 2200, it is %v", mean)
	}
}

// Numbers that no traffic has are cut down, and forgotten when traffic is sane again.
func TestHostileNumbers(t *testing.T) {
	all := ^uint64(0)
	for name, s := range map[string]staffing.Seen{
		"all": {
			Requests: all, Ended: all, BytesSent: all, BytesReceived: all, Answers: all, TokensIn: all, TokensOut: all, TokensCached: all,
		},
		"tokens":        {TokensIn: all, TokensOut: all, TokensCached: all},
		"one answer":    {Answers: 1, Ended: 1, TokensIn: all, TokensOut: all, TokensCached: all},
		"bytes":         {BytesSent: all, BytesReceived: all},
		"requests":      {Requests: all},
		"ended":         {Ended: all},
		"empty answers": {Ended: all, Answers: all},
		"all is cached": {Answers: 1, Ended: 1, TokensIn: 1, TokensCached: all},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.take(10, answered(10))
			for range 3 {
				r.take(1, s)
				sane(t, r.need())
			}
			r.take(800, answered(100))
			n := r.need()
			r.is("level", n.Level, 100*ofAnswered)
			r.is("mean output", n.MeanOutput, 50)
			r.is("reserve", n.Reserve, 0)
		})
	}
}
