package trigger

import (
	"fmt"
	"strings"
	"testing"
)

// TestUnknownRules: a key without a meaning is a warning, with the key that was meant.
func TestUnknownRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"host": "a.test"}, []string{
			`warning: trigger 0: "host" is not known and has no effect; did you mean hosts?`,
		}},
		{changes{"scalingmetric": "x"}, []string{
			`warning: trigger 0: "scalingmetric" is not known and has no effect; did you mean scalingMetric?`,
		}},
		{changes{"pathPrefix": "/a"}, []string{
			`warning: trigger 0: "pathPrefix" is not known and has no effect; did you mean pathPrefixes?`,
		}},
		{changes{"target": "5"}, []string{
			`warning: trigger 0: "target" is not known and has no effect; did you mean targetValue?`,
		}},
		{changes{"foo": "bar"}, []string{
			`warning: trigger 0: "foo" is not known and has no effect; remove it`,
		}},
		{changes{"portFromEnv": "PORT"}, []string{
			`warning: trigger 0: "portFromEnv" is not read: no value is taken from the environment; write "port" itself`,
		}},
		{changes{"tlsClientCert": "x"}, []string{
			`warning: trigger 0: tlsClientCert is not read from metadata; put it into a TriggerAuthentication`,
		}},
		{changes{"enableTLS": "true", "unsafeSsl": "true", "authModes": "tls", "originalType": "kedify-http",
			"scalerAddress": "dns:///kedify-gateway.kedify-system:9090"}, nil},
		{changes{"scalerAddress": "other:9090"}, []string{
			`warning: trigger 0: scalerAddress "other:9090" is not the address of this installation, kedify-gateway.kedify-system.svc:9090`,
		}},
		{changes{strings.Repeat("x", 65): "5"}, []string{
			`warning: trigger 0: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not known and has no effect; remove it`,
		}},
	})
}

// TestManyUnknown: an object full of nonsense costs a bounded number of lines.
func TestManyUnknown(t *testing.T) {
	many := changes{}
	for i := range 1000 {
		many[fmt.Sprintf("nonsense%04d", i)] = "x"
	}
	problems := Parse(shop(httpTrigger(many)), ourAddress).Problems
	if len(problems) != 17 {
		t.Fatalf("%d problems", len(problems))
	}
	wantMessages(t, problems[16:], `warning: trigger 0: "nonsense0016" and perhaps more keys are not known and have no effect; remove them`)
}
