package engine

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// setLog writes GatewayParameters with a log for the Gateway.
func (f *failing) setLog(generation int64, log *v1alpha1.AccessLog) {
	f.model.Set(store.GatewayParameters, &v1alpha1.GatewayParameters{
		ObjectMeta: metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: "own", Generation: generation},
		Spec:       v1alpha1.GatewayParametersSpec{Telemetry: &v1alpha1.Telemetry{AccessLog: log}},
	})
	f.model.Flush()
}

// TestAccessLogOfAGateway: the log changes the listeners and nothing else; one that is refused changes nothing.
func TestAccessLogOfAGateway(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.Infrastructure = &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
		Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: "own",
	}}
	f.model.Set(store.Gateway, gateway)
	f.setLog(1, &v1alpha1.AccessLog{Format: &v1alpha1.AccessLogFormat{Text: ptr.To("%PROTOCOL%")}})
	good := f.published()
	if changed := changedTypes(before, good); !slices.Equal(slices.Compact(changed), []resource.Type{resource.Listener}) {
		t.Fatalf("changed: %v", changed)
	}
	f.setLog(2, &v1alpha1.AccessLog{Format: &v1alpha1.AccessLogFormat{Text: ptr.To("%NO%")}})
	if diff := cmp.Diff(good, f.published()); diff != "" {
		t.Errorf("a format that is refused changed what is published:\n%s", diff)
	}
	if got, want := f.accepted(), "GatewayParameters app/own: spec.telemetry.accessLog.format.text: %NO%: is not one of"; !strings.Contains(got, want) {
		t.Errorf("condition %q, want %q", got, want)
	}
	f.setLog(3, nil)
	if diff := cmp.Diff(before, f.published()); diff != "" {
		t.Errorf("without a log:\n%s", diff)
	}
}
