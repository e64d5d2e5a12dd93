package publish

import (
	"slices"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Rejection is a resource that a proxy refused. It lasts until the desired content changes;
// meanwhile no proxy is sent that content again.
type Rejection struct {
	Resource resource.Key `json:"resource"`
	Version  string       `json:"version"`
	// Message is the reason that the proxy gave, without the resource that Envoy quotes. It often
	// names neither resource nor field.
	Message string `json:"message"`
	// Sources are the objects that shaped the resource: whom to tell.
	Sources []ir.Source `json:"sources,omitempty"`
	// StandIn: an earlier version that a proxy accepted is in force instead.
	StandIn bool `json:"standIn,omitempty"`
	// Withheld is the rule that alone is out of force; nil: the whole resource is.
	Withheld *Withheld `json:"withheld,omitempty"`
	// Node is the proxy that refused first.
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
}

// Form is what of the rule is out of force; resource.Whole: the rejection is of a whole resource.
func (r Rejection) Form() resource.Form {
	if r.Withheld == nil {
		return resource.Whole
	}
	return r.Withheld.Form
}

// Withheld is a part of a table that package isolate found to be what proxies refuse.
type Withheld struct {
	// Part is its ID, see resource.Part. It is the Version of the Rejection as well.
	Part string `json:"part"`
	// Rule is its name for people.
	Rule string        `json:"rule"`
	Form resource.Form `json:"form"`
}

// accepted remembers the newest revision that a proxy took: it stands in when a later one is
// refused.
func (g *gatewayState) accepted(e *resourceState, rev *revision) {
	if rev == nil || rev.foreign || rev.blank || same(e.lastAccepted, rev) {
		return
	}
	if e.rejection != nil && same(e.desired, rev) {
		return // another proxy refused it
	}
	if !same(rev, e.desired) {
		return // overtaken: a proxy that lags behind says nothing new
	}
	e.previousAccepted, e.lastAccepted = e.lastAccepted, rev
}

// quarantine takes a refused revision out of circulation, for all proxies.
func (g *gatewayState) quarantine(e *resourceState, rev *revision, node, message string) {
	if same(e.lastAccepted, rev) {
		e.lastAccepted, e.previousAccepted = e.previousAccepted, nil
	}
	if same(e.lastDesired, rev) {
		e.lastDesired = e.lastAccepted // it stands in for something else, and cannot
	}
	if same(e.desired, rev) && e.rejection == nil {
		e.rejection = &Rejection{
			Resource: e.key(),
			Version:  rev.version,
			Message:  message,
			Sources:  slices.Clone(e.desired.sources),
			Node:     node,
			Since:    g.publisher.clock.Now(),
		}
		e.applied = time.Time{}
		g.quarantined[e] = struct{}{}
		g.publisher.metrics.quarantined(g.key, len(g.quarantined))
		g.logRejection(e)
		e.rejection.StandIn = e.lastAccepted != nil
		g.announce(report{rejection: e.rejection})
	}
	g.updateCurrent(e)
	g.reportSoon()
}

// logRejection reports a rejection. That of a trial is an answer, not a fault.
func (g *gatewayState) logRejection(e *resourceState) {
	values := []any{"gateway", g.key.String(), "node", e.rejection.Node, "type", kindNames[e.kind], "name", e.name,
		"message", e.rejection.Message, "standIn", e.lastAccepted != nil}
	if strings.HasPrefix(e.name, resource.TrialPrefix) {
		g.publisher.log.V(1).Info("proxy rejected a trial", values...)
		return
	}
	g.publisher.log.Error(nil, "proxy rejected a resource", values...)
}

// forgetRejection ends the quarantine of a resource whose desired content changes. The caller
// calls updateCurrent.
func (g *gatewayState) forgetRejection(e *resourceState) {
	if e.rejection == nil {
		return
	}
	e.rejection = nil
	delete(g.quarantined, e)
	g.publisher.metrics.quarantined(g.key, len(g.quarantined))
	g.reportSoon()
}
