package trigger

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/internal/message"
)

// wholeObject is the Index of a Problem that is about no trigger in particular.
const wholeObject = -1

// Problem is one mistake, or one thing that deserves a warning.
type Problem struct {
	// Index is the position in spec.triggers; -1: about the object as a whole.
	Index int
	// Trigger is its name, or its position when it has none; empty: about the object.
	Trigger string
	// Key is the metadata key, the field of the trigger or object, or the annotation.
	Key string
	// Message is a sentence without a full stop that names the key, the value and the fix.
	Message string
	// Warning: the trigger works, but perhaps not as its author thinks.
	Warning bool
}

// String is the message with the trigger that it is about.
func (p Problem) String() string {
	switch p.Trigger {
	case "":
		return p.Message
	case strconv.Itoa(p.Index):
		return fmt.Sprintf("trigger %d: %s", p.Index, p.Message)
	default:
		return fmt.Sprintf("trigger %s: %s", quote(p.Trigger), p.Message)
	}
}

// Errors returns the problems that are no warnings.
func Errors(problems []Problem) []Problem { return filter(problems, false) }

// Warnings returns the problems that are.
func Warnings(problems []Problem) []Problem { return filter(problems, true) }

func filter(problems []Problem, warning bool) []Problem {
	var kept []Problem
	for _, p := range problems {
		if p.Warning == warning {
			kept = append(kept, p)
		}
	}
	return kept
}

// quote shows a value of the user in a message.
func quote(value string) string { return message.Quote(value) }

// either joins allowed values for a message: "a, b or c".
func either(values []string) string {
	last := len(values) - 1
	if last < 1 {
		return strings.Join(values, "")
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
