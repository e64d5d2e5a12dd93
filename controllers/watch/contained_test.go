package watch

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fragile panics on objects whose label says in which of its methods.
type fragile struct {
	*log
	kind string // in which method that is about the kind
}

// breaks panics when the label v of an object is the name of a place, alone or behind others.
func breaks(object client.Object, place string) {
	if object != nil && strings.Contains(object.GetLabels()["v"], place) {
		panic("index out of range in " + place)
	}
}

func (f *fragile) Set(before, after client.Object) {
	breaks(before, "set")
	breaks(after, "set")
	f.log.Set(before, after)
}

func (f *fragile) Delete(object client.Object) {
	breaks(object, "delete")
	f.log.Delete(object)
}

func (f *fragile) Synced() {
	f.log.Synced()
	f.fail("synced")
}

func (f *fragile) Lost() {
	f.log.Lost()
	f.fail("lost")
}

func (f *fragile) fail(method string) {
	if f.kind == method {
		panic("index out of range in " + method)
	}
}

// TestX10PanicOfAnInformerEvent: an object on which a handler, or a function of its row, panics is the only one that is
// not handed over; the informer goes on, and the next version of the object is taken as the first one.
func TestX10PanicOfAnInformerEvent(t *testing.T) {
	c, calls := newCluster(t), &fragile{log: newLog(t)}
	var mu sync.Mutex
	var text strings.Builder
	logged := func() string { mu.Lock(); defer mu.Unlock(); return text.String() }
	c.watcher.Log = funcr.New(func(_, args string) { mu.Lock(); defer mu.Unlock(); text.WriteString(args) }, funcr.Options{})
	services := c.sourceOf(&corev1.Service{})
	services.Add(service("bad", "set"))
	services.Add(service("good", "1"))
	services.Add(service("untrimmed", "trim"))
	synced := c.watcher.Add(Row{
		Object: &corev1.Service{}, Handler: calls,
		Select:    func(object client.Object) bool { breaks(object, "select"); return true },
		Unchanged: func(before, after client.Object) bool { breaks(before, "same"); breaks(after, "same"); return false },
		Trim:      func(object client.Object) client.Object { breaks(object, "trim"); return object },
	})
	c.start()
	wait(t, synced)
	calls.expect("add good", "add untrimmed")
	calls.expect("synced")
	for i, step := range []struct {
		version string // of the Service bad
		call    string
	}{
		{"set again", ""}, {"2", "add bad"}, {"3", "set bad 2 to 3"}, {"same", "set bad 3 to same"}, {"4", "set bad same to 4"},
		{"select", "delete bad"}, {"5", "add bad"}, {"set", ""}, {"6", "add bad"},
	} {
		services.Modify(service("bad", step.version))
		services.Modify(service("good", strconv.Itoa(i+2)))
		if step.call != "" {
			calls.expect(step.call)
		}
		calls.expect(fmt.Sprintf("set good %d to %d", i+1, i+2))
	}
	services.Modify(service("bad", "delete"))
	calls.expect("set bad 6 to delete")
	services.Delete(service("bad", "delete"))
	services.Add(service("bad", "1"))
	calls.expect("add bad")
	for _, place := range []string{"set", "same", "select", "delete"} {
		if !strings.Contains(logged(), "index out of range in "+place) || !strings.Contains(logged(), "shop/bad") {
			t.Errorf("a panic in %s is not logged", place)
		}
	}
}

// TestX10PanicAboutAKind: a handler that panics when its kind is synced or lost keeps no other handler from hearing of it.
func TestX10PanicAboutAKind(t *testing.T) {
	for _, method := range []string{"synced", "lost", "delete"} {
		t.Run(method, func(t *testing.T) {
			c, calls, also := newCluster(t), &fragile{log: newLog(t), kind: method}, newLog(t)
			crds, services := c.sourceOf(NewCRD()), c.source(virtualServiceKind)
			bad := virtualService("bad")
			bad.SetLabels(map[string]string{"v": method})
			services.Add(bad)
			services.Add(virtualService("good"))
			crds.Add(crd())
			row := func(handler Handler) Row { return Row{Object: newVirtualService(), Optional: true, Handler: handler} }
			synced := c.watcher.Add(row(calls), row(also))
			c.start()
			wait(t, synced)
			for _, heard := range []*log{calls.log, also} {
				heard.expect("add good", "add bad")
				heard.expect("synced")
			}
			c.listed(NewCRD())
			crds.Delete(crd())
			also.expect("delete good", "delete bad")
			also.expect("lost")
			if method == "delete" {
				calls.expect("delete good")
			} else {
				calls.expect("delete good", "delete bad")
			}
			calls.expect("lost")
		})
	}
}
