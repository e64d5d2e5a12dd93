package staffing_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// sane fails unless all numbers are finite and not negative, and add up.
func sane(t *testing.T, n staffing.Need) {
	t.Helper()
	for _, v := range []float64{
		n.Value, n.Level, n.Reserve, n.Backlog, n.Input, n.Output, n.MeanOutput, n.CachedShare, n.BytesPerInput, n.BytesPerOutput,
	} {
		if !(v >= 0 && v <= math.MaxFloat64) {
			t.Fatalf("%+v", n)
		}
	}
	if n.Value != n.Level+n.Reserve+n.Backlog || n.CachedShare > 1 {
		t.Fatalf("%+v", n)
	}
}

// script is a sequence of numbers as bytes.
type script struct{ *bytes.Reader }

func (s script) number() (n uint64) {
	if binary.Read(s, binary.LittleEndian, &n) != nil {
		return 0
	}
	return n
}

func (s script) settings() staffing.Settings {
	return staffing.Settings{
		OutputWeight: math.Float64frombits(s.number()), CachedWeight: math.Float64frombits(s.number()),
		Reserve: math.Float64frombits(s.number()), Window: time.Duration(s.number()), History: time.Duration(s.number()),
		Horizon: time.Duration(s.number()),
	}
}

func (s script) seen() staffing.Seen {
	return staffing.Seen{
		From: instant.Time(s.number()), At: instant.Time(s.number()), Requests: s.number(), Ended: s.number(), BytesSent: s.number(),
		BytesReceived: s.number(), Answers: s.number(), TokensIn: s.number(), TokensOut: s.number(), TokensCached: s.number(),
	}
}

func written(numbers ...uint64) []byte {
	text := make([]byte, 0, 8*len(numbers))
	for _, n := range numbers {
		text = binary.LittleEndian.AppendUint64(text, n)
	}
	return text
}

// FuzzMeter has a meter take any numbers with any settings: it has a sane need in bounded
// memory, and it is right again after honest reports.
func FuzzMeter(f *testing.F) {
	all, one := ^uint64(0), math.Float64bits(1)
	minute := uint64(time.Minute)
	settings := []uint64{one, one, one, minute, 10 * minute, minute / 2}
	f.Add(written(append(settings, 1, minute, 10, 10, 1e5, 1e6, 10, 1e4, 1e3, 100, minute, 5, 5, 1e6)...))
	f.Add(written(append(settings, all, all, all, all, all, all, all, all, all, all, all, all, all, all)...))
	f.Add(written(append(settings, 0, 1<<62, all, 0, 0, all, 1, 1, 0, 0, 1<<63-1, 1, 0, all)...))
	f.Add(written(all, all, math.Float64bits(math.Inf(1)), 1<<63-1, 1<<63-1, 1, 5, 2*minute, 1, 0, 1, 0, 1, 1, 1, 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := script{bytes.NewReader(text)}
		m := staffing.New(s.settings())
		for range 20 {
			if s.Len() == 0 {
				break
			}
			m.Take(s.seen())
			now := instant.Time(s.number())
			sane(t, m.Need(now, staffing.Held{Requests: s.number(), Sized: s.number(), Bytes: s.number()}))
			if s.Len() > 0 && s.Len()%3 == 0 {
				m.Set(s.settings())
				sane(t, m.Need(now, staffing.Held{}))
			}
			if n := m.Buckets(); n > 2*(3603+2162) {
				t.Fatalf("%d buckets", n)
			}
			m.Trim(now)
		}
		honest(t, m)
	})
}

// honest has a meter take honest reports, after which it is to be right.
func honest(t *testing.T, m *staffing.Meter) {
	m.Set(staffing.Defaults())
	r := rig{T: t, meter: m, now: m.Newest()}
	if r.now > 1<<61 {
		return // some centuries from now
	}
	r.take(80, answered(10_000))
	n := r.need()
	r.is("level", n.Level, 10_000*ofAnswered)
	sane(t, n)
}
