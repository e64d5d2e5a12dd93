package v1alpha1

import (
	"encoding/json"
	"testing"
)

// TestBlocksAreNeverEmpty: every block of an HTTPScaler has a field that is always written. The API
// server makes a block null from which a server-side apply takes the last field, and the CRD refuses
// null.
func TestBlocksAreNeverEmpty(t *testing.T) {
	text, err := json.Marshal(HTTPScalerSpec{})
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, block map[string]any)
	walk = func(path string, block map[string]any) {
		if len(block) == 0 {
			t.Errorf("%s can be empty", path)
		}
		for name, value := range block {
			if nested, is := value.(map[string]any); is {
				walk(path+"."+name, nested)
			}
		}
	}
	walk("spec", spec)
}
