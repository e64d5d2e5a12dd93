package watch_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scope"
)

// byNamespace is an API server with roles in namespaces alone: a question about objects of another namespace, or of all, is refused.
type byNamespace struct {
	t       *testing.T
	servers map[string]*parametersServer
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
		w.WriteHeader(http.StatusForbidden)
		return
	}
	server.ServeHTTP(w, r)
}

// TestCacheOfNamespaces: informers ask for objects of the namespaces that are watched and of no others, also after one without a Go form,
// and a reader finds nothing elsewhere.
func TestCacheOfNamespaces(t *testing.T) {
	for name, streams := range map[string]bool{"lists": false, "streams": true} {
		t.Run(name, func(t *testing.T) {
			server := func(namespace string, objects map[string]string) *parametersServer {
				return &parametersServer{
					namespace: namespace, streams: streams, version: 1, watches: map[chan string]struct{}{}, objects: objects,
				}
			}
			api := byNamespace{t, map[string]*parametersServer{
				"shop":   server("shop", map[string]string{"good": "1", "poison": "1e1.5"}),
				"desk":   server("desk", map[string]string{"other": "5"}),
				"system": server("system", map[string]string{}),
			}}
			informers, seen := followIn(t, api, scope.Of("system", []string{"shop", "desk"}))
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
