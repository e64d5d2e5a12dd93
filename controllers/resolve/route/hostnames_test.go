package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

func TestBadHostnames(t *testing.T) {
	for _, hostname := range []string{"a b", "a.*.b", "*", "-a", strings.Repeat("a.", 130) + "b"} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService,
			fixture.HTTPRoute(fmt.Sprintf("hostnames: [ok.example.com, %q]\nrules: [{backendRefs: [{name: web, port: 80}]}]", hostname)))
		parent := onlyParent(t, result)
		if got, want := fixture.Summary(parent.Conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
			t.Errorf("%s: conditions %s, want %s", hostname, got, want)
		}
		fixture.ExpectMessage(t, parent.Conditions, "Accepted", "spec.hostnames[1]", "use a name like")
		if len(result.Fragments) != 0 {
			t.Errorf("%s: fragments %v", hostname, fragmentNames(result))
		}
	}
}
