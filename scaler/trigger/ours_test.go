package trigger

import (
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestIsOurs: each spelling, and what each stands for; "" is a trigger of another product.
func TestIsOurs(t *testing.T) {
	type metadata = map[string]string
	for name, c := range map[string]struct {
		trigger Trigger
		want    v1alpha1.TriggerType
	}{
		"vendor's":             {Trigger{Type: "kedify-http"}, "kedify-http"},
		"vendor's, own Envoy":  {Trigger{Type: "kedify-envoy-http"}, "kedify-envoy-http"},
		"rewritten":            {Trigger{Type: "external-push", Metadata: metadata{"originalType": "kedify-http"}}, "kedify-http"},
		"rewritten, own Envoy": {Trigger{Type: "external-push", Metadata: metadata{"originalType": "kedify-envoy-http"}}, "kedify-envoy-http"},
		"rewritten for another address": {
			Trigger{Type: "external-push", Metadata: metadata{"originalType": "kedify-http", "scalerAddress": "old:9090"}}, "kedify-http",
		},
		"native": {Trigger{Type: "external-push", Metadata: metadata{"scalerAddress": ourAddress, "hosts": "a.test"}}, "kedify-http"},
		"native, own Envoy": {
			Trigger{Type: "external-push", Metadata: metadata{"scalerAddress": ourAddress, "externalProxyMetricKey": "edge"}}, "kedify-envoy-http",
		},
		"native, both": {
			Trigger{Type: "external-push", Metadata: metadata{"scalerAddress": ourAddress, "externalProxyMetricKey": "edge", "hosts": "a.test"}},
			"kedify-http",
		},
		"native, nothing else":   {Trigger{Type: "external-push", Metadata: metadata{"scalerAddress": ourAddress}}, "kedify-http"},
		"polled":                 {Trigger{Type: "external", Metadata: metadata{"scalerAddress": ourAddress}}, "kedify-http"},
		"another scaler's":       {Trigger{Type: "external-push", Metadata: metadata{"scalerAddress": "other:9090", "hosts": "a.test"}}, ""},
		"another product's mark": {Trigger{Type: "external-push", Metadata: metadata{"originalType": "other-http"}}, ""},
		"without address":        {Trigger{Type: "external-push", Metadata: metadata{"hosts": "a.test"}}, ""},
		"our keys in another trigger": {Trigger{Type: "prometheus",
			Metadata: metadata{"originalType": "kedify-http", "scalerAddress": ourAddress}}, ""},
		"no metadata":                   {Trigger{Type: "external-push"}, ""},
		"the type in capitals is wrong": {Trigger{Type: "Kedify-HTTP"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := IsOurs(c.trigger, ourAddress); got != (c.want != "") {
				t.Fatalf("IsOurs = %v", got)
			}
			if c.want != "" && typeOf(c.trigger) != c.want {
				t.Errorf("type %q, want %q", typeOf(c.trigger), c.want)
			}
		})
	}
	if IsOurs(Trigger{Type: "external-push", Metadata: map[string]string{"scalerAddress": ""}}, "") {
		t.Error("no address is the same as none")
	}
}

// TestSpelling: what KEDA needs to reach the scaler.
func TestSpelling(t *testing.T) {
	const ours = ", " + ourAddress
	for name, c := range map[string]struct {
		kind     string
		metadata changes
		want     []string
	}{
		"native":    {"external-push", changes{"scalerAddress": ourAddress}, nil},
		"rewritten": {"external-push", changes{"scalerAddress": ourAddress, "originalType": "kedify-http"}, nil},
		"polled": {"external", changes{"scalerAddress": ourAddress}, []string{
			`trigger 0: type "external" is polled only, so a request at zero replicas would wait for the next poll; write external-push`,
		}},
		"no address": {"external-push", changes{"originalType": "kedify-http"}, []string{
			"trigger 0: scalerAddress is missing; type external-push needs the address of the scaler" + ours,
		}},
		"another address": {"external-push", changes{"originalType": "kedify-http", "scalerAddress": "old:9090"}, []string{
			`warning: trigger 0: scalerAddress "old:9090" is not the address of this installation` + ours,
		}},
		"wrong mark": {"external-push", changes{"scalerAddress": ourAddress, "originalType": "http"}, []string{
			`trigger 0: originalType "http" is not known; leave it out, or write kedify-http or kedify-envoy-http`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			trigger := httpTrigger(c.metadata)
			trigger.Type = c.kind
			wantMessages(t, Parse(shop(trigger), ourAddress).Problems, c.want...)
		})
	}
}

func TestSameAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"s.ns:9090", "s.ns.svc:9090", true},
		{"s.ns.svc:9090", "s.ns.svc.cluster.local:9090", true},
		{"dns:///s.ns.svc:9090", "S.ns.svc.my.domain.:9090", true},
		{"dns:s.ns:9090", " passthrough:///s.ns:9090 ", true},
		{"10.0.0.1:9090", "10.0.0.1:9090", true},
		{"[::1]:9090", "[::1]:9090", true},
		{"localhost", "localhost", true},
		{"s.ns:9090", "s.ns:9091", false},
		{"s.ns:9090", "s.ns", false},
		{"s.ns:9090", "s.other:9090", false},
		{"s.ns.example.com:9090", "s.ns:9090", false},
		{"", "", false},
		{" ", "", false},
	} {
		if got := sameAddress(c.a, c.b); got != c.same {
			t.Errorf("sameAddress(%q, %q) = %v", c.a, c.b, got)
		}
		if got := sameAddress(c.b, c.a); got != c.same {
			t.Errorf("sameAddress(%q, %q) = %v", c.b, c.a, got)
		}
	}
}

