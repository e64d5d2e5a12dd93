package compare_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/compare"
)

func TestCovers(t *testing.T) {
	lists := compare.Lists{Merged: []string{"env"}, Closed: []string{"ports"}}
	for name, tt := range map[string]struct {
		desired, live string
		want          bool
	}{
		"the same":                           {"{a: 1, b: {c: x}}", "{a: 1, b: {c: x}}", true},
		"more fields live":                   {"{a: 1}", "{a: 1, b: 2}", true},
		"another value":                      {"{a: 1}", "{a: 2}", false},
		"a field is missing":                 {"{a: 1}", "{}", false},
		"null wants nothing":                 {"{a: null}", "{a: 2}", true},
		"empty is absent":                    {"{a: {}, b: []}", "{}", true},
		"a map instead of a value":           {"{a: {b: 1}}", "{a: 1}", false},
		"a plain list is one value":          {"{args: [x]}", "{args: [x, y]}", false},
		"entries of others":                  {"{env: [{name: x}]}", "{env: [{name: y}, {name: x, value: z}]}", true},
		"an entry is missing":                {"{env: [{name: x}]}", "{env: [{name: y}]}", false},
		"closed, in another order":           {"{ports: [{port: 1}, {port: 2}]}", "{ports: [{port: 2, nodePort: 3}, {port: 1}]}", true},
		"closed, with one of another client": {"{ports: [{port: 1}]}", "{ports: [{port: 1}, {port: 2}]}", false},
		"a field name within a list":         {"{args: [[x]]}", "{args: [[x, y]]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			var desired, live any
			for text, into := range map[string]*any{tt.desired: &desired, tt.live: &live} {
				if err := yaml.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			if tt.desired == tt.live {
				live = desired
			}
			if got := lists.Covers(desired, live); got != tt.want {
				t.Errorf("%s covered by %s: %t", tt.desired, tt.live, got)
			}
		})
	}
}
