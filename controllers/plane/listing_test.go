package plane_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// logged keeps the lines of a log.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, prefix+" "+args)
	}, funcr.Options{})
}

// about returns the lines of the parts that read the API server.
func (l *logged) about() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.lines {
		if strings.HasPrefix(line, "inputs ") {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}

const (
	layer4Gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: infra, name: gw}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}
`
	tlsRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {namespace: apps, name: secret}
spec:
  parentRefs: [{name: gw, namespace: infra, sectionName: tls}]
  hostnames: [secret.example.com]
  rules: [{backendRefs: [{name: b, port: 80}]}]
`
)

// A kind that the API server serves and cannot list takes itself away and nothing else, once the
// patience of the replica is over. When the API server lists it, it is served like any other.
func TestUnlistedKindHoldsNoOtherUp(t *testing.T) {
	log := &logged{}
	c := newCluster(t, layer4Gateway, tlsRoute, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"),
		routeYAML("r", "a.example.com", toA))
	c.log, c.listPatience = log.logger(), 200*time.Millisecond
	c.api.Unlist("TLSRoute")
	replica := c.start("127.0.0.1")
	c.Eventually(replica.Ready).Should(MatchError(HaveSuffix("objects of: TLSRoute")), "everything else is listed first")
	c.Eventually(replica.Ready).Should(Succeed())
	c.Eventually(log.about).Should(ContainSubstring(`does not list" "kind"="TLSRoute"`))

	proxy := replica.proxy(gatewayKey, deltatest.Options{})
	c.Eventually(version(proxy, resource.Endpoint, endpointsA)).ShouldNot(BeEmpty(), "the HTTPRoute")
	c.Expect(version(proxy, resource.Endpoint, "service/apps/b/80")()).To(BeEmpty(), "the TLSRoute")
	c.api.List("TLSRoute")
	c.Eventually(version(proxy, resource.Endpoint, "service/apps/b/80")).ShouldNot(BeEmpty(), "the TLSRoute")
	c.Eventually(log.about).Should(ContainSubstring(`"Listed the objects of a kind" "kind"="TLSRoute"`))
}

// Without its BackendTLSPolicies a replica would send plain text to backends that must get TLS. It does not serve
// before they are listed, and says what it waits for.
func TestContextualKindIsWaitedFor(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	c.listPatience = time.Millisecond
	c.api.Unlist("BackendTLSPolicy")
	replica := c.start("127.0.0.1")
	missing := MatchError(HaveSuffix("objects of: BackendTLSPolicy"))
	c.Eventually(replica.Ready).Should(missing)
	c.Consistently(replica.Ready).Should(missing)
	c.api.List("BackendTLSPolicy")
	c.Eventually(replica.Ready).Should(Succeed())
}

// Kinds of which the roles of an older chart know nothing are done without while the API server refuses to list them, and served when it
// does. Others are waited for.
func TestDispensableKindIsNotWaitedFor(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA),
		telemetryPolicyYAML("traces", "{mode: Disabled}"))
	kinds := []string{"XTelemetryPolicy", "XBackend", "XBackendTrafficPolicy", "ClusterTrustBundle"}
	for _, kind := range append(kinds, "BackendTLSPolicy") {
		c.api.Forbid("", kind, true)
	}
	replica := c.start("127.0.0.1")
	missing := MatchError(HaveSuffix("objects of: BackendTLSPolicy"))
	c.Eventually(replica.Ready).Should(missing)
	c.Consistently(replica.Ready).Should(missing)
	c.api.Forbid("", "BackendTLSPolicy", false)
	c.Eventually(replica.Ready).Should(Succeed())
	replica.elected <- true
	policy := &gwxv1.XTelemetryPolicy{}
	policy.Namespace, policy.Name = "infra", "traces"
	c.Expect(c.find(policy, "Accepted")).To(BeNil(), "a status")
	for _, kind := range kinds {
		c.api.Forbid("", kind, false)
	}
	c.Eventually(c.condition(policy, "Accepted")).Should(Equal("True/Accepted"))
}
