package resolve

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestConditionMessage(t *testing.T) {
	for name, c := range map[string]struct{ message, want string }{
		"plain":     {"a ü", "a ü"},
		"not UTF-8": {"a\xffb", "ab"},
		"limit":     {strings.Repeat("a", 32768), strings.Repeat("a", 32768)},
		"too long":  {strings.Repeat("a", 32769), strings.Repeat("a", 32764) + " ..."},
		"cut rune":  {strings.Repeat("a", 32763) + "üüü", strings.Repeat("a", 32763) + " ..."},
	} {
		if got := condition("Type", metav1.ConditionTrue, "Reason", c.message, 1).Message; got != c.want {
			t.Errorf("%s: %d bytes ending in %q", name, len(got), got[max(0, len(got)-8):])
		}
	}
}

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
	g := resolveGateway(t, testGateway("tls: {frontend: {default: {validation: {caCertificateRefs: ["+strings.Join(authorities, ", ")+"]}}}}\nlisteners: [{name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: ["+strings.Join(refs, ", ")+"]}}]"))
	message := messageOf(listenerNamed(t, g, "l").Conditions, "ResolvedRefs")
	if len(message) != maxMessageBytes || !utf8.ValidString(message) {
		t.Errorf("message of %d bytes; the case is to reach the limit of %d", len(message), maxMessageBytes)
	}
}
