package scaledobject

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// maxNoteBytes is what the API takes of the note of an event (events.k8s.io/v1).
const maxNoteBytes = 1024

// teller makes events. What no status remembers it remembers itself, so that it is told once.
type teller struct {
	events events.EventRecorder

	mu   sync.Mutex
	told map[scope]map[told]bool
}

// told is something that was told.
type told struct {
	about        types.UID
	reason, note string
}

func newTeller(recorder events.EventRecorder) *teller {
	return &teller{events: recorder, told: map[scope]map[told]bool{}}
}

// tell makes the events of one look at a scope, except those to be held back.
func (t *teller) tell(scope scope, all []plan.Event, heldBack func(plan.Event) bool) {
	t.mu.Lock()
	before := t.told[scope]
	now := map[told]bool{}
	var fresh []plan.Event
	for _, event := range all {
		if heldBack(event) {
			continue
		}
		if event.Once {
			id := told{event.About.GetUID(), event.Reason, event.Note}
			if now[id] = true; before[id] {
				continue
			}
		}
		fresh = append(fresh, event)
	}
	t.told[scope] = now
	if len(now) == 0 {
		delete(t.told, scope)
	}
	t.mu.Unlock()
	for _, event := range fresh {
		t.make(event)
	}
}

// forget makes the teller tell again what it told of a scope.
func (t *teller) forget(scope scope) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, scope)
}

func (t *teller) make(event plan.Event) {
	var related runtime.Object
	if event.Related != nil {
		related = event.Related
	}
	t.events.Eventf(event.About, related, event.Type, event.Reason, "Reconcile", "%s", shortened(event.Note))
}

func shortened(note string) string {
	const cut = " ..."
	if len(note) <= maxNoteBytes {
		return note
	}
	return note[:maxNoteBytes-len(cut)] + cut
}
