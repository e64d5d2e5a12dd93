package charts_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kedify/inference-gateway/controllers"
)

// watching are values of an installation that watches two namespaces beside its own.
var watching = []string{"--set=watchNamespaces={shop,desk}", "--set=autowire.enabled=false"}

// ofCluster are the resources without a namespace among those that the controllers need.
var ofCluster = []string{
	"gateway.networking.k8s.io/gatewayclasses", "gateway.networking.k8s.io/gatewayclasses/status", "certificates.k8s.io/clustertrustbundles",
	"apiextensions.k8s.io/customresourcedefinitions", "/namespaces", "authentication.k8s.io/tokenreviews",
	"authorization.k8s.io/subjectaccessreviews", "keda.sh/clustertriggerauthentications kedify-gateway",
	"admissionregistration.k8s.io/mutatingwebhookconfigurations kedify-gateway",
	"admissionregistration.k8s.io/validatingwebhookconfigurations kedify-gateway",
}

// TestWatchNamespacesRoles: the ClusterRole has no right about objects of namespaces, and each namespace that is watched a Role with all
// of them. No other namespace has one.
func TestWatchNamespacesRoles(t *testing.T) {
	objects := rendered(t, watching...)
	cluster, namespaced := needed(t), grants{}
	for resource, verbs := range cluster {
		if !slices.Contains(ofCluster, resource) {
			namespaced[resource] = verbs
			delete(cluster, resource)
		}
	}
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, objects, "kedify-gateway"), cluster)
	roles := rolesIn(t, objects)
	want := []string{
		"desk kedify-gateway-watched", "kedify-system kedify-gateway", "kedify-system kedify-gateway-watched", "shop kedify-gateway-watched",
	}
	if got := slices.Sorted(maps.Keys(roles)); !slices.Equal(got, want) {
		t.Errorf("Roles %q, want %q", got, want)
	}
	for name, role := range roles {
		if strings.HasSuffix(name, "-watched") {
			leastPrivilege(t, &rbacv1.ClusterRole{Rules: role.Rules}, namespaced)
		}
	}
	for _, object := range objects {
		if binding, is := object.(*rbacv1.ClusterRoleBinding); is && binding.RoleRef.Name != "kedify-gateway" {
			t.Errorf("%s gives rights in all namespaces: %+v", binding.Name, binding.RoleRef)
		}
	}
}

// rolesIn returns the Roles by namespace and name. Each is bound to the controllers.
func rolesIn(t *testing.T, objects []runtime.Object) map[string]*rbacv1.Role {
	t.Helper()
	roles, bound := map[string]*rbacv1.Role{}, map[string]bool{}
	for _, object := range objects {
		switch object := object.(type) {
		case *rbacv1.Role:
			roles[object.Namespace+" "+object.Name] = object
		case *rbacv1.RoleBinding:
			subject := rbacv1.Subject{Kind: "ServiceAccount", Namespace: "kedify-system", Name: "kedify-gateway"}
			if !slices.Equal(object.Subjects, []rbacv1.Subject{subject}) || object.RoleRef.Kind != "Role" {
				t.Errorf("%s/%s binds %+v to %+v", object.Namespace, object.Name, object.RoleRef, object.Subjects)
			}
			bound[object.Namespace+" "+object.RoleRef.Name] = true
		}
	}
	for name := range roles {
		if !bound[name] {
			t.Errorf("the Role %s is not bound", name)
		}
	}
	return roles
}

