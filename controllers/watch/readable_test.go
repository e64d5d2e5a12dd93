package watch_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// parametersServer is an API server with GatewayParameters alone, in JSON as the CRD permits it.
type parametersServer struct {
	// streams: lists are sent as watches, as newer API servers do.
	streams bool
	// namespace of the objects; empty: shop.
	namespace string

	mu      sync.Mutex
	version int
	objects map[string]string // cpu by name
	history []string          // events from version 2 on
	watches map[chan string]struct{}
}

func (s *parametersServer) object(name string) map[string]any {
	return map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "GatewayParameters",
		"metadata": map[string]any{
			"namespace": cmp.Or(s.namespace, "shop"), "name": name, "resourceVersion": strconv.Itoa(s.version), "uid": name,
		},
		"spec": map[string]any{"envoy": map[string]any{"resources": map[string]any{"requests": map[string]any{"cpu": s.objects[name]}}}},
	}
}

// put creates or changes an object, and tells the watchers.
func (s *parametersServer) put(name, cpu string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := "ADDED"
	if s.objects[name] != "" {
		kind = "MODIFIED"
	}
	s.version++
	s.objects[name] = cpu
	s.history = append(s.history, event(kind, s.object(name)))
	for each := range s.watches {
		each <- s.history[len(s.history)-1]
	}
}

func event(kind string, object map[string]any) string {
	text, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

// hangUp ends all watches.
func (s *parametersServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for each := range s.watches {
		close(each)
	}
	clear(s.watches)
}

func (s *parametersServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	initial := r.URL.Query().Get("sendInitialEvents") == "true"
	switch {
	case r.URL.Path == "/apis": // discovery
		fmt.Fprintf(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":%q,"versions":[{"groupVersion":%q,"version":%q}]}]}`,
			v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion, v1alpha1.GroupVersion.Version)
	case r.URL.Path == "/apis/"+v1alpha1.GroupVersion.String():
		fmt.Fprintf(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":%q,"resources":[{"name":"gatewayparameters",`+
			`"singularName":"gatewayparameters","namespaced":true,"kind":"GatewayParameters","verbs":["list","watch"]}]}`, v1alpha1.GroupVersion)
	case r.URL.Path == "/api":
		fmt.Fprint(w, `{"kind":"APIVersions","versions":[]}`)
	case initial && !s.streams:
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
	case r.URL.Query().Get("watch") != "":
		s.serveWatch(w, r, initial)
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		items := []any{}
		for name := range s.objects {
			items = append(items, s.object(name))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "GatewayParametersList",
			"metadata": map[string]any{"resourceVersion": strconv.Itoa(s.version)}, "items": items,
		})
	}
}

func (s *parametersServer) serveWatch(w http.ResponseWriter, r *http.Request, initial bool) {
	told := make(chan string, 100)
	s.mu.Lock()
	if initial {
		for name := range s.objects {
			told <- event("ADDED", s.object(name))
		}
		told <- event("BOOKMARK", map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "GatewayParameters", "metadata": map[string]any{
				"resourceVersion": strconv.Itoa(s.version), "annotations": map[string]any{"k8s.io/initial-events-end": "true"},
			},
		})
	}
	if since, err := strconv.Atoi(r.URL.Query().Get("resourceVersion")); err == nil && !initial {
		for _, missed := range s.history[since-1:] {
			told <- missed
		}
	}
	s.watches[told] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watches, told)
	}()
	w.WriteHeader(http.StatusOK)
	for {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case text, more := <-told:
			if !more {
				return
			}
			fmt.Fprint(w, text)
		}
	}
}

