package isolate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// reports is what is told about a gateway.
type reports struct {
	// delivery of the publisher; ever: there was one.
	delivery publish.Delivery
	ever     bool
	// told are the rejections that were reported last; fresh: the delivery was not reported.
	told  []publish.Rejection
	fresh bool
	// running: a goroutine reports.
	running bool
}

func (g *gateway) delivered(delivery publish.Delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reports.delivery, g.reports.ever, g.reports.fresh = delivery, true, true
	g.reportSoon()
}

// reportSoon has a goroutine report what changed: the receiver may take locks that are held during calls of this stage.
func (g *gateway) reportSoon() {
	if g.reports.ever && !g.reports.running && g.untold() {
		g.reports.running = true
		go g.report()
	}
}

// untold reports whether there is something to report.
func (g *gateway) untold() bool {
	return g.reports.fresh || !slices.EqualFunc(g.rejections(), g.reports.told, func(a, b publish.Rejection) bool {
		return a.Resource == b.Resource && a.Version == b.Version && a.Form() == b.Form()
	})
}

func (g *gateway) report() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.gone && g.untold() {
		g.reports.fresh = false
		g.reports.told = g.rejections()
		delivery := g.reports.delivery
		delivery.Rejected = g.reports.told
		g.mu.Unlock()
		err := contain.Do(func() { g.options.Report(delivery) })
		g.mu.Lock()
		if err != nil {
			contain.Log(g.options.Log, err, "A report was not taken", "gateway", g.key.String())
			g.reports.fresh = true // the next event has it reported again
			break
		}
	}
	g.reports.running = false
}

// rejections are those of the publisher, but for trials and for tables whose refused rule is known or looked for; and
// the rules that are withheld. What was learned is left to the replica that found it: else a finding would outlive it.
func (g *gateway) rejections() (all []publish.Rejection) {
	for _, rejection := range g.reports.delivery.Rejected {
		name := rejection.Resource.Name
		if strings.HasPrefix(name, resource.TrialPrefix) {
			continue
		}
		t := g.tables[name]
		if rejection.Resource.Type == resource.Route && t != nil && t.unexplained != rejection.Version {
			continue
		}
		all = append(all, rejection)
	}
	for t := range g.partial {
		for _, w := range t.withheld {
			if !g.withheld[w.Withheld.Part].learned {
				all = append(all, w)
			}
		}
	}
	slices.SortFunc(all, func(a, b publish.Rejection) int {
		return cmp.Or(cmp.Compare(a.Resource.Type, b.Resource.Type), cmp.Compare(a.Resource.Name, b.Resource.Name),
			cmp.Compare(a.Version, b.Version))
	})
	return all
}
