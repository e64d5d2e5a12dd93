package charts_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// apiServer serves the kinds of objects, and the named Deployments of namespace kedify-system.
func apiServer(t *testing.T, objects []runtime.Object, deployments ...string) string {
	t.Helper()
	answers := map[string]any{
		"/version": map[string]string{"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
		"/api":     metav1.APIVersions{Versions: []string{"v1"}},
	}
	groups, resources := metav1.APIGroupList{}, map[schema.GroupVersion]*metav1.APIResourceList{}
	seen := map[schema.GroupVersionKind]bool{}
	for _, object := range objects {
		gvk := object.GetObjectKind().GroupVersionKind()
		version := gvk.GroupVersion()
		path := "/apis/" + version.String()
		if version.Group == "" {
			path = "/api/" + version.Version
		}
		if seen[gvk] {
			continue
		}
		seen[gvk] = true
		if resources[version] == nil {
			resources[version] = &metav1.APIResourceList{GroupVersion: version.String()}
			answers[path] = resources[version]
		}
		if len(resources[version].APIResources) == 0 && version.Group != "" {
			served := metav1.GroupVersionForDiscovery{GroupVersion: version.String(), Version: version.Version}
			groups.Groups = append(groups.Groups, metav1.APIGroup{
				Name: version.Group, Versions: []metav1.GroupVersionForDiscovery{served}, PreferredVersion: served,
			})
		}
		resources[version].APIResources = append(resources[version].APIResources, metav1.APIResource{
			Name: strings.ToLower(gvk.Kind) + "s", SingularName: strings.ToLower(gvk.Kind), Kind: gvk.Kind, Namespaced: true, Verbs: []string{"get"},
		})
	}
	answers["/apis"] = groups
	for _, name := range deployments {
		answers["/apis/apps/v1/namespaces/kedify-system/deployments/"+name] = appsv1.Deployment{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "kedify-system"},
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if w.Header().Set("Content-Type", "application/json"); !known {
			w.WriteHeader(http.StatusNotFound)
			answer = metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestUnwireWhenSwitchedOff: an upgrade that switches autowiring off restores objects before the wiring goes: nothing
// else would. An upgrade of an installation that has no wiring runs nothing.
func TestUnwireWhenSwitchedOff(t *testing.T) {
	kinds := rendered(t, autowired)
	for name, deployments := range map[string][]string{"was on": {"kedify-gateway-wiring"}, "was off": nil} {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, "--set=autowire.enabled=false", "--is-upgrade", "--dry-run=server", "--disable-openapi-validation",
				"--kube-token=none", "--kube-apiserver", apiServer(t, kinds, deployments...))
			var hooks []string
			for _, object := range objects {
				if job, is := object.(*batchv1.Job); is && job.Name == "kedify-gateway-unwire" {
					hooks = append(hooks, job.Annotations["helm.sh/hook"])
				}
			}
			if got, want := strings.Join(hooks, " "), strings.Repeat("pre-upgrade", len(deployments)); got != want {
				t.Errorf("hooks %q, want %q", got, want)
			}
		})
	}
}
