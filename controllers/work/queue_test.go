package work

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"k8s.io/utils/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is one call of Do in a bubble.
type call struct {
	key string
	at  time.Duration
}

// run runs a queue until the test ends; the test is in a bubble.
func run(t *testing.T, options Options[string]) *Queue[string] {
	t.Helper()
	if options.Workers == 0 {
		options.Workers = 1
	}
	options.FirstRetry, options.LastRetry, options.Clock = time.Second, 3*time.Second, clock.RealClock{}
	queue := New(options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); queue.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return queue
}

func TestRetryBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, results := time.Now(), []Next{Retry(), Retry(), Retry(), Done(), Retry(), Done()}
		var calls []time.Duration
		queue := run(t, Options[string]{Do: func(context.Context, string) Next {
			calls = append(calls, time.Since(begun))
			return results[len(calls)-1]
		}})
		queue.Add("a")
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second} // 1, 2, and 3 at most
		if len(calls) != len(want) {
			t.Fatalf("calls at %v, want %v", calls, want)
		}
		for i := range want {
			if calls[i] != want[i] {
				t.Errorf("call %d at %s, want %s", i, calls[i], want[i])
			}
		}
		queue.Add("a") // after a success the backoff starts anew
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(calls) != 6 || calls[5]-calls[4] != time.Second {
			t.Errorf("calls at %v", calls)
		}
	})
}

func TestAddNowSkipsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var calls []time.Duration
		queue := run(t, Options[string]{Do: func(context.Context, string) Next {
			if calls = append(calls, time.Since(begun)); len(calls) < 3 {
				return Retry()
			}
			return Done()
		}})
		queue.Add("a")
		time.Sleep(1500 * time.Millisecond) // two failures
		if queue.Retries("a") != 2 {
			t.Errorf("%d retries", queue.Retries("a"))
		}
		queue.AddNow("a")
		synctest.Wait()
		if len(calls) != 3 || calls[2] != 1500*time.Millisecond || queue.Retries("a") != 0 {
			t.Errorf("calls at %v, %d retries", calls, queue.Retries("a"))
		}
	})
}

func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var calls []time.Duration
		queue := run(t, Options[string]{Do: func(context.Context, string) Next {
			if calls = append(calls, time.Since(begun)); len(calls) == 1 {
				return After(time.Hour)
			}
			return Done()
		}})
		queue.Add("a")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(calls) != 2 || calls[1] != time.Hour {
			t.Errorf("calls at %v", calls)
		}
	})
}

// Keys are worked on side by side, each by one worker at a time: what is added meanwhile follows.
func TestOneCallPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		calls := make(chan call, 10)
		queue := run(t, Options[string]{Workers: 4, Do: func(_ context.Context, key string) Next {
			calls <- call{key, time.Since(begun)}
			time.Sleep(time.Second)
			return Done()
		}})
		queue.Add("a")
		synctest.Wait()
		queue.Add("a")
		queue.Add("a")
		queue.Add("b")
		time.Sleep(time.Minute)
		synctest.Wait()
		close(calls)
		want := []call{{"a", 0}, {"b", 0}, {"a", time.Second}}
		for i := 0; len(calls) > 0; i++ {
			if got := <-calls; i >= len(want) || got != want[i] {
				t.Errorf("call %d: %v", i, got)
			}
		}
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var calls []call
		queue := run(t, Options[string]{Pace: time.Second, Do: func(_ context.Context, key string) Next {
			calls = append(calls, call{key, time.Since(begun)})
			return Done()
		}})
		queue.Add("a")
		queue.Add("b")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(calls) != 2 || calls[1] != (call{"b", time.Second}) {
			t.Errorf("calls %v", calls)
		}
	})
}

// Run returns after the workers, and keys that wait are left.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var calls, ended int
		queue := New(Options[string]{Workers: 1, Clock: clock.RealClock{}, Do: func(context.Context, string) Next {
			calls++
			cancel()
			time.Sleep(time.Second)
			ended++
			return Done()
		}})
		queue.Add("a")
		queue.Add("b")
		queue.Run(ctx)
		if calls != 1 || ended != 1 {
			t.Errorf("%d calls, %d ended", calls, ended)
		}
	})
}

// A key is worked on when that is permitted, and again when the permission ended meanwhile.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		permissions, begun := make(chan time.Duration), time.Now()
		var calls []call
		queue := run(t, Options[string]{
			Within: func(ctx context.Context, work func(context.Context)) bool {
				select {
				case lasts := <-permissions:
					permitted, end := context.WithTimeout(ctx, lasts)
					defer end()
					work(permitted)
					return true
				case <-ctx.Done():
					return false
				}
			},
			Do: func(ctx context.Context, key string) Next {
				calls = append(calls, call{key, time.Since(begun)})
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
				return Done()
			},
		})
		queue.Add("a")
		time.Sleep(time.Minute)
		permissions <- time.Millisecond // cut off
		time.Sleep(time.Minute)
		permissions <- time.Hour
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []call{{"a", time.Minute}, {"a", 2 * time.Minute}}
		if !slices.Equal(calls, want) {
			t.Errorf("calls %v, want %v", calls, want)
		}
	})
}

// TestX10PanicOfAKey: a key whose work panics is tried again after its backoff, also within a permission, and holds up
// no other key.
func TestX10PanicOfAKey(t *testing.T) {
	for name, within := range map[string]func(context.Context, func(context.Context)) bool{
		"always":    nil,
		"permitted": func(ctx context.Context, work func(context.Context)) bool { work(ctx); return true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var calls []call
				queue := run(t, Options[string]{Within: within, Do: func(_ context.Context, key string) Next {
					calls = append(calls, call{key, time.Since(begun)})
					if key == "bad" && len(calls) < 3 {
						panic("index out of range")
					}
					return Done()
				}})
				queue.Add("bad")
				queue.Add("good")
				time.Sleep(time.Minute)
				synctest.Wait()
				if want := []call{{"bad", 0}, {"good", 0}, {"bad", time.Second}}; !slices.Equal(calls, want) {
					t.Errorf("calls %v, want %v", calls, want)
				}
			})
		})
	}
}
