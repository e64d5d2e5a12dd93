package isolate_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// TestProxiesDisagree: a table that one proxy has and another refuses keeps all of its rules.
func TestProxiesDisagree(t *testing.T) {
	run(t, func(w *world) {
		w.apply(host("h", 4, ""))
		healthy := w.connect("healthy", rules{})
		w.settle()
		w.connect("rogue", rules{refuses: refuse("r2"), delay: time.Millisecond})
		w.settle()
		w.wantTable(healthy, "80/h", "r0=201 r1=201 r2=201 r3=201")
		w.wantReported("80/h")
		w.apply(host("h", 4, "edited"))
		w.settle()
		w.wantTable(healthy, "80/h", "r0=201 r1=201 r2=201 r3=201")
		w.wantReported("80/h")
	})
}

// TestProxiesDisagreeOnATrial: a rule that one proxy takes is not withheld, whichever proxy answers first; one that all refuse is.
func TestProxiesDisagreeOnATrial(t *testing.T) {
	for name, delays := range map[string][2]time.Duration{
		"the acceptance first": {time.Millisecond, 2 * time.Millisecond},
		"the refusal first":    {2 * time.Millisecond, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				healthy := w.connect("healthy", rules{refuses: refuse("r2"), delay: delays[0]})
				w.connect("rogue", rules{refuses: refuse("r1", "r2"), delay: delays[1]})
				w.apply(host("h", 4, ""))
				w.settle()
				w.wantTable(healthy, "80/h", "r0=201 r1=201 r2=500 r3=201")
				w.wantReported("80/h", "80/h r2 failing")
			})
		})
	}
}

// TestDisagreementEnds: when the proxies that have a table are gone, the rule is withheld that those which are left refuse.
func TestDisagreementEnds(t *testing.T) {
	run(t, func(w *world) {
		w.apply(host("h", 4, ""))
		healthy := w.connect("old", rules{})
		w.settle()
		left := w.connect("new", rules{refuses: refuse("r2"), delay: time.Millisecond})
		w.settle()
		w.wantReported("80/h")
		healthy.session.Close()
		w.settle()
		w.wantTable(left, "80/h", "r0=201 r1=201 r2=500 r3=201")
		w.wantReported("80/h r2 failing")
	})
}

// TestLearnWhatIsTaken: a rule that a proxy of this replica has is not withheld because one of another replica refuses it.
func TestLearnWhatIsTaken(t *testing.T) {
	run(t, func(w *world) {
		tables := w.apply(host("h", 3, ""))
		parts, err := tables[0].Divisible.Parts()
		if err != nil {
			t.Fatal(err)
		}
		p := w.connect("p", rules{})
		w.settle()
		w.stage.Learn(publish.Delivery{Gateway: gatewayKey, Rejected: []publish.Rejection{{
			Resource: tables[0].Key, Version: parts[1].ID, Node: "elsewhere",
			Withheld: &publish.Withheld{Part: parts[1].ID, Rule: "r1", Form: resource.Failing},
		}}})
		w.settle()
		w.wantTable(p, "80/h", "r0=201 r1=201 r2=201")
	})
}

// TestLearn: a rule that another replica withholds is withheld in every table that has it, is not reported as a finding of this
// replica, and ends with the finding there.
func TestLearn(t *testing.T) {
	run(t, func(w *world) {
		tables := w.apply(host("h1", 3, ""), host("h2", 3, ""))
		parts, err := tables[0].Divisible.Parts()
		if err != nil {
			t.Fatal(err)
		}
		var learned []publish.Rejection
		for _, table := range tables {
			learned = append(learned, publish.Rejection{
				Resource: table.Key, Version: parts[1].ID, Node: "elsewhere",
				Withheld: &publish.Withheld{Part: parts[1].ID, Rule: "r1", Form: resource.Failing},
			})
		}
		w.stage.Learn(publish.Delivery{Gateway: gatewayKey, Rejected: learned})
		p := w.connect("p", rules{})
		w.settle()
		w.wantTable(p, "80/h1", "r0=201 r1=500 r2=201")
		w.wantTable(p, "80/h2", "r0=201 r1=500 r2=201")
		w.wantReported()
		w.stage.Learn(publish.Delivery{Gateway: gatewayKey})
		w.settle()
		w.wantTable(p, "80/h1", "r0=201 r1=201 r2=201")
		w.wantTable(p, "80/h2", "r0=201 r1=201 r2=201")
	})
}
