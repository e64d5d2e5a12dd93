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

// setClient writes GatewayParameters with what holds for clients.
func (f *failing) setClient(generation int64, client *v1alpha1.ClientParameters) {
	f.setParameters(generation, v1alpha1.GatewayParametersSpec{Client: client})
}

// TestClientParametersReachListeners: what parameters say about clients changes the listeners of the Gateway and nothing else. What is
// refused changes nothing: neither is another proxy believed, nor one that was believed no more.
func TestClientParametersReachListeners(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	f.nameParameters()
	trusting := func(ranges ...string) *v1alpha1.ClientParameters {
		forwarded := &v1alpha1.XForwardedFor{TrustedCIDRs: ranges}
		return &v1alpha1.ClientParameters{ClientIPDetection: &v1alpha1.ClientIPDetection{XForwardedFor: forwarded}}
	}
	f.setClient(1, trusting("10.0.0.0/8"))
	good := f.published()
	if changed := slices.Compact(changedTypes(before, good)); !slices.Equal(changed, []resource.Type{resource.Listener}) {
		t.Fatalf("changed: %v, want listeners alone", changed)
	}
	for i, bad := range []struct {
		client  *v1alpha1.ClientParameters
		problem string
	}{
		{trusting("10.0.0.0/8", "all"), "GatewayParameters app/own: spec.client.clientIPDetection.xForwardedFor.trustedCIDRs[1] "},
		{&v1alpha1.ClientParameters{Headers: &v1alpha1.ClientHeaders{MaxRequestHeaders: ptr.To[int32](5000)}},
			"GatewayParameters app/own: spec.client.headers.maxRequestHeaders 5000 is more than 4000"},
	} {
		f.setClient(int64(i)+2, bad.client)
		if diff := cmp.Diff(good, f.published()); diff != "" {
			t.Errorf("%s changed what is published:\n%s", bad.problem, diff)
		}
		if got := f.accepted(); !strings.Contains(got, bad.problem) {
			t.Errorf("condition %q, want %q", got, bad.problem)
		}
	}
	f.setClient(5, nil)
	if diff := cmp.Diff(before, f.published()); diff != "" || !strings.HasPrefix(f.accepted(), "Accepted: ") {
		t.Errorf("without a client, %s:\n%s", f.accepted(), diff)
	}
}
