package events

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/internal/message"
)

// readTimeout bounds the search for the object of an Event. The object is usually in a cache.
const readTimeout = 5 * time.Second

// Event is an Event to be written.
type Event struct {
	// Regarding is the object that the Event is about. An object without a resourceVersion is a
	// name: it is read first.
	Regarding client.Object
	// Related is a second object, or nil.
	Related client.Object
	// Type is corev1.EventTypeNormal or corev1.EventTypeWarning.
	Type string
	// Reason and Action are words in upper camel case: why, and what the controller was doing.
	Reason, Action string
	// Note is the sentence for the user.
	Note string
}

// Writer writes Events.
type Writer struct {
	recorder events.EventRecorder
	reader   client.Reader
	// namespaces has Namespaces in memory; nil: nothing is known of them.
	namespaces client.Reader

	mu sync.Mutex
	// written are the Events of each topic as of its last WriteOnce.
	written map[any]map[identity]bool
}

// identity tells Events of one topic apart.
type identity struct{ object, reason, note string }

// NewWriter returns a Writer. reader finds the objects of Events.
func NewWriter(recorder events.EventRecorder, reader client.Reader) *Writer {
	return &Writer{recorder: recorder, reader: reader, written: map[any]map[identity]bool{}}
}

// WithNamespaces has the writer send no Event into a namespace that is being deleted. The cache has Namespaces.
func (w *Writer) WithNamespaces(cache client.Reader) *Writer {
	w.namespaces = cache
	return w
}

// Write writes an Event about something that happened.
func (w *Writer) Write(event Event) {
	if w.find(&event) {
		w.record(event)
	}
}

// WriteOnce writes the Events of a topic that describe a state. all is the complete state: an
// Event that was in the last call too is not written again, and one that was absent from the last
// call is. A topic is a comparable value of a type of the caller, as the keys of a context are.
func (w *Writer) WriteOnce(topic any, all []Event) {
	current := map[identity]bool{}
	var found []Event
	for _, event := range all {
		if !w.find(&event) || current[event.identity()] {
			continue
		}
		current[event.identity()] = true
		found = append(found, event)
	}
	before := w.replace(topic, current)
	for _, event := range found {
		if !before[event.identity()] {
			w.record(event)
		}
	}
}

// replace remembers the Events of a topic and returns those of the last call.
func (w *Writer) replace(topic any, current map[identity]bool) (before map[identity]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before = w.written[topic]
	w.written[topic] = current
	if len(current) == 0 {
		delete(w.written, topic)
	}
	return before
}

// find reads the object of an Event that only names it. It reports false when there is none.
func (w *Writer) find(event *Event) bool {
	if event.Regarding.GetResourceVersion() != "" {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	live := event.Regarding.DeepCopyObject().(client.Object)
	if err := w.reader.Get(ctx, client.ObjectKeyFromObject(live), live); err != nil {
		return false
	}
	event.Regarding = live
	return true
}

func (w *Writer) record(event Event) {
	if w.ending(event.Regarding.GetNamespace()) {
		return // the API server takes no Event into a namespace that is being deleted
	}
	var related runtime.Object // an interface that holds no nil pointer
	if event.Related != nil {
		related = event.Related
	}
	w.recorder.Eventf(event.Regarding, related, event.Type, event.Reason, event.Action, "%s", message.Note(event.Note))
}

// ending reports whether a namespace is known to be on its way out.
func (w *Writer) ending(name string) bool {
	if name == "" || w.namespaces == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	namespace := &corev1.Namespace{}
	err := w.namespaces.Get(ctx, client.ObjectKey{Name: name}, namespace)
	return err == nil && !namespace.DeletionTimestamp.IsZero()
}

func (e *Event) identity() identity {
	return identity{
		object: fmt.Sprintf("%T %s %s", e.Regarding, client.ObjectKeyFromObject(e.Regarding), e.Regarding.GetUID()),
		reason: e.Reason,
		note:   e.Note,
	}
}
