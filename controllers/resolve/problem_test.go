package resolve

import (
	"strings"
	"testing"
)

// Conditions are bounded and name each problem once.
func TestJoinMessages(t *testing.T) {
	var problems []Problem
	for _, text := range strings.Fields("a a b c d e f g h i j") {
		problems = append(problems, Problem{Reason: "X", Message: text + "."})
	}
	if got, want := JoinMessages(problems), "a. b. c. d. e. f. g. h. And 2 more."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
