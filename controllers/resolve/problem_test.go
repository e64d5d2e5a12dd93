package resolve

import (
	"strings"
	"testing"
)

// Conditions are bounded and name each fault once.
func TestJoinMessages(t *testing.T) {
	var faults []Problem
	for _, text := range strings.Fields("a a b c d e f g h i j") {
		faults = append(faults, Problem{Reason: "X", Message: text + "."})
	}
	if got, want := JoinMessages(faults), "a. b. c. d. e. f. g. h. And 2 more."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
