package charts_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
)

// proxyValues are the entries of the ConfigMap that the leader reads, under the name that it is told.
func proxyValues(t *testing.T, text string) map[string]v1alpha1.GatewayParametersSpec {
	t.Helper()
	objects := decode(t, text)
	values := find[*corev1.ConfigMap](t, objects)
	arguments := find[*appsv1.Deployment](t, objects).Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(arguments, "--proxy-values="+values.Name) || values.Namespace != "kedify-system" {
		t.Fatalf("ConfigMap %s/%s, arguments %q", values.Namespace, values.Name, arguments)
	}
	entries := map[string]v1alpha1.GatewayParametersSpec{}
	for key, text := range values.Data {
		var spec v1alpha1.GatewayParametersSpec
		if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
			t.Fatalf("%s: %v in\n%s", key, err, text)
		}
		if err := class.CheckParameters(spec); err != nil {
			t.Fatalf("%s: %v in\n%s", key, err, text)
		}
		entries[key] = spec
	}
	return entries
}

// TestT62ProxyValues: values become entries that the leader takes, one for all and one for each
// namespace, with the fields of Envoy in their place.
func TestT62ProxyValues(t *testing.T) {
	text, err := template(t)
	if err != nil {
		t.Fatal(err)
	}
	entries := proxyValues(t, text)
	if len(entries) != 1 || string(entries["values"].Envoy.Route.Raw) != `{"idle_timeout":"3600s"}` || entries["values"].Envoy.Cluster != nil {
		t.Errorf("default entries %+v", entries)
	}

	// Values from before there were any of these (--reuse-values).
	if text, err = template(t, "--set", "kedifyProxy=null,sharedProxy=true"); err != nil {
		t.Fatal(err)
	}
	if entries = proxyValues(t, text); len(entries) != 1 || entries["values"].Envoy != nil {
		t.Errorf("entries without values %+v", entries)
	}

	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(`
nameOverride: custom
kedifyProxy:
  values:
    replicas: 2
    envoy: {logLevel: info, resources: {limits: {memory: 1Gi}}}
  namespacedValues:
    shop: {autoscaling: {maxReplicas: 3}}
    both: {envoy: {logLevel: debug}}
  envoyConfigs:
    cluster: {lb_policy: ROUND_ROBIN, per_connection_buffer_limit_bytes: 16777216}
  namespacedEnvoyConfigs:
    both: {route: {idle_timeout: 60s}}
    chat: {route: {retry_policy: {retry_on: 5xx, num_retries: 5}}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err = template(t, "--values", file); err != nil {
		t.Fatal(err)
	}
	entries = proxyValues(t, text)
	all, both := entries["values"], entries["namespacedValues.both"]
	switch {
	case len(entries) != 4:
		t.Errorf("entries %v", slices.Collect(maps.Keys(entries)))
	case *all.Replicas != 2 || *all.Envoy.LogLevel != "info" || string(all.Envoy.Route.Raw) != `{"idle_timeout":"3600s"}`:
		t.Errorf("for all %+v", all)
	case *both.Envoy.LogLevel != "debug" || string(both.Envoy.Route.Raw) != `{"idle_timeout":"60s"}`:
		t.Errorf("for one namespace %+v", both)
	case entries["namespacedValues.shop"].Autoscaling.MaxReplicas != 3 || entries["namespacedValues.chat"].Envoy.Route == nil:
		t.Errorf("entries %+v", entries)
	}
	if text, err = template(t, "--values", file, "--set", "kedifyProxy.clusterWide=true"); err != nil {
		t.Fatal(err)
	}
	if entries = proxyValues(t, text); len(entries) != 1 {
		t.Errorf("with one proxy for all namespaces %v", slices.Collect(maps.Keys(entries)))
	}
}

// TestT62SchemaOfProxyValues: what is at the wrong place is an error of the chart.
func TestT62SchemaOfProxyValues(t *testing.T) {
	for _, set := range []string{
		"kedifyProxy.values.envoy.route.timeout=1s", "kedifyProxy.namespacedValues.shop.envoy.cluster.lb_policy=RANDOM",
		"kedifyProxy.namespacedValues.Shop.replicas=1", "kedifyProxy.namespacedEnvoyConfigs.a_b.route.timeout=1s",
		"kedifyProxy.envoyConfigs.routes.timeout=1s", "kedifyProxy.envoyConfigs.route=1s", "kedifyProxy.globalValues.replicas=1",
	} {
		if _, err := template(t, "--set", set); err == nil {
			t.Errorf("%s is accepted", set)
		}
	}
}
