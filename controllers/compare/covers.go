package compare

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Annotation holds the hash of what was wished for the last time.
const Annotation = v1alpha1.GroupName + "/desired-hash"

// Hash is short enough for an annotation and long enough to never repeat.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Lists say how the lists of a field are compared, by its name. A list that is in neither is
// one value.
type Lists struct {
	// Merged lists have entries with owners of their own (listType map in the API): others may
	// add entries, and only those of the wish are compared.
	Merged []string
	// Closed lists are merged as well, but an entry that was not wished for is a difference.
	Closed []string
}

// Covers reports whether the live value has everything that the desired value has.
func (l Lists) Covers(desired, live any) bool { return l.covers(desired, live, "") }

func (l Lists) covers(desired, live any, field string) bool {
	switch desired := desired.(type) {
	case map[string]any:
		live, ok := live.(map[string]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		for name, value := range desired {
			if !l.covers(value, live[name], name) {
				return false
			}
		}
		return true
	case []any:
		live, ok := live.([]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		return l.coversList(desired, live, field)
	case nil:
		return true
	}
	return reflect.DeepEqual(desired, live)
}

func (l Lists) coversList(desired, live []any, field string) bool {
	closed := slices.Contains(l.Closed, field)
	if closed && len(desired) != len(live) {
		return false
	}
	if !closed && !slices.Contains(l.Merged, field) {
		return slices.EqualFunc(desired, live, func(desired, live any) bool { return l.covers(desired, live, "") })
	}
	for _, wanted := range desired {
		if !slices.ContainsFunc(live, func(entry any) bool { return l.covers(wanted, entry, "") }) {
			return false
		}
	}
	return true
}
