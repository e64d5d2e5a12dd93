package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// attachments are those that the outside has: "Gateway app/gw <- HTTPRoute app/exact -> app/s1:80".
func (f *failing) attachments() map[string]string {
	all := map[string]string{}
	for route, attachment := range f.out.attached {
		text := ""
		for _, parent := range attachment.Parents {
			text += fmt.Sprintf("%s %s <-", parent.Parent.Kind, parent.Parent.Key)
		}
		for _, backend := range attachment.Backends {
			text += fmt.Sprintf(" %s %s:%d", backend.Kind, backend.Key, backend.Port)
		}
		all[route.Key.Name] = text
	}
	return all
}

func TestAttachments(t *testing.T) {
	f := newFailing(t)
	want := map[string]string{"exact": "Gateway app/gw <- Service app/s1:80", "wild": "Gateway app/gw <- Service app/s1:80"}
	check := func(what string, changes int) {
		t.Helper()
		f.out.reattached = 0
		f.model.Flush()
		if diff := cmp.Diff(want, f.attachments()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		if f.out.reattached != changes {
			t.Errorf("%s: %d attachments were output, want %d", what, f.out.reattached, changes)
		}
	}
	check("at the start", 0)
	f.setRoute("exact", 2, "h1.example.com", "/v2", "s1")
	check("another path", 0)
	f.setRoute("exact", 3, "h1.example.com", "/v2", "missing")
	want["exact"] = "Gateway app/gw <- Service app/missing:80"
	check("a backend that does not exist", 1)
	f.setRoute("third", 1, "h3.example.com", "/", "s2")
	want["third"] = "Gateway app/gw <- Service app/s2:80"
	check("a new route", 1)
	f.model.Delete(store.HTTPRoute, objectOf("third"))
	delete(want, "third")
	check("a deleted route", 1)
	f.model.Delete(store.Gateway, failingGateway)
	clear(want)
	check("without the Gateway", 2)
	f.model.Set(store.Gateway, failingGatewayObject(1, 80))
	want["exact"], want["wild"] = "Gateway app/gw <- Service app/missing:80", "Gateway app/gw <- Service app/s1:80"
	check("with the Gateway again", 2)
}

// TestSyncedAfterTheFirstFlush: the output hears once that it has everything, and not before.
func TestSyncedAfterTheFirstFlush(t *testing.T) {
	out := newRecorder()
	m := New(out, class.Setting{})
	m.Flush()
	if out.synced != 0 {
		t.Fatal("synced before all objects were set")
	}
	m.Synced()
	m.Flush()
	m.Flush()
	if out.synced != 1 {
		t.Errorf("synced %d times", out.synced)
	}
}

// TestAttachmentOfResult: a route without a parent that took it, or without backends, is attached nowhere.
func TestAttachmentOfResult(t *testing.T) {
	taken := resolve.RouteParent{Gateway: failingGateway, Attached: []resolve.ListenerID{{Name: "http"}}}
	backends := []resolve.BackendRef{{Kind: store.Service, Key: objectOf("s1"), Port: 80}}
	for name, c := range map[string]struct {
		result   resolve.RouteResult
		attached bool
	}{
		"refused":     {resolve.RouteResult{Parents: []resolve.RouteParent{{}}, Backends: backends}, false},
		"no backends": {resolve.RouteResult{Parents: []resolve.RouteParent{taken}}, false},
		"one of two":  {resolve.RouteResult{Parents: []resolve.RouteParent{{}, taken}, Backends: backends}, true},
	} {
		if got := c.result.Attachment(); (got != nil) != c.attached || got != nil && len(got.Parents) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
