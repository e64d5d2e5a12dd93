package wiring

import (
	"errors"
	"maps"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// refusals is what the API server said when it refused a write, by the namespace of the plan and then by the
// object as describe names it. The next plan says it in the condition of the trigger.
type refusals struct {
	mu sync.Mutex
	// patches of foreign objects, and applies of what belongs to a wired Service.
	patches, applies map[string]map[string]string
}

func newRefusals() *refusals {
	return &refusals{patches: map[string]map[string]string{}, applies: map[string]map[string]string{}}
}

// of returns what was refused for a namespace.
func (r *refusals) of(namespace string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := maps.Clone(r.applies[namespace])
	if all == nil {
		return maps.Clone(r.patches[namespace])
	}
	maps.Copy(all, r.patches[namespace])
	return all
}

// patched replaces what was refused of the patches of a namespace.
func (r *refusals) patched(namespace string, refused map[string]string) {
	r.replace(r.patches, namespace, refused)
}

// applied replaces what was refused of the applies of a namespace, and reports whether that differs.
func (r *refusals) applied(namespace string, refused map[string]string) bool {
	return r.replace(r.applies, namespace, refused)
}

func (r *refusals) replace(of map[string]map[string]string, namespace string, refused map[string]string) (differs bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := of[namespace]
	delete(of, namespace)
	if len(refused) > 0 {
		of[namespace] = refused
	}
	return !maps.Equal(before, refused)
}

// refusal is what the API server says in an error that does not pass by itself; empty: it may.
func refusal(err error) string {
	var status apierrors.APIStatus
	refused := apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
	if !refused || testFailed(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Message
}
