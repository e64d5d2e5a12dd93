package trigger

import (
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestWiredService: the annotation asks for wired Services of all triggers that the proxies serve.
func TestWiredService(t *testing.T) {
	const name = "annotation gateway.kedify.io/wired-service "
	for text, c := range map[string]struct {
		wanted  bool
		warning string
	}{
		"true":  {true, ""},
		"false": {false, ""},
		"True":  {false, `warning: ` + name + `has the value "True", so no wired Service is made; use "true" or "false"`},
		"yes":   {false, `warning: ` + name + `has the value "yes", so no wired Service is made; use "true" or "false"`},
		"":      {false, `warning: ` + name + `has the value "", so no wired Service is made; use "true" or "false"`},
	} {
		t.Run(text, func(t *testing.T) {
			object := shop(httpTrigger(nil))
			object.Annotations = map[string]string{v1alpha1.WiredServiceAnnotation: text}
			var want []string
			if c.warning != "" {
				want = append(want, c.warning)
			}
			wantMessages(t, Parse(object, ourAddress).Problems, want...)
			spec := accepted(t, object)
			if spec.WiredService != c.wanted || (NoWiredService(spec) != "") != c.wanted {
				t.Errorf("wired Service %v, %q", spec.WiredService, NoWiredService(spec))
			}
		})
	}
	if spec := accepted(t, shop(httpTrigger(nil))); spec.WiredService {
		t.Error("a wired Service without the annotation")
	}
}

// TestWiredServiceOfAnotherEnvoy: a trigger that an Envoy of the user counts has no wired Service.
func TestWiredServiceOfAnotherEnvoy(t *testing.T) {
	object := shop(envoyTrigger("edge"))
	object.Min = ptr[int32](1)
	object.Annotations = map[string]string{v1alpha1.WiredServiceAnnotation: "true"}
	wantMessages(t, Parse(object, ourAddress).Problems,
		"warning: trigger 0: annotation gateway.kedify.io/wired-service has no effect with kedify-envoy-http; remove it")
}
