package trigger

import "testing"

// TestLookalikes: a trigger with the keys of ours that KEDA does not send to this installation.
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
		"own Envoy": {"external-push", map[string]string{"scalerAddress": "other:9090", "externalProxyMetricKey": "edge", "scalingMetric": "requestRate"}, []string{
			`warning: trigger 0: scalerAddress "other:9090" is not the address of this installation, ` +
				"so KEDA asks another scaler and the trigger gets no HTTPScaler and no route" + fix,
		}},
		"ours":              {"external-push", metadata(changes{"scalerAddress": ourAddress}), nil},
		"rewritten":         {"external-push", metadata(changes{"scalerAddress": "other:9090", "originalType": "kedify-http"}), nil},
		"the vendor's type": {"kedify-http", metadata(keys), nil},
		"of http-add-on":    {"external-push", map[string]string{"scalerAddress": "keda-add-ons-http-external-scaler.keda:9090", "httpScaledObject": "web"}, nil},
		"hosts alone":       {"external-push", map[string]string{"scalerAddress": "other:9090", "hosts": "a.test"}, nil},
		"no external type":  {"prometheus", metadata(keys), nil},
	} {
		t.Run(name, func(t *testing.T) {
			wantMessages(t, Lookalikes(shop(Trigger{Type: c.kind, Metadata: c.metadata}), ourAddress), c.want...)
		})
	}
	if found := Lookalikes(shop(Trigger{Type: "external-push", Metadata: metadata(keys)}), ""); found != nil {
		t.Errorf("without an address of ours: %v", found)
	}
	job := Object{Kind: ScaledJob, Triggers: []Trigger{{Type: "external-push", Metadata: metadata(keys)}}}
	if found := Lookalikes(job, ourAddress); found != nil {
		t.Errorf("a ScaledJob: %v", found)
	}
}