// TestWatchNamespacesAndKEDA: KEDA's certificate and the Event about it are in namespaces that need not be watched.
func TestWatchNamespacesAndKEDA(t *testing.T) {
	tls := append([]string{"--set=keda.tls.enabled=true,keda.tls.namespace=autoscaling"}, watching...)
	roles := rolesIn(t, rendered(t, tls...))
	for name, want := range map[string]grants{
		"autoscaling kedify-gateway-keda": {"/secrets " + controllers.KEDASecretName: {"get": true, "create": true, "patch": true}},
		"default kedify-gateway-events":   {"events.k8s.io/events": {"create": true, "patch": true, "update": true}},
	} {
		if role := roles[name]; role == nil {
			t.Errorf("there is no Role %s", name)
		} else {
			leastPrivilege(t, &rbacv1.ClusterRole{Rules: role.Rules}, want)
		}
	}
	// Where both are watched, the Roles of what is watched do.
	roles = rolesIn(t, rendered(t, append(tls, "--set=watchNamespaces={autoscaling,default}")...))
	want := []string{
		"autoscaling kedify-gateway-watched", "default kedify-gateway-watched",
		"kedify-system kedify-gateway", "kedify-system kedify-gateway-watched",
	}
	if got := slices.Sorted(maps.Keys(roles)); !slices.Equal(got, want) {
		t.Errorf("Roles %q, want %q", got, want)
	}
}

// TestWatchNamespacesFlag: the controllers are told of all namespaces that they have a Role in, in one order whatever the values have.
func TestWatchNamespacesFlag(t *testing.T) {
	for _, values := range []string{"{shop,desk}", "{desk,kedify-system,shop}"} {
		objects := rendered(t, "--set=watchNamespaces="+values, "--set=autowire.enabled=false")
		arguments := find[*appsv1.Deployment](t, objects).Spec.Template.Spec.Containers[0].Args
		if !slices.Contains(arguments, "--watch-namespaces=desk,kedify-system,shop") {
			t.Errorf("%s: %q", values, arguments)
		}
	}
}

// TestWatchNamespacesAdmission: policies and webhooks about objects of users are about those of the namespaces that are watched.
func TestWatchNamespacesAdmission(t *testing.T) {
	arguments := append([]string{"--set=kedifyProxy.clusterWide=true"}, watching...)
	selectors := map[string]*metav1.LabelSelector{}
	for _, more := range []string{policies, "--kube-version=1.33.0"} {
		for _, object := range rendered(t, append(arguments, more)...) {
			switch object := object.(type) {
			case *admissionregistrationv1.MutatingAdmissionPolicy:
				selectors["policy that rewrites"] = object.Spec.MatchConstraints.NamespaceSelector
			case *admissionregistrationv1.MutatingWebhookConfiguration:
				selectors["webhook that rewrites"] = object.Webhooks[0].NamespaceSelector
			case *admissionregistrationv1.ValidatingWebhookConfiguration:
				selectors["webhook that validates"] = object.Webhooks[0].NamespaceSelector
			case *admissionregistrationv1.ValidatingAdmissionPolicy:
				switch object.Name {
				case "kedify-gateway-writes", "kedify-gateway-shared-routes":
					// About what the controllers do, and about routes to the shared proxies, in any namespace: one may be watched later.
					if selector := object.Spec.MatchConstraints.NamespaceSelector; selector != nil {
						t.Errorf("%s: %s", object.Name, metav1.FormatLabelSelector(selector))
					}
				default:
					selectors[object.Name] = object.Spec.MatchConstraints.NamespaceSelector
				}
			}
		}
	}
	if len(selectors) != 3 {
		t.Errorf("%d of 3: %v", len(selectors), selectors)
	}
	for name, selector := range selectors {
		if got := fmt.Sprint(metav1.FormatLabelSelector(selector)); got != "kubernetes.io/metadata.name in (desk,kedify-system,shop)" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestWatchNamespacesExcludes names what needs all namespaces.
func TestWatchNamespacesExcludes(t *testing.T) {
	_, err := template(t, "--set=watchNamespaces={shop}")
	if err == nil || !strings.Contains(err.Error(), "watchNamespaces excludes autowire.enabled") {
		t.Errorf("with autowiring: %v", err)
	}
	for _, field := range []string{"namespacedValues", "namespacedEnvoyConfigs"} {
		_, err = template(t, append([]string{"--set-json=kedifyProxy." + field + `.bench={}`}, watching...)...)
		if err == nil || !strings.Contains(err.Error(), `kedifyProxy.`+field+` has the namespace bench, which is not in watchNamespaces`) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
