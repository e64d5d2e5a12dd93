package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const annotation = "annotation http.kedify.io/weighted-backends "

// TestWeights: shares of Services by annotation (T18).
func TestWeights(t *testing.T) {
	type weights = []v1alpha1.HTTPScalerWeight
	const written = "- service: web\n  weight: 80\n- service: canary\n  weight: 20\n"
	shared := weights{{Service: "web", Weight: 80}, {Service: "canary", Weight: 20}}
	for name, c := range map[string]struct {
		metadata changes
		want     weights
		messages []string
	}{
		"the service's": {nil, shared, nil},
		"another service's": {changes{"service": "other"}, nil, []string{
			"warning: trigger 0: " + annotation + `has no effect here, because it does not name service "other"; add it`,
		}},
		"pool": {changes{"inferencePool": "llm"}, nil, []string{
			"warning: trigger 0: " + annotation + "has no effect with inferencePool; remove it",
		}},
		"Rollout": {changes{"service": "-"}, shared, nil},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(httpTrigger(c.metadata))
			object.Annotations = map[string]string{WeightsAnnotation: written}
			if name == "Rollout" {
				object.Target = v1alpha1.HTTPScalerTarget{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web"}
			}
			wantMessages(t, Parse(object, ourAddress).Problems, c.messages...)
			if diff := cmp.Diff(c.want, accepted(t, object).Backend.Weighted); diff != "" {
				t.Errorf("weights (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestWeightRules: T19.
func TestWeightRules(t *testing.T) {
	for text, want := range map[string]string{
		"":             `is wrong: "" is no YAML; write a list like [{service: stable, weight: 80}, {service: canary, weight: 20}]`,
		"service: web": `is wrong: "service: web" is no list; write a list like [{service: stable, weight: 80}, {service: canary, weight: 20}]`,
		"[]":           "has 0 items; use 1 to 16, or remove the annotation",
		"[" + strings.Repeat("{service: web, weight: 1},", 17) + "]": "has 17 items; use 1 to 16, or remove the annotation",
		"[web]":                                              "item 1: it is no mapping; begin it with the field service",
		"[{service: web, wait: 1}]":                          `item 1: field "wait" is not known; use service or weight`,
		"[{weight: 1}]":                                      `item 1: service "" is not the name of a Service; use the name alone`,
		"[{service: web.shop, weight: 1}]":                   `item 1: service "web.shop" is not the name of a Service; use the name alone`,
		"[{service: web}]":                                   `item 1: weight "" is not 0 to 100; use a whole number of per cent`,
		"[{service: web, weight: 101}]":                      `item 1: weight "101" is not 0 to 100; use a whole number of per cent`,
		"[{service: web, weight: -1}]":                       `item 1: weight "-1" is not 0 to 100; use a whole number of per cent`,
		"[{service: web, weight: 1.5}]":                      `item 1: weight "1.5" is not 0 to 100; use a whole number of per cent`,
		"[{service: a, weight: 1}, {service: a, weight: 2}]": `item 2: service "a" is there twice; keep one`,
		"[{service: a, weight: 0}, {service: b, weight: 0}]": "" +
			"has no weight above 0, so no request would be served; raise one, or remove the annotation",
	} {
		object := shop(httpTrigger(nil))
		object.Annotations = map[string]string{WeightsAnnotation: text}
		wantMessages(t, Parse(object, ourAddress).Problems, annotation+want)
	}
}