// TestLookalikes: a trigger with the keys of this product that KEDA does not send to this installation.
func TestLookalikes(t *testing.T) {
	const fix = "; write scalerAddress " + ourAddress + " if the trigger is meant for this installation"
	keys := changes{"scalerAddress": "kedify-gateway-scaler.kedify-system:9090"}
	for name, c := range map[string]struct {
		kind     string
		metadata map[string]string
		want     []string
	}{
		"another address": {"external-push", metadata(keys), []string{
			`warning: trigger 0: scalerAddress "kedify-gateway-scaler.kedify-system:9090" is not the address of this installation, ` +
				"so KEDA asks another scaler and the trigger gets no HTTPScaler and no route" + fix,
		}},
		"polled": {"external", metadata(keys), []string{
			`warning: trigger 0: scalerAddress "kedify-gateway-scaler.kedify-system:9090" is not the address of this installation, ` +
				"so KEDA asks another scaler and the trigger gets no HTTPScaler and no route" + fix,
		}},
		"no address": {"external-push", metadata(nil), []string{
			"warning: trigger 0: scalerAddress is missing, so KEDA has no scaler to ask and the trigger gets no HTTPScaler and no route" + fix,
		}},
		"own Envoy": {"external-push",
			map[string]string{"scalerAddress": "other:9090", "externalProxyMetricKey": "edge", "scalingMetric": "requestRate"}, []string{
				`warning: trigger 0: scalerAddress "other:9090" is not the address of this installation, ` +
					"so KEDA asks another scaler and the trigger gets no HTTPScaler and no route" + fix,
			}},
		"the right address": {"external-push", metadata(changes{"scalerAddress": ourAddress}), nil},
		"rewritten":         {"external-push", metadata(changes{"scalerAddress": "other:9090", "originalType": "kedify-http"}), nil},
		"the vendor's type": {"kedify-http", metadata(keys), nil},
		"of http-add-on": {"external-push",
			map[string]string{"scalerAddress": "keda-add-ons-http-external-scaler.keda:9090", "httpScaledObject": "web"}, nil},
		"hosts alone":      {"external-push", map[string]string{"scalerAddress": "other:9090", "hosts": "a.test"}, nil},
		"no external type": {"prometheus", metadata(keys), nil},
	} {
		t.Run(name, func(t *testing.T) {
			wantMessages(t, Lookalikes(shop(Trigger{Type: c.kind, Metadata: c.metadata}), ourAddress), c.want...)
		})
	}
	if found := Lookalikes(shop(Trigger{Type: "external-push", Metadata: metadata(keys)}), ""); found != nil {
		t.Errorf("without an address of the product: %v", found)
	}
	job := Object{Kind: ScaledJob, Triggers: []Trigger{{Type: "external-push", Metadata: metadata(keys)}}}
	if found := Lookalikes(job, ourAddress); found != nil {
		t.Errorf("a ScaledJob: %v", found)
	}
}
