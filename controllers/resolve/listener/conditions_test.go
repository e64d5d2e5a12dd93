package listener

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/internal/message"
)

// TestLongestMessage: what the API lets a user write fits into the status.
func TestLongestMessage(t *testing.T) {
	var refs []string
	for i := range 64 {
		refs = append(refs, fmt.Sprintf("{name: %s%02d, namespace: %s}", strings.Repeat("n", 251), i, strings.Repeat("s", 63)))
	}
	var authorities []string
	for _, ref := range refs[:16] {
		authorities = append(authorities, strings.Replace(ref, "{", "{group: '', kind: ConfigMap, ", 1))
	}
	g := resolveGateway(t, fixture.Gateway("tls: {frontend: {default: {validation: {caCertificateRefs: ["+strings.Join(authorities,
		", ")+"]}}}}\nlisteners: [{name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: ["+strings.Join(refs, ", ")+"]}}]"))
	got := fixture.Message(listenerNamed(t, g, "l").Conditions, "ResolvedRefs")
	if len(got) != message.MaxConditionBytes || !utf8.ValidString(got) {
		t.Errorf("message of %d bytes; the case is to reach the limit of %d", len(got), message.MaxConditionBytes)
	}
}
