package plane_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/reach"
	"github.com/kedify/inference-gateway/internal/cli/summary"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// dumps are the views of replicas without a network: reach.Views.
type dumps []*replica

// Get implements reach.Views.
func (d dumps) Get(_ context.Context, path string) ([]reach.Answer, error) {
	answers := make([]reach.Answer, 0, len(d))
	for _, r := range d {
		mux := http.NewServeMux()
		for served, handler := range r.Dumps() {
			mux.Handle(served, handler)
		}
		recorded := httptest.NewRecorder()
		mux.ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, path, nil))
		answer := reach.Answer{Replica: r.ip, Body: recorded.Body.Bytes()}
		if recorded.Code != http.StatusOK {
			answer.Err = fmt.Errorf("status %d", recorded.Code)
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// asked is what the command line reads of the cluster.
func (c *cluster) asked(replicas ...*replica) *facts.Source {
	return &facts.Source{Reader: c.client, Views: dumps(replicas), Now: time.Now()}
}

// What `kubectl kedify explain httproute` and `status` say of the objects of a cluster follows the statuses that the leader writes,
// and the Envoys of all replicas.
func TestExplainFollowsTheCluster(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"),
		routeYAML("good", "good.example.com", toA), routeYAML("bad", "bad.example.com", toA),
		routeYAML("typo", "typo.example.com", `  - {backendRefs: [{name: missing, port: 80}]}`),
		strings.Replace(routeYAML("lost", "lost.example.com", toA), "name: gw,", "name: gone,", 1))
	leader, other := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	other.proxy(gatewayKey, deltatest.Options{Node: "one", Reject: func(key resource.Key, _ []byte) string {
		if key.Type == resource.Route && key.Name == "80/bad.example.com" {
			return "regex too complex"
		}
		return ""
	}})
	c.address(gatewayKey)
	c.Eventually(c.condition(gatewayNamed(gatewayKey), "Accepted")).Should(Equal("True/Accepted"))
	c.Eventually(c.condition(routeNamed("bad"), programmed)).Should(Equal("False/RejectedByProxy"))

	asked := c.asked(leader, other)
	cause := func(name string) func() string {
		return func() string {
			return chain.OfRoute(asked.Route(t.Context(), store.HTTPRoute, types.NamespacedName{Namespace: "apps", Name: name})).Cause
		}
	}
	c.Eventually(cause("good")).Should(BeEmpty())
	c.Eventually(cause("bad")).Should(HavePrefix("acknowledged: "))
	c.Expect(cause("bad")()).To(ContainSubstring("regex too complex"))
	c.Expect(cause("typo")()).To(And(HavePrefix("resolved: ResolvedRefs=False"), ContainSubstring("missing")))
	c.Expect(cause("lost")()).To(Equal("gateway: Gateway infra/gone does not exist."))
	c.Expect(cause("nothing")()).To(Equal("admitted: HTTPRoute apps/nothing does not exist."))

	rows, err := asked.Rows(t.Context(), "")
	c.Expect(err).NotTo(HaveOccurred())
	ready := map[string]summary.Ready{}
	for _, row := range rows {
		ready[row.Name] = row.Ready
	}
	c.Expect(ready).To(And(HaveKeyWithValue("good", summary.True), HaveKeyWithValue("bad", summary.False),
		HaveKeyWithValue("typo", summary.False), HaveKeyWithValue("lost", summary.False)))
}
