package charts_test

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/scaledobject"
)

const controllersUser = "system:serviceaccount:kedify-system:kedify-gateway"

// writes is the policy of the chart, compiled as the API server compiles it.
type writes struct{ looks, allows evaluator }

func newWrites(t *testing.T, policy *admissionregistrationv1.ValidatingAdmissionPolicy) writes {
	t.Helper()
	compiler := newCompiler(t)
	variables := make([]cel.NamedExpressionAccessor, 0, len(policy.Spec.Variables))
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, declared, environment.StoredExpressions)
	validations := make([]admissionregistrationv1.MatchCondition, 0, len(policy.Spec.Validations))
	for _, v := range policy.Spec.Validations {
		validations = append(validations, admissionregistrationv1.MatchCondition{Name: v.Message, Expression: v.Expression})
	}
	return writes{
		looks:  evaluator{matcher: matcherOf(compiler, policy.Spec.MatchConditions)},
		allows: evaluator{compiler: compiler, matcher: matcherOf(compiler, validations)},
	}
}

// write is one request of a user.
type write struct {
	user, operation, group, resource string
	before, after                    string // YAML; empty: none
}

func (w write) attributes(t *testing.T) *admission.VersionedAttributes {
	t.Helper()
	object := func(text string) *unstructured.Unstructured {
		if text == "" {
			return nil
		}
		made := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &made.Object); err != nil {
			t.Fatal(err)
		}
		return made
	}
	before, after := object(w.before), object(w.after)
	named := after
	if named == nil {
		named = before
	}
	kind := schema.GroupVersionKind{Group: w.group, Version: "v1", Kind: "Any"}
	resource := schema.GroupVersionResource{Group: w.group, Version: "v1", Resource: w.resource}
	var versioned, old runtime.Object // not typed nils
	if before != nil {
		old = before
	}
	if after != nil {
		versioned = after
	}
	return &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(versioned, old, kind, named.GetNamespace(), named.GetName(),
			resource, "", admission.Operation(w.operation), nil, false, &user.DefaultInfo{Name: w.user}),
		VersionedKind: kind, VersionedObject: admission.NewLazyObject(versioned), VersionedOldObject: admission.NewLazyObject(old),
	}
}

// allowed reports whether a request passes: the policy does not look at it, or allows it.
func (p writes) allowed(t *testing.T, w write) bool {
	t.Helper()
	looked := p.looks.matcher.Match(t.Context(), w.attributes(t), nil, nil)
	if looked.Error != nil {
		t.Fatalf("%+v: %v", w, looked.Error)
	}
	if !looked.Matches {
		return true
	}
	result := p.allows.matcher.Match(p.allows.compiler.CreateContext(t.Context()), w.attributes(t), nil, nil)
	if result.Error != nil {
		t.Fatalf("%+v: %v", w, result.Error)
	}
	return result.Matches
}

