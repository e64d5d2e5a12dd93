// Package names fits identities into the limits of Kubernetes names and label values.
//
// Job: a name that fits stays itself; one that does not is cut and carries a hash of the whole,
// so that two long names never meet. Inputs and outputs: strings. No state.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const hashLength = 8

// LabelValue is a name as the value of a label: itself when it fits in the 63 characters of a
// label, otherwise cut and with a hash of the whole.
func LabelValue(name string) string {
	if len(validation.IsValidLabelValue(name)) == 0 {
		return name
	}
	return Shorten(name, name, validation.LabelValueMaxLength)
}

// Shorten cuts stem so that it fits the limit, in characters, together with the hash of the
// identity.
func Shorten(stem, identity string, limit int) string {
	sum := sha256.Sum256([]byte(identity))
	room := limit - hashLength - 1
	if len(stem) > room {
		stem = stem[:room]
	}
	return strings.TrimRight(stem, "-.") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}
