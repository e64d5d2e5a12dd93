package foreign

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Disown returns the patch that removes the managedFields entries of a manager; nil when there is
// none. After Restore the entry still owns whole lists, and a server-side apply of the user that
// changes them would be refused with 409. It takes a patch of its own: the API server writes the
// entry of the manager anew when the same patch changes a field.
func Disown(object *unstructured.Unstructured, manager string) []Operation {
	var changes []Operation
	for _, entry := range slices.Backward(itemsAt("", object.Object, "metadata", "managedFields")) {
		if textAt(entry.content, "manager") == manager {
			changes = append(changes, Operation{opTest, entry.pointer + "/manager", manager}, Operation{Op: opRemove, Path: entry.pointer})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return patch(object, changes)
}
