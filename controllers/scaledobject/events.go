package scaledobject

import (
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// writeEvents writes the events of one look at a partition. The topic is a partition or a
// backfillTopic.
func writeEvents(writer *events.Writer, topic any, all []plan.Event) {
	var states []events.Event
	for _, planned := range all {
		event := events.Event{
			Regarding: planned.About, Related: planned.Related,
			Type: planned.Type, Reason: planned.Reason, Action: "Reconcile", Note: planned.Note,
		}
		if planned.Once {
			states = append(states, event)
			continue
		}
		writer.Write(event)
	}
	writer.WriteOnce(topic, states)
}
