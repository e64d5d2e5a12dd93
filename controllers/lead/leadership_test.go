package lead_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/kedify/inference-gateway/controllers/lead"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// election is one whose outcome the test says.
type election chan bool

func (e election) elect(ctx context.Context, leads func(bool)) error {
	for {
		select {
		case now := <-e:
			leads(now)
		case <-ctx.Done():
			leads(false)
			return nil
		}
	}
}

// A part begins with the first term, works in terms alone, and neither ends nor begins anew when a term ends.
func TestTerms(t *testing.T) { synctest.Test(t, testTerms) }

func testTerms(t *testing.T) {
	l, outcome := lead.New(), make(election)
	ctx, cancel := context.WithCancel(context.Background())
	var begun, terms, working, worked atomic.Int64
	steady := func(ctx context.Context) error {
		begun.Add(1)
		for l.Within(ctx, func(term context.Context) {
			working.Add(1)
			defer working.Add(-1)
			select {
			case <-term.Done():
			case <-time.After(time.Second):
				worked.Add(1)
			}
		}) {
		}
		return nil
	}
	each := l.EachTerm(func(term context.Context) error {
		terms.Add(1)
		<-term.Done()
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, outcome.elect, []lead.Part{steady, each}) }()
	check := func(what string, want ...int64) {
		t.Helper()
		synctest.Wait()
		if got := []int64{begun.Load(), terms.Load(), working.Load(), worked.Load()}; !slices.Equal(got, want) {
			t.Errorf("%s: begun, terms, working, worked are %d, want %d", what, got, want)
		}
	}
	check("not elected", 0, 0, 0, 0)
	outcome <- true
	time.Sleep(2500 * time.Millisecond)
	check("elected", 1, 1, 1, 2)
	outcome <- true
	check("elected twice", 1, 1, 1, 2)
	outcome <- false
	time.Sleep(time.Hour)
	check("lost", 1, 1, 0, 2)
	if l.Leads() {
		t.Error("it leads")
	}
	outcome <- true
	time.Sleep(1500 * time.Millisecond)
	check("elected again", 1, 2, 1, 3)
	cancel()
	check("ended", 1, 2, 0, 3)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The end of a term waits for the work that runs in it: another replica may lead then.
func TestTheEndOfATermIsWaitedFor(t *testing.T) { synctest.Test(t, testTheEndIsWaitedFor) }

func testTheEndIsWaitedFor(t *testing.T) {
	l := lead.New()
	l.Set(true)
	go l.Within(t.Context(), func(term context.Context) {
		<-term.Done()
		time.Sleep(time.Second) // a write under way
	})
	synctest.Wait()
	begun := time.Now()
	l.Set(false)
	if took := time.Since(begun); took != time.Second {
		t.Errorf("the term ended after %s", took)
	}
}

// A replica that never led ends what its parts own. A part or an election that fails ends all.
func TestEnds(t *testing.T) { synctest.Test(t, testEnds) }

func testEnds(t *testing.T) {
	failure := errors.New("failure")
	waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
	fails := func(context.Context) error { return failure }
	never := func(ctx context.Context, _ func(bool)) error { <-ctx.Done(); return nil }
	always := func(ctx context.Context, leads func(bool)) error { leads(true); <-ctx.Done(); return nil }
	broken := func(context.Context, func(bool)) error { return failure }
	for name, test := range map[string]struct {
		elect lead.Elect
		part  lead.Part
		end   bool
		want  error
	}{
		"never led":         {never, waits, true, nil},
		"led":               {always, waits, true, nil},
		"a part fails":      {always, fails, false, failure},
		"no election":       {broken, waits, false, failure},
		"a part, never led": {never, fails, true, failure},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		l := lead.New()
		go func() { ended <- l.Run(ctx, test.elect, []lead.Part{test.part, waits}) }()
		synctest.Wait()
		if len(ended) == 1 != !test.end {
			t.Errorf("%s: ended %t", name, len(ended) == 1)
		}
		cancel()
		if err := <-ended; !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
