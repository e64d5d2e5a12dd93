package charts_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/scaler/trigger"
	"github.com/kedify/inference-gateway/webhook"
)

const policies = "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"

// The API server that has policies gets one, and no webhook for the same.
func TestAdmissionPolicy(t *testing.T) {
	objects := rendered(t, policies)
	policy := find[*admissionregistrationv1.MutatingAdmissionPolicy](t, objects)
	binding := find[*admissionregistrationv1.MutatingAdmissionPolicyBinding](t, objects)
	if binding.Spec.PolicyName != policy.Name {
		t.Errorf("the binding is for %q", binding.Spec.PolicyName)
	}
	text, err := template(t, policies)
	if err != nil || strings.Contains(text, "MutatingWebhookConfiguration") {
		t.Errorf("both policy and webhook: %v", err)
	}
	rewrite := policy.Spec.Mutations[0].JSONPatch.Expression
	for _, want := range []string{`"kedify-gateway.kedify-system.svc.cluster.local:9090"`, "/metadata/originalType", "external-push"} {
		if !strings.Contains(rewrite, want) {
			t.Errorf("%s is not in %s", want, rewrite)
		}
	}
	if policy.Spec.FailurePolicy == nil || len(policy.Spec.MatchConditions) == 0 {
		t.Error("failures are not limited to objects with a trigger of this product")
	}
}

func TestAdmissionWebhookOnly(t *testing.T) {
	objects := rendered(t, "--kube-version=1.33.0")
	configuration := find[*admissionregistrationv1.MutatingWebhookConfiguration](t, objects)
	service := find[*corev1.Service](t, objects)
	hook := configuration.Webhooks[0]
	checkHook(t, service, hook.Name, hook.ClientConfig, hook.MatchConditions)
	if *hook.ClientConfig.Service.Path != webhook.MutatePath {
		t.Errorf("path %s", *hook.ClientConfig.Service.Path)
	}
	if len(hook.Rules) != 1 || !slices.Equal(hook.Rules[0].Resources, []string{"scaledobjects"}) {
		t.Errorf("rules %+v", hook.Rules)
	}
}

func TestValidatingWebhook(t *testing.T) {
	objects := rendered(t, policies, "--set=nameOverride=custom")
	configuration := find[*admissionregistrationv1.ValidatingWebhookConfiguration](t, objects)
	hook := configuration.Webhooks[0]
	checkHook(t, find[*corev1.Service](t, objects), hook.Name, hook.ClientConfig, hook.MatchConditions)
	if *hook.ClientConfig.Service.Path != webhook.ValidatePath {
		t.Errorf("path %s", *hook.ClientConfig.Service.Path)
	}
	if configuration.Name != "custom" {
		t.Errorf("name %s; the leader looks for that of the installation", configuration.Name)
	}
}

// checkHook: a webhook leads to a port of our Service, and is limited to our triggers.
func checkHook(t *testing.T, service *corev1.Service, name string, client admissionregistrationv1.WebhookClientConfig,
	conditions []admissionregistrationv1.MatchCondition) {
	t.Helper()
	to := client.Service
	if to == nil || to.Name != service.Name || to.Namespace != service.Namespace || to.Port == nil {
		t.Fatalf("%s leads to %+v", name, to)
	}
	if !slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool {
		return port.Port == *to.Port && port.TargetPort.StrVal == "admission"
	}) {
		t.Errorf("%s leads to port %d, which the Service has not", name, *to.Port)
	}
	if !slices.ContainsFunc(conditions, func(c admissionregistrationv1.MatchCondition) bool {
		return strings.Contains(c.Expression, "kedify-envoy-http")
	}) {
		t.Errorf("%s is asked about objects of others, and blocks them when it fails", name)
	}
	if !slices.ContainsFunc(conditions, func(c admissionregistrationv1.MatchCondition) bool {
		return c.Expression == "!has(object.metadata.deletionTimestamp)"
	}) {
		t.Errorf("%s is asked about objects that go, and keeps them when it fails", name)
	}
}

// ourAddress is the regular expression by which CEL knows the native spelling.
var ourAddress = regexp.MustCompile(`scalerAddress\.matches\(r'([^']+)'\)`)

// The address that admission writes, and those by which it knows the native spelling: the same as
// the controller does.
func TestScalerAddress(t *testing.T) {
	spellings := []string{
		"x.kedify-system:9090", "x.kedify-system.svc:9090", "x.kedify-system.svc.corp.example:9090",
		"DNS:///X.kedify-system.svc.corp.example.:9090",
		"dns:x.kedify-system:9090", "passthrough:///x.kedify-system.svc:9090", "x.kedify-system:90900", "x.kedify-system.svc:909",
		"y.kedify-system:9090", "xx.kedify-system:9090",
		"ax.kedify-system:9090", "x.kedify-systems:9090", "x-kedify-system:9090", "x.kedify-system.other:9090", "x.kedify-system", "s.ns:123",
		"s.ns.svc:123", "dns:///s.ns.svc.cluster.local:123",
		"s.ns:9090", "scaler.example.com:9090", "dns:///scaler.example.com:9090", "scaler.example.com.svc:9090", "scaler.example:9090", "",
	}
	for set, want := range map[string]string{
		"nameOverride=x,clusterDomain=corp.example":            "x.kedify-system.svc.corp.example:9090",
		"keda.scalerAddress=dns:///s.ns.svc.cluster.local:123": "dns:///s.ns.svc.cluster.local:123",
		"keda.scalerAddress=scaler.example.com:9090":           "scaler.example.com:9090",
	} {
		objects := rendered(t, policies, "--set", set)
		policy := find[*admissionregistrationv1.MutatingAdmissionPolicy](t, objects)
		if !strings.Contains(policy.Spec.Mutations[0].JSONPatch.Expression, `value: "`+want+`"`) {
			t.Errorf("%s: %s", set, policy.Spec.Mutations[0].JSONPatch.Expression)
		}
		hook := find[*admissionregistrationv1.ValidatingWebhookConfiguration](t, objects).Webhooks[0]
		at := slices.IndexFunc(hook.MatchConditions,
			func(c admissionregistrationv1.MatchCondition) bool { return c.Name == "has-trigger-of-product" })
		found := ourAddress.FindStringSubmatch(hook.MatchConditions[at].Expression)
		if found == nil {
			t.Fatalf("%s: %s", set, hook.MatchConditions[at].Expression)
		}
		known := regexp.MustCompile(found[1])
		for _, spelling := range spellings {
			ours := trigger.IsOurs(trigger.Trigger{Type: "external-push", Metadata: map[string]string{"scalerAddress": spelling}}, want)
			if known.MatchString(spelling) != ours {
				t.Errorf("%s: %q has the address of the product for the controller: %v, for admission: %v", set, spelling, ours, !ours)
			}
		}
	}
}

func TestAdmissionOff(t *testing.T) {
	text, err := template(t, policies, "--set=admission.enabled=false")
	if err != nil || strings.Contains(text, "WebhookConfiguration") || strings.Contains(text, "kind: MutatingAdmissionPolicy") {
		t.Errorf("admission is still there: %v", err)
	}
}
