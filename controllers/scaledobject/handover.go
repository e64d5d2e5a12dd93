package scaledobject

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// handover gives up this field owner's part of condition Rewired when the command "wiring" has written over
// it, which happens when autowiring is switched on. An item of a list that two owners applied stays when one
// of them takes it back: as a condition without a status, which the CRD refuses. Field owners are not in the
// cache, so each status with such a condition is applied once by each leader.
type handover struct {
	mu    sync.Mutex
	given map[types.NamespacedName]bool
}

func newHandover() *handover { return &handover{given: map[types.NamespacedName]bool{}} }

// due reports whether a status is to be applied although it is as wanted.
func (h *handover) due(scaler types.NamespacedName, live v1alpha1.HTTPScalerStatus) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !handedOver(live) {
		delete(h.given, scaler)
		return false
	}
	return !h.given[scaler]
}

// done notes that a status was applied while the live one was as given.
func (h *handover) done(scaler types.NamespacedName, live v1alpha1.HTTPScalerStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if handedOver(live) {
		h.given[scaler] = true
	}
}

// retain forgets the HTTPScalers of a partition that are gone.
func (h *handover) retain(of partition, statuses []plan.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for scaler := range h.given {
		if of != "" && scaler.Namespace != string(of) {
			continue
		}
		if !slices.ContainsFunc(statuses, func(status plan.Status) bool { return status.Scaler == scaler }) {
			delete(h.given, scaler)
		}
	}
}

// handedOver reports whether condition Rewired belongs to another field owner.
func handedOver(live v1alpha1.HTTPScalerStatus) bool {
	condition := meta.FindStatusCondition(live.Conditions, plan.ConditionRewired)
	return condition != nil && !plan.Owns(*condition)
}
