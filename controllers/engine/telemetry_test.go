package engine

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/resource"
)

// setLog writes GatewayParameters with a log for the Gateway.
func (f *failing) setLog(generation int64, log *v1alpha1.AccessLog) {
	f.setParameters(generation, v1alpha1.GatewayParametersSpec{Telemetry: &v1alpha1.Telemetry{AccessLog: log}})
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
