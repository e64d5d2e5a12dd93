package charts_test

import (
	"strings"
	"testing"
)

// TestFormerNames: a value and its former name say the same, and a contradiction is an error that names both.
func TestFormerNames(t *testing.T) {
	for _, c := range []struct{ name, former, effect string }{
		{"kedifyProxy.clusterWide", "sharedProxy", "--shared-proxy"},
		{"externalEnvoys.enabled", "metricsService.enabled", "--metrics-service-listen=:9901"},
	} {
		for set, want := range map[string]struct {
			on      bool
			problem string
		}{
			c.name + "=true":                         {on: true},
			c.name + "=false":                        {},
			c.former + "=true":                       {on: true},
			c.former + "=false":                      {},
			c.name + "=true," + c.former + "=true":   {on: true},
			c.name + "=false," + c.former + "=false": {},
			c.name + "=true," + c.former + "=false":  {problem: c.name + " is true and " + c.former},
			c.name + "=false," + c.former + "=true":  {problem: c.name + " is false and " + c.former},
			c.name + "=maybe":                        {problem: c.name[strings.LastIndex(c.name, ".")+1:]},
			strings.ToLower(c.name) + "=true":        {problem: strings.ToLower(c.name)[:5]},
		} {
			text, err := template(t, "--set", set)
			switch {
			case want.problem != "" && (err == nil || !strings.Contains(err.Error(), want.problem)):
				t.Errorf("%s: error %v does not contain %q", set, err, want.problem)
			case want.problem == "" && err != nil:
				t.Errorf("%s: %v", set, err)
			case want.problem == "" && strings.Contains(text, c.effect) != want.on:
				t.Errorf("%s: on is %t", set, !want.on)
			}
		}
	}
}
