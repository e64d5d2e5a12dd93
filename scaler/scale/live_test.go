package scale

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// apiServer serves discovery and one object of group stable.example.com with a scale.
type apiServer struct {
	mu       sync.Mutex
	version  int
	replicas int32
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch r.Method + " " + r.URL.Path {
	case "GET /apis/stable.example.com/v1":
		answer(w, http.StatusOK, metav1.APIResourceList{GroupVersion: "stable.example.com/v1", APIResources: []metav1.APIResource{
			{Name: "models", Kind: "Model", Namespaced: true},
			{Name: "models/scale", Kind: "Scale", Group: "autoscaling", Version: "v1", Namespaced: true},
		}})
	case "PUT /apis/stable.example.com/v1/namespaces/shop/models/llm/scale":
		var wanted autoscalingv1.Scale
		if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
			answer(w, http.StatusBadRequest, metav1.Status{Status: metav1.StatusFailure})
			return
		}
		if wanted.ResourceVersion != strconv.Itoa(a.version) {
			answer(w, http.StatusConflict, apierrors.NewConflict(schema.GroupResource{Resource: "models"}, "llm", nil).Status())
			return
		}
		a.version, a.replicas = a.version+1, wanted.Spec.Replicas
		answer(w, http.StatusOK, a.scale())
	case "GET /apis/stable.example.com/v1/namespaces/shop/models/llm/scale":
		answer(w, http.StatusOK, a.scale())
	default:
		answer(w, http.StatusNotFound,
			metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound})
	}
}

func (a *apiServer) scale() autoscalingv1.Scale {
	return autoscalingv1.Scale{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "llm", ResourceVersion: strconv.Itoa(a.version)},
		Spec:       autoscalingv1.ScaleSpec{Replicas: a.replicas},
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// TestScales: the real client, for a kind that only the mapper knows.
func TestScales(t *testing.T) {
	api := &apiServer{}
	listener := httptest.NewServer(api)
	defer listener.Close()
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(schema.GroupVersionKind{Group: "stable.example.com", Version: "v1", Kind: "Model"}, meta.RESTScopeNamespace)
	config := &rest.Config{Host: listener.URL}
	scales, err := New(config, mapper)
	if err != nil {
		t.Fatal(err)
	}
	if config.GroupVersion != nil {
		t.Error("the caller's configuration was changed")
	}
	defer listener.CloseClientConnections()

	target := v1alpha1.HTTPScalerTarget{APIVersion: "stable.example.com/v1", Kind: "Model", Name: "llm"}
	first, err := scales.Get(t.Context(), "shop", target)
	if err != nil {
		t.Fatal(err)
	}
	second, err := scales.Get(t.Context(), "shop", target)
	if err != nil {
		t.Fatal(err)
	}
	first.Spec.Replicas = 3
	if err := scales.Update(t.Context(), "shop", target, first); err != nil {
		t.Fatal(err)
	}
	second.Spec.Replicas = 1
	if err := scales.Update(t.Context(), "shop", target, second); !apierrors.IsConflict(err) {
		t.Errorf("a write on an old view: %v, want a conflict", err)
	}
	if api.replicas != 3 {
		t.Errorf("%d replicas, want 3", api.replicas)
	}

	for name, c := range map[string]struct {
		target v1alpha1.HTTPScalerTarget
		is     func(error) bool
	}{
		"no such object": {v1alpha1.HTTPScalerTarget{APIVersion: "stable.example.com/v1", Kind: "Model", Name: "gone"}, apierrors.IsNotFound},
		"no such kind":   {v1alpha1.HTTPScalerTarget{APIVersion: "stable.example.com/v1", Kind: "Toy", Name: "llm"}, meta.IsNoMatchError},
		"no version": {v1alpha1.HTTPScalerTarget{APIVersion: "a/b/c", Kind: "Model", Name: "llm"},
			func(err error) bool { return err != nil }},
	} {
		if _, err := scales.Get(t.Context(), "shop", c.target); !c.is(err) {
			t.Errorf("%s: Get: %v", name, err)
		}
		if err := scales.Update(t.Context(), "shop", c.target, first); err == nil {
			t.Errorf("%s: updated", name)
		}
	}
}