// TestControllersWriteWhatIsTheirs: a stolen token of the controllers changes, takes over and deletes no object of
// another owner, and starts no Pod with another ServiceAccount. What the product does is allowed; other users are not
// looked at.
func TestControllersWriteWhatIsTheirs(t *testing.T) {
	policy := newWrites(t, named[*admissionregistrationv1.ValidatingAdmissionPolicy](t, rendered(t), "kedify-gateway-writes"))
	const (
		own     = "metadata: {namespace: shop, name: web-kedify, labels: {app.kubernetes.io/managed-by: kedify-gateway}}"
		owned   = "metadata: {namespace: shop, name: web-kedify, ownerReferences: [{kind: Gateway, controller: true}]}"
		foreign = "metadata: {namespace: shop, name: web-kedify}"
		other   = "metadata: {namespace: shop, name: passwords, labels: {app.kubernetes.io/managed-by: kedify-gateway}}"
		pod     = "\nspec: {template: {spec: {serviceAccountName: web-kedify, automountServiceAccountToken: false}}}"
		admin   = "\nspec: {template: {spec: {serviceAccountName: admin, automountServiceAccountToken: false}}}"
		token   = "\nspec: {template: {spec: {serviceAccountName: web-kedify}}}"
	)
	secret := func(namespace, name, labels string) string {
		return "metadata: {namespace: " + namespace + ", name: " + name + ", labels: {" + labels + "}}"
	}
	const label = "app.kubernetes.io/managed-by: kedify-gateway"
	for title, c := range map[string]struct {
		write
		want bool
	}{
		"makes":            {write{controllersUser, "CREATE", "", "services", "", own}, true},
		"changes":          {write{controllersUser, "UPDATE", "", "configmaps", own, own}, true},
		"restores a label": {write{controllersUser, "UPDATE", "", "services", owned, own}, true},
		"deletes":          {write{controllersUser, "DELETE", "", "serviceaccounts", own, ""}, true},
		"makes a cluster IP": {write{controllersUser, "CREATE", "", "services", "",
			secret("shop", "web-kedify-cluster-10-96-0-50", label)}, true},
		"makes no other cluster kind": {write{controllersUser, "CREATE", "", "configmaps", "", secret("shop", "web-kedify-cluster", label)},
			false},
		"makes Envoys":        {write{controllersUser, "CREATE", "apps", "deployments", "", own + pod}, true},
		"deletes Envoys":      {write{controllersUser, "DELETE", "apps", "deployments", own + pod, ""}, true},
		"makes a certificate": {write{controllersUser, "CREATE", "", "secrets", "", secret("shop", "web-kedify-xds", label)}, true},
		"makes KEDA's certificate": {write{controllersUser, "CREATE", "", "secrets", "",
			secret("keda", "kedify-gateway-keda-client", label)}, true},
		"makes the standby's certificate": {write{controllersUser, "CREATE", "", "secrets", "",
			secret("kedify-system", "kedify-gateway-standby", label)}, true},
		"makes a certificate that counts": {write{controllersUser, "CREATE", "", "secrets", "",
			secret("shop", "kedify-gateway-metrics", label)}, true},
		"rotates a CA of the user": {write{controllersUser, "UPDATE", "", "secrets", secret("kedify-system", "kedify-gateway-ca", ""),
			secret("kedify-system", "kedify-gateway-ca", "")}, true},
		"makes a proxy": {write{controllersUser, "CREATE", "gateway.networking.k8s.io", "gateways", "",
			secret("shop", "kedify-proxy", label)}, true},
		"makes its parameters": {write{controllersUser, "CREATE", "gateway.kedify.io", "gatewayparameters", "",
			secret("kedify-system", "kedify-proxy.shop", label)}, true},
		"makes a route": {write{controllersUser, "CREATE", "gateway.networking.k8s.io", "httproutes", "",
			secret("shop", "any", label)}, true},
		"another user":                   {write{"alice", "DELETE", "", "secrets", secret("shop", "passwords", ""), ""}, true},
		"takes over":                     {write{controllersUser, "UPDATE", "", "services", foreign, own}, false},
		"changes another's":              {write{controllersUser, "UPDATE", "", "configmaps", foreign, foreign}, false},
		"deletes another's":              {write{controllersUser, "DELETE", "", "secrets", secret("shop", "passwords", ""), ""}, false},
		"makes another Secret":           {write{controllersUser, "CREATE", "", "secrets", "", other}, false},
		"makes a Secret without a label": {write{controllersUser, "CREATE", "", "secrets", "", secret("shop", "web-kedify-xds", "")}, false},
		"makes a CA elsewhere": {write{controllersUser, "CREATE", "", "secrets", "", secret("shop", "kedify-gateway-ca", label)},
			false},
		"gives it up":                 {write{controllersUser, "UPDATE", "", "services", own, foreign}, false},
		"starts Pods as another":      {write{controllersUser, "CREATE", "apps", "deployments", "", own + admin}, false},
		"starts Pods with a token":    {write{controllersUser, "UPDATE", "apps", "deployments", own + pod, own + token}, false},
		"starts Pods of another name": {write{controllersUser, "CREATE", "apps", "deployments", "", other + pod}, false},
		"changes a Gateway of a user": {write{controllersUser, "UPDATE", "gateway.networking.k8s.io", "gateways", secret("shop", "web", ""),
			secret("shop", "web", label)}, false},
		"changes a route of a user": {write{controllersUser, "UPDATE", "gateway.networking.k8s.io", "httproutes",
			secret("shop", "web", ""), secret("shop", "web", "")}, false},
		"deletes a Deployment of an author": {write{controllersUser, "DELETE", "apps", "deployments", foreign + pod, ""}, false},
	} {
		if got := policy.allowed(t, c.write); got != c.want {
			t.Errorf("%s: allowed is %t", title, got)
		}
	}
}

// TestWritePolicyIsComplete: the policy looks at every kind that the controllers write whole.
func TestWritePolicyIsComplete(t *testing.T) {
	policy := named[*admissionregistrationv1.ValidatingAdmissionPolicy](t, rendered(t), "kedify-gateway-writes")
	looked := grants{}
	for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
		for _, resource := range rule.Resources {
			looked.add(rule.APIGroups[0]+"/"+resource, "written")
		}
	}
	want := grants{}
	resourceOf := resources(t)
	for _, object := range append(infra.Owned(), scaledobject.Written()...) {
		want.add(resourceOf(object), "written")
	}
	for resource := range want {
		if looked[resource] == nil {
			t.Errorf("the policy does not look at %s", resource)
		}
	}
	for resource := range looked {
		if want[resource] == nil {
			t.Errorf("the policy looks at %s, which the controllers do not write", resource)
		}
	}
	if text, err := template(t, "--set=writePolicy.enabled=false"); err != nil || strings.Contains(text, "-writes") {
		t.Errorf("turned off: the policy is there, %v", err)
	}
}
