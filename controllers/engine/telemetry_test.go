package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// setLog writes GatewayParameters with a log for the Gateway.
func (f *failing) setLog(generation int64, log *v1alpha1.AccessLog) {
	f.setParameters(generation, v1alpha1.GatewayParametersSpec{Telemetry: &v1alpha1.Telemetry{AccessLog: log}})
}

// setTracing writes GatewayParameters that have spans sent to a Service.
func (f *failing) setTracing(generation int64, service string, rate int32) {
	f.setParameters(generation, v1alpha1.GatewayParametersSpec{Telemetry: &v1alpha1.Telemetry{Tracing: &v1alpha1.ProxyTracing{
		SamplingRate: &rate, Provider: v1alpha1.TracingProvider{BackendRefs: []gwv1.BackendObjectReference{backendObject(service)}},
	}}})
}

func backendObject(service string) gwv1.BackendObjectReference {
	return gwv1.BackendObjectReference{Name: gwv1.ObjectName(service), Port: ptr.To(gwv1.PortNumber(80))}
}

// TestTracingOfAGateway: tracing changes the listeners for HTTP, brings the collector with it and nothing else; parameters that are refused
// change nothing, and a policy is asked before them.
func TestTracingOfAGateway(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.nameParameters()
	f.setTracing(1, "s1", 1)
	good := f.published()
	changed := func(before, after map[resource.Key]string) []resource.Type {
		types := changedTypes(before, after)
		slices.Sort(types)
		return slices.Compact(types)
	}
	if got := changed(before, good); !slices.Equal(got, []resource.Type{resource.Listener}) {
		t.Fatalf("changed: %v", got)
	}
	// The endpoints of s1 are there already: routes lead to it.
	if got := changed(good, before); !slices.Equal(got, []resource.Type{resource.Cluster, resource.Listener}) {
		t.Fatalf("changed or added: %v", got)
	}
	for key := range good {
		if text := good[key]; key.Type == resource.Listener && text != before[key] && strings.Contains(key.Name, "/5432") {
			t.Errorf("%s changed: it has no requests", key.Name)
		}
	}
	f.setTracing(2, "s1", 101)
	if diff := cmp.Diff(good, f.published()); diff != "" {
		t.Errorf("parameters that are refused changed what is published:\n%s", diff)
	}
	if got, want := f.accepted(), "spec.telemetry.tracing.samplingRate: 101 is not"; !strings.Contains(got, want) {
		t.Errorf("condition %q, want %q", got, want)
	}
	policy := &gwxv1.XTelemetryPolicy{ObjectMeta: f.meta("p")}
	policy.Spec.TargetRefs = []gwv1.LocalObjectReference{{Group: gwv1.GroupName, Kind: "Gateway", Name: gwv1.ObjectName(failingGateway.Name)}}
	policy.Spec.Tracing.Mode = gwxv1.TracingModeDisabled
	f.model.Set(store.XTelemetryPolicy, policy)
	f.model.Flush()
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("a policy that turns tracing off:\n%s", diff)
	}
	enabled := policy.DeepCopy()
	enabled.Generation, enabled.Spec.Tracing.Mode = 2, gwxv1.TracingModeEnabled
	enabled.Spec.Tracing.Provider.BackendRef = backendObject("s2")
	f.model.Set(store.XTelemetryPolicy, enabled)
	f.model.Flush()
	if got := changed(f.published(), before); !slices.Equal(got, []resource.Type{resource.Cluster, resource.Endpoint, resource.Listener}) {
		t.Errorf("a policy that turns tracing on changed or added %v", got)
	}
	f.model.Delete(store.XTelemetryPolicy, objectOf("p"))
	f.model.Flush()
	if diff := cmp.Diff(good, f.published()); diff != "" {
		t.Errorf("without the policy, while the parameters are refused:\n%s", diff)
	}
	f.setTracing(3, "absent", 1)
	without := f.published()
	// The listeners name the collector, and proxies do not have its cluster.
	if got := changed(before, without); !slices.Equal(got, []resource.Type{resource.Listener}) {
		t.Errorf("without a collector, other than without tracing: %v", got)
	}
	if got := changed(without, before); !slices.Equal(got, []resource.Type{resource.Listener}) {
		t.Errorf("without a collector, changed or added: %v", got)
	}
	const want = "GatewayParameters: spec.telemetry.tracing.provider.backendRefs[0]: Service app/absent does not exist; " +
		"create it or correct the name. No span"
	says := func(when string) {
		t.Helper()
		status := f.out.statuses[resolve.Object{Kind: store.Gateway, Key: failingGateway}].Value.(*gwv1.GatewayStatus)
		if got := resolve.FindCondition(status.Conditions, "ResolvedRefs"); got.Reason != "BackendNotFound" ||
			!strings.HasPrefix(got.Message, want) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	says("without a collector")
	f.setTracing(4, "s2", 101)
	says("without a collector, while newer parameters are refused")

	// A collector that comes and goes brings its cluster, and changes no listener.
	ports := []corev1.ServicePort{{Port: 80}}
	f.model.Set(store.Service, &corev1.Service{ObjectMeta: f.meta("absent"), Spec: corev1.ServiceSpec{Ports: ports}})
	f.model.Flush()
	if got := changed(f.published(), without); !slices.Equal(got, []resource.Type{resource.Cluster, resource.Endpoint}) {
		t.Errorf("a collector that comes changed or added %v", got)
	}
	f.model.Delete(store.Service, objectOf("absent"))
	f.model.Flush()
	if diff := cmp.Diff(without, f.published()); diff != "" {
		t.Errorf("a collector that goes:\n%s", diff)
	}
	says("without its collector again")
}

// TestAccessLogOfAGateway: the log changes the listeners and nothing else; one that is refused changes nothing.
func TestAccessLogOfAGateway(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.nameParameters()
	f.setLog(1, &v1alpha1.AccessLog{Format: &v1alpha1.AccessLogFormat{Text: ptr.To("%PROTOCOL%")}})
	good := f.published()
	if changed := changedTypes(before, good); !slices.Equal(slices.Compact(changed), []resource.Type{resource.Listener}) {
		t.Fatalf("changed: %v", changed)
	}
	f.setLog(2, &v1alpha1.AccessLog{Format: &v1alpha1.AccessLogFormat{Text: ptr.To("%NO%")}})
	if diff := cmp.Diff(good, f.published()); diff != "" {
		t.Errorf("a format that is refused changed what is published:\n%s", diff)
	}
	const want = "GatewayParameters app/own: spec.telemetry.accessLog.format.text: %NO%: is not one of"
	if got := f.accepted(); !strings.Contains(got, want) {
		t.Errorf("condition %q, want %q", got, want)
	}
	f.setLog(3, nil)
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("without a log:\n%s", diff)
	}
}
