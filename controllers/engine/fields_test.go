package engine

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// nameParameters has the Gateway name its parameters.
func (f *failing) nameParameters() {
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.Infrastructure = &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
		Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: "own",
	}}
	f.model.Set(store.Gateway, gateway)
}

// setParameters writes the GatewayParameters of the Gateway.
func (f *failing) setParameters(generation int64, spec v1alpha1.GatewayParametersSpec) {
	f.model.Set(store.GatewayParameters, &v1alpha1.GatewayParameters{
		ObjectMeta: metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: "own", Generation: generation}, Spec: spec,
	})
	f.model.Flush()
}

// setFields writes them with fields of Envoy.
func (f *failing) setFields(generation int64, route, cluster string) {
	f.setParameters(generation, v1alpha1.GatewayParametersSpec{Envoy: &v1alpha1.EnvoyParameters{
		Route: &apiextensionsv1.JSON{Raw: []byte(route)}, Cluster: &apiextensionsv1.JSON{Raw: []byte(cluster)},
	}})
}

// TestT62InvalidFieldsKeepTheLastGood: fields reach the tables and the clusters of a Gateway, and those
// of a version that is refused, or of parameters that are gone, reach none.
func TestT62InvalidFieldsKeepTheLastGood(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.nameParameters()
	f.setFields(1, `{"idle_timeout":"60s"}`, `{"lb_policy":"ROUND_ROBIN"}`)
	good := f.published()
	changed := changedTypes(before, good)
	slices.Sort(changed)
	if want := []resource.Type{resource.Cluster, resource.Route, resource.Route}; !slices.Equal(changed, want) {
		t.Fatalf("changed: %v, want %v", changed, want)
	}
	for i, bad := range []struct{ route, cluster, problem string }{
		{`{"cluster":"other"}`, `{"lb_policy":"RANDOM"}`, "GatewayParameters app/own: spec.envoy.route: cluster: cannot be set"},
		{`{"idle_timeout":"1s"}`, `{"lb_policy":"BEST"}`, "GatewayParameters app/own: spec.envoy.cluster: lb_policy: "},
	} {
		f.setFields(int64(i)+2, bad.route, bad.cluster)
		if diff := cmp.Diff(good, f.published()); diff != "" {
			t.Errorf("%s changed what is published:\n%s", bad.problem, diff)
		}
		if got := f.accepted(); !strings.Contains(got, bad.problem) {
			t.Errorf("condition %q, want %q", got, bad.problem)
		}
	}
	f.model.Delete(store.GatewayParameters, objectOf("own"))
	f.model.Flush()
	if diff := cmp.Diff(good, f.published()); diff != "" {
		t.Errorf("without parameters something else is published:\n%s", diff)
	}
	f.setFields(5, `{}`, `{}`)
	if diff := cmp.Diff(before, f.published()); diff != "" || !strings.HasPrefix(f.accepted(), "Accepted: ") {
		t.Errorf("without fields, %s:\n%s", f.accepted(), diff)
	}
}

// accepted returns reason and message of the Accepted condition of the Gateway.
func (f *failing) accepted() string {
	status := f.out.statuses[resolve.Object{Kind: store.Gateway, Key: failingGateway}].Value.(*gwv1.GatewayStatus)
	condition := resolve.FindCondition(status.Conditions, gwv1.GatewayConditionAccepted)
	return condition.Reason + ": " + condition.Message
}
