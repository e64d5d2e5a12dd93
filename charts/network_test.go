package charts_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestX4NetworkPolicies: each policy selects the Pods of one Deployment, lets each port be reached that a Pod has but
// the kubelet's, and none from everywhere but admission.
func TestX4NetworkPolicies(t *testing.T) {
	for _, set := range []string{"replicas=2", "externalEnvoys.enabled=true", "keda.tls.enabled=true", "admission.enabled=false"} {
		objects := rendered(t, autowired, "--set", set)
		for _, name := range []string{"kedify-gateway", "kedify-gateway-wiring"} {
			policy, deployment := named[*networkingv1.NetworkPolicy](t, objects, name), named[*appsv1.Deployment](t, objects, name)
			if !subset(policy.Spec.PodSelector.MatchLabels, deployment.Spec.Template.Labels) {
				t.Errorf("%s: %v selects other Pods", set, policy.Spec.PodSelector)
			}
			open := map[string]bool{}
			for _, rule := range policy.Spec.Ingress {
				for _, port := range rule.Ports {
					open[port.Port.StrVal] = true
					if len(rule.From) == 0 && port.Port.StrVal != "admission" {
						t.Errorf("%s: every Pod reaches %s", set, port.Port)
					}
				}
			}
			for _, port := range deployment.Spec.Template.Spec.Containers[0].Ports {
				reached := open[port.Name]
				delete(open, port.Name)
				if listens := port.Name != "health" && (port.Name != "admission" || set != "admission.enabled=false"); reached != listens {
					t.Errorf("%s: port %s of %s: reached is %t", set, port.Name, name, reached)
				}
			}
			if len(open) > 0 {
				t.Errorf("%s: ports that do not exist: %v", set, open)
			}
		}
	}
}

// TestX4StrangersDoNotReachKEDAsPort: Pods of KEDA's namespace do, or those that the values name.
func TestX4StrangersDoNotReachKEDAsPort(t *testing.T) {
	for set, want := range map[string]string{
		"replicas=1":                     "keda",
		"keda.tls.namespace=autoscaling": "autoscaling",
		"networkPolicy.keda[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=mine": "mine",
	} {
		objects := rendered(t, "--set", set)
		for _, rule := range named[*networkingv1.NetworkPolicy](t, objects, "kedify-gateway").Spec.Ingress {
			if rule.Ports[0].Port.StrVal != "keda" {
				continue
			}
			if len(rule.From) != 1 || rule.From[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] != want {
				t.Errorf("%s: %+v", set, rule.From)
			}
		}
	}
	if text, err := template(t, "--set", "networkPolicy.enabled=false"); err != nil || strings.Contains(text, "NetworkPolicy") {
		t.Errorf("turned off: %v", err)
	}
}

// TestX4PortOfOtherEnvoysIsOff: 9901 is neither listened at nor reached unless it is asked for.
func TestX4PortOfOtherEnvoysIsOff(t *testing.T) {
	for set, on := range map[string]bool{"externalEnvoys.enabled=false": false, "externalEnvoys.enabled=true": true} {
		objects := rendered(t, "--set", set)
		container := named[*appsv1.Deployment](t, objects, "kedify-gateway").Spec.Template.Spec.Containers[0]
		listens := slices.ContainsFunc(container.Args, func(arg string) bool { return strings.HasPrefix(arg, "--metrics-service-listen=") })
		if listens != on || servicePort(t, objects, 9901) != on {
			t.Errorf("%s: listens is %t, port is %t", set, listens, servicePort(t, objects, 9901))
		}
	}
}

func servicePort(t *testing.T, objects []runtime.Object, number int32) bool {
	t.Helper()
	return slices.ContainsFunc(named[*corev1.Service](t, objects, "kedify-gateway").Spec.Ports, func(port corev1.ServicePort) bool {
		return port.Port == number
	})
}
