package resolve

import (
	"strings"
	"testing"

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
		if got := Condition("Type", metav1.ConditionTrue, "Reason", c.message, 1).Message; got != c.want {
			t.Errorf("%s: %d bytes ending in %q", name, len(got), got[max(0, len(got)-8):])
		}
	}
}
