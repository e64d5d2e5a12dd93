package engines_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/engines"
)

// Pods are read at once, and then every two seconds. What they say is two seconds old at most.
func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		a, b, c := n.pod("app", "a", 3, 0.2), n.pod("app", "b", 0, 0.4), n.pod("app", "c", 5, 0.9)
		r := n.replica("one")
		r.Set(chat, podsOf(a, b, c))
		synctest.Wait()
		r.knows(t, "at once", 8, 0.5)
		for range 30 {
			time.Sleep(2100 * time.Millisecond)
			synctest.Wait()
			r.knows(t, "later", 8, 0.5)
		}
		for _, p := range []*pod{a, b, c} {
			if reads := p.read(); len(reads) < 29 || len(reads) > 33 { // in 63 s
				t.Errorf("Pod %s was read %d times", p.name, len(reads))
			}
		}
		a.says(13, 0.5)
		time.Sleep(2200 * time.Millisecond)
		synctest.Wait()
		r.knows(t, "after a change", 18, 0.6)
	})
}

// Two triggers that want the same of one Pod have it read once, and other Pods of the trigger come and go.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		a, b := n.pod("app", "a", 1, 0.1), n.pod("app", "b", 2, 0.3)
		other := types.NamespacedName{Namespace: "app", Name: "other"}
		r := n.replica("one")
		r.Set(chat, podsOf(a))
		r.Set(other, podsOf(a, b))
		synctest.Wait()
		r.knows(t, "one Pod", 1, 0.1)
		if waiting, err := r.Waiting(other); waiting != 3 || err != nil {
			t.Errorf("%v, %v", waiting, err)
		}
		if reads := a.read(); len(reads) != 1 {
			t.Errorf("read %d times", len(reads))
		}
		r.Set(chat, podsOf(a, b))
		r.knows(t, "a Pod that another trigger has read", 3, 0.2)
		r.Set(other, nil)
		r.Set(chat, podsOf(b))
		r.knows(t, "the first is gone", 2, 0.3)
		a.read()
		time.Sleep(10 * time.Second)
		if reads := a.read(); len(reads) > 0 {
			t.Errorf("a Pod that no trigger wants was read %d times", len(reads))
		}
		r.Set(chat, nil)
		if _, err := r.Waiting(chat); !errors.Is(err, engines.ErrUnknown) {
			t.Errorf("a trigger that is gone: %v", err)
		}
		b.read()
		time.Sleep(10 * time.Second)
		if reads := b.read(); len(reads) > 0 {
			t.Errorf("the Pod of a trigger that is gone was read %d times", len(reads))
		}
	})
}

// No ready Pod is a known zero. Nothing else is a zero.
func TestUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		r := n.replica("one")
		for _, c := range []struct {
			name string
			pods *scaler.ModelPods
			want string // of the error; empty: zero
		}{
			{"not set", nil, "was not found out yet"},
			{"none is ready", &scaler.ModelPods{}, ""},
			{"the pool is missing", &scaler.ModelPods{Missing: "InferencePool app/chat does not exist"}, "InferencePool app/chat does not exist"},
			{"an endpoint that is no Pod", &scaler.ModelPods{Foreign: 1}, "1 of 1 ready Pods do not say"},
		} {
			r.Set(chat, c.pods)
			waiting, err := r.Waiting(chat)
			cache, errC := r.CacheUsage(chat)
			if waiting != 0 || cache != 0 || (err == nil) != (c.want == "") || (errC == nil) != (c.want == "") ||
				err != nil && (!errors.Is(err, engines.ErrUnknown) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, %v; %v, %v", c.name, waiting, err, cache, errC)
			}
		}
	})
}

// A Pod that is not known counts as the mean of the others, and when more than half are not, nothing is known. A Pod that
// said something is known until its third failure after that.
func TestMean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var pods []*pod
		for i := range 4 {
			pods = append(pods, n.pod("app", fmt.Sprint("p", i), float64(2*i), 0.25*float64(i)))
		}
		r := n.replica("one")
		r.Set(chat, podsOf(pods...))
		synctest.Wait()
		r.knows(t, "all", 12, 0.375)
		pods[3].refuse()
		time.Sleep(5 * time.Second) // two attempts
		r.knows(t, "two failures", 12, 0.375)
		time.Sleep(3 * time.Second)
		r.knows(t, "three failures: the mean of 0, 2 and 4 for the fourth", 8, 0.25)
		pods[2].hang()
		time.Sleep(10 * time.Second)
		r.knows(t, "half of them", 4, 0.125)
		pods[1].answers(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret of the Pod", http.StatusForbidden) })
		time.Sleep(10 * time.Second)
		for _, ask := range []func(types.NamespacedName) (float64, error){r.Waiting, r.CacheUsage} {
			value, err := ask(chat)
			if value != 0 || !errors.Is(err, engines.ErrUnknown) || !strings.Contains(err.Error(), "3 of 4 ready Pods do not say") ||
				!strings.Contains(err.Error(), "Pod p1 at 10.1.0.1:8000: it answered with HTTP status 403") ||
				strings.Contains(err.Error(), "secret") {
				t.Errorf("more than half: %v, %v", value, err)
			}
		}
		pods[1].says(10, 0.5)
		time.Sleep(2200 * time.Millisecond)
		r.knows(t, "one is back", 20, 0.25)
	})
}

// A Pod that just became ready is read at once. Until then it is as one that is not known.
func TestNewPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		old, one, two := n.pod("app", "a", 6, 0.6), n.pod("app", "b", 0, 0), n.pod("app", "c", 0, 0)
		r := n.replica("one")
		r.Set(chat, podsOf(old))
		synctest.Wait()
		slow := func(w http.ResponseWriter, r *http.Request) {
			rest(r, time.Second)
			fmt.Fprintln(w, "vllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 0")
		}
		one.answers(slow)
		two.answers(slow)
		r.Set(chat, podsOf(old, one))
		time.Sleep(500 * time.Millisecond)
		r.knows(t, "half are new", 12, 0.6)
		r.Set(chat, podsOf(old, one, two))
		if _, err := r.Waiting(chat); err == nil || !strings.Contains(err.Error(), "it was not read yet") {
			t.Errorf("more than half are new: %v", err)
		}
		time.Sleep(1100 * time.Millisecond)
		r.knows(t, "a second later", 6, 0.2)
	})
}

// What engines do not say is unknown, whatever else they say.
func TestNoCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := n.pod("app", "a", 0, 0)
		p.answers(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "tgi_queue_size 4") })
		r := n.replica("one")
		r.Set(chat, podsOf(p))
		synctest.Wait()
		if waiting, err := r.Waiting(chat); waiting != 4 || err != nil {
			t.Errorf("%v, %v", waiting, err)
		}
		if _, err := r.CacheUsage(chat); err == nil || !strings.Contains(err.Error(), "engine tgi does not say how full their KV cache is") {
			t.Errorf("%v", err)
		}
	})
}
