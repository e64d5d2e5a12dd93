package trigger

import "testing"

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

// TestMissingServiceWithoutTarget: an object without a target still gets its message.
func TestMissingServiceWithoutTarget(t *testing.T) {
	object := shop(httpTrigger(changes{"service": "-"}))
	object.Target.Name = ""
	wantMessages(t, Parse(object, ourAddress).Problems, "trigger 0: service is missing; name the Service of the application")
}
