package isolate_test

import (
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

// forwarding is a host of which the first rule forwards.
func forwarding(h ir.Host) ir.Host {
	h.Routes[0].Action = &ir.Forward{Targets: []ir.Target{{
		Weight: 1, Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "ns0", Name: "s", Port: 80},
	}}}
	return h
}

// TestSuspects: a table of which nothing is known, as after a restart, has the same rules withheld with any suspicion. There are
// few trials when the suspicion is right, and a wrong one adds no more than its own.
func TestSuspects(t *testing.T) {
	refused := []string{"r7", "r21", "r33", "r59"}
	trials := func(suspects ...string) (n int) {
		run(t, func(w *world) {
			w.suspects = suspects
			p := w.connect("p", rules{refuses: refuse(refused...)})
			w.apply(forwarding(host("h", 60, "")))
			w.settle()
			w.wantReported("80/h r21 failing", "80/h r33 failing", "80/h r59 failing", "80/h r7 failing")
			n = p.asked()
		})
		return n
	}
	none, right := trials(), trials(refused...)
	missing, wrong := trials(refused[1:]...), trials("r1", "r2", "r3", "r58", "r1000")
	t.Logf("trials: %d without a suspicion, %d when it is right, %d when one is missing, %d when it is wrong", none, right, missing, wrong)
	// Each alone, and all together with an answer of 500.
	if want := len(refused) + 1; right != want {
		t.Errorf("%d trials when the suspicion is right, want %d", right, want)
	}
	if missing >= none {
		t.Errorf("%d trials when one is missing, %d without a suspicion", missing, none)
	}
	if wrong > none+5 {
		t.Errorf("%d trials when the suspicion is wrong, %d without", wrong, none)
	}
}
