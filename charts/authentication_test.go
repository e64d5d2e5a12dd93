package charts_test

import (
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// With mutual TLS KEDA finds its certificate where the controller puts it, and admission refers
// triggers to it.
func TestMutualTLS(t *testing.T) {
	set := "--set=keda.tls.enabled=true,keda.tls.namespace=autoscaling,nameOverride=custom"
	objects := rendered(t, policies, set)
	authentication := find[*kedav1alpha1.ClusterTriggerAuthentication](t, objects)
	if authentication.Name != "custom" {
		t.Errorf("name %s", authentication.Name)
	}
	keys := map[string]string{}
	for _, from := range authentication.Spec.SecretTargetRef {
		if from.Name != controllers.KEDASecretName {
			t.Errorf("%s is in the Secret %s, which the controllers do not write", from.Parameter, from.Name)
		}
		keys[from.Parameter] = from.Key
	}
	if len(keys) != 3 || keys["caCert"] != "ca.crt" || keys["tlsClientCert"] != "tls.crt" || keys["tlsClientKey"] != "tls.key" {
		t.Errorf("keys %v", keys)
	}
	args := find[*appsv1.Deployment](t, objects).Spec.Template.Spec.Containers[0].Args
	for _, want := range []string{"--keda-tls", "--keda-namespace=autoscaling", "--keda-authentication=custom"} {
		if !slices.Contains(args, want) {
			t.Errorf("%s is missing in %q", want, args)
		}
	}
	policy := find[*admissionregistrationv1.MutatingAdmissionPolicy](t, objects).Spec
	rewrite := policy.Mutations[0].JSONPatch.Expression
	reference := `value: {"kind": "` + trigger.KindAuthentication + `", "name": "custom"}`
	if !strings.Contains(rewrite, `/authenticationRef"`) || !strings.Contains(rewrite, reference) {
		t.Errorf("no reference in %s", rewrite)
	}
	hook := find[*admissionregistrationv1.MutatingWebhookConfiguration](t, rendered(t, "--kube-version=1.33.0", set)).Webhooks[0]
	for _, conditions := range [][]admissionregistrationv1.MatchCondition{policy.MatchConditions, hook.MatchConditions} {
		if !slices.ContainsFunc(conditions, func(c admissionregistrationv1.MatchCondition) bool {
			return strings.Contains(c.Expression, "!has(t.authenticationRef)")
		}) {
			t.Errorf("triggers without a reference are passed over by %+v", conditions)
		}
	}
}

// Without, nothing of it is there but the way back.
func TestCleartext(t *testing.T) {
	for _, api := range []string{policies, "--kube-version=1.33.0"} {
		text, err := template(t, api)
		if err != nil {
			t.Fatal(err)
		}
		for _, none := range []string{"kind: ClusterTriggerAuthentication", "--keda-tls", "clustertriggerauthentications",
			`op: "add", path: "/spec/triggers/" + string(i) + "/authenticationRef"`, "!has(t.authenticationRef)"} {
			if strings.Contains(text, none) {
				t.Errorf("%s: %s is there", api, none)
			}
		}
		if !strings.Contains(text, "t.authenticationRef.name == 'kedify-gateway'") {
			t.Errorf("%s: references to what is gone would stay", api)
		}
	}
}
