package check

import (
	"fmt"
	"strings"
)

// MaxModelName is the longest name of a model, in bytes. A request that asks for a longer one, or for one with other characters than
// printable ASCII, asks for no model.
const MaxModelName = 256

// ModelName says why no request can ask for a model of a name, in words that follow it; empty: one can. The proxy compares names that a
// header can carry, and others as if there were none.
func ModelName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > MaxModelName:
		return fmt.Sprintf("is longer than %d bytes", MaxModelName)
	case strings.Trim(name, " ") != name:
		return "begins or ends with a space"
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return "has a character that is not printable ASCII"
		}
	}
	return ""
}
