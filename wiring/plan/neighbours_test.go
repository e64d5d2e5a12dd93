package plan

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestStrangersCloseNoPort: a VirtualService of another namespace, which needs no grant, speaks plaintext to the
// wired Service. The consumer of the namespace speaks TLS, and goes on finding the port with the certificate.
func TestStrangersCloseNoPort(t *testing.T) {
	c := newCluster(t, strings.Replace(trigger, "spec: {", `spec: {tls: {mode: plaintext, secretName: web-tls}, `, 1)+sep+application+sep+
		strings.Replace(ingress, "name: web}", `name: web, annotations: {nginx.ingress.kubernetes.io/backend-protocol: HTTPS}}`, 1))
	c.converge()
	c.leadsTo("web-kedify")
	entry := func() int32 {
		return get[*corev1.Service](c, "Service shop/web-kedify").Spec.Ports[0].TargetPort.IntVal
	}
	if entry() != portHTTPS {
		t.Fatalf("enters the proxies at %d", entry())
	}
	c.put(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: stranger, namespace: evil}
spec: {hosts: [shop.example.com], http: [{route: [{destination: {host: web-kedify.shop.svc.cluster.local, port: {number: 80}}}]}]}`)
	c.converge()
	if entry() != portHTTPS {
		t.Errorf("enters the proxies at %d", entry())
	}
}

// TestNotRewiredIsTheControllers: what the controllers said before autowiring was switched on is not said again
// in the name of the wiring, while objects are still being read.
func TestNotRewiredIsTheControllers(t *testing.T) {
	c := newCluster(t, trigger+sep+application)
	c.unknown = true
	scaler := get[*v1alpha1.HTTPScaler](c, "HTTPScaler shop/web-0")
	meta.SetStatusCondition(&scaler.Status.Conditions,
		metav1.Condition{Type: ConditionRewired, Status: metav1.ConditionFalse, Reason: "NotRewired"})
	if said := Make(c.world()).Statuses[0].Rewired; said != nil {
		t.Errorf("%+v", said)
	}
}
