package peers

import (
	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/engines"
)

// counts is what the registry tells one subscriber; nil: there is no registry.
type counts struct{ *replica.Follower }

// take adds to an envelope what is due.
func (f counts) take(to *envelope) {
	if f.Follower != nil {
		delta := f.Take()
		to.Demand = &delta
	}
}

// readings is what the reader of model Pods tells one subscriber; nil: there is none.
type readings struct{ *engines.Follower }

// take adds to an envelope what is due.
func (f readings) take(to *envelope) {
	if f.Follower != nil {
		to.Engines = f.Take()
	}
}

// followers are what this replica tells one subscriber beside deliveries.
type followers struct {
	counts   counts
	readings readings
}

func (e *Exchange) follow() (f followers) {
	if e.options.Registry != nil {
		f.counts = counts{e.options.Registry.Follow()}
	}
	if e.options.Engines != nil {
		f.readings = readings{e.options.Engines.Follow()}
	}
	return f
}

// countsDue and readingsDue are ready when something is due; without a source never.
func (f followers) countsDue() <-chan struct{} {
	if f.counts.Follower == nil {
		return nil
	}
	return f.counts.Wake()
}

func (f followers) readingsDue() <-chan struct{} {
	if f.readings.Follower == nil {
		return nil
	}
	return f.readings.Wake()
}

// leave ends them.
func (f followers) leave() {
	if f.counts.Follower != nil {
		f.counts.Leave()
	}
	if f.readings.Follower != nil {
		f.readings.Leave()
	}
}

// merge hands on what another replica counts, holds and reads. One of an older version says nothing of it.
func (e *Exchange) merge(said envelope) {
	if e.options.Registry != nil && said.Demand != nil {
		e.options.Registry.Merge(said.Replica, *said.Demand)
	}
	if e.options.Engines != nil && said.Engines != nil {
		e.options.Engines.Merge(said.Replica, *said.Engines)
	}
}

// lost hands on that the stream of another replica ended.
func (e *Exchange) lost(replica string) {
	if e.options.Registry != nil {
		e.options.Registry.Lost(replica)
	}
	if e.options.Engines != nil {
		e.options.Engines.Lost(replica)
	}
}
