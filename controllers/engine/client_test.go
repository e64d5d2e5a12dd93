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

func (f *failing) setClient(generation int64, client *v1alpha1.ClientParameters) {
	f.model.Set(store.GatewayParameters, &v1alpha1.GatewayParameters{
		ObjectMeta: metav1.ObjectMeta{Namespace: failingGateway.Namespace, Name: "own", Generation: generation},
		Spec:       v1alpha1.GatewayParametersSpec{Client: client},
	})
	f.model.Flush()
}

// TestClientParametersReachListeners: what parameters say about clients changes the listeners of the Gateway and nothing else. What is
// refused changes nothing: neither is another proxy believed, nor one that was believed no more.
func TestClientParametersReachListeners(t *testing.T) {
	f := newFailing(t)
	before := f.published()
	gateway := failingGatewayObject(2, 80)
	gateway.Spec.Infrastructure = &gwv1.GatewayInfrastructure{ParametersRef: &gwv1.LocalParametersReference{
		Group: v1alpha1.GroupName, Kind: "GatewayParameters", Name: "own",
	}}
	f.model.Set(store.Gateway, gateway)
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
