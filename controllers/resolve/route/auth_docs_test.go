package route

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"
)

var authBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// aroundAuth are the objects that the examples of the page refer to and do not show.
const aroundAuth = `
kind: Gateway
metadata: {name: web, namespace: shop}
spec: {gatewayClassName: kedify, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
kind: Service
metadata: {name: oauth2-proxy, namespace: shop}
spec: {ports: [{port: 4180}]}
---
kind: Service
metadata: {name: opa, namespace: policy}
spec: {ports: [{port: 9191}]}
---
kind: Service
metadata: {name: shop, namespace: shop}
spec: {ports: [{port: 80}]}
---
kind: Service
metadata: {name: models, namespace: shop}
spec: {ports: [{port: 80}]}
`

// TestDocumentedExternalAuth: the examples of the page are accepted, and have requests authorized.
func TestDocumentedExternalAuth(t *testing.T) {
	page, err := os.ReadFile("../../../docs/external-auth.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := authBlock.FindAllSubmatch(page, -1)
	for _, block := range blocks {
		v := fixture.Store(t, fixture.Class, aroundAuth, string(block[1])).View(nil)
		name := regexp.MustCompile(`(?m)^  name: (.*)$`).FindSubmatch(block[1])
		key := types.NamespacedName{Namespace: "shop", Name: string(name[1])}
		if strings.Contains(string(block[1]), "kind: Gateway\n") {
			documentedListener(t, listener.Gateway(v, key, class.Setting{}))
			continue
		}
		result := Resolve(v, resolve.Object{Kind: store.HTTPRoute, Key: key}, func(key types.NamespacedName) resolve.GatewayResult {
			return listener.Gateway(v, key, class.Setting{})
		})
		if got := fixture.Summary(onlyParent(t, result).Conditions); got != "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs" {
			t.Errorf("%s: conditions %s", key, got)
		}
		auth := forwardOf(t, result).Filters.Auth
		if auth == nil || auth.GRPC() != strings.Contains(string(block[1]), "protocol: GRPC") || auth.Cluster.Kind != ir.BackendService {
			t.Errorf("%s: authorized by %+v", key, auth)
		}
	}
	if len(blocks) != 3 {
		t.Errorf("%d examples found", len(blocks))
	}
}

// documentedListener is the example of a listener with a filter.
func documentedListener(t *testing.T, gateway resolve.GatewayResult) {
	t.Helper()
	l := gateway.Listeners[0]
	if got := fixture.Summary(l.Conditions); got != "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs Conflicted=False/NoConflicts" {
		t.Errorf("%s: conditions %s", gateway.Key, got)
	}
	if l.Filters == nil || len(l.Filters.Auths) != 1 || l.Filters.Auths[0].Cluster.Name != "oauth2-proxy" {
		t.Errorf("%s: filters %+v", gateway.Key, l.Filters)
	}
}
