package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
)

func (m *Model) computeScaler(key types.NamespacedName, record func(store.Dep)) *scaler.Scaler {
	record(demandUsersDep{key})
	return backend.Scaler(m.store.View(record), key, sortedUsers(m.usage.demands[key]))
}

// computeModelPods is a unit of its own: Pods come and go more often than what else is known of a trigger.
func (m *Model) computeModelPods(key types.NamespacedName, record func(store.Dep)) *scaler.ModelPods {
	return backend.ModelPods(m.store.View(record), key)
}

func (m *Model) flushScalers() {
	for _, change := range m.scalers.flush(never) {
		m.output.Scaler(change.key, change.new)
	}
	for _, change := range m.modelPods.flush(never) {
		m.output.ModelPods(change.key, change.new)
	}
}
