package charts_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/plane"
	"github.com/kedify/inference-gateway/controllers/replicas"
	"github.com/kedify/inference-gateway/controllers/scaledobject"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/workload/live"
)

// grants are permissions: "group/resource", with the names that it is limited to, to verbs.
type grants map[string]map[string]bool

func (g grants) add(resource string, verbs ...string) {
	if g[resource] == nil {
		g[resource] = map[string]bool{}
	}
	for _, verb := range verbs {
		g[resource][verb] = true
	}
}

// irregular are the plurals that the rule of thumb gets wrong.
var irregular = map[string]string{"gatewaies": "gateways", "gatewayparameterses": "gatewayparameters", "ingresses": "ingresses"}

// resources names the resource of an object of a kind that the product knows.
func resources(t *testing.T) func(client.Object) string {
	t.Helper()
	scheme := controllers.NewScheme()
	return func(object client.Object) string {
		kind, err := apiutil.GVKForObject(object, scheme)
		if err != nil {
			t.Fatal(err)
		}
		plural, _ := meta.UnsafeGuessKindToResource(kind)
		if name, ok := irregular[plural.Resource]; ok {
			plural.Resource = name
		}
		return plural.Group + "/" + plural.Resource
	}
}

// needed is what the code of the controllers does on the whole cluster.
func needed(t *testing.T) grants {
	t.Helper()
	resourceOf := resources(t)
	want := grants{}
	for _, row := range store.Rows {
		want.add(resourceOf(row.New()), "get", "list", "watch")
		if status.Has(row.Kind) {
			want.add(resourceOf(row.New())+"/status", "update")
		}
	}
	for _, object := range infra.Owned() {
		want.add(resourceOf(object), "get", "list", "watch", "create", "patch", "delete")
	}
	for _, object := range scaledobject.Watched() {
		want.add(resourceOf(object), "get", "list", "watch")
	}
	for _, object := range replicas.Watched() {
		want.add(resourceOf(object), "get", "list", "watch")
	}
	for _, object := range scaledobject.Written() {
		want.add(resourceOf(object), "create", "patch", "delete")
	}
	for _, object := range live.Reads() {
		want.add(resourceOf(object), "get", "list")
	}
	want.add(resourceOf(&v1alpha1.HTTPScaler{})+"/status", "patch")
	want.add(resourceOf(&kedav1alpha1.ScaledObject{}), "patch") // the empty one, for admission to rewrite
	want.add("*/*/scale", "get", "update", "patch")
	for _, object := range []client.Object{
		&admissionregistrationv1.ValidatingWebhookConfiguration{}, &admissionregistrationv1.MutatingWebhookConfiguration{},
	} {
		want.add(resourceOf(object)+" kedify-gateway", "get", "update")
	}
	want.add("apiextensions.k8s.io/customresourcedefinitions", "list", "watch")
	want.add("events.k8s.io/events", "create", "patch", "update")
	want.add("authentication.k8s.io/tokenreviews", "create") // controllers/access
	want.add("authorization.k8s.io/subjectaccessreviews", "create")
	return want
}

// TestX4ViewsHaveARole: the role that opens the views names every path that is served, and the chart binds it to no user.
func TestX4ViewsHaveARole(t *testing.T) {
	objects := rendered(t)
	want := grants{}
	for _, path := range plane.ViewPaths() {
		if strings.HasSuffix(path, "/") {
			path += "*"
		}
		want.add(path, "get")
	}
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, objects, "kedify-gateway-views"), want)
	for _, object := range objects {
		if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok && binding.RoleRef.Name == "kedify-gateway-views" {
			t.Errorf("%s binds it", binding.Name)
		}
	}
}

// The ClusterRole grants what the code needs, and nothing else.
func TestClusterRoleIsLeastPrivilege(t *testing.T) {
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, rendered(t), "kedify-gateway"), needed(t))
	want := needed(t)
	want.add("keda.sh/clustertriggerauthentications kedify-gateway", "get")
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, rendered(t, "--set=keda.tls.enabled=true"), "kedify-gateway"), want)
}

func leastPrivilege(t *testing.T, role *rbacv1.ClusterRole, want grants) {
	t.Helper()
	granted := granted(t, role)
	for _, resource := range slices.Sorted(maps.Keys(want)) {
		if missing := difference(want[resource], granted[resource]); missing != "" {
			t.Errorf("%s lacks %s", resource, missing)
		}
	}
	for _, resource := range slices.Sorted(maps.Keys(granted)) {
		if excess := difference(granted[resource], want[resource]); excess != "" {
			t.Errorf("%s has %s, which nothing needs", resource, excess)
		}
	}
}

// granted is what a role grants.
func granted(t *testing.T, role *rbacv1.ClusterRole) grants {
	t.Helper()
	all := grants{}
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				name := group + "/" + resource
				for _, only := range rule.ResourceNames {
					name += " " + only
				}
				all.add(name, rule.Verbs...)
			}
		}
		for _, path := range rule.NonResourceURLs {
			all.add(path, rule.Verbs...)
		}
	}
	return all
}

func difference(a, b map[string]bool) string {
	var only []string
	for _, verb := range slices.Sorted(maps.Keys(a)) {
		if !b[verb] {
			only = append(only, verb)
		}
	}
	return strings.Join(only, ", ")
}
