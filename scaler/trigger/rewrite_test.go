package trigger

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRewriting: what admission changes, with mutual TLS and without.
func TestRewriting(t *testing.T) {
	on, off := Authentication{Name: "gw", Required: true}, Authentication{Name: "gw"}
	ours, theirs := Reference{"gw", KindAuthentication}, Reference{"theirs", KindAuthentication}
	add, remove := Change{FieldAuthentication, ours}, Change{Field: FieldAuthentication}
	none := map[string]string{}
	rewritten := func(kind string) []Change {
		return []Change{{FieldType, "external-push"}, {FieldScalerAddress, ourAddress}, {FieldOriginalType, kind}}
	}
	for name, test := range map[string]struct {
		written map[string]string
		as      string
		refers  *Reference
		on, off []Change
	}{
		"as the user writes it": {none, "kedify-http", nil, append(rewritten("kedify-http"), add), rewritten("kedify-http")},
		"other Envoys":          {none, "kedify-envoy-http", nil, append(rewritten("kedify-envoy-http"), add), rewritten("kedify-envoy-http")},
		"with an address": {map[string]string{"scalerAddress": "mine:1"}, "kedify-http", &theirs,
			[]Change{{FieldType, "external-push"}, {FieldOriginalType, "kedify-http"}},
			[]Change{{FieldType, "external-push"}, {FieldOriginalType, "kedify-http"}}},
		"without metadata": {nil, "kedify-http", nil, nil, nil},
		"rewritten": {map[string]string{"originalType": "kedify-http", "scalerAddress": ourAddress}, "external-push",
			nil, []Change{add}, nil},
		"native":           {map[string]string{"scalerAddress": ourAddress}, "external-push", nil, []Change{add}, nil},
		"done":             {map[string]string{"scalerAddress": ourAddress}, "external-push", &ours, nil, []Change{remove}},
		"of the user's":    {map[string]string{"scalerAddress": ourAddress}, "external-push", &theirs, nil, nil},
		"of the namespace": {map[string]string{"scalerAddress": ourAddress}, "external-push", &Reference{Name: "gw"}, nil, nil},
		"another scaler's": {map[string]string{"scalerAddress": "other:9090"}, "external-push", nil, nil, nil},
		"another scaler with the product's reference": {map[string]string{"scalerAddress": "other:9090"}, "external-push", &ours, nil, nil},
		"not external": {map[string]string{"scalerAddress": ourAddress}, "prometheus", nil, nil, nil},
	} {
		trigger := Trigger{Type: test.as, Metadata: test.written, Authentication: test.refers}
		for authentication, want := range map[Authentication][]Change{on: test.on, off: test.off} {
			got := Rewriting{ScalerAddress: ourAddress, Authentication: authentication}.Changes(trigger)
			if diff := cmp.Diff(slices.Clip(want), got); diff != "" {
				t.Errorf("%s, required %v (- want, + got):\n%s", name, authentication.Required, diff)
			}
		}
	}
}
