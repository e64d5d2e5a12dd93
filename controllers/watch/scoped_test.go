package watch_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scope"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// byNamespace is an API server with roles in namespaces alone: a question about objects of another namespace, or of all, is refused.
type byNamespace struct {
	t       *testing.T
	servers map[string]*parametersServer
	// forbidden are namespaces with a bool, true: no role is left there.
	forbidden *sync.Map
}

func newByNamespace(t *testing.T, streams bool, objects map[string]map[string]string) byNamespace {
	t.Helper()
	api := byNamespace{t, map[string]*parametersServer{}, &sync.Map{}}
	for namespace, of := range objects {
		api.servers[namespace] = &parametersServer{
			namespace: namespace, streams: streams, version: 1, watches: map[chan string]struct{}{}, objects: of,
		}
	}
	return api
}

func (b byNamespace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const resource = "/gatewayparameters"
	if !strings.HasSuffix(r.URL.Path, resource) {
		b.servers["shop"].ServeHTTP(w, r) // discovery
		return
	}
	_, namespace, _ := strings.Cut(strings.TrimSuffix(r.URL.Path, resource), "/namespaces/")
	server := b.servers[namespace]
	if server == nil {
		b.t.Errorf("%s is asked for", r.URL)
	}
	if forbidden, _ := b.forbidden.Load(namespace); server == nil || forbidden == true {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
		return
	}
	server.ServeHTTP(w, r)
}

// TestCacheOfNamespaces: informers ask for objects of the namespaces that are watched and of no others, also after one without a Go form,
// and a reader finds nothing elsewhere.
func TestCacheOfNamespaces(t *testing.T) {
	for name, streams := range map[string]bool{"lists": false, "streams": true} {
		t.Run(name, func(t *testing.T) {
			api := newByNamespace(t, streams, map[string]map[string]string{
				"shop": {"good": "1", "poison": "1e1.5"}, "desk": {"other": "5"}, "system": {},
			})
			informers, seen := followIn(t, api, caches())
			seen.wait(t, "good=1", "other=5")
			api.servers["desk"].put("other", "1e1.5")
			seen.wait(t, "good=1")
			api.servers["shop"].put("poison", "3")
			api.servers["desk"].put("other", "6")
			seen.wait(t, "good=1", "other=6", "poison=3")

			found := &v1alpha1.GatewayParameters{}
			if err := informers.Get(t.Context(), client.ObjectKey{Namespace: "bench", Name: "good"}, found); !apierrors.IsNotFound(err) {
				t.Errorf("an object of a namespace that is not watched: %v", err)
			}
			if err := informers.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "good"}, found); err != nil {
				t.Error(err)
			}
			for namespace, want := range map[string][]string{
				metav1.NamespaceAll: {"good", "other", "poison"}, "shop": {"good", "poison"}, "system": nil, "bench": nil,
			} {
				list := &v1alpha1.GatewayParametersList{Items: []v1alpha1.GatewayParameters{{}}}
				err := informers.List(t.Context(), list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
				var names []string
				for i := range list.Items {
					names = append(names, list.Items[i].Name)
				}
				if slices.Sort(names); err != nil || !slices.Equal(names, want) {
					t.Errorf("%q has %q, want %q: %v", namespace, names, want, err)
				}
			}
		})
	}
}

// caches are of the namespaces shop, desk and system, the last of which has the installation.
func caches() watch.Caches {
	return watch.Caches{
		Own: "system", Watched: scope.Of("system", []string{"shop", "desk"}), Refusals: watch.NewRefusals(hurried{}, logr.Discard()),
	}
}

// hurried is a clock on which a pause takes a moment.
type hurried struct{ clock.RealClock }

func (c hurried) NewTimer(time.Duration) clock.Timer {
	return c.RealClock.NewTimer(10 * time.Millisecond)
}

// TestRefusedNamespace: a namespace that the API server refuses is empty for a replica that starts, which waits for the others alone.
// What was read stays when the right goes, and what changed meanwhile is seen when it comes back.
func TestRefusedNamespace(t *testing.T) {
	for name, streams := range map[string]bool{"lists": false, "streams": true} {
		t.Run(name, func(t *testing.T) {
			api := newByNamespace(t, streams, map[string]map[string]string{"shop": {"a": "1"}, "desk": {"b": "2"}, "system": {"c": "3"}})
			api.forbidden.Store("shop", true)
			caches := caches()
			informers, seen := followIn(t, api, caches)
			select {
			case <-seen.synced:
			case <-time.After(20 * time.Second):
				t.Fatal("a namespace that is refused is waited for")
			}
			seen.wait(t, "b=2", "c=3")
			refused := func(want float64) {
				t.Helper()
				if got := refusedIn(t, caches.Refusals); got[""] != 0 || got["desk"] != 0 || got["shop"] != want {
					t.Errorf("kinds that are refused: %v, want %v in shop", got, want)
				}
			}
			refused(1)
			parameters := &v1alpha1.GatewayParameters{}
			if err := informers.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "a"}, parameters); !apierrors.IsNotFound(err) {
				t.Errorf("an object of a namespace that is refused: %v", err)
			}
			api.servers["desk"].put("b", "4")
			seen.wait(t, "b=4", "c=3")

			api.forbidden.Store("shop", false)
			seen.wait(t, "a=1", "b=4", "c=3")
			refused(0)
			if err := informers.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "a"}, parameters); err != nil {
				t.Error(err)
			}

			api.forbidden.Store("shop", true)
			api.servers["shop"].hangUp()
			api.servers["shop"].put("a", "5")
			api.servers["desk"].put("b", "6") // what is watched is seen after it
			seen.wait(t, "a=1", "b=6", "c=3")
			api.forbidden.Store("shop", false)
			seen.wait(t, "a=5", "b=6", "c=3")
		})
	}
}

// refusedIn reads the metric by namespace.
func refusedIn(t *testing.T, refusals *watch.Refusals) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(refusals)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "kedify_gateway_watch_refused_kinds" {
		t.Fatal(families, err)
	}
	found := map[string]float64{}
	for _, metric := range families[0].GetMetric() {
		found[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
	}
	return found
}
