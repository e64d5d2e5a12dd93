package trigger

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestQuote: a long value is shown in part, never with half a letter.
func TestQuote(t *testing.T) {
	if got := quote(`a"b`); got != `"a\"b"` {
		t.Errorf("quote = %s", got)
	}
	for shift := range 4 {
		got := quote(strings.Repeat("a", shift) + strings.Repeat("é", 100))
		if !utf8.ValidString(got) || strings.Contains(got, `\x`) || len(got) > maxQuoted+5 || !strings.HasSuffix(got, `"...`) {
			t.Errorf("quote = %s", got)
		}
	}
	if got := quote(strings.Repeat("\xbf", 200)); got != `""...` {
		t.Errorf("quote of no text = %s", got)
	}
}

func TestEither(t *testing.T) {
	for want, values := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := either(values); got != want {
			t.Errorf("either(%q) = %q, want %q", values, got, want)
		}
	}
}

// TestSplit: every problem is an error or a warning, in order.
func TestSplit(t *testing.T) {
	problems := []Problem{{Message: "a"}, {Message: "b", Warning: true}, {Message: "c"}}
	wantMessages(t, Errors(problems), "a", "c")
	wantMessages(t, Warnings(problems), "warning: b")
}

// TestMissingServiceOfNobody: an object without a target still gets its message.
func TestMissingServiceOfNobody(t *testing.T) {
	object := shop(httpTrigger(changes{"service": "-"}))
	object.Target.Name = ""
	wantMessages(t, Parse(object, ourAddress).Problems, "trigger 0: service is missing; name the Service of the application")
}
