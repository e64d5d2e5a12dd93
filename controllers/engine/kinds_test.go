package engine

import (
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

// TestKindsWithStatus: the kinds whose status the engine computes are those whose status the
// writer can merge.
func TestKindsWithStatus(t *testing.T) {
	kinds := New(newRecorder(), class.Setting{}).kinds
	for _, row := range store.Rows {
		if computed := kinds[row.Kind].status != nil; computed != status.Has(row.Kind) {
			t.Errorf("%s: the engine computes a status: %t, the writer merges it: %t", row.Kind, computed, status.Has(row.Kind))
		}
	}
	for kind := range kinds {
		if _, ok := store.RowOf(kind); !ok {
			t.Errorf("%s has units and no row in the store", kind)
		}
	}
}
