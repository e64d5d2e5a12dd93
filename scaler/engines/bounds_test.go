package engines_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A tenant with a thousand Pods that do not answer takes half of the connections, and no time of others.
func TestHangingPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		hostile, _ := n.many("hostile", 1000)
		for _, p := range hostile {
			p.hang()
		}
		r := n.replica("one")
		r.Set(types.NamespacedName{Namespace: "hostile", Name: "x"}, podsOf(hostile...))
		time.Sleep(3 * time.Second)
		pods, sum := n.many("app", 20)
		r.Set(chat, podsOf(pods...))
		time.Sleep(100 * time.Millisecond)
		r.knows(t, "beside a thousand that hang", sum, 0.5)
		for _, p := range pods {
			p.read()
		}
		time.Sleep(20 * time.Second)
		r.knows(t, "later", sum, 0.5)
		for _, p := range pods {
			if reads := p.read(); len(reads) < 9 {
				t.Errorf("Pod %s was read %d times in 20 s", p.name, len(reads))
			}
		}
		_, theirs := n.connections("hostile")
		if _, all := n.connections(""); theirs != 32 || all > 64 {
			t.Errorf("connections at once: %d of the hostile one, %d of all", theirs, all)
		}
	})
}

// Many tenants whose Pods do not answer have all connections, in turns; a Pod of another is read within keep.
func TestHangingTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		r := n.replica("one")
		for i := range 20 {
			namespace := fmt.Sprint("hostile-", i)
			pods, _ := n.many(namespace, 60)
			for _, p := range pods {
				p.hang()
			}
			r.Set(types.NamespacedName{Namespace: namespace, Name: "x"}, podsOf(pods...))
		}
		time.Sleep(3 * time.Second)
		pods, sum := n.many("app", 3)
		r.Set(chat, podsOf(pods...))
		time.Sleep(4 * time.Second)
		for range 10 {
			r.knows(t, "beside twenty", sum, 0.5)
			time.Sleep(2 * time.Second)
		}
		if _, all := n.connections(""); all > 64 {
			t.Errorf("connections at once: %d", all)
		}
	})
}

// A tenant whose Pods answer with long texts is read less often, and others are not.
func TestLongAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		long, _ := n.many("hostile", 100)
		text := strings.Repeat("other_metric_total 1\n", 1<<20/21-10) + "vllm:num_requests_waiting 1\n"
		for _, p := range long {
			p.answers(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
		}
		pods, sum := n.many("app", 5)
		r := n.replica("one")
		r.Set(types.NamespacedName{Namespace: "hostile", Name: "x"}, podsOf(long...))
		r.Set(chat, podsOf(pods...))
		time.Sleep(3 * time.Second)
		reads := 0
		for _, p := range long {
			reads += len(p.read())
		}
		if reads < 64 || reads > 5*32+5 { // at once, the credit, and three seconds
			t.Errorf("%d MiB in 3 s", reads)
		}
		r.knows(t, "beside long answers", sum, 0.5)
	})
}
