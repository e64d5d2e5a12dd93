package keda

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// TestFind: several triggers of one object are told apart by what they match, in both
// spellings, and those of other objects are never meant.
func TestFind(t *testing.T) {
	catalog := scaler.NewCatalog()
	x := newIndex()
	catalog.Observe(x.set)
	apply(t, catalog,
		named{"a", metadata(nil)},
		named{"b", metadata(map[string]string{"pathPrefixes": "/b"})},
		named{"c", metadata(map[string]string{"headers": "[{name: x-tenant, value: c}]"})},
		named{"d", metadata(map[string]string{"headers": "[{name: x-tenant, valueRegex: c.*}]"})},
		named{"e", map[string]string{"scalerAddress": address, "externalProxyMetricKey": "edge", "scalingMetric": "requestRate"}},
		named{"f", map[string]string{"scalerAddress": address, "externalProxyMetricKey": "edge", "scalingMetric": "concurrency"}},
	)
	for name, c := range map[string]struct {
		object   types.NamespacedName
		metadata map[string]string
		want     string
	}{
		"plain":        {metadata: metadata(nil), want: "web-a"},
		"by admission": {metadata: metadata(map[string]string{"originalType": "kedify-http"}), want: "web-a"},
		"path":         {metadata: metadata(map[string]string{"pathPrefixes": "/b/"}), want: "web-b"},
		"header":       {metadata: metadata(map[string]string{"headers": `[{"name": "X-Tenant", "value": "c"}]`}), want: "web-c"},
		"pattern":      {metadata: metadata(map[string]string{"headers": "[{name: x-tenant, valueRegex: c.*}]"}), want: "web-d"},
		"Envoy": {metadata: map[string]string{"originalType": "kedify-envoy-http", "externalProxyMetricKey": "edge",
			"scalingMetric": "requestRate"}, want: "web-e"},
		"Envoy, other":    {metadata: map[string]string{"externalProxyMetricKey": "edge", "scalingMetric": "concurrency"}, want: "web-f"},
		"other path":      {metadata: metadata(map[string]string{"pathPrefixes": "/c"})},
		"other namespace": {object: types.NamespacedName{Namespace: "other", Name: "web"}, metadata: metadata(nil)},
		"other object":    {object: types.NamespacedName{Namespace: "shop", Name: "web-a"}, metadata: metadata(nil)},
		"nothing":         {},
	} {
		t.Run(name, func(t *testing.T) {
			if c.object == (types.NamespacedName{}) {
				c.object = types.NamespacedName{Namespace: "shop", Name: "web"}
			}
			got := ""
			if found := x.find(c.object, trigger.IdentityOf(c.metadata)); found != nil {
				got = found.Key.Name
			}
			if got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestRenamed: while a trigger has two HTTPScalers, the newer is meant, however often the older
// changes.
func TestRenamed(t *testing.T) {
	x := newIndex()
	owner := types.NamespacedName{Namespace: "shop", Name: "web"}
	spec := v1alpha1.HTTPScalerSpec{Type: v1alpha1.TriggerHTTP, ScaledObject: "web", Hosts: []string{"web.example.com"}}
	before, after := types.NamespacedName{Namespace: "shop", Name: "web-z"}, types.NamespacedName{Namespace: "shop", Name: "web-a"}
	for _, key := range []types.NamespacedName{before, after, before} {
		x.set(key, &scaler.Scaler{Key: key, Spec: spec})
	}
	if got := x.find(owner, trigger.Identity(spec)); got.Key != after {
		t.Errorf("found %v, want %v", got.Key, after)
	}
	x.set(after, nil)
	if got := x.find(owner, trigger.Identity(spec)); got.Key != before {
		t.Errorf("found %v, want %v", got.Key, before)
	}
}

// TestForgotten: nothing is kept of objects without triggers and streams.
func TestForgotten(t *testing.T) {
	x := newIndex()
	web, shop := types.NamespacedName{Namespace: "shop", Name: "web"}, types.NamespacedName{Namespace: "shop", Name: "web-0"}
	set := func(owner string) {
		x.set(shop, &scaler.Scaler{Key: shop, Spec: v1alpha1.HTTPScalerSpec{Type: v1alpha1.TriggerHTTP, ScaledObject: owner}})
	}
	x.set(shop, nil)
	set("web")
	changed, cancel := x.watch(web)
	set("other") // a name that another object has now
	<-changed
	if got := x.count(web); got != 0 {
		t.Errorf("%d triggers of the former object", got)
	}
	if got := x.get(web, shop); got != nil {
		t.Errorf("the former object has %v", got.Key)
	}
	cancel()
	x.set(shop, nil)
	if len(x.objects) != 0 || len(x.owners) != 0 {
		t.Errorf("kept %d objects and %d owners", len(x.objects), len(x.owners))
	}
}