// TestX1ObjectWithoutGoForm: GatewayParameters of one tenant whose quantity the schema of the CRD permits, and Go does
// not parse, are absent. Those of other tenants are read, and go on to change; so are these once they are mended.
func TestX1ObjectWithoutGoForm(t *testing.T) {
	for name, streams := range map[string]bool{"lists": false, "streams": true} {
		t.Run(name, func(t *testing.T) {
			server := &parametersServer{
				streams: streams, version: 1, watches: map[chan string]struct{}{}, objects: map[string]string{"good": "1", "poison": "1e1.5"},
			}
			seen := follow(t, server)
			seen.wait(t, "good=1")
			server.put("later", "2")
			seen.wait(t, "good=1", "later=2")
			server.put("good", "1e1.5") // an object that was there is gone
			seen.wait(t, "later=2")
			server.put("poison", "3")
			server.put("good", "4")
			seen.wait(t, "good=4", "later=2", "poison=3")
			server.put("later", "1e1.5") // and again, when all could be read
			seen.wait(t, "good=4", "poison=3")
		})
	}
}

// followed is what a row was told.
type followed struct {
	synced  <-chan struct{}
	mu      sync.Mutex
	objects map[string]string
	changed chan struct{}
}

func (f *followed) set(parameters *v1alpha1.GatewayParameters, there bool) {
	f.mu.Lock()
	delete(f.objects, parameters.Name)
	if there {
		f.objects[parameters.Name] = parameters.Spec.Envoy.Resources.Requests.Cpu().String()
	}
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *followed) known() (known []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, cpu := range f.objects {
		known = append(known, name+"="+cpu)
	}
	slices.Sort(known)
	return known
}

func (f *followed) wait(t *testing.T, want ...string) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for !slices.Equal(f.known(), want) {
		select {
		case <-f.changed:
		case <-timeout:
			t.Fatalf("known %q, want %q", f.known(), want)
		}
	}
}

// follow watches the GatewayParameters of a server.
func follow(t *testing.T, api *parametersServer) *followed {
	t.Helper()
	_, seen := followIn(t, api, watch.Caches{Refusals: watch.NewRefusals(clock.RealClock{}, logr.Discard())})
	return seen
}

// followIn is follow with a cache that these make.
func followIn(t *testing.T, api http.Handler, caches watch.Caches) (cache.Cache, *followed) {
	t.Helper()
	listener := httptest.NewServer(api)
	t.Cleanup(listener.Close)
	t.Cleanup(listener.CloseClientConnections)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.AddSpecific(v1alpha1.GroupVersion.WithKind("GatewayParameters"), v1alpha1.GroupVersion.WithResource("gatewayparameters"),
		v1alpha1.GroupVersion.WithResource("gatewayparameters"), meta.RESTScopeNamespace)
	// A mapper of discovery knows lists as well, and a cache of some namespaces asks for them.
	mapper.Add(v1alpha1.GroupVersion.WithKind("GatewayParametersList"), meta.RESTScopeNamespace)
	config := &rest.Config{Host: listener.URL, QPS: -1}
	readable, err := watch.NewReadable(config, scheme, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	caches.Dispensable = func(schema.GroupVersionKind) bool { return false }
	informers, err := caches.New(config, cache.Options{Scheme: scheme, Mapper: mapper, NewInformer: readable.NewInformer})
	if err != nil {
		t.Fatal(err)
	}
	seen := &followed{objects: map[string]string{}, changed: make(chan struct{}, 1)}
	watcher := watch.New(watch.Options{
		Informers: informers, Mapper: mapper, Scheme: scheme, Refusals: caches.Refusals, Clock: clock.RealClock{}, Log: logr.Discard(),
	})
	seen.synced = watcher.Add(watch.Row{Object: &v1alpha1.GatewayParameters{}, Handler: watch.Funcs[*v1alpha1.GatewayParameters]{
		OnSet:    func(_, object *v1alpha1.GatewayParameters) { seen.set(object, true) },
		OnDelete: func(object *v1alpha1.GatewayParameters) { seen.set(object, false) },
	}})
	// A kind whose API does not answer, as that of an aggregated API server may, is the fault of no other.
	watcher.Add(watch.Row{Object: watch.NewCRD(), Optional: true, Handler: watch.Funcs[*metav1.PartialObjectMetadata]{}})
	var running sync.WaitGroup
	running.Go(func() { _ = informers.Start(t.Context()) })
	running.Go(func() {
		if err := watcher.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(running.Wait)
	return informers, seen
}
