package plan

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	routes "github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
)

// attachments are those that the engine has of the objects of a case.
func (m memory) attachments() []*resolve.Attachment {
	objects := store.New()
	objects.Set(store.GatewayClass, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.GatewayClassName}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName},
	})
	known := sets.New[store.Kind]()
	for _, row := range store.Rows {
		known.Insert(row.Kind)
	}
	for key, object := range m {
		name, _, _ := strings.Cut(key, " ")
		if kind := store.Kind(name); known.Has(kind) {
			objects.Set(kind, object)
		}
	}
	view, index := objects.View(nil), attachments.New()
	for _, kind := range []store.Kind{store.HTTPRoute, store.GRPCRoute} {
		for _, key := range objects.Keys(kind) {
			object := resolve.Object{Kind: kind, Key: key}
			result := routes.Resolve(view, object, func(gateway types.NamespacedName) resolve.GatewayResult {
				return listener.Gateway(view, gateway, class.Setting{})
			})
			index.Set(object, result.Attachment())
		}
	}
	return index.LeadingTo("")
}

const backendGrant = `
kind: ReferenceGrant
metadata: {name: grant}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other}], to: [{group: "", kind: Service}]}`

func routeTo(namespace, name, parent, backend string) string {
	return `
kind: HTTPRoute
metadata: {name: ` + name + `, namespace: ` + namespace + `}
spec: {parentRefs: [{name: ` + parent + `, namespace: infra}],
    rules: [{backendRefs: [{name: ` + backend + `, namespace: shop, port: 8080}]}]}`
}

// TestUserRoutes: which routes keep a route from being generated, and which of several is named.
func TestUserRoutes(t *testing.T) {
	generated := strings.Replace(routeTo("shop", "web-0", "main", "web"), "namespace: shop}\n", `namespace: shop, `+
		`labels: {app.kubernetes.io/managed-by: kedify-gateway}, `+
		`ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: uid-of-web, controller: true}]}`+"\n", 1)
	grpc := strings.Replace(routeTo("shop", "a", "main", "web"), "HTTPRoute", "GRPCRoute", 1)
	for name, c := range map[string]struct {
		objects []string
		want    string // empty: a route is generated
	}{
		"none":                  {nil, ""},
		"without a status":      {[]string{ownGateway, routeTo("shop", "web", "main", "web")}, "HTTPRoute shop/web of Gateway infra/main"},
		"to another backend":    {[]string{ownGateway, routeTo("shop", "web", "main", "other")}, ""},
		"refused by listeners":  {[]string{strings.Replace(ownGateway, "from: All", "from: Same", 1), routeTo("shop", "web", "main", "web")}, ""},
		"on a missing Gateway":  {[]string{routeTo("shop", "web", "main", "web")}, ""},
		"of another controller": {[]string{foreignGateway, routeTo("shop", "web", "edge", "web")}, ""},
		"generated":             {[]string{ownGateway, generated}, ""},
		"from another namespace": {[]string{ownGateway, backendGrant, routeTo("other", "web", "main", "web")},
			"HTTPRoute other/web of Gateway infra/main"},
		"not permitted": {[]string{ownGateway, routeTo("other", "web", "main", "web")}, ""},
		"the first by name": {[]string{ownGateway, routeTo("shop", "z", "main", "web"), routeTo("shop", "b", "main", "web")},
			"HTTPRoute shop/b of Gateway infra/main"},
		"HTTPRoutes before others": {[]string{ownGateway, grpc, routeTo("shop", "z", "main", "web")}, "HTTPRoute shop/z of Gateway infra/main"},
		"a GRPCRoute":              {[]string{ownGateway, grpc}, "GRPCRoute shop/a of Gateway infra/main"},
		"on the generated Gateway": {[]string{strings.NewReplacer("main",
			"kedify-proxy, labels: {app.kubernetes.io/managed-by: kedify-gateway}", "infra", "shop").Replace(ownGateway),
			strings.Replace(routeTo("shop", "web", "kedify-proxy", "web"), "infra", "shop", 1)}, ""},
		"on the Gateway of the name": {[]string{strings.NewReplacer("main", "kedify-proxy", "infra", "shop").Replace(ownGateway),
			strings.Replace(routeTo("shop", "web", "kedify-proxy", "web"), "infra", "shop", 1)}, "HTTPRoute shop/web of Gateway shop/kedify-proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			made := Make(load(t, []byte(strings.Join(append([]string{web("")}, c.objects...), "\n---\n"))))
			hasRoute := slices.ContainsFunc(made.Objects, func(object Object) bool { _, is := object.(*gwv1.HTTPRoute); return is })
			message := made.Statuses[0].Value.Conditions[0].Message
			if hasRoute != (c.want == "") || c.want != "" && !strings.HasPrefix(message, c.want+" ") {
				t.Errorf("generated %t, message %q, want %q", hasRoute, message, c.want)
			}
		})
	}
}
